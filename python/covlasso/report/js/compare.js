// Two networks side by side: what their dependencies share, and both graphs on the same positions.

import { count, el, fixed, plural, tile } from "./dom.js";
import { draw, plainTable } from "./chart.js";
import { hashOf } from "./places.js";
import { comparable, correlation, matched, overlap } from "./compare_numbers.js";
import { arrange, partOf, strongest } from "./network.js";
import { communityColour, networkOption, signColour } from "./network_chart.js";
import { dots } from "./summary_charts.js";

const EDGES = 300; // drawn per network
const MAP_EDGES = 2000; // per network, for the positions that both pictures share
const COLUMN_EDGES = 60; // of the picture with two columns
const LISTED = 12;

/** Whether the report has anything to lay side by side. */
export function canCompare(sets) {
  return sets.length > 1 || sets.some((set) => !set.intra);
}

export function compareView(sets, current) {
  const page = el("div", { class: "view" }, el("h1", {}, "Two networks side by side"));
  const pairs = sets.flatMap((a) =>
    sets.filter((b) => a.index < b.index && comparable(a, b)).map((b) => [a, b]),
  );
  if (!pairs.length) {
    const between = current.intra ? sets.find((set) => !set.intra) : current;
    page.append(
      between
        ? columnsPart(between)
        : el(
            "p",
            { class: "lead" },
            "These sets have different targets or sources and cannot be laid side by side.",
          ),
    );
    return page;
  }
  const body = el("div", {});
  const choice = el(
    "select",
    { id: "pair" },
    pairs.map(([a, b], k) => el("option", { value: k }, `${a.title} | ${b.title}`)),
  );
  const first = pairs.findIndex(([a, b]) => a === current || b === current);
  choice.value = String(Math.max(0, first));
  const show = () => body.replaceChildren(pairPart(...pairs[Number(choice.value)]));
  choice.addEventListener("change", show);
  page.append(
    el(
      "form",
      { class: "controls", onsubmit: (event) => event.preventDefault() },
      el("label", { class: "field" }, el("span", {}, "Compare"), choice),
    ),
    body,
  );
  show();
  return page;
}

function pairPart(a, b) {
  const common = overlap(a, b);
  const r2 = a.heldOut && b.heldOut ? "R² held out" : "R² fit";
  const [x, y] = a.heldOut && b.heldOut ? [a.heldOut, b.heldOut] : [a.r2, b.r2];
  const agreement = correlation(x, y);
  return el(
    "div",
    {},
    el(
      "p",
      { class: "lead" },
      `Of ${plural(a.nEdges, "term")} ${a.title} and ${count(b.nEdges)} ${b.title}, ${count(common.shared)} are the same: ` +
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
      tile("Agreement of R²", fixed(agreement), "correlation over the categories"),
    ),
    sideBySide(a, b),
    el(
      "div",
      { class: "grid" },
      dots({
        title: `${r2}: ${a.title} and ${b.title}`,
        words: `Correlation ${fixed(agreement)}.`,
        note: "One dot per category; click opens it.",
        set: a,
        x,
        y,
        xName: `${r2}, ${a.title}`,
        yName: `${r2}, ${b.title}`,
        open: (t) => {
          location.hash = hashOf("category", a.targets[t], a.index);
        },
      }),
      mostShared(a, b, common),
    ),
  );
}

function mostShared(a, b, { perTarget }) {
  const order = Array.from(a.targets.keys()).sort(
    (s, t) => perTarget[t] - perTarget[s] || b.evidence[t] - b.evidence[s] || s - t,
  );
  const row = (t) => {
    const mine = new Set(a.terms(t).map(({ source }) => source));
    const names = b
      .terms(t)
      .filter(({ source }) => mine.has(source))
      .map(({ source }) => b.sourceName(source));
    return [
      el("a", { href: hashOf("category", a.targets[t], a.index) }, a.targetName(t)),
      `${perTarget[t]}\u00a0of\u00a0${Math.min(a.nTerms(t), b.nTerms(t))}`,
      names.join(", ") || "–",
    ];
  };
  return el(
    "section",
    { class: "card" },
    el("h3", {}, "Most alike"),
    plainTable(["category", "shared", "terms in both"], order.slice(0, LISTED).map(row)),
  );
}

