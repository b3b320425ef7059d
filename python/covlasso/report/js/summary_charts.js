// The four charts of the summary: error by terms, distribution of R^2, fit against held-out, spectrum.

import { count, el, fixed, plural, r2, share, significant } from "./dom.js";
import { hashOf } from "./places.js";
import { axis, figure, powerOfTen, tick, tooltip } from "./chart.js";
import { randomOf } from "./beside.js";
import { ofWhich } from "./followed.js";

const HALVES = { fit: "fit", heldOut: "held out" };
const RANDOM = "random terms";
const BINS = 20;
const TINY = 0.02; // error from which on a logarithmic axis shows more
const STARTS = [0.9999, 0.999, 0.99, 0.9]; // where an axis of R² may begin, if nothing is below
const LISTED = 50; // dots in a table
const DRAWN = 6000; // dots in a chart

export const METHODS = { lasso: "Lasso", refit: "refitted", pursuit: "matching pursuit" };

/** Median error against the number of terms, with the band between the quartiles, on both halves. */
export function errorByTerms(set) {
  const kind = set.curveKind;
  const halves = Object.keys(HALVES).filter((half) => set.array(`band.${half}.${kind}`));
  const length = set.curves.terms + 1;
  const rows = Object.fromEntries(
    halves.map((half) => {
      const band = set.array(`band.${half}.${kind}`);
      const quantile = (q) => Array.from(band.subarray(q * length, (q + 1) * length), (value) => 1 - value);
      return [half, { low: quantile(3), median: quantile(2), high: quantile(1) }];
    }),
  );
  const last = halves.at(-1);
  const random = set.curves.random?.[last]?.map((value, k) => [set.curves.random.terms[k], 1 - value]);
  const randomAt = new Map(random);
  return figure({
    title: `Error against the number of terms (${METHODS[kind]})`,
    legend: true,
    words:
      `Median over ${ofWhich(set) ? `the categories${ofWhich(set)}` : "all categories"}: ${share(rows[last].median[1])} with one term, ` +
      `${share(rows[last].median[length - 1])} with ${length - 1}, ${HALVES[last]}` +
      (random ? `; ${share(random.at(-1)[1])} with ${random.at(-1)[0]} at random.` : "."),
    option: (colours) => ({
      tooltip: tooltip(
        colours,
        (params) => {
          const k = params[0].data[0];
          return [
            plural(k, "term"),
            ...halves.map(
              (half) =>
                `${HALVES[half]}: ${share(rows[half].median[k])} ` +
                `(middle half ${share(rows[half].low[k])} to ${share(rows[half].high[k])})`,
            ),
            randomAt.has(k) && `${RANDOM}: ${share(randomAt.get(k))}`,
          ].filter(Boolean);
        },
        { trigger: "axis" },
      ),
      xAxis: axis(colours, "terms in the equation", { min: 0, max: length - 1, minInterval: 1 }),
      yAxis: errorAxis(colours, Math.min(...halves.map((half) => rows[half].low.at(-1)))),
      series: [
        ...halves.flatMap((half) => {
          const colour = half === "fit" ? colours.fit : colours.held;
          return [
            ...band(rows[half], HALVES[half], colour),
            {
              type: "line",
              name: HALVES[half],
              data: rows[half].median.map((value, k) => [k, value]),
              symbol: "none",
              lineStyle: { width: 2, color: colour, type: half === "fit" ? "dashed" : "solid" },
              itemStyle: { color: colour },
            },
          ];
        }),
        random && {
          type: "line",
          name: RANDOM,
          data: random,
          symbol: "diamond",
          symbolSize: 7,
          lineStyle: { width: 1.6, color: colours.ink, type: "dotted" },
          itemStyle: { color: colours.ink },
        },
      ].filter(Boolean),
    }),
    note:
      `Lines: median category; bands: the middle half of the categories${ofWhich(set)}.` +
      (random ? ` Random terms: least squares, mean over draws, ${HALVES[last]}.` : ""),
    table: () => ({
      columns: [
        "terms",
        ...halves.flatMap((half) =>
          ["lower quartile", "median", "upper quartile"].map((name) => `${name}, ${HALVES[half]}`),
        ),
        ...(random ? [`${RANDOM}, ${HALVES[last]}`] : []),
      ],
      rows: Array.from({ length }, (_, k) => [
        String(k),
        ...halves.flatMap((half) => ["low", "median", "high"].map((name) => share(rows[half][name][k]))),
        ...(random ? [share(randomAt.get(k))] : []),
      ]),
    }),
  });
}

