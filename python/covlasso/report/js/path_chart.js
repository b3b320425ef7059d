// The path of one category: Lasso coefficients against log lambda or the number of terms, each line tied to its name.

import { el, fixed, plural, significant } from "./dom.js";
import { powerOfTen, axis, chartText, figure, roundRange, tooltip } from "./chart.js";

const BETWEEN = 6; // points between two knots, where a straight line in lambda is drawn bent
const LAST_STEP = 0.3; // of the last knot but one: a step beyond it is straight in lambda
const LAST_ROOM = 0.25; // of the width of the others, for that step
const NAME_HEIGHT = 15; // pixels between names
const LEADER = 16; // pixels from the end of a line to its name
const STEPS = 6; // of the axis of coefficients, at most
const MARK_ROOM = 40; // pixels on either side of the mark for its words
const NARROW = 480; // pixels of a chart on a phone
/** Leaves room for the words of `placeMark` over the chart. */
export const PLACE_GRID = { left: 56, right: 20, top: 26, bottom: 46 };
const WIDE_ROOM = { right: 152, letters: 20, named: 10 };
const NARROW_ROOM = { right: 104, letters: 13, named: 6 };

const AXES = { lambda: "λ (log)", terms: "terms" };

/** Coefficient of a source at lambda: straight between the knots of its run, 0 outside. */
export function lassoCoefficient(path, source, lam) {
  for (const { source: own, points } of path.lines) {
    if (own !== source) continue;
    const k = points.findIndex(
      ([knot], i) => i + 1 < points.length && knot >= lam && lam >= points[i + 1][0],
    );
    if (k >= 0) return onSegment(points[k], points[k + 1], lam);
  }
  return 0;
}

/** Whether a path, as it is in the file, goes to this lambda; numbers there have three digits. */
export function reaches(path, lam) {
  return lam >= path.lam.at(-1) * 0.995;
}

export function pathChart(set, t, open) {
  const path = set.path(t);
  if (!path?.lines.length) return null;
  const size = ({ points }) => Math.abs(points.at(-1)[1]);
  const lines = [...path.lines].sort((a, b) => size(b) - size(a));
  const range = roundRange(
    lines.flatMap(({ points }) => points.map(([, coef]) => coef)),
    STEPS,
  );
  const [first, last] = [path.lam[0], path.lam.at(-1)];
  const scales = { lambda: logScale(path), terms: termsScale(path) };
  let shown = "lambda";
  const own = set.lam[t];
  const card = figure({
    title: "Path",
    subtitle: "Lasso coefficients as λ falls, before any refit.",
    words: `${plural(new Set(lines.map(({ source }) => source)).size, "source")} take part as lambda falls from ${significant(first)} to ${significant(last)}.`,
    height: 380,
    controls: axisSwitch(t, (name) => {
      shown = name;
      card.redraw();
    }),
    onclick: ({ seriesIndex }) => open(lines[seriesIndex].source),
    option: (colours, size) =>
      pathOption(colours, size, { set, lines, range, scale: scales[shown], own, path }),
    note: `${placeWords(path, own)} Pointing at a line, or arrow keys, bring it out. Lines without a name are in the table.`,
    table: () => ({
      columns: ["source", "enters at λ", `at λ ${significant(own)}`, "at the end"],
      rows: lines.map(({ source, points }) => [
        set.sourceName(source),
        significant(points[0][0]),
        fixed(lassoCoefficient(path, source, Math.max(own, last)), 4),
        fixed(points.at(-1)[0] > last ? 0 : points.at(-1)[1], 4),
      ]),
    }),
  });
  return card;
}

/** Two choices for the axis; `chosen(name)` hears which. */
function axisSwitch(t, chosen) {
  const choice = (name) =>
    el(
      "label",
      {},
      el("input", {
        type: "radio",
        name: `path-axis-${t}`,
        value: name,
        checked: name === "lambda",
        onchange: () => chosen(name),
      }),
      AXES[name],
    );
  return el(
    "div",
    { class: "choice", role: "radiogroup", "aria-label": "Horizontal axis" },
    el("span", { "aria-hidden": "true" }, "Horizontal axis:"),
    Object.keys(AXES).map(choice),
  );
}

