// Two sets side by side: what they were asked, what their equations share, and both maps on the same positions.

import { count, el, fixed, median, plural, r2, tile } from "./dom.js";
import { dropOldCharts, plainTable } from "./chart.js";
import { hashOf } from "./places.js";
import { changes, correlation, matched, obstacle, overlap, pairNames, sameR2 } from "./compare_numbers.js";
import { arrange, partOf, strongest } from "./network.js";
import { communityColour } from "./network_chart.js";
import { NARROW, NetworkMap, handling } from "./map.js";
import { sharedCoefficients } from "./compare_charts.js";
import { columnsPart } from "./columns.js";
import { absent } from "./chart.js";
import { dots } from "./summary_charts.js";

const EDGES = { wide: 300, narrow: 100 }; // drawn per set
const MAP_EDGES = 2000; // per set, for the positions that both pictures share
const FEW_EDGES = 400; // the same of large sets, whose edges hardly meet: their layout would take seconds
const LISTED = 10;
const NAMED = 4; // terms in a cell

/** Whether the report has anything to lay side by side. */
export function canCompare(sets) {
  return sets.length > 1 || sets.some((set) => !set.intra);
}

export function compareView(sets, current) {
  const heading = el("h1", {}, "Compare");
  const page = el("div", { class: "view" }, heading);
  if (sets.length < 2) {
    page.append(columnsPart(current));
    heading.textContent = "From one network to the other";
    return page;
  }
  const body = el("div", {});
  const choice = (id) =>
    el(
      "select",
      { id },
      sets.map((set) => el("option", { value: set.index, title: set.settings }, set.title)),
    );
  const [left, right] = [choice("left"), choice("right")];
  [left.value, right.value] = askedFor(sets, current).map(({ index }) => String(index));
  const show = () => {
    const [a, b] = [left, right].map(({ value }) => sets[Number(value)]);
    const why = obstacle(a, b);
    heading.textContent = why ? "Compare" : headingOf(a, b);
    body.replaceChildren(why ? apart(why, sets, [a, b], choose) : pairPart(a, b));
    dropOldCharts();
  };
  const changed = () => {
    const place = `${hashOf("compare", null, current.index)}&left=${left.value}&right=${right.value}`;
    history.replaceState(null, "", place); // so that a link, and the way back, lead to this pair
    show();
  };
  const choose = (a, b) => {
    [left.value, right.value] = [a.index, b.index].map(String);
    changed();
  };
  const field = (name, select) => el("label", { class: "field" }, el("span", {}, name), select);
  for (const select of [left, right]) select.addEventListener("change", changed);
  page.append(
    el(
      "form",
      { class: "controls pair", onsubmit: (event) => event.preventDefault() },
      field("Left", left),
      field("Right", right),
    ),
    body,
  );
  show();
  return page;
}

/** The pair that the address names, else the set shown and the first that can be compared with it. */
function askedFor(sets, current) {
  const fields = new URLSearchParams(location.hash.slice(1));
  const named = ["left", "right"].map((name) => sets[Number(fields.get(name) ?? NaN)]);
  if (named.every(Boolean)) return named;
  const other = sets.find((set) => !obstacle(current, set)) ?? sets.find((set) => set !== current);
  return [current, other].sort((a, b) => a.index - b.index);
}

function headingOf(a, b) {
  if (a.targetModel !== b.targetModel) return "Two networks";
  if (a.intra && b.intra) return "Two sets of one network";
  return a.sourceModel === b.sourceModel ? "Two sets between the same networks" : "Two sets of one target";
}

/** Why two sets cannot be compared, which ones can, and what there is to see of a set between two networks. */
function apart(why, sets, chosen, choose) {
  const pairs = sets.flatMap((one) =>
    sets.filter((two) => one.index < two.index && !obstacle(one, two)).map((two) => [one, two]),
  );
  const between = chosen.find((set) => !set.intra);
  return el(
    "div",
    {},
    el("p", { class: "lead", id: "obstacle" }, why),
    pairs.length
      ? [
          el("p", {}, "Of this report these can be compared:"),
          el(
            "ul",
            { class: "pairs" },
            pairs.map(([one, two]) =>
              el(
                "li",
                {},
                el(
                  "button",
                  { type: "button", class: "plain", onclick: () => choose(one, two) },
                  `${one.title} | ${two.title}`,
                ),
              ),
            ),
          ),
        ]
      : el("p", {}, "No two sets of this report have the same targets and the same sources."),
    between && columnsPart(between),
  );
}