/** Axis of errors: from 0, or logarithmic where the least of them are tiny. */
export function errorAxis(colours, least) {
  const name = "error / energy = 1 − R²";
  if (!(least > 0 && least < TINY)) return axis(colours, name, { min: 0, nameGap: 38 });
  const min = 10 ** Math.floor(Math.log10(least));
  return axis(colours, name, { type: "log", min, nameGap: 38, axisLabel: { formatter: powerOfTen } });
}

/** Two stacked lines, drawn for the line `name`: one unseen, and on it the height of the band. */
function band({ low, high }, name, colour) {
  const line = {
    type: "line",
    of: name,
    symbol: "none",
    silent: true,
    lineStyle: { width: 0 },
    stack: `band ${colour}`,
    tooltip: { show: false },
  };
  return [
    { ...line, data: low.map((value, k) => [k, value]) },
    {
      ...line,
      data: low.map((value, k) => [k, high[k] - value]),
      areaStyle: { color: colour, opacity: 0.16 },
    },
  ];
}

/** How many categories have which R^2. */
export function distribution(set) {
  const series = [
    ["fit", set.r2],
    ["heldOut", set.heldOut],
  ].filter(([, values]) => values);
  const random = randomOf(set);
  const start = startOf([...series.map(([, values]) => values), ...(random ? [random] : [])]);
  const drawn = random && histogram(random, start);
  const counts = [...series.map(([, values]) => histogram(values, start)), ...(drawn ? [drawn] : [])];
  const columns = [...series.map(([name]) => HALVES[name]), ...(drawn ? [RANDOM] : [])];
  const below = counts.some((row) => row[0] > 0);
  const first = below ? 0 : 1;
  const edge = (k) => tick(start + ((1 - start) * k) / BINS);
  const labels = ["< 0", ...Array.from({ length: BINS }, (_, k) => edge(k))].slice(first);
  const range = (k) =>
    k + first === 0 ? "R² below 0" : `R² from ${edge(k + first - 1)} to ${edge(k + first)}`;
  const half = series.length - 1;
  const above = (limit) => series[half][1].filter((value) => value > limit).length;
  return figure({
    title: "How well categories are explained",
    legend: true,
    words:
      `${count(above(0.5))} of ${plural(set.nTargets, "category", "categories")} have an R² above 0.5, ` +
      `${count(above(0.7))} above 0.7, ${HALVES[series[half][0]]}` +
      (random
        ? `; of as many terms at random ${count(random.filter((value) => value > 0.5).length)} above 0.5.`
        : "."),
    option: (colours) => ({
      tooltip: tooltip(
        colours,
        (params) => [
          range(params[0].dataIndex),
          ...params.map((item) => `${item.seriesName}: ${plural(item.value, "category", "categories")}`),
        ],
        { trigger: "axis", axisPointer: { type: "shadow" } },
      ),
      xAxis: axis(colours, set.kind && set.kind !== "second_moment" ? "R²" : "R², not centred", {
        type: "category",
        data: labels,
        splitLine: { show: false },
      }),
      yAxis: axis(colours, "categories", { nameGap: 40, minInterval: 1 }),
      series: [
        ...series.map(([name], k) => ({
          type: "bar",
          name: HALVES[name],
          data: counts[k].slice(first),
          barGap: "0%",
          barCategoryGap: "12%",
          itemStyle: { color: name === "fit" ? colours.fit : colours.held },
        })),
        drawn && {
          type: "line",
          name: RANDOM,
          step: "middle",
          data: drawn.slice(first),
          symbol: "none",
          lineStyle: { width: 1.6, color: colours.ink, type: "dotted" },
          itemStyle: { color: colours.ink },
        },
      ].filter(Boolean),
    }),
    note: drawn ? `Outline: as many terms at random, ${HALVES[series[half][0]]}.` : null,
    table: () => ({
      columns: ["R²", ...columns],
      rows: labels.map((_, k) => [range(k), ...counts.map((row) => count(row[k + first]))]),
    }),
  });
}

/** Where an axis of R² begins: at 0, or nearer to 1 where all values are there. */
function startOf(all) {
  const least = all.reduce((low, values) => values.reduce((a, b) => (b < a ? b : a), low), 1);
  return STARTS.find((start) => start <= least) ?? 0;
}

/** Counts of values below 0, and in BINS equal parts of `start` to 1; NaN is counted nowhere. */
function histogram(values, start) {
  const counts = new Array(BINS + 1).fill(0);
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    const part = Math.floor(((value - start) / (1 - start)) * BINS + 1e-9);
    counts[value < 0 ? 0 : 1 + Math.max(0, Math.min(BINS - 1, part))]++;
  }
  return counts;
}

