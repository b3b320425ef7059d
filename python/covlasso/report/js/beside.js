// What the R^2 of a set stands beside: about the mean, of as many terms at random, on both parts of the sample.

import { el, plural, r2, tableOver } from "./dom.js";

const HALVES = { fit: "fit", heldOut: "held out" };

/** Names of the arrays by part of the sample; `own` is R^2 as the set's kind of moments has it. */
const ARRAYS = {
  fit: { own: "r2", mean: "r2Mean", random: "random", randomMean: "randomMean" },
  heldOut: {
    own: "heldOut",
    mean: "heldOutMean",
    random: "randomHeldOut",
    randomMean: "randomHeldOutMean",
  },
};

/** R^2 about the mean is another figure than R^2: not for covariances, whose R^2 it is. */
const centredToo = (set) => !set.kind || set.kind === "second_moment";

/** The part of the sample to judge by. */
export function judgedBy(set) {
  return set.heldOut ? "heldOut" : "fit";
}

/** {mean, random, randomMean}: arrays on one part of the sample, each left out where it is not known. */
export function besideArrays(set, half) {
  const { mean, random, randomMean } = ARRAYS[half];
  const known = { random };
  if (centredToo(set)) Object.assign(known, { mean, randomMean });
  return Object.fromEntries(
    Object.entries(known)
      .filter(([, name]) => set[name])
      .map(([figure, name]) => [figure, set[name]]),
  );
}

/** The same figures of one target. */
function besideOf(set, t, half) {
  return Object.fromEntries(
    Object.entries(besideArrays(set, half)).map(([figure, values]) => [figure, values[t]]),
  );
}

/** R^2 of random terms per category on the part of the sample to judge by, if known. */
export function randomOf(set) {
  return set[ARRAYS[judgedBy(set)].random];
}

/** "about the mean 0.51; random terms 0.18", of one target. */
export function besideText(set, t, half) {
  const { mean, random } = besideOf(set, t, half);
  return [
    mean !== undefined && `about the mean ${r2(mean)}`,
    random !== undefined && `random terms ${r2(random)}`,
  ]
    .filter(Boolean)
    .join("; ");
}

/** Median of a figure ("own", "mean", "random", "randomMean") over the categories, or undefined. */
export function medianOf(set, figure, half) {
  if (figure === "own") return half === "heldOut" ? set.medianHeldOut : set.medianFit;
  return set.beside.medians[ARRAYS[half][figure]];
}

/** What "explained" counts, in a line. */
export function explainedWords(set) {
  const where = set.heldOut ? "on held-out samples" : "on the samples they were found on";
  return (
    `Explained are categories whose equation beats every one of ${plural(set.beside.draws, "draw")} of as many random terms, ` +
    `each with its least squares, ${where}; draws of its very own terms do not count.`
  );
}

/** The three lines: R^2 as it is, about the mean, and of random terms; medians over the categories. */
export function besideCard(set) {
  const halves = Object.keys(HALVES).filter((half) => half === "fit" || set.heldOut);
  const lines = [
    [set.kind === "second_moment" || !set.kind ? "Equations, as the paper has it" : "Equations", "own"],
    centredToo(set) && ["Equations, about the mean", "mean"],
    ["As many terms at random", "random"],
    centredToo(set) && ["As many at random, about the mean", "randomMean"],
  ].filter((line) => line && halves.some((half) => Number.isFinite(medianOf(set, line[1], half))));
  const columns = halves.map((half) => ({
    number: set.samples ? `${HALVES[half]}, ${plural(set.samples[half], "sample")}` : HALVES[half],
  }));
  return el(
    "section",
    { class: "card beside" },
    el("h3", {}, "R² beside what it has to beat"),
    el(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "R² beside what it has to beat" },
      tableOver(
        el(
          "tbody",
          {},
          lines.map(([name, figure]) =>
            el(
              "tr",
              {},
              el("th", { scope: "row" }, name),
              halves.map((half) => el("td", { class: "number" }, r2(medianOf(set, figure, half)))),
            ),
          ),
        ),
        ["median over the categories", ...columns],
        { class: "plain-table wide" },
      ),
    ),
    el(
      "p",
      { class: "note" },
      lines.some(([, figure]) => figure === "random")
        ? `Random terms: least squares, mean over ${plural(set.beside.draws, "draw")} per category.`
        : "Random terms and held-out figures need the moments: covlasso report ... --moments FILE.",
    ),
  );
}