function pairPart(a, b) {
  const common = overlap(a, b);
  const change = changes(a, b);
  const both = sameR2(a, b);
  const names = pairNames(a, b);
  const agreement = both.why ? NaN : correlation(both.x, both.y);
  return el(
    "div",
    {},
    el(
      "p",
      { class: "lead" },
      `Of ${plural(a.nEdges, "term")} on the left (${names[0]}) and ${count(b.nEdges)} on the right (${names[1]}), ${count(common.shared)} are the same: ` +
        `the same category in the same equation. Chance alone would give about ${count(common.chance)}.`,
    ),
    el(
      "dl",
      { class: "tiles" },
      tile(
        "Shared terms",
        count(common.shared),
        `${fixed((100 * common.shared) / Math.max(1, Math.min(a.nEdges, b.nEdges)), 0)} % of the smaller set`,
      ),
      tile("With the same sign", count(common.sameSign), `of ${count(common.shared)}`),
      tile("Overlap", fixed(common.jaccard), "shared / all different terms (Jaccard)"),
      tile("Median change", fixed(median(change)), "of an equation; 0 the same, 1 no term in common"),
      !both.why && tile("Agreement of R²", fixed(agreement), "correlation over the categories"),
    ),
    el(
      "div",
      { class: "grid" },
      settingsPart(a, b, names),
      both.why ? absent("R² of both", both.why) : r2Dots(a, both, names, agreement),
    ),
    sideBySide(a, b, names),
    el(
      "div",
      { class: "grid" },
      sharedCoefficients(a, b, common.terms, names),
      ranking("Most alike", a, b, change, 1),
    ),
    ranking("Changed most", a, b, change, -1),
  );
}

const ASKED = {
  kind: "logits",
  rows: "rows",
  place: "place",
  solution: "coefficients",
  focus: "focus",
  positive: "sign",
  l2: "ridge term",
  same: "own category",
  same_by: "same category",
  targets: "targets",
};

/** What both were asked and what came of it; rows that differ come first and say so. */
function settingsPart(a, b, names) {
  const figures = (set) => ({
    "samples, fit": set.samples ? count(set.samples.fit) : "",
    "samples, held out": set.samples?.heldOut ? count(set.samples.heldOut) : "",
    terms: count(set.nEdges),
    "median R², fit": r2(median(set.r2)),
    "median R², held out": set.heldOut ? r2(median(set.heldOut)) : "",
    "median R² about the mean, held out": set.array("heldOutMean")
      ? r2(median(set.array("heldOutMean")))
      : "",
    "the same with random terms": set.array("randomHeldOutMean")
      ? r2(median(set.array("randomHeldOutMean")))
      : "",
    certified: `${count(set.nCertified)} of ${count(set.nTargets)}`,
  });
  const row = (name, x, y) => ({ name, x: x || "–", y: y || "–", differs: x !== y, known: x || y });
  const asked = Object.entries(ASKED).map(([key, name]) => row(name, a.asked[key], b.asked[key]));
  const [x, y] = [a, b].map(figures);
  const rows = [
    row("categories of", a.targetModel, b.targetModel),
    !(a.intra && b.intra) && row("explained by those of", a.sourceModel, b.sourceModel),
    ...asked,
    ...Object.keys(x).map((name) => row(name, x[name], y[name])),
  ].filter((one) => one && one.known);
  const cell = ({ differs }, text) => (differs ? el("strong", {}, text) : text);
  return el(
    "section",
    { class: "card" },
    el("h3", {}, "What differs"),
    el(
      "div",
      {
        class: "scroll whole",
        tabindex: "0",
        role: "region",
        "aria-label": "Settings and figures of both sets",
      },
      plainTable(
        ["", ...names],
        rows.map((one) => [one.name, cell(one, one.x), cell(one, one.y)]),
      ),
    ),
    el("p", { class: "note" }, "What differs is bold."),
  );
}

function r2Dots(a, { x, y, name, note }, names, agreement) {
  return dots({
    title: name,
    words: `${names[0]} against ${names[1]}, correlation ${fixed(agreement)}.`,
    note: `One dot per category; click opens it.${note}`,
    set: a,
    x,
    y,
    xName: names[0],
    yName: names[1],
    open: (t) => {
      location.hash = hashOf("category", a.targets[t], a.index);
    },
  });
}

/**
 * The categories whose equation changed most (direction -1) or least, with the terms that went and came; without those
 * that have no term in one of the two sets.
 */
