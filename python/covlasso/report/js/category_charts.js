// The charts of one category: its equation as signed bars, its path, its error against the number of terms.

import { el, fixed, plural, significant } from "./dom.js";
import { axis, chartText, figure, legend, tooltip } from "./chart.js";
import { METHODS } from "./summary_charts.js";

const NAMED = 8; // lines of a path with a name; more do not fit
const PATH_GRID = { left: 56, right: 150, top: 16, bottom: 46 };
const NAME_HEIGHT = 14; // pixels between names at the end of a path

/** Signed bars, largest coefficient first; a click opens the source's page where it has one. */
export function equationBars(set, t, open) {
  const terms = set.terms(t);
  const positive = terms.filter(({ coef }) => coef > 0).length;
  const largest = Math.max(...terms.map(({ coef }) => Math.abs(coef)));
  return figure({
    title: "Equation",
    words: `${set.targetName(t)} = ${set.equation(t, Infinity)}`,
    height: Math.max(120, 44 + 26 * terms.length),
    onclick: ({ dataIndex }) => open(terms[dataIndex].source),
    option: (colours) => ({
      grid: { left: 12, right: 56, top: 6, bottom: 26, containLabel: true },
      tooltip: tooltip(colours, ({ dataIndex }) => [
        set.sourceName(terms[dataIndex].source),
        `coefficient ${fixed(terms[dataIndex].coef, 4)}`,
      ]),
      xAxis: axis(colours, "", {
        min: positive < terms.length ? -largest * 1.3 : 0,
        max: positive ? largest * 1.3 : 0,
        axisLabel: {
          color: colours.muted,
          showMinLabel: false,
          showMaxLabel: false,
          formatter: (value) => fixed(value),
        },
      }),
      yAxis: axis(colours, "", {
        type: "category",
        inverse: true,
        data: terms.map(({ source }) => chartText(set.sourceName(source))),
        splitLine: { show: false },
        axisLine: { onZero: false, show: false },
        axisLabel: { color: colours.ink, width: 170, overflow: "truncate", interval: 0 },
      }),
      series: [
        {
          type: "bar",
          barWidth: 14,
          cursor: "pointer",
          data: terms.map(({ coef }) => ({
            value: coef,
            itemStyle: { color: coef > 0 ? colours.plus : colours.minus, borderRadius: 2 },
            label: {
              show: true,
              position: coef > 0 ? "right" : "left",
              color: colours.ink,
              formatter: () => fixed(coef),
            },
          })),
        },
      ],
    }),
    note: "Blue adds to the logit, orange takes away from it.",
    table: () => ({
      columns: ["source", "coefficient"],
      rows: terms.map(({ source, coef }) => [set.sourceName(source), fixed(coef, 4)]),
    }),
  });
}

/** Coefficients against falling lambda (drawn at -lambda), straight between the knots; the equation's place is marked. */
export function pathChart(set, t) {
  const path = set.path(t);
  if (!path) return null;
  const size = ({ points }) => Math.abs(points.at(-1)[1]);
  const lines = [...path.lines].sort((a, b) => size(b) - size(a));
  const named = lines.filter(({ points }) => points.at(-1)[0] <= path.lam.at(-1)).slice(0, NAMED);
  const range = coefficientRange(lines);
  const [first, last] = [path.lam[0], path.lam.at(-1)];
  return figure({
    title: "Path",
    words: `${plural(new Set(lines.map(({ source }) => source)).size, "source")} take part as lambda falls from ${significant(first)} to ${significant(last)}.`,
    height: 340,
    option: (colours, size) => ({
      grid: PATH_GRID,
      tooltip: tooltip(colours, ({ seriesName, value }) => [
        seriesName,
        `λ ${significant(-value[0])}: ${fixed(value[1], 3)}`,
      ]),
      xAxis: axis(colours, "λ (scale of the paper), falling", {
        min: -first,
        max: -last,
        axisLabel: {
          color: colours.muted,
          showMinLabel: false,
          showMaxLabel: false,
          formatter: (value) => significant(-value),
        },
      }),
      yAxis: axis(colours, "coefficient (Lasso)", {
        nameGap: 40,
        ...range,
        axisLabel: { color: colours.muted, showMinLabel: false, showMaxLabel: false },
      }),
      series: lines.map((line, k) =>
        pathLine(
          set,
          line,
          colours.groups[k % colours.groups.length],
          nameOffset(named, line, range, size.height),
          k ? null : set.lam[t],
          colours,
        ),
      ),
    }),
    note: "Lasso coefficients. They are straight between the knots; the dashed line is where the equation was taken.",
    table: () => ({
      columns: ["source", "enters at λ", "coefficient at the end"],
      rows: lines.map(({ source, points }) => [
        set.sourceName(source),
        significant(points[0][0]),
        fixed(points.at(-1)[0] > last ? 0 : points.at(-1)[1], 4),
      ]),
    }),
  });
}