/** One dot per category; a click opens its page. */
export function dots({ title, words, note, set, x, y, xName, yName, open }) {
  const known = Array.from(set.targets.keys()).filter((t) => Number.isFinite(x[t]) && Number.isFinite(y[t]));
  const step = Math.ceil(known.length / DRAWN);
  const points = known.filter((_, k) => k % step === 0).map((t) => [x[t], y[t], t]);
  const least = points.reduce((low, [a, b]) => (Math.min(a, b) > -1 ? Math.min(low, a, b) : low), 1);
  const low = least < 0 ? Math.floor(least * 5) / 5 : startOf([[least]]);
  const drawn =
    step > 1 ? ` ${count(points.length)} of ${count(known.length)} are drawn, at even steps.` : "";
  const outside = points.filter(([a, b]) => Math.min(a, b) < low).length;
  return figure({
    title,
    words,
    note:
      `${note}${drawn}` +
      (outside ? ` ${plural(outside, "category", "categories")} below ${fixed(low)} are not drawn.` : ""),
    onclick: ({ data }) => data && open(data[2]),
    table: () =>
      farthest(
        set,
        known.map((t) => [x[t], y[t], t]),
        [xName, yName],
      ),
    option: (colours) => ({
      tooltip: tooltip(colours, ({ data }) => [
        set.targetName(data[2]),
        `${xName}: ${r2(data[0])}`,
        `${yName}: ${r2(data[1])}`,
      ]),
      xAxis: axis(colours, xName, { min: low, max: 1 }),
      yAxis: axis(colours, yName, { min: low, max: 1, nameGap: 38 }),
      series: [
        {
          type: "scatter",
          data: points,
          symbolSize: points.length > 3000 ? 3 : 6,
          cursor: "pointer",
          itemStyle: { color: colours.held, opacity: points.length > 3000 ? 0.3 : 0.55 },
          markLine: {
            silent: true,
            symbol: "none",
            label: { show: false },
            lineStyle: { color: colours.muted, type: "dashed" },
            data: [[{ coord: [low, low] }, { coord: [1, 1] }]],
          },
        },
      ],
    }),
  });
}

/** The dots that are farthest from the diagonal. */
function farthest(set, points, names) {
  const shown = [...points].sort((p, q) => Math.abs(q[0] - q[1]) - Math.abs(p[0] - p[1])).slice(0, LISTED);
  return {
    columns: [
      points.length > LISTED ? `the ${LISTED} farthest from the dashed line` : "category",
      ...names,
      "difference",
    ],
    rows: shown.map(([x, y, t]) => [
      el("a", { href: hashOf("category", set.targets[t], set.index) }, set.targetName(t)),
      r2(x),
      r2(y),
      fixed(y - x),
    ]),
  };
}

/** Eigenvalues of the Gram, largest first. */
export function spectrum(set) {
  const values = set.array("spectrum");
  const total = values.reduce((sum, value) => sum + Math.max(value, 0), 0);
  const needed = (share) => {
    let sum = 0;
    return values.findIndex((value) => (sum += Math.max(value, 0)) >= share * total) + 1;
  };
  const points = Array.from(values, (value, k) => [k + 1, value]).filter(([, value]) => value > 0);
  const words =
    `${count(needed(0.9))} of ${count(values.length)} directions hold 90 % of the energy of the logits, ` +
    `${count(needed(0.99))} hold 99 %; the numerical rank is ${count(set.spectrum.rank)}, the effective rank ${fixed(set.spectrum.effectiveRank, 0)}.`;
  return figure({
    title: "Spectrum of the logits' moments",
    words,
    note: words,
    option: (colours) => ({
      tooltip: tooltip(
        colours,
        (params) => [`eigenvalue ${count(params[0].data[0])}: ${significant(params[0].data[1])}`],
        { trigger: "axis" },
      ),
      xAxis: axis(colours, "number of the eigenvalue", {
        type: "log",
        min: 1,
        max: Math.max(2, values.length),
        axisLabel: { formatter: tick },
      }),
      yAxis: axis(colours, "eigenvalue", {
        type: "log",
        nameGap: 42,
        axisLabel: { formatter: powerOfTen },
      }),
      series: [
        {
          type: "line",
          symbol: points.length > 50 ? "none" : "circle",
          data: points,
          lineStyle: { color: colours.accent, width: 2 },
          itemStyle: { color: colours.accent },
        },
      ],
    }),
    table: () => {
      const shown = [...new Set([1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, values.length])].filter(
        (k) => k <= values.length,
      );
      return {
        columns: ["number", "eigenvalue"],
        rows: shown.map((k) => [count(k), significant(values[k - 1])]),
      };
    },
  });
}
