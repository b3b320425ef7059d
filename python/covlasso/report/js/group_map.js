// The map of a large set: communities as circles, with what ties them; a click goes into one, down to categories.

import { count, el, fixed, plural, r2, say } from "./dom.js";
import { numbers } from "./chart.js";
import { hashOf } from "./places.js";
import { groupsOf, hashOfGroup } from "./groups.js";
import { NARROW, NetworkMap, handling, touched } from "./map.js";

const LISTED = 10; // groups beside the map
const NAMED = { map: 3, list: 5, table: 8 }; // members that stand for a group
const STRENGTH = 0.5; // of a colour: a name over it can be read, and no line shows through
const WIDE = 66; // pixels across a circle that has its name over it
const EDGE = 8; // pixels from the circles to the edge of the map

/** The way from all communities to a group, as links; what is last may be a category. */
export function trailOf(set, number, last = null) {
  const groups = groupsOf(set);
  const trail = number === null ? [] : groups.trail(number);
  const here = last === null ? trail.at(-1) : undefined;
  const link = (k) =>
    el(
      "li",
      {},
      k === here
        ? el("span", { "aria-current": "page" }, groups.title(k))
        : el("a", { href: hashOfGroup(k, set.index) }, groups.title(k)),
    );
  return el(
    "nav",
    { "aria-label": "Communities that hold this one" },
    el(
      "ol",
      { class: "trail" },
      el("li", {}, el("a", { href: hashOfGroup(null, set.index) }, "All communities")),
      trail.map(link),
      last !== null && el("li", {}, el("span", { "aria-current": "page" }, last)),
    ),
  );
}

/** What is drawn: the groups within `number`, or the communities, as nodes and edges of a map. */
function graphOf(set, number) {
  const groups = groupsOf(set);
  const [x, y, radius] = ["X", "Y", "Radius"].map((name) => set.array(`group${name}`));
  const node = (k, place) => ({
    key: String(k),
    group: k,
    name: groups.title(k, NAMED.map),
    order: place,
    size: groups.size[k],
    x: x[k],
    y: y[k],
    radius: radius[k],
    used: groups.size[k],
    terms: 0,
  });
  const nodes = groups.children(number).map(node);
  const of = new Map(nodes.map((one) => [one.group, one]));
  const edges = groups.links(number).map(({ from, to, size, count: pairs }) => ({
    from: of.get(from),
    to: of.get(to),
    coef: size,
    pairs,
  }));
  return { nodes, edges };
}

export function groupsView(set, number) {
  const groups = groupsOf(set);
  const graph = graphOf(set, number);
  const inside = graph.nodes.reduce((sum, { size }) => sum + size, 0);
  const whole = number === null ? set.groups.nodes : groups.size[number];
  const said =
    `${plural(graph.nodes.length, number === null ? "community" : "group", number === null ? "communities" : "groups")}` +
    ` of ${plural(inside, "category", "categories")}` +
    (whole > inside
      ? `; ${count(whole - inside)} more ${whole - inside === 1 ? "is" : "are"} tied to none of them.`
      : ".");
  const open = (node) => {
    location.hash = hashOfGroup(node.group, set.index);
  };
  const map = new NetworkMap(set, {
    look: ({ width }) => ({
      place: inCircles,
      undirected: true,
      curveness: 0,
      colourOf: ({ order }, colours) =>
        between(colours.surface, colours.groups[order] ?? colours.other, STRENGTH),
      edgeColourOf: (_, colours) => colours.muted,
      sidesOf: ({ pixels }) => [...(pixels > WIDE ? ["over"] : []), "below", "above", "right", "left"],
      room: width < NARROW ? 120 : 200,
      lines: {
        node: ({ group }) => groupLines(set, group),
        edge: ({ from, to, pairs, coef }) => [
          `${plural(pairs, "tie")}, sizes of coefficients ${fixed(coef)} in all`,
          `between ${from.name}`,
          `and ${to.name}`,
        ],
      },
    }),
    choose: (node, { walked }) => (walked ? say(groupLines(set, node.group).join("; ")) : open(node)),
    open,
  });
  map.show(graph, `Map of communities. ${said}`);
  const page = el(
    "div",
    {},
    trailOf(set, number),
    el("p", { class: "found", "aria-live": "polite" }, said),
    el(
      "div",
      { class: "graph-layout" },
      el(
        "div",
        { class: "card" },
        map.element,
        el(
          "ul",
          { class: "map-key" },
          el(
            "li",
            {},
            "A circle is a group of categories tied more to each other than to the rest; its area is their number",
          ),
          el(
            "li",
            {},
            "A line: the larger the coefficients between two groups, the thicker; the strongest few of each are drawn",
          ),
          el(
            "li",
            { class: "handling" },
            `${handling()} ${touched() ? "A tap" : "A click"} goes into a group.`,
          ),
        ),
        numbers("Groups", () => groupTable(set, number), "Groups as a table"),
      ),
      el("div", { class: "card panel" }, listOf(set, number)),
    ),
  );
  return page;
}