/** Range of the axis of coefficients, fixed here because the names are placed by it. */
function coefficientRange(lines) {
  const values = lines.flatMap(({ points }) => points.map(([, coef]) => coef));
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const margin = 0.05 * (high - low || 1);
  return { min: low - margin, max: high + margin };
}

/** How far the name of a line is moved up or down so that names do not overlap; null where it has none. */
function nameOffset(named, line, { min, max }, height) {
  if (!named.includes(line)) return null;
  const scale = (height - PATH_GRID.top - PATH_GRID.bottom) / (max - min);
  const falling = [...named].sort((a, b) => b.points.at(-1)[1] - a.points.at(-1)[1]);
  const wanted = falling.map(({ points }) => (max - points.at(-1)[1]) * scale);
  const down = [];
  wanted.forEach((y, k) => down.push(k ? Math.max(y, down[k - 1] + NAME_HEIGHT) : y));
  const up = [];
  for (let k = wanted.length - 1; k >= 0; k--) {
    up[k] = k < wanted.length - 1 ? Math.min(wanted[k], up[k + 1] - NAME_HEIGHT) : wanted[k];
  }
  const k = falling.indexOf(line);
  return (down[k] + up[k]) / 2 - wanted[k];
}

function pathLine(set, { source, points }, colour, offset, mark, colours) {
  const name = chartText(set.sourceName(source));
  return {
    type: "line",
    name,
    data: points.map(([lam, coef]) => [-lam, coef]),
    symbol: "circle",
    symbolSize: 4,
    showSymbol: points.length < 40,
    lineStyle: { width: 1.6, color: colour },
    itemStyle: { color: colour },
    emphasis: { focus: "series" },
    triggerLineEvent: true,
    endLabel: {
      show: offset !== null,
      offset: [0, offset ?? 0],
      formatter: () => shortened(name),
      color: colours.ink,
      fontSize: 12,
      distance: 6,
    },
    markLine:
      mark === null
        ? undefined
        : {
            silent: true,
            symbol: "none",
            data: [{ xAxis: -mark }],
            lineStyle: { color: colours.muted, type: "dashed" },
            label: { show: false },
          },
  };
}

function shortened(name, length = 20) {
  return name.length > length ? `${name.slice(0, length - 1)}…` : name;
}

/** Error against the number of terms: Lasso and refitted, or a pursuit, on both halves. */
export function categoryError(set, t) {
  const kinds = ["heldOut", "fit"]
    .flatMap((half) => ["pursuit", "refit", "lasso"].map((method) => `${half}.${method}`))
    .filter((kind) => set.curve(kind, t));
  if (!kinds.length) return null;
  const title = (kind) => {
    const [half, method] = kind.split(".");
    return `${METHODS[method]}, ${half === "fit" ? "fit" : "held out"}`;
  };
  const errors = Object.fromEntries(
    kinds.map((kind) => [kind, Array.from(set.curve(kind, t), (r2) => 1 - r2)]),
  );
  const last = set.curves.terms;
  return figure({
    title: "Error against the number of terms",
    words: kinds.map((kind) => `${title(kind)}: ${fixed(errors[kind][last])} with ${last} terms`).join("; "),
    height: 340,
    option: (colours) => ({
      legend: legend(colours, { type: "scroll", left: 50 }),
      tooltip: tooltip(
        colours,
        (params) => [
          plural(params[0].data[0], "term"),
          ...params.map((item) => `${item.seriesName}: ${fixed(item.data[1], 3)}`),
        ],
        { trigger: "axis" },
      ),
      xAxis: axis(colours, "terms in the equation", { min: 0, max: last, minInterval: 1 }),
      yAxis: axis(colours, "error / energy = 1 − R²", { min: 0, nameGap: 38 }),
      series: kinds.map((kind) => {
        const [half, method] = kind.split(".");
        const colour = half === "fit" ? colours.fit : colours.held;
        return {
          type: "line",
          name: title(kind),
          data: errors[kind].map((value, k) => [k, value]),
          symbol: "none",
          lineStyle: {
            color: colour,
            width: method === "lasso" ? 1.4 : 2.2,
            type: method === "lasso" ? "dashed" : "solid",
          },
          itemStyle: { color: colour },
          markLine:
            kind === kinds[0]
              ? {
                  silent: true,
                  symbol: "none",
                  label: { show: false },
                  lineStyle: { color: colours.muted, type: "dashed" },
                  data: [{ xAxis: set.nTerms(t) }],
                }
              : undefined,
        };
      }),
    }),
    note: "The dashed vertical line is the equation's number of terms.",
    table: () => ({
      columns: ["terms", ...kinds.map(title)],
      rows: Array.from({ length: last + 1 }, (_, k) => [
        String(k),
        ...kinds.map((kind) => fixed(errors[kind][k], 3)),
      ]),
    }),
  });
}

/** What stands where a chart would be, if the file does not hold its data. */
export function absent(title, text) {
  return el("section", { class: "card absent" }, el("h3", {}, title), el("p", {}, text));
}
