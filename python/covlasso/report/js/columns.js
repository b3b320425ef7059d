// One set between two networks: sources on the left, what they explain on the right.

import { count, el, fixed, plural } from "./dom.js";
import { numbers } from "./chart.js";
import { hashOf } from "./places.js";
import { arrange, strongest } from "./network.js";
import { communityColour, signColour } from "./network_chart.js";
import { NetworkMap, handling } from "./map.js";

const EDGES = 60;
const LINE = 15; // pixels per name
const NAMES = 0.34; // share of the width for the names of one side

export function columnsPart(set) {
  const { edges, possible } = strongest(set, EDGES);
  const nodes = arrange(edges);
  const sides = [nodes.filter(({ isSource }) => isSource), nodes.filter(({ isSource }) => !isSource)];
  const byCommunity = (p, q) =>
    p.community - q.community || q.used + q.terms - p.used - p.terms || p.category - q.category;
  const line = new Map();
  for (const side of sides)
    side
      .sort(byCommunity)
      .forEach(({ key }, k) => line.set(key, side.length > 1 ? k / (side.length - 1) : 0.5));
  const map = new NetworkMap(set, {
    look: ({ width }) => ({
      colourOf: communityColour,
      edgeColourOf: signColour,
      curveness: 0,
      sidesOf: (node) => [node.isSource ? "left" : "right"],
      room: NAMES * width - 12,
      place: (all, { height }) =>
        all.map((node) => ({
          x: width * (node.isSource ? NAMES : 1 - NAMES),
          y: LINE / 2 + 2 + (height - LINE - 4) * line.get(node.key),
        })),
    }),
    choose: (node, { walked }) => walked || open(node),
    open: (node) => open(node),
    zoomable: false,
  });
  const open = (node) => {
    location.hash =
      node.t === undefined
        ? hashOf("graph", node.category, set.index)
        : hashOf("category", set.targets[node.t], set.index);
  };
  map.element.querySelector(".chart").style.height =
    `${Math.max(360, LINE * Math.max(...sides.map((side) => side.length)))}px`;
  const [sources, targets] = [set.sourceModel ?? "sources", set.targetModel ?? "targets"];
  map.show(
    { nodes, edges },
    `${sources} on the left, ${targets} on the right; ${plural(edges.length, "strongest edge")}.`,
  );
  const better =
    set.own &&
    plural(Array.from(set.own.keys()).filter((t) => set.r2[t] > set.own[t]).length, "category", "categories");
  return el(
    "div",
    {},
    el(
      "p",
      { class: "lead" },
      better
        ? `For ${better} of ${count(set.nTargets)}, a few other categories of ${sources} tell more than the same category there does.`
        : `Left: categories of ${sources}. Right: what they explain.`,
    ),
    el(
      "section",
      { class: "card" },
      el("h3", {}, `${sources} → ${targets}`),
      map.element,
      el(
        "p",
        { class: "note" },
        `${plural(edges.length, "strongest edge")} of ${count(possible)}; dots in the colours of their communities. ${handling()} The graph shows more, and a category's page all of its own. Add covlasso report ... --other FILE for two sets side by side.`,
      ),
      numbers(
        "Edges drawn",
        () => ({
          columns: [`of ${sources}`, `explains, of ${targets}`, { number: "coefficient" }],
          rows: edges.map(({ from, to, coef }) => [from.name, to.name, fixed(coef, 3)]),
        }),
        "Edges as a table",
      ),
    ),
  );
}