function pathOption(colours, size, { set, lines, range, scale, own, path }) {
  const room = size.width < NARROW ? NARROW_ROOM : WIDE_ROOM;
  const grid = { ...PLACE_GRID, right: room.right };
  const pixel = {
    x: (scale.max - scale.min) / Math.max(1, size.width - grid.left - grid.right - LEADER),
    y: (range.max - range.min) / Math.max(1, size.height - grid.top - grid.bottom),
  };
  const alive = lines.filter(({ points }) => points.at(-1)[0] <= path.lam.at(-1)).slice(0, room.named);
  const heights = namesApart(
    alive.map(({ points }) => points.at(-1)[1]),
    NAME_HEIGHT * pixel.y,
    range,
  );
  const end = scale.max + LEADER * pixel.x;
  const nameAt = new Map(alive.map((line, k) => [line, [end, heights[k]]]));
  return {
    grid,
    tooltip: tooltip(colours, ({ seriesName, data }) => [
      seriesName,
      `λ ${significant(data.lam)}: ${fixed(data.value[1], 3)}`,
    ]),
    xAxis: axis(colours, scale.name, {
      min: scale.min,
      max: end,
      axisLine: { onZero: false, lineStyle: { color: colours.line } },
      axisTick: { show: true, customValues: scale.ticks, lineStyle: { color: colours.line } },
      splitLine: { show: false },
      axisLabel: { customValues: scale.ticks, formatter: scale.label },
    }),
    yAxis: axis(colours, "coefficient (Lasso)", {
      nameGap: 40,
      ...range,
      axisLine: { onZero: false, show: false },
    }),
    series: lines.map((line, k) => ({
      ...pathLine(
        set,
        line,
        colours.groups[k % colours.groups.length],
        scale,
        nameAt.get(line),
        room.letters,
      ),
      markLine:
        k || !reaches(path, own) || own > path.lam[0]
          ? undefined
          : placeMark(colours, scale.at(Math.max(own, path.lam.at(-1))), scale.min + MARK_ROOM * pixel.x),
    })),
  };
}

/** One line, and where it has a name, on from the end of the axis to its name. */
function pathLine(set, { source, points }, colour, scale, nameAt, letters) {
  const name = chartText(set.sourceName(source));
  const data = scale.along(points).map(({ x, point: [lam, coef], between }) => ({
    value: [x, coef],
    lam,
    ...(between || points.length > 40 ? { between, symbol: "none" } : {}),
  }));
  if (nameAt) data.push({ value: nameAt, between: true, symbol: "none" });
  return {
    type: "line",
    name,
    data,
    symbol: "circle",
    symbolSize: 4,
    showAllSymbol: true,
    cursor: "pointer",
    lineStyle: { width: 1.6, color: colour },
    itemStyle: { color: colour },
    emphasis: { focus: "series", lineStyle: { width: 3 } },
    blur: { lineStyle: { opacity: 0.15 }, itemStyle: { opacity: 0.15 }, endLabel: { opacity: 0.3 } },
    triggerLineEvent: true,
    endLabel: {
      show: nameAt !== undefined,
      formatter: () => shortened(name, letters),
      color: colour,
      fontSize: 12,
      distance: 4,
    },
  };
}

/** Where the equation was taken, in words. */
function placeWords(path, own) {
  if (own > path.lam[0]) return `The equation was taken at λ ${significant(own)}, before any term enters.`;
  if (!reaches(path, own))
    return `The equation was taken at λ ${significant(own)}, beyond the path in this file.`;
  const far = isFarStep(path)
    ? ` On the log axis the last step, to λ ${significant(path.lam.at(-1))}, is linear.`
    : "";
  return `The dashed line is where the equation was taken.${far}`;
}

/** Where the equation was taken; its words stand to the right of it where there is no room on the left. */
export function placeMark(colours, x, roomFrom) {
  return {
    silent: true,
    symbol: "none",
    data: [{ xAxis: x }],
    lineStyle: { color: colours.ink, type: "dashed" },
    label: {
      formatter: "this equation",
      color: colours.ink,
      position: "end",
      align: x < roomFrom ? "left" : "center",
      fontSize: 11,
      distance: 3,
    },
    emphasis: { disabled: true },
    blur: { lineStyle: { opacity: 1 }, label: { opacity: 1 } },
  };
}

function shortened(name, length) {
  return name.length > length ? `${name.slice(0, length - 1)}…` : name;
}

