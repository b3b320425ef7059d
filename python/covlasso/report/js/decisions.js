// Decisions with logits replaced: F1 against the number of terms, and what one category is confused with.

import { ofWhich } from "./followed.js";
import { count, el, fixed, plural, r2, tableOver } from "./dom.js";
import { absent, axis, figure, tooltip } from "./chart.js";
import { hashOf } from "./places.js";

const KINDS = {
  network: "the network itself",
  replaced: "this logit replaced",
  atOnce: "all logits replaced at once",
};

const HIGH = 0.9; // F1 above which there is no room over a line
const LINES = { refitted: "chosen terms", random: "random terms" };

/** Mean F1 over the categories against the number of terms, beside random terms and what needs no equation. */
export function f1ByTerms(set) {
  const { terms, byTerms, network, classMean } = set.decisions;
  const levels = { "the network itself": network, ...(classMean ? { "class mean": classMean } : {}) };
  const cell = ({ recall, falseAlarms, f1 }) =>
    `F1 ${r2(f1)}, recall ${r2(recall)}, ${fixed(falseAlarms)} false alarms per case`;
  return figure({
    title: "Recognised when replaced: F1 against the number of terms",
    legend: true,
    words:
      `Mean over the categories${ofWhich(set)}, each with its own logit replaced by its equation, least squares on the terms: ` +
      `${cell(byTerms.refitted.at(-1))} with ${plural(terms.at(-1), "term")}; the network itself ${r2(network.f1)}.`,
    option: f1Option(
      terms,
      (method) => byTerms[method].map(({ f1 }) => f1),
      (method, place) => cell(byTerms[method][place]),
      Object.entries(levels).map(([name, { f1 }]) => [name, f1]),
    ),
    note:
      `Means over the categories${ofWhich(set)} on held-out samples, false alarms counted.` +
      (classMean
        ? " Class mean: the mean logit of the sample's class in place of an equation; what it reaches is due to the category and its level alone."
        : ""),
    table: () => ({
      columns: ["", "recall", "false alarms per case", "F1"],
      rows: [
        ...Object.entries(LINES).flatMap(([method, name]) =>
          terms.map((k, place) => rateRow(`${plural(k, "term")}, ${name}`, byTerms[method][place])),
        ),
        ...Object.entries(levels).map(([name, rates]) => rateRow(name, rates)),
      ],
    }),
  });
}

/** A chart of F1 against numbers of terms: lines by method, and levels that have no terms. */
function f1Option(terms, values, said, levels) {
  return (colours) => ({
    tooltip: tooltip(
      colours,
      ([{ dataIndex: place }]) => [
        plural(terms[place], "term"),
        ...Object.entries(LINES).map(([method, name]) => `${name}: ${said(method, place)}`),
      ],
      { trigger: "axis" },
    ),
    xAxis: axis(colours, "terms in the equation", { min: 0, max: terms.at(-1), minInterval: 1 }),
    yAxis: axis(colours, "F1", { min: 0, max: 1, nameGap: 38 }),
    series: Object.entries(LINES).map(([method, name]) => {
      const chosen = method === "refitted";
      const colour = chosen ? colours.held : colours.muted;
      return {
        type: "line",
        name,
        data: Array.from(values(method), (f1, place) => [terms[place], f1]),
        symbolSize: 5,
        lineStyle: { width: 2, color: colour, type: chosen ? "solid" : "dashed" },
        itemStyle: { color: colour },
        markLine: chosen ? levelLines(colours, levels) : undefined,
      };
    }),
  });
}

function levelLines(colours, levels) {
  return {
    silent: true,
    symbol: "none",
    lineStyle: { color: colours.ink, type: "dotted" },
    data: levels
      .filter(([, f1]) => Number.isFinite(f1))
      .map(([name, f1]) => ({
        yAxis: f1,
        label: {
          position: f1 > HIGH ? "insideStartBottom" : "insideStartTop",
          formatter: name,
          color: colours.muted,
        },
      })),
  };
}

function rateRow(name, { recall, falseAlarms, f1 }) {
  return [name, r2(recall), fixed(falseAlarms), r2(f1)];
}

/** Recall, false alarms and F1 of one category, and what it is confused with when its logit is replaced. */
export function replacedCard(set, t) {
  if (!set.isFollowed(t)) return null;
  const rates = (kind) => ["recall", "falseAlarms", "f1"].map((rate) => set.array(`${kind}.${rate}`)[t]);
  const rows = Object.entries(KINDS).map(([kind, name]) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name),
      rates(kind).map((value) => el("td", { class: "number" }, r2(value))),
    ),
  );
  const cases = set.array("support")[t];
  const labels = set.decisions.ownLabels ? "the network's own decisions are the labels" : "by their labels";
  return el(
    "section",
    { class: "card replaced" },
    el("h3", {}, "When it is replaced"),
    tableOver(
      el("tbody", {}, rows),
      ["", { number: "recall" }, { number: "false alarms per case" }, { number: "F1" }],
      { class: "plain-table wide" },
    ),
    confusions(set, t, "taken", "Taken for it", "No sample of another category is decided as this one."),
    confusions(set, t, "missed", "It is taken for", "No sample of it is decided as another category."),
    el(
      "p",
      { class: "note" },
      `${plural(cases, "held-out sample")} of it, ${labels}. R² on these alone, about their mean: ${r2(set.array("r2Own")[t])}.`,
    ),
  );
}

/** The most frequent confusions of one kind, with the number of samples. */
function confusions(set, t, kind, title, none) {
  const found = set.confusions(kind, t);
  const name = (category) =>
    set.position.has(category)
      ? el("a", { href: hashOf("category", category, set.index) }, set.categoryName(category))
      : set.categoryName(category);
  return el(
    "p",
    {},
    el("strong", {}, `${title}: `),
    found.length
      ? found.flatMap(({ category, samples }, k) => [k ? ", " : "", name(category), ` ${count(samples)}`])
      : none,
  );
}

/** F1 of one category against the number of terms, beside random terms; null where it is not in the file. */
export function categoryF1(set, t) {
  const curves = Object.fromEntries(Object.keys(LINES).map((method) => [method, set.f1Curve(method, t)]));
  if (!curves.refitted) return null;
  const { terms } = set.decisions;
  const own = set.array("network.f1")[t];
  if (!Array.from(curves.refitted).some(Number.isFinite))
    return absent(
      "F1 against the number of terms",
      "No held-out sample is of this category, or decided as it.",
    );
  return figure({
    title: "F1 against the number of terms",
    legend: true,
    words:
      `F1 with its logit replaced: ${r2(curves.refitted.at(-1))} with ${plural(terms.at(-1), "term")}; ` +
      `the network itself ${r2(own)}.`,
    height: 340,
    option: f1Option(
      terms,
      (method) => curves[method],
      (method, place) => r2(curves[method][place]),
      [["the network itself", own]],
    ),
    note: "Held-out samples, least squares on the terms.",
    table: () => ({
      columns: ["terms", ...Object.values(LINES)],
      rows: terms.map((k, place) => [
        String(k),
        ...Object.keys(LINES).map((method) => r2(curves[method][place])),
      ]),
    }),
  });
}