function ranking(title, a, b, change, direction) {
  const order = Array.from(a.targets.keys())
    .filter((t) => a.nTerms(t) && b.nTerms(t))
    .sort((s, t) => direction * (change[s] - change[t]) || s - t);
  const empty = a.nTargets - order.length;
  const some = (terms, set) => {
    const names = terms.slice(0, NAMED).map(({ source }) => set.sourceName(source));
    return names.length ? `${names.join(", ")}${terms.length > NAMED ? ", …" : ""}` : "–";
  };
  const row = (t) => {
    const [mine, theirs] = [a, b].map((set) => new Set(set.terms(t).map(({ source }) => source)));
    const both = a.terms(t).filter(({ source }) => theirs.has(source));
    const cells =
      direction > 0
        ? [some(both, a)]
        : [
            some(
              a.terms(t).filter(({ source }) => !theirs.has(source)),
              a,
            ),
            some(
              b.terms(t).filter(({ source }) => !mine.has(source)),
              b,
            ),
          ];
    return [
      el("a", { href: hashOf("category", a.targets[t], a.index) }, a.targetName(t)),
      fixed(change[t]),
      `${both.length}\u00a0of\u00a0${Math.min(a.nTerms(t), b.nTerms(t))}`,
      ...cells,
    ];
  };
  const heads = direction > 0 ? ["terms in both"] : ["only on the left", "only on the right"];
  return el(
    "section",
    { class: "card" },
    el("h3", {}, title),
    el(
      "div",
      { class: "scroll whole fold", tabindex: "0", role: "region", "aria-label": title },
      plainTable(["category", { number: "change" }, "shared", ...heads], order.slice(0, LISTED).map(row)),
    ),
    el(
      "p",
      { class: "note" },
      "Change: the differences of all coefficients over their sizes in both, from 0 to 1." +
        (empty ? ` ${plural(empty, "category", "categories")} with no term in one of both left out.` : ""),
    ),
  );
}

/** Both graphs on the positions of their union, each in the colours of its own communities. */
function sideBySide(a, b, names) {
  const within = a.intra && b.intra;
  const number = { [a.index]: (k) => k, [b.index]: matched(a, b) };
  const inBoth = (set, node, role) => ({
    ...node,
    ...(within ? {} : { key: `${role} ${node.category}`, isSource: role === "source" }),
    community: number[set.index](node.community),
  });
  const edgesOf = (set, wanted) =>
    strongest(set, wanted).edges.map((edge) => ({
      ...edge,
      from: inBoth(set, edge.from, "source"),
      to: inBoth(set, edge.to, "target"),
    }));
  const wanted = document.documentElement.clientWidth < NARROW ? EDGES.narrow : EDGES.wide;
  const [left, right] = [a, b].map((set) => edgesOf(set, wanted));
  const placing = a.groups || b.groups ? FEW_EDGES : MAP_EDGES;
  const nodes = partOf(arrange([a, b].flatMap((set) => edgesOf(set, placing))), [...left, ...right]);
  const panel = (set, edges, other) => {
    const inOther = ({ from, to }) => other.coefficient(other.position.get(to.category), from.category) !== 0;
    return onePanel(set, { nodes, edges }, inOther, names[set === b ? 1 : 0], set === b);
  };
  return el("div", { class: "grid" }, panel(a, left, b), panel(b, right, a));
}

function onePanel(set, { nodes, edges }, inOther, title, isRight) {
  const mine = new Map(edges.flatMap(({ from, to }) => [from, to]).map((node) => [node.key, node]));
  const shared = edges.filter(inOther).length;
  const open = (node) => {
    location.hash = hashOf(node.isSource && !set.intra ? "graph" : "category", node.category, set.index);
  };
  const map = new NetworkMap(set, {
    look: ({ width }) => ({
      line: 1.4,
      dot: width < NARROW ? 0.55 : 0.7,
      colourOf: (node, c) => (mine.has(node.key) ? communityColour(mine.get(node.key), c) : c.faint),
      edgeColourOf: (edge, c) => (inOther(edge) ? c.accent : c.muted),
      isNamed: (node) => mine.has(node.key),
    }),
    choose: (node, { walked }) => walked || open(node),
    open,
  });
  const words = `${plural(edges.length, "strongest edge")} of ${count(set.nEdges)}, ${count(shared)} of them also terms of the other set.`;
  map.show({ nodes, edges }, `Map, ${title}: ${words}`);
  const stroke = (colour, text) =>
    el("li", {}, el("span", { class: "stroke", style: `background:var(--${colour})` }), text);
  return el(
    "section",
    { class: "card" },
    el("h3", {}, title),
    map.element,
    el(
      "ul",
      { class: "map-key" },
      stroke("accent", `in both sets: ${count(shared)}`),
      stroke("muted", `in this one only: ${count(edges.length - shared)}`),
      el("li", { class: "handling" }, handling()),
    ),
    el(
      "p",
      { class: "note" },
      `${plural(edges.length, "strongest edge")} of ${count(set.nEdges)}. Dots have the colours of this set's communities${isRight ? ", each that of its closest match on the left; grey: without a match, or beyond the ten largest there." : "; grey: beyond the ten largest."}`,
    ),
  );
}
