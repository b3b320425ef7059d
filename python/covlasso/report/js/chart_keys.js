// A chart by keyboard: arrow keys go over its points and say them, the tooltip follows, Enter opens.

import { say } from "./dom.js";

const LEAP = 10; // points, by Page Up and Page Down

/** How a chart is used, for its label. */
export function keysInWords(opens) {
  return `Arrow keys go over its points${opens ? ", Enter opens the category" : ""}, Escape leaves.`;
}

/**
 * Make the chart in `canvas` walkable. `drawn()` gives {chart, option} as it is now, `onclick(params)` opens a point.
 *
 * A point is a datum of a series with a name, or of the only one; not where it says `between`, nor where its series
 * is part `of` another. What is said is what the tooltip has.
 */
export function walkable(canvas, drawn, onclick) {
  const at = { series: 0, stop: -1 };
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { chart, option } = drawn();
    const walks = walksOf(option);
    if (!chart || !walks.length) return;
    at.series = Math.min(at.series, walks.length - 1);
    const { stops } = walks[at.series];
    const by = (step) => () => {
      at.stop = at.stop < 0 ? (step > 0 ? 0 : stops.length - 1) : at.stop + step;
    };
    const across = (step) => (walks.length > 1 ? () => crossOver(option, walks, at, step) : by(step));
    const actions = {
      ArrowRight: by(1),
      ArrowLeft: by(-1),
      ArrowDown: across(1),
      ArrowUp: across(-1),
      PageDown: by(LEAP),
      PageUp: by(-LEAP),
      Home: () => (at.stop = 0),
      End: () => (at.stop = stops.length - 1),
      Enter: () =>
        at.stop >= 0 &&
        onclick?.(paramsOf(option.series[walks[at.series].k], walks[at.series].k, stops[at.stop])),
      Escape: () => (at.stop = -1),
    };
    if (!actions[event.key] || (event.key === "Escape" && at.stop < 0)) return;
    event.preventDefault();
    actions[event.key]();
    if (event.key === "Enter") return;
    at.stop = Math.min(at.stop, walks[at.series].stops.length - 1);
    if (at.stop < -1 || (at.stop < 0 && event.key !== "Escape")) at.stop = 0;
    point(chart, option, walks[at.series], at.stop);
  };
  canvas.addEventListener("keydown", press);
  canvas.addEventListener("blur", () => {
    const { chart } = drawn();
    if (!chart || at.stop < 0) return;
    at.stop = -1;
    hide(chart);
  });
}

/** Series to walk along with the places of their points; one of all where the tooltip is that of an axis. */
function walksOf(option) {
  const walks = option.series
    .map((series, k) => ({ k, stops: stopsOf(series) }))
    .filter(({ k, stops }) => stops.length && option.series[k].of === undefined && !option.series[k].silent);
  if (option.tooltip?.trigger !== "axis") return walks;
  return walks.sort((a, b) => b.stops.length - a.stops.length || a.k - b.k).slice(0, 1);
}

/** Places of the points of a series; of a scatter from left to right. */
function stopsOf({ type, data }) {
  const stops = Array.from(data.keys()).filter((k) => data[k] !== null && !data[k].between);
  return type === "scatter" ? stops.sort((a, b) => xOf(data[a], a) - xOf(data[b], b) || a - b) : stops;
}

function valueOf(datum) {
  return datum?.value ?? datum;
}

/** Where a datum is along the chart: its x, or its number where the axis has categories. */
function xOf(datum, k) {
  const value = valueOf(datum);
  return Array.isArray(value) ? value[0] : k;
}

/** Go to the next series, to its point nearest in x. */
function crossOver(option, walks, at, step) {
  const dataOf = ({ k }) => option.series[k].data;
  const from = walks[at.series];
  const x = at.stop < 0 ? -Infinity : xOf(dataOf(from)[from.stops[at.stop]], from.stops[at.stop]);
  at.series = at.stop < 0 ? 0 : (at.series + step + walks.length) % walks.length;
  const to = walks[at.series];
  const away = to.stops.map((k) => Math.abs(xOf(dataOf(to)[k], k) - x));
  at.stop = away.indexOf(Math.min(...away));
}

function paramsOf(series, seriesIndex, dataIndex) {
  const data = series.data[dataIndex];
  return { seriesIndex, seriesName: series.name, dataIndex, data, value: valueOf(data) };
}

/** What the tooltip of a point is written from: the point, or of all series where the tooltip is that of an axis. */
function toldOf(option, { k }, place) {
  const own = paramsOf(option.series[k], k, place);
  if (option.tooltip.trigger !== "axis") return own;
  const x = xOf(own.data, place);
  return option.series.flatMap((series, i) => {
    if (series.of !== undefined || series.silent) return [];
    const there = i === k ? place : series.data.findIndex((datum, j) => xOf(datum, j) === x);
    return there < 0 ? [] : [paramsOf(series, i, there)];
  });
}

function point(chart, option, walk, stop) {
  chart.dispatchAction({ type: "downplay" });
  if (stop < 0) return hide(chart);
  const place = { seriesIndex: walk.k, dataIndex: walk.stops[stop] };
  chart.dispatchAction({ type: "highlight", ...place });
  chart.dispatchAction({ type: "showTip", ...place });
  say(option.tooltip.formatter.lines(toldOf(option, walk, place.dataIndex)).join("; "));
}

function hide(chart) {
  chart.dispatchAction({ type: "downplay" });
  chart.dispatchAction({ type: "hideTip" });
}
