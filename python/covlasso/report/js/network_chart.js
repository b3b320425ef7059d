// How a graph is drawn: categories as dots, terms as arrows from the source to what it explains.

import { fixed } from "./dom.js";
import { chartText, tooltip } from "./chart.js";

const MARGIN = { x: 90, y: 30 }; // pixels around the positions, for names
const RIGHT = 0.75; // share of the width beyond which names stand on the left of their dot
const CROWD = 300; // edges above which they are drawn fainter
const ARROWS = 500; // edges up to which arrow heads help

/** ECharts option of arranged nodes and edges. */
export function networkOption(
  colours,
  set,
  {
    nodes,
    edges,
    colourOf,
    edgeColourOf,
    focusKey = null,
    size,
    margin = MARGIN,
    curveness = 0.12,
    line = 0.6,
    dot = 1,
  },
) {
  const strongest = Math.max(...edges.map(({ coef }) => Math.abs(coef)), 1e-12);
  const at = stretched(nodes, size, margin);
  const index = new Map(nodes.map((node, k) => [node.key, k]));
  return {
    tooltip: tooltip(colours, ({ dataType, dataIndex }) =>
      dataType === "node" ? nodeLines(set, nodes[dataIndex]) : edgeLines(edges[dataIndex]),
    ),
    series: [
      {
        type: "graph",
        layout: "none",
        roam: true,
        scaleLimit: { min: 0.4, max: 30 },
        left: margin.x,
        right: margin.x,
        top: margin.y,
        bottom: margin.y,
        nodeScaleRatio: 0.5,
        cursor: "pointer",
        edgeSymbol: ["none", edges.length <= ARROWS ? "arrow" : "none"],
        edgeSymbolSize: 6,
        labelLayout: { hideOverlap: true },
        emphasis: { focus: "adjacency", lineStyle: { width: 2.5, opacity: 1 }, label: { show: true } },
        blur: { itemStyle: { opacity: 0.15 }, lineStyle: { opacity: 0.05 }, label: { opacity: 0.1 } },
        data: nodes.map((node, k) => ({
          name: node.key,
          ...at[k],
          symbol: node.isSource && !set.intra ? "rect" : "circle",
          symbolSize:
            dot * (5 + 1.5 * Math.sqrt(node.used + 0.4 * node.terms)) + (node.key === focusKey ? 6 : 0),
          itemStyle: {
            color: colourOf(node, colours),
            borderColor: node.key === focusKey ? colours.ink : colours.surface,
            borderWidth: node.key === focusKey ? 2 : 1,
          },
          label: {
            show: true,
            formatter: () => chartText(node.name),
            position: at[k].x > RIGHT * size.width ? "left" : "right",
            distance: 3,
            color: colours.ink,
            fontSize: node.key === focusKey ? 13 : 11,
            fontWeight: node.key === focusKey ? "bold" : "normal",
            textBorderColor: colours.surface,
            textBorderWidth: 2,
          },
        })),
        edges: edges.map((edge) => ({
          source: index.get(edge.from.key),
          target: index.get(edge.to.key),
          lineStyle: {
            color: edgeColourOf(edge, colours),
            width: line + 2.4 * (Math.abs(edge.coef) / strongest),
            opacity: edges.length > CROWD ? 0.4 : 0.6,
            curveness,
          },
        })),
      },
    ],
  };
}

/** Positions that fill a canvas of this size: ECharts would stretch them, and the dots with them. */
function stretched(nodes, { width, height }, margin) {
  const scale = (name, length) => {
    const values = nodes.map((node) => node[name]);
    const low = values.reduce((a, b) => Math.min(a, b), Infinity);
    const span = values.reduce((a, b) => Math.max(a, b), -Infinity) - low;
    return (value) => (span ? ((value - low) / span) * length : length / 2);
  };
  const [x, y] = [scale("x", width - 2 * margin.x), scale("y", height - 2 * margin.y)];
  return nodes.map((node) => ({ x: x(node.x), y: y(node.y) }));
}

function nodeLines(set, node) {
  const lines = [`${node.name} (#${node.category})`];
  if (node.t !== undefined && !(node.isSource && !set.intra)) {
    lines.push(
      `R² ${fixed(set.evidence[node.t])}${set.heldOut ? " held out" : ", fit"}`,
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
