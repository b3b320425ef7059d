// Figures: a chart with a caption, the words for those who cannot see it, and its numbers as a table.

import { el, tableOver } from "./dom.js";
import { palette } from "./theme.js";

const live = new Map(); // element of a chart -> { chart, option }

const observer = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const { chart, option } = live.get(target) ?? {};
    if (!chart || (chart.getWidth() === target.clientWidth && chart.getHeight() === target.clientHeight))
      continue;
    chart.resize();
    if (option.length > 1) chart.setOption(option(palette(), sizeOf(chart))); // it depends on the size
  }
});

/**
 * A figure. `option(colours, size)` is the chart's ECharts option, `words` describes it in a sentence, `table()`
 * gives {columns, rows} of its numbers, `onclick(params)` hears clicks on its items.
 */
export function figure({
  title,
  words,
  option,
  table = null,
  onclick = null,
  height = 300,
  controls = null,
  note = null,
}) {
  const canvas = el("div", {
    class: "chart",
    style: `height:${height}px`,
    role: "img",
    "aria-label": `${title}. ${words}`,
  });
  const element = el(
    "figure",
    { class: "card" },
    el("figcaption", {}, el("h3", {}, title), controls),
    canvas,
    note && el("p", { class: "note" }, note),
    table && numbers(title, table),
  );
  element.redraw = draw(canvas, option, onclick);
  return element;
}

/** Draw a chart into `canvas` once it is in the page; returns a function that draws it anew. */
export function draw(canvas, option, onclick = null) {
  const paint = () => {
    if (!canvas.isConnected) return;
    let entry = live.get(canvas);
    if (!entry) {
      entry = { chart: echarts.init(canvas), option };
      live.set(canvas, entry);
      observer.observe(canvas);
      if (onclick) entry.chart.on("click", onclick);
    }
    entry.chart.setOption({ ...common(palette()), ...option(palette(), sizeOf(entry.chart)) }, true);
  };
  requestAnimationFrame(paint);
  return paint;
}

/** Forget the charts that are no longer in the page. */
export function dropOldCharts() {
  for (const [canvas, { chart }] of live) {
    if (canvas.isConnected) continue;
    observer.unobserve(canvas);
    chart.dispose();
    live.delete(canvas);
  }
}

export function redrawCharts() {
  const colours = palette();
  for (const { chart, option } of live.values())
    chart.setOption({ ...common(colours), ...option(colours, sizeOf(chart)) }, true);
}

function sizeOf(chart) {
  return { width: chart.getWidth(), height: chart.getHeight() };
}

function common(colours) {
  return {
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colours.muted },
    backgroundColor: "transparent",
    grid: { left: 56, right: 20, top: 34, bottom: 46 },
  };
}

/** Axis in the colours of the theme. */
export function axis(colours, name, more = {}) {
  return {
    type: "value",
    name,
    nameLocation: "middle",
    nameGap: 30,
    nameTextStyle: { color: colours.muted },
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { show: false },
    axisLabel: { color: colours.muted, hideOverlap: true },
    splitLine: { lineStyle: { color: colours.faint } },
    ...more,
  };
}

/** Tooltip whose `lines(params)` are strings: they become text, never markup. */
export function tooltip(colours, lines, more = {}) {
  return {
    backgroundColor: colours.surface,
    borderColor: colours.line,
    textStyle: { color: colours.ink, fontSize: 13 },
    confine: true,
    formatter: (params) =>
      el(
        "div",
        {},
        lines(params).map((line) => el("div", {}, line)),
      ),
    ...more,
  };
}

/**
 * A name as the chart library may have it: it keeps texts in plain objects, where "__proto__" would be the
 * prototype of everything. A space without width makes it an ordinary word.
 */
export function chartText(name) {
  return name === "__proto__" ? `${name}\u200b` : name;
}

export function legend(colours, more = {}) {
  return { top: 0, right: 8, textStyle: { color: colours.muted }, itemWidth: 18, itemHeight: 8, ...more };
}

/** A closed <details> with the numbers of a figure; the table is made when it is opened. */
export function numbers(title, table, label = "Figures as a table") {
  const details = el("details", { class: "numbers" }, el("summary", {}, label));
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector("table")) return;
    const { columns, rows } = table();
    details.append(
      el(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title}, as a table` },
        plainTable(columns, rows),
      ),
    );
  });
  return details;
}

/** A table of texts; the first column heads the rows. */
export function plainTable(columns, rows) {
  return tableOver(
    el(
      "tbody",
      {},
      rows.map((row) =>
        el(
          "tr",
          {},
          row.map((cell, k) => el(k ? "td" : "th", k ? {} : { scope: "row" }, cell)),
        ),
      ),
    ),
    columns,
  );
}