/** Both graphs on the positions of their union, each in the colours of its own communities. */
function sideBySide(a, b) {
  const within = a.intra && b.intra;
  const number = { [a.index]: (k) => k, [b.index]: matched(a, b) };
  const name = ({ from, to }) => `${from.category} ${to.category}`;
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
  const [left, right] = [a, b].map((set) => edgesOf(set, EDGES));
  const arranged = partOf(arrange([a, b].flatMap((set) => edgesOf(set, MAP_EDGES))), [...left, ...right]);
  const all = [a, b].map((set) => new Set(strongest(set, Infinity).edges.map(name)));
  const panel = (set, edges, others) => {
    const inOther = (edge) => others.has(name(edge));
    const mine = new Map(edges.flatMap(({ from, to }) => [from, to]).map((node) => [node.key, node]));
    const shared = edges.filter(inOther).length;
    const canvas = el("div", {
      class: "chart network",
      role: "img",
      "aria-label": `Graph ${set.title}: ${plural(edges.length, "strongest edge")}, ${count(shared)} of them also terms of the other set.`,
    });
    draw(
      canvas,
      (colours, size) =>
        networkOption(colours, set, {
          nodes: arranged,
          edges,
          size,
          line: 1.4,
          dot: 0.7,
          colourOf: (node, c) => (mine.has(node.key) ? communityColour(mine.get(node.key), c) : c.faint),
          edgeColourOf: (edge, c) => (inOther(edge) ? c.accent : c.muted),
        }),
      ({ dataType, dataIndex }) => {
        if (dataType === "node") location.hash = hashOf("category", arranged[dataIndex].category, set.index);
      },
    );
    return el(
      "section",
      { class: "card" },
      el("h3", {}, set.title),
      canvas,
      el(
        "p",
        { class: "note" },
        `${plural(edges.length, "strongest edge")} of ${count(set.nEdges)}; ${count(shared)} in the accent colour are terms of the other set too. Dots have the colours of this set's communities${set === a ? "" : ", each that of its closest match on the left"}.`,
      ),
    );
  };
  return el("div", { class: "grid" }, panel(a, left, all[1]), panel(b, right, all[0]));
}

/** One set between two networks: sources on the left, targets on the right. */
function columnsPart(set) {
  const { edges, possible } = strongest(set, COLUMN_EDGES);
  const nodes = arrange(edges);
  const sides = [nodes.filter(({ isSource }) => isSource), nodes.filter(({ isSource }) => !isSource)];
  const byCommunity = (p, q) =>
    p.community - q.community || q.used + q.terms - p.used - p.terms || p.category - q.category;
  sides.forEach((side, x) =>
    side
      .sort(byCommunity)
      .forEach((node, k) => Object.assign(node, { x: 600 * x, y: (900 * (k + 0.5)) / side.length })),
  );
  const height = Math.max(360, 15 * Math.max(...sides.map((side) => side.length)));
  const canvas = el("div", {
    class: "chart",
    style: `height:${height}px`,
    role: "img",
    "aria-label": `${set.sourceModel ?? "sources"} on the left, ${set.targetModel ?? "targets"} on the right; ${plural(edges.length, "strongest edge")}.`,
  });
  draw(
    canvas,
    (colours, size) => {
      const option = networkOption(colours, set, {
        nodes,
        edges,
        size,
        colourOf: communityColour,
        edgeColourOf: signColour,
        margin: { x: 230, y: 20 },
        curveness: 0,
      });
      option.series[0].data.forEach((item, k) => {
        item.label.position = nodes[k].isSource ? "left" : "right";
        item.symbolSize = 7;
      });
      return option;
    },
    ({ dataType, dataIndex }) => {
      const node = dataType === "node" && nodes[dataIndex];
      if (node && node.t !== undefined) location.hash = hashOf("category", set.targets[node.t], set.index);
    },
  );
  const same =
    set.own &&
    plural(Array.from(set.own.keys()).filter((t) => set.r2[t] > set.own[t]).length, "category", "categories");
  return el(
    "div",
    {},
    el(
      "p",
      { class: "lead" },
      same
        ? `For ${same} of ${count(set.nTargets)}, a few other categories of ${set.sourceModel} tell more than the same category there does.`
        : `Left: categories of ${set.sourceModel ?? "the source network"}. Right: what they explain.`,
    ),
    el(
      "section",
      { class: "card" },
      el("h3", {}, `${set.sourceModel ?? "sources"} → ${set.targetModel ?? "targets"}`),
      canvas,
      el(
        "p",
        { class: "note" },
        `${plural(edges.length, "strongest edge")} of ${count(possible)}; dots in the colours of their communities; the graph shows more, and a category's page all of its own. Add covlasso report ... --other FILE for two sets side by side.`,
      ),
    ),
  );
}