/** Heights near the `wanted` ones, at least `gap` apart and within the range as far as it has room. */
function namesApart(wanted, gap, { min, max }) {
  const order = Array.from(wanted.keys()).sort((a, b) => wanted[b] - wanted[a]);
  const down = [];
  for (const k of order) down.push(Math.min(wanted[k], (down.at(-1) ?? Infinity) - gap));
  const up = [];
  for (const k of [...order].reverse()) up.unshift(Math.max(wanted[k], (up[0] ?? -Infinity) + gap));
  const middle = order.map((_, i) => (down[i] + up[i]) / 2);
  const raise = Math.max(0, min - Math.min(...middle)) - Math.max(0, Math.max(...middle) - max);
  const heights = [];
  order.forEach((k, i) => (heights[k] = middle[i] + raise));
  return heights;
}

function onSegment([lam, coef], [nextLam, nextCoef], at) {
  return lam === nextLam ? nextCoef : coef + ((nextCoef - coef) * (lam - at)) / (lam - nextLam);
}

/** log lambda, falling to the right. A last step far beyond the others, as that to 0, is straight in lambda. */
function logScale(path) {
  const last = path.lam.at(-1);
  const bent = isFarStep(path) ? path.lam.at(-2) : last; // logarithmic up to here
  const [min, turn] = [path.lam[0], bent].map((lam) => -Math.log10(lam));
  const rest = bent > last ? LAST_ROOM * (turn - min) || 1 : 0;
  const at = (lam) => (lam >= bent ? -Math.log10(lam) : turn + (rest * (bent - lam)) / (bent - last));
  const named = [...logTicks(bent, path.lam[0]), ...(rest ? [last] : [])];
  const max = turn + rest;
  return {
    name: "λ (scale of the paper), falling, logarithmic",
    min,
    max: max > min ? max : min + 1,
    at,
    ticks: named.map(at),
    label: (x) =>
      lambdaText(
        nearest(named, (lam) => Math.abs(at(lam) - x)),
        path.lam[0] / bent,
      ),
    along: (points) =>
      points.flatMap((point, k) => {
        const here = { x: at(point[0]), point };
        if (!k || point[0] < bent) return [here];
        const before = points[k - 1];
        const ratio = point[0] / before[0];
        const bend = Array.from({ length: BETWEEN - 1 }, (_, i) => before[0] * ratio ** ((i + 1) / BETWEEN));
        const inner = bend.map((lam) => ({
          x: at(lam),
          point: [lam, onSegment(before, point, lam)],
          between: true,
        }));
        return [...inner, here];
      }),
  };
}

/** The value with the smallest distance. */
function nearest(values, distance) {
  return values.reduce((best, value) => (distance(value) < distance(best) ? value : best));
}

/** Whether the last step of a path is too far for a logarithm. */
function isFarStep({ lam }) {
  return lam.length > 1 && lam.at(-1) < LAST_STEP * lam.at(-2);
}

/** Round values of lambda: by 1, 2, 5 of every decade, or finer within a decade. */
/** A lambda on the axis: over many decades as a power of ten. */
function lambdaText(lam, range) {
  const isPower = Math.abs(Math.log10(lam) - Math.round(Math.log10(lam))) < 1e-9;
  return range > 1e3 && isPower ? powerOfTen(lam) : significant(Number(lam.toPrecision(6)));
}

function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const steps =
    decades > 3 ? [1] : decades > 0.9 ? [1, 2, 5] : decades > 0.4 ? [1, 1.5, 2, 3, 4, 5, 7] : null;
  if (!steps) return Array.from({ length: 5 }, (_, k) => low + ((high - low) * k) / 4);
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
    for (const step of steps)
      if (step * 10 ** power >= low && step * 10 ** power <= high) found.push(step * 10 ** power);
  return found;
}

/** A step from knot to knot, named by the number of terms there: straight between, as in lambda. */
function termsScale(path) {
  const last = path.lam.length - 1;
  const terms = new Array(last + 1).fill(0);
  for (const { points } of path.lines) for (const [, coef, knot] of points) if (coef !== 0) terms[knot]++;
  const every = Math.max(1, Math.ceil(last / 12));
  return {
    name: "terms in the equation, a step where one enters or leaves",
    min: 0,
    max: Math.max(1, last),
    at: (lam) => {
      const k = path.lam.findIndex((knot, i) => i < last && knot >= lam && lam >= path.lam[i + 1]);
      if (k < 0) return lam > path.lam[0] ? 0 : last;
      const step = path.lam[k] - path.lam[k + 1];
      return k + (step ? (path.lam[k] - lam) / step : 0);
    },
    ticks: Array.from({ length: last + 1 }, (_, k) => k).filter((k) => k % every === 0),
    label: (x) => String(terms[x] ?? ""),
    along: (points) => points.map((point) => ({ x: point[2], point })),
  };
}
