// Figures: a chart with a caption, the words for those who cannot see it, and its numbers as a table.

import { count, el, tableOver } from "./dom.js";
import { keysInWords, walkable } from "./chart_keys.js";
import { legendOf } from "./chart_legend.js";
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
 * gives {columns, rows} of its numbers, `onclick(params)` hears clicks on its items, and Enter. With `legend` the
 * series that have a name can be hidden; one that is drawn for another names it as `of`. `subtitle` stands under the
 * title. `element.redraw()` draws it anew.
 */
export function figure({
  title,
  subtitle = null,
  words,
  option,
  table = null,
  onclick = null,
  height = 300,
  controls = null,
  note = null,
  legend = false,
}) {
  const canvas = el("div", {
    class: "chart",
    style: `height:${height}px`,
    tabindex: "0",
    role: "application",
    "aria-roledescription": "chart",
    "aria-label": `${title}. ${words} ${keysInWords(onclick !== null)}`,
  });
  const hidden = new Set();
  const toggle = (name) => {
    if (!hidden.delete(name)) hidden.add(name);
    redraw();
  };
  const lines = legend ? legendOf(toggle) : null;
  let drawn = null;
  const inSight = (colours, size) => {
    const whole = option(colours, size);
    lines?.update(whole.series, hidden);
    drawn = { ...whole, series: whole.series.filter(({ name, of }) => !hidden.has(of ?? name)) };
    return drawn;
  };
  const redraw = draw(canvas, inSight, onclick);
  walkable(canvas, () => ({ chart: live.get(canvas)?.chart, option: drawn }), onclick);
  const element = el(
    "figure",
    { class: "card" },
    el("figcaption", {}, el("h3", {}, title), subtitle && el("p", { class: "note" }, subtitle), controls),
    lines?.element,
    canvas,
    note && el("p", { class: "note" }, note),
    table && numbers(title, table),
  );
  element.redraw = redraw;
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
    grid: { left: 56, right: 20, top: 14, bottom: 46 },
  };
}

/** Axis in the colours of the theme. */
export function axis(colours, name, { axisLabel = {}, ...more } = {}) {
  return {
    type: "value",
    name,
    nameLocation: "middle",
    nameGap: 30,
    nameTextStyle: { color: colours.muted },
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { show: false },
    axisLabel: {
      color: colours.muted,
      hideOverlap: true,
      ...(more.type === "category" ? {} : { formatter: tick }),
      ...axisLabel,
    },
    splitLine: { lineStyle: { color: colours.faint } },
    ...more,
  };
}

/** Tooltip whose `lines(params)` are strings: they become text, never markup. */
export function tooltip(colours, lines, more = {}) {
  const formatter = (params) =>
    el(
      "div",
      {},
      lines(params).map((line) => el("div", {}, line)),
    );
  formatter.lines = lines; // for who hears them
  return {
    backgroundColor: colours.surface,
    borderColor: colours.line,
    textStyle: { color: colours.ink, fontSize: 13 },
    confine: true,
    formatter,
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

/** Numbers of an axis in one style: 1,000, 0.2, −0.4. */
export function tick(value) {
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return value < 0 ? `−${count(-value)}` : count(value);
  return String(Number(value.toPrecision(6))).replaceAll("-", "−");
}

/** Round ends and steps of an axis around 0 and `values`; `room` is the share of the range to leave below them. */
export function roundRange(values, steps, room = 0) {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const rough = (high - low || 1) / steps;
  const power = 10 ** Math.floor(Math.log10(rough));
  const interval = power * [1, 2, 5, 10].find((step) => step * power >= rough * (1 - 1e-9));
  const round = (value, to) => Number((to(value / interval) * interval).toPrecision(6));
  const below = low < 0 ? room * (high - low) : 0;
  return { interval, min: round(low - below, Math.floor), max: round(high || interval, Math.ceil) };
}

const SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Powers of ten, for logarithmic axes. */
export function powerOfTen(value) {
  const exponent = Math.round(Math.log10(value));
  const digits = Array.from(String(Math.abs(exponent)), (digit) => SUPERSCRIPT[digit]).join("");
  return `10${exponent < 0 ? "⁻" : ""}${digits}`;
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

/** What stands where a chart would be, if the file does not hold its data. */
export function absent(title, text) {
  return el("section", { class: "card absent" }, el("h3", {}, title), el("p", {}, text));
}