/** Circles in pixels, as large as fits, the long side of the map along that of the canvas. */
function inCircles(nodes, { width, height }) {
  const turned = height > width;
  const at = nodes.map(({ x, y }) => (turned ? { x: -y, y: x } : { x, y }));
  const range = (name) => {
    const low = at.reduce((least, point, k) => Math.min(least, point[name] - nodes[k].radius), Infinity);
    const high = at.reduce((most, point, k) => Math.max(most, point[name] + nodes[k].radius), -Infinity);
    return { low, span: high - low };
  };
  const [x, y] = [range("x"), range("y")];
  const scale = Math.min((width - 2 * EDGE) / x.span, (height - 2 * EDGE) / y.span);
  for (const node of nodes) node.pixels = Math.max(6, 2 * node.radius * scale);
  return at.map((point) => ({
    x: width / 2 + (point.x - x.low - x.span / 2) * scale,
    y: height / 2 + (point.y - y.low - y.span / 2) * scale,
  }));
}

/** A colour between two of the form #rrggbb. */
function between(one, other, share) {
  const parts = (colour) => [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
  const [a, b] = [parts(one), parts(other)];
  return `rgb(${a.map((value, k) => Math.round(value + share * (b[k] - value))).join(",")})`;
}

function groupLines(set, number) {
  const groups = groupsOf(set);
  const inner = groups.children(number).length;
  return [
    plural(groups.size[number], "category", "categories") + (inner ? `, in ${plural(inner, "group")}` : ""),
    groups.title(number, NAMED.table),
    `median R² ${r2(groups.medians[number])}${set.heldOut ? " held out" : ", fit"}`,
  ];
}

function memberLinks(set, number, most) {
  return groupsOf(set)
    .central(number)
    .slice(0, most)
    .flatMap(({ category, t, name }, k) => [
      k ? ", " : "",
      el(
        "a",
        {
          href: hashOf(
            t === undefined ? "graph" : "category",
            t === undefined ? category : set.targets[t],
            set.index,
          ),
        },
        name,
      ),
    ]);
}

/** The largest groups as a list, which needs no mouse. */
function listOf(set, number) {
  const groups = groupsOf(set);
  const children = groups.children(number);
  const left = children.length - LISTED;
  return el(
    "section",
    {},
    el("h2", {}, number === null ? "Communities" : "Groups in it"),
    el("p", { class: "note" }, "Named by the categories with the strongest ties inside."),
    el(
      "ol",
      { class: "communities" },
      children
        .slice(0, LISTED)
        .map((k, place) =>
          el(
            "li",
            {},
            el("span", { class: "dot", style: `background:var(--group-${place}, var(--other))` }),
            el(
              "a",
              { class: "into", href: hashOfGroup(k, set.index) },
              plural(groups.size[k], "category", "categories"),
            ),
            ": ",
            memberLinks(set, k, NAMED.list),
          ),
        ),
    ),
    left > 0 && el("p", { class: "note" }, `${plural(left, "smaller one")}: see the table under the map.`),
  );
}

function groupTable(set, number) {
  const groups = groupsOf(set);
  return {
    columns: [
      "strongest ties inside",
      { number: "categories" },
      { number: set.heldOut ? "median R² held out" : "median R² fit" },
      "open",
    ],
    rows: groups
      .children(number)
      .map((k) => [
        el("span", {}, memberLinks(set, k, NAMED.table)),
        count(groups.size[k]),
        r2(groups.medians[k]),
        el(
          "a",
          { href: hashOfGroup(k, set.index), "aria-label": `Open the group of ${groups.title(k)}` },
          "open",
        ),
      ]),
  };
}
