// Charts of one category: its equation as signed bars, its error against the number of terms.

import { coefficient, fixed, plural, share } from "./dom.js";
import { axis, chartText, figure, roundRange, tooltip } from "./chart.js";
import { PLACE_GRID, lassoCoefficient, placeMark, reaches } from "./path_chart.js";
import { METHODS, errorAxis } from "./summary_charts.js";
import { SIGNS, halves, shares, sign } from "./steadiness.js";

const NAMES = { wide: 170, narrow: 110 }; // pixels of the names of sources
const NARROW = 480; // pixels of a chart on a phone

/** How the coefficients of an equation came about, in words. */
const METHOD_WORDS = {
  refitted: "Least squares on the terms the Lasso chose.",
  lasso: "The Lasso's own coefficients, which it shrinks.",
  pursuit: "Least squares on the terms a matching pursuit chose.",
};

/** Signed bars, largest coefficient first, the Lasso's own beside refitted ones; a click opens the source's page. */
export function equationBars(set, t, open) {
  const terms = set.terms(t);
  const path = set.solution === "refitted" ? set.path(t) : null;
  const lasso =
    path && reaches(path, set.lam[t])
      ? terms.map(({ source }) => lassoCoefficient(path, source, Math.max(set.lam[t], path.lam.at(-1))))
      : null;
  const values = [...terms.map(({ coef }) => coef), ...(lasso ?? [])];
  const named = { [set.solution === "lasso" ? "Lasso" : "least squares"]: terms.map(({ coef }) => coef) };
  if (lasso) named["the Lasso's"] = lasso;
  const steady = shares(set, t);
  const marked = ({ source }) => `${steady ? `${sign(steady.get(source))} ` : ""}${set.sourceName(source)}`;
  return figure({
    title: "Equation",
    subtitle: METHOD_WORDS[set.solution],
    words: `${set.targetName(t)} = ${set.equation(t, Infinity)}`,
    height: Math.max(120, 44 + (lasso ? 32 : 26) * terms.length),
    onclick: ({ dataIndex }) => open(terms[dataIndex].source),
    legend: lasso !== null,
    option: (colours, { width }) => ({
      grid: { left: 4, right: 48, top: 6, bottom: 6, containLabel: true },
      tooltip: tooltip(
        colours,
        ([{ dataIndex }]) => [
          set.sourceName(terms[dataIndex].source),
          ...Object.entries(named).map(([name, coefs]) => `${name}: ${fixed(coefs[dataIndex], 4)}`),
        ],
        { trigger: "axis", axisPointer: { type: "shadow" } },
      ),
      xAxis: axis(colours, "", roundRange(values, ...(width < NARROW ? [4, 0.3] : [6, 0.12]))),
      yAxis: axis(colours, "", {
        type: "category",
        inverse: true,
        data: terms.map((term) => chartText(marked(term))),
        splitLine: { show: false },
        axisLine: { onZero: false, show: false },
        axisLabel: {
          color: colours.ink,
          width: width < NARROW ? NAMES.narrow : NAMES.wide,
          overflow: "truncate",
          interval: 0,
        },
      }),
      series: Object.entries(named).map(([name, coefs], k) => bars(colours, name, coefs, k === 0)),
    }),
    note: `Blue adds to the logit, orange takes away from it.${steady ? ` ${SIGNS}` : ""}`,
    table: () => ({
      columns: ["source", ...Object.keys(named), ...(steady ? ["halves"] : [])],
      rows: terms.map(({ source }, k) => [
        set.sourceName(source),
        ...Object.values(named).map((coefs) => fixed(coefs[k], 4)),
        ...(steady ? [halves(set, steady.get(source))] : []),
      ]),
    }),
  });
}

/** Bars of one kind of coefficients: full and with their values, or in outline. */
function bars(colours, name, coefs, full) {
  const look = (colour) =>
    full
      ? { color: colour, borderRadius: 2 }
      : { color: "transparent", borderColor: colour, borderWidth: 1.4 };
  return {
    type: "bar",
    name,
    barMaxWidth: full ? 14 : 9,
    barGap: "10%",
    cursor: "pointer",
    itemStyle: look(colours.plus),
    data: coefs.map((value) => ({
      value,
      itemStyle: look(value > 0 ? colours.plus : colours.minus),
      label: {
        show: full,
        position: value > 0 ? "right" : "left",
        color: colours.ink,
        formatter: () => coefficient(value),
      },
    })),
  };
}

/** Error against the number of terms: Lasso and refitted, or a pursuit, on both halves. */
export function categoryError(set, t) {
  const kinds = ["heldOut", "fit"]
    .flatMap((half) => ["pursuit", "refit", "lasso"].map((method) => `${half}.${method}`))
    .filter((kind) => set.curve(kind, t)?.some(Number.isFinite));
  if (!kinds.length) return null;
  const title = (kind) => {
    const [half, method] = kind.split(".");
    return `${METHODS[method]}, ${half === "fit" ? "fit" : "held out"}`;
  };
  const errors = Object.fromEntries(
    kinds.map((kind) => [kind, Array.from(set.curve(kind, t), (r2) => 1 - r2)]),
  );
  const last = set.curves.terms;
  return figure({
    title: "Error against the number of terms",
    legend: true,
    words: kinds.map((kind) => `${title(kind)}: ${share(errors[kind][last])} with ${last} terms`).join("; "),
    height: 415,
    option: (colours, size) => ({
      grid: PLACE_GRID,
      tooltip: tooltip(
        colours,
        (params) => [
          plural(params[0].data[0], "term"),
          ...params.map((item) => `${item.seriesName}: ${share(item.data[1])}`),
        ],
        { trigger: "axis" },
      ),
      xAxis: axis(colours, "terms in the equation", { min: 0, max: last, minInterval: 1 }),
      yAxis: errorAxis(colours, Math.min(...kinds.map((kind) => errors[kind][last]))),
      series: kinds.map((kind) => {
        const [half, method] = kind.split(".");
        const colour = half === "fit" ? colours.fit : colours.held;
        return {
          type: "line",
          name: title(kind),
          data: errors[kind].map((value, k) => [k, value]),
          symbol: "none",
          lineStyle: {
            color: colour,
            width: method === "lasso" ? 1.4 : 2.2,
            type: method === "lasso" ? "dashed" : "solid",
          },
          itemStyle: { color: colour },
          markLine:
            kind === kinds[0]
              ? placeMark(colours, set.nTerms(t), size.width < NARROW ? 0.15 * last : 0.07 * last)
              : undefined,
        };
      }),
    }),
    note: "The dashed vertical line is the equation's number of terms.",
    table: () => ({
      columns: ["terms", ...kinds.map(title)],
      rows: Array.from({ length: last + 1 }, (_, k) => [
        String(k),
        ...kinds.map((kind) => share(errors[kind][k])),
      ]),
    }),
  });
}
