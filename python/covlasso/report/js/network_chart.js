// How a graph is drawn: categories as dots, terms as arrows from the source to what it explains.

import { count, el, fixed, r2 } from "./dom.js";
import { tooltip } from "./chart.js";
import { palette } from "./theme.js";

const MARGIN = 24; // pixels around the positions
const CROWD = 300; // edges above which they are drawn fainter
const ARROWS = 600; // edges up to which arrow heads help
const DOT_GROWTH = 0.12; // of a dot's size, with every step of the zoom
const FOCUSED = 6; // pixels that the dot in the focus is larger
const CURVE = 0.12; // of an edge, as ECharts counts it
const SAMPLED = 8; // pixels between the points of an edge that names keep clear of

/** Pixels across a dot: its own, or the more edges the larger. */
function dotSize(node, { dot = 1, focusKey = null }) {
  if (node.pixels) return node.pixels;
  return dot * (5 + 1.5 * Math.sqrt(node.used + 0.4 * node.terms)) + (node.key === focusKey ? FOCUSED : 0);
}

/** Half of what a dot takes on the screen at this zoom. */
export function radius(node, look, zoom) {
  return (dotSize(node, look) / 2) * ((zoom - 1) * DOT_GROWTH + 1);
}

/** Points along the edges between dots {x, y}, or none where edges are too many, or too few, for names to keep clear of. */
export function alongEdges(nodes, edges, dots, { curveness = CURVE, undirected = false }) {
  if (undirected || edges.length > ARROWS) return [];
  const index = new Map(nodes.map((node, k) => [node.key, k]));
  return edges.flatMap(({ from, to }) => {
    const [a, b] = [dots[index.get(from.key)], dots[index.get(to.key)]];
    const middle = {
      x: (a.x + b.x) / 2 - (a.y - b.y) * curveness,
      y: (a.y + b.y) / 2 - (b.x - a.x) * curveness,
    };
    const parts = Math.min(200, Math.ceil(Math.hypot(a.x - b.x, a.y - b.y) / SAMPLED));
    return Array.from({ length: Math.max(0, parts - 1) }, (_, k) => {
      const s = (k + 1) / parts;
      const on = (name) => (1 - s) ** 2 * a[name] + 2 * s * (1 - s) * middle[name] + s ** 2 * b[name];
      return { x: on("x"), y: on("y") };
    });
  });
}

/** Positions in pixels: as large as fits, without stretching; the long side of the map along that of the canvas. */
export function fitted(nodes, { width, height }, margin = MARGIN) {
  const turned = height > width ? nodes.map(({ x, y }) => ({ x: -y, y: x })) : nodes;
  const range = (name) => {
    const values = turned.map((node) => node[name]);
    const low = values.reduce((a, b) => Math.min(a, b), Infinity);
    return { low, span: values.reduce((a, b) => Math.max(a, b), -Infinity) - low };
  };
  const [x, y] = [range("x"), range("y")];
  const scale = Math.min((width - 2 * margin) / x.span, (height - 2 * margin) / y.span);
  const whole = Number.isFinite(scale) ? scale : 0;
  return turned.map((node) => ({
    x: width / 2 + (node.x - x.low - x.span / 2) * whole,
    y: height / 2 + (node.y - y.low - y.span / 2) * whole,
  }));
}

/** The rectangle of positions, as ECharts has to be told, so that it leaves them where they are. */
export function boxOf(at) {
  const side = (name) => {
    const values = at.map((point) => point[name]);
    const [low, high] = [Math.min, Math.max].map((pick) => values.reduce((a, b) => pick(a, b)));
    return low === high ? [low - 1, 2] : [low, high - low];
  };
  const [[left, width], [top, height]] = [side("x"), side("y")];
  return { left, top, width, height };
}

/** ECharts option of nodes that stand at `at`, and edges; names are written over it, see map.js. */
export function networkOption(colours, set, { nodes, edges, at, zoom, center, ...look }) {
  const { colourOf, focusKey = null, lines = linesOf(set) } = look;
  if (!nodes.length) return { series: [] };
  return {
    tooltip: tooltip(colours, ({ dataType, dataIndex }) =>
      dataType === "node" ? lines.node(nodes[dataIndex]) : lines.edge(edges[dataIndex]),
    ),
    series: [
      {
        type: "graph",
        layout: "none",
        roam: true,
        scaleLimit: { min: 0.5, max: 30 },
        zoom,
        center,
        ...boxOf(at),
        nodeScaleRatio: DOT_GROWTH,
        cursor: "pointer",
        emphasis: { focus: "adjacency", label: { show: false }, lineStyle: { width: 2.5, opacity: 1 } },
        blur: { itemStyle: { opacity: 0.15 }, lineStyle: { opacity: 0.05 } },
        data: nodes.map((node, k) => ({
          name: node.key,
          ...at[k],
          symbol: node.isSource && !set.intra ? "rect" : "circle",
          symbolSize: dotSize(node, look),
          itemStyle: {
            color: colourOf(node, colours),
            borderColor: node.key === focusKey ? colours.ink : colours.surface,
            borderWidth: node.key === focusKey ? 2 : 1,
          },
        })),
        edges: drawnEdges(colours, { nodes, edges, at, zoom, ...look }),
      },
    ],
  };
}

