// The coefficients that two sets share, against each other.

import { el, fixed, plural } from "./dom.js";
import { absent, axis, figure, tooltip } from "./chart.js";
import { hashOf } from "./places.js";
import { correlation } from "./compare_numbers.js";

const LISTED = 20; // differences in the table
const MANY = 3000; // dots above which they are smaller
const LARGE = 20000; // and are drawn all at once, in one stroke

/** One dot per shared term {t, source, x, y}: its coefficient in both sets. */
export function sharedCoefficients(a, b, terms, names) {
  const title = "Coefficients of shared terms";
  if (!terms.length) return absent(title, "No term is in both.");
  const agreement = correlation(
    terms.map(({ x }) => x),
    terms.map(({ y }) => y),
  );
  const bound = terms.reduce((most, { x, y }) => Math.max(most, Math.abs(x), Math.abs(y)), 0);
  const units =
    (a.kind === "correlation") === (b.kind === "correlation")
      ? ""
      : " Those of standardised logits have no unit, the others have that of logits: compare signs and order, not sizes.";
  const label = ({ t, source }) => `${a.sourceName(source)}, in the equation of ${a.targetName(t)}`;
  const differing = () =>
    [...terms].sort((p, q) => Math.abs(q.x - q.y) - Math.abs(p.x - p.y)).slice(0, LISTED);
  const many = terms.length > MANY;
  return figure({
    title,
    words: `${plural(terms.length, "term")} in both; correlation ${fixed(agreement)}.`,
    note: `${plural(terms.length, "term")}, correlation ${fixed(agreement)}; on the dashed line they are equal; click opens the category. The table has those that differ most.${units}`,
    onclick: ({ data }) => {
      if (data) location.hash = hashOf("category", a.targets[terms[data[2]].t], a.index);
    },
    option: (colours) => ({
      tooltip: tooltip(colours, ({ data }) => [
        label(terms[data[2]]),
        `${names[0]}: ${fixed(data[0], 3)}`,
        `${names[1]}: ${fixed(data[1], 3)}`,
      ]),
      xAxis: axis(colours, names[0], {
        min: -bound,
        max: bound,
        axisLabel: rounded(colours),
      }),
      yAxis: axis(colours, names[1], {
        min: -bound,
        max: bound,
        nameGap: 38,
        axisLabel: rounded(colours),
      }),
      series: [
        {
          type: "scatter",
          data: terms.map(({ x, y }, k) => [x, y, k]),
          symbolSize: many ? 3 : 5,
          large: true,
          largeThreshold: LARGE,
          cursor: "pointer",
          itemStyle: { color: colours.held, opacity: many ? 0.3 : 0.5 },
          markLine: {
            silent: true,
            symbol: "none",
            label: { show: false },
            lineStyle: { color: colours.muted, type: "dashed" },
            data: [[{ coord: [-bound, -bound] }, { coord: [bound, bound] }]],
          },
        },
      ],
    }),
    table: () => ({
      columns: ["term", "in the equation of", { number: names[0] }, { number: names[1] }],
      rows: differing().map(({ t, source, x, y }) => [
        a.sourceName(source),
        el("a", { href: hashOf("category", a.targets[t], a.index) }, a.targetName(t)),
        fixed(x, 3),
        fixed(y, 3),
      ]),
    }),
  });
}

/** Labels of an axis whose ends are no round numbers: the ends have none. */
function rounded(colours) {
  return { color: colours.muted, hideOverlap: true, showMinLabel: false, showMaxLabel: false };
}
