// The legend of a chart: buttons that show each line as it is drawn, and hide it; they wrap where there is little room.

import { el } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [30, 12]; // pixels of a sample of a line
const DASHES = { dashed: [4, 2], dotted: [1, 1] }; // in widths of the line, as ECharts has them
const SYMBOL = 5; // pixels, where a series does not say

/** A legend; `toggle(name)` hears which line to hide or show, `update(series, hidden)` follows the chart. */
export function legendOf(toggle) {
  const element = el("div", { class: "legend", role: "group", "aria-label": "Lines of the chart" });
  const buttons = new Map();
  const update = (series, hidden) => {
    for (const one of series.filter(({ name, of }) => name !== undefined && of === undefined)) {
      if (!buttons.has(one.name)) {
        const button = el("button", {
          type: "button",
          title: "Hide or show",
          onclick: () => toggle(one.name),
        });
        buttons.set(one.name, button);
        element.append(button);
      }
      const button = buttons.get(one.name);
      button.setAttribute("aria-pressed", String(!hidden.has(one.name)));
      button.replaceChildren(sample(one), el("span", {}, one.name));
    }
  };
  return { element, update };
}

/** A piece of a series: its line with colour, width, dash and symbol, or its bar. */
function sample({ type, lineStyle = {}, itemStyle = {}, symbol = "circle", symbolSize = SYMBOL }) {
  const image = svg("svg", { width: WIDTH, height: HEIGHT, "aria-hidden": "true" });
  if (type === "bar") {
    const { color, borderColor = "none", borderWidth = 1 } = itemStyle;
    const place = { x: 8, y: 1.5, width: 14, height: 9, rx: 1 };
    image.append(svg("rect", { ...place, fill: color, stroke: borderColor, "stroke-width": borderWidth }));
    return image;
  }
  const { color = itemStyle.color, width = 2, type: dash = "solid" } = lineStyle;
  const dashes = DASHES[dash]?.map((length) => length * width).join(" ");
  const line = { x1: 0, y1: HEIGHT / 2, x2: WIDTH, y2: HEIGHT / 2, stroke: color, "stroke-width": width };
  image.append(svg("line", { ...line, "stroke-dasharray": dashes ?? "none" }));
  if (symbol !== "none") image.append(mark(symbol, symbolSize / 2, itemStyle.color));
  return image;
}

function mark(symbol, r, fill) {
  const [x, y] = [WIDTH / 2, HEIGHT / 2];
  if (symbol === "diamond")
    return svg("path", { d: `M${x} ${y - r}L${x + r} ${y}L${x} ${y + r}L${x - r} ${y}Z`, fill });
  return svg("circle", { cx: x, cy: y, r, fill });
}

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