/** Edges as ECharts has them; the head of an arrow is small, and a short edge has none. */
export function drawnEdges(colours, { nodes, edges, at, zoom, ...look }) {
  const { edgeColourOf, line = 0.6, curveness = CURVE, undirected = false } = look;
  const strongest = Math.max(...edges.map(({ coef }) => Math.abs(coef)), 1e-12);
  const index = new Map(nodes.map((node, k) => [node.key, k]));
  return edges.map((edge) => {
    const [source, target] = [index.get(edge.from.key), index.get(edge.to.key)];
    const visible =
      zoom * Math.hypot(at[source].x - at[target].x, at[source].y - at[target].y) -
      radius(nodes[source], look, zoom) -
      radius(nodes[target], look, zoom);
    const head = undirected || edges.length > ARROWS ? 0 : headOf(visible);
    return {
      source,
      target,
      symbol: ["none", head ? "arrow" : "none"],
      symbolSize: [0, head],
      lineStyle: {
        color: edgeColourOf(edge, colours),
        width: line + 2.4 * (Math.abs(edge.coef) / strongest),
        opacity: edges.length > CROWD ? 0.4 : 0.6,
        curveness,
      },
    };
  });
}

/** Pixels of an arrow head on an edge of which so many are visible: a fifth of it, 7 at most; 0 where it is short. */
function headOf(visible) {
  return visible < 14 ? 0 : Math.max(4, Math.min(7, visible / 5));
}

/** What is said of a dot and of an edge under the mouse. */
function linesOf(set) {
  return { node: (node) => nodeLines(set, node), edge: edgeLines };
}

function nodeLines(set, node) {
  const lines = [`${node.name} (#${node.category})`];
  if (node.t !== undefined && !(node.isSource && !set.intra)) {
    lines.push(
      `R² ${r2(set.evidence[node.t])}${set.heldOut ? " held out" : ", fit"}`,
      `= ${set.equation(node.t)}`,
    );
  } else if (set.sourceModel) {
    lines.push(`source, of ${set.sourceModel}`);
  }
  return lines;
}

function edgeLines({ from, to, coef }) {
  return [`${fixed(coef, 3)} ${from.name}`, `in the equation of ${to.name}`];
}

export function communityColour(node, colours) {
  return colours.groups[node.community] ?? colours.other;
}

export function signColour({ coef }, colours) {
  return coef > 0 ? colours.plus : colours.minus;
}

/** From faint to the accent with R^2; grey where there is none. */
export function r2Colour(set) {
  return (node, colours) => {
    const value = node.t === undefined ? NaN : set.evidence[node.t];
    if (!Number.isFinite(value)) return colours.other;
    return echarts.color.modifyAlpha(colours.held, 0.15 + 0.85 * Math.max(0, Math.min(1, value)));
  };
}

/** What the shapes of dots mean, where there are two. */
export function shapeKey(set) {
  if (set.intra) return [];
  const item = (shape, text) => el("li", {}, el("span", { class: `dot ${shape}` }), text);
  return [
    item("square", `a category of ${set.sourceModel ?? "the sources"}, which explains`),
    item("round", `one of ${set.targetModel ?? "the targets"}, explained`),
  ];
}

/** What the colours of dots mean: that of communities, and which are grey; or R^2. */
export function dotKey(set, colour) {
  if (colour === "r2")
    return el(
      "li",
      {},
      "R² 0",
      el("span", { class: "ramp", style: "background:linear-gradient(90deg,transparent,var(--held))" }),
      `1${set.heldOut ? ", held out" : ", fit"}; grey: no equation`,
    );
  const { length: groups } = palette().groups;
  const small = set.communitySizes.length - groups;
  if (small <= 0) return el("li", {}, "A colour is a community");
  return el(
    "li",
    {},
    "A colour is a community; ",
    el("span", { class: "dot", style: "background:var(--other)" }),
    `grey: communities beyond the ${groups} largest, ${count(small)} of them`,
  );
}
