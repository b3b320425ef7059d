// What the numbers mean, how the report came about, and the libraries in it.

import { count, el, plural } from "./dom.js";

const TERMS = [
  [
    "R²",
    "1 − E[(logit − equation)²] / E[logit²]: the share of the logit's energy that the equation gives. Not centred unless the moments are. Below 0: worse than the number 0.",
  ],
  [
    "Fit, held out",
    "Fit is measured on the samples that the equation was found on and flatters. Held out is measured on other samples.",
  ],
  [
    "About the mean",
    "R² with the variance of the logit in place of its energy: what the mean level alone would give is not counted.",
  ],
  [
    "Random terms, explained",
    "As many terms as an equation has, drawn at random among its sources, with least squares; R² is the mean over the draws. A category is explained where its equation has a smaller error than every draw of other terms, on held-out samples where there are any.",
  ],
  ["λ", "The penalty, in the scale of Feng et al. (no 1/2): the larger, the fewer terms."],
  [
    "Lasso, refitted",
    "The Lasso picks terms and shrinks their coefficients. Refitted: least squares on the terms it picked. Matching pursuit: terms picked one by one, each for what the others leave, with least squares on all of them.",
  ],
  [
    "Replaced, recall, false alarms, F1",
    "The logit of a category is replaced by its equation and the largest logit decides anew, on held-out samples. Recall: of the category's samples, the share still decided as it. False alarms per case: samples of other categories decided as it, per sample of its own. F1 = 2 hits / (samples of it + samples decided as it) counts both. Random terms: as many, least squares too.",
  ],
  [
    "KKT residual",
    "The largest violation of the conditions of optimality of the Lasso's solution (of a refit: of the solution that chose its terms), relative to λ, computed in double precision from the moments themselves. Up to 1e-9 a solution counts as certified, unless λ is so small that rounding alone may exceed that (floor).",
  ],
  [
    "Status",
    "certified: the solution asked for. Otherwise the reason why its path ended earlier (terms, lambda, error, exhausted, floor), or uncertified.",
  ],
  [
    "Community",
    "Categories tied more to each other than to the rest: by the Louvain method, with the sizes of all coefficients of a set as weights, drawn or not. covlasso.graph.communities gives the same ones.",
  ],
  ["Used by", "Number of equations that hold the category as a term."],
];

export function aboutView(record, sets) {
  const libraries = [
    ["Apache ECharts 6.1.0", "Apache-2.0"],
    ["Tabulator 6.5.3", "MIT"],
    ["graphology 0.26.0 with ForceAtlas2 and Noverlap", "MIT"],
  ];
  return el(
    "div",
    { class: "view prose" },
    el("h1", {}, "About this report"),
    el(
      "p",
      { class: "lead" },
      "A neural dependency says that the logit of one category is, for almost every input, a combination of the logits of a few others. Correlation of logits is not cause: it says what the classifier's outputs share on these samples.",
    ),
    el("h2", {}, "What the numbers mean"),
    el(
      "dl",
      { class: "terms" },
      TERMS.map(([name, text]) => [el("dt", {}, name), el("dd", {}, text)]),
    ),
    el("h2", {}, "What is in this file"),
    el(
      "ul",
      {},
      sets.map((set) => el("li", {}, contents(set))),
    ),
    el(
      "p",
      {},
      "Numbers are stored in single precision, drawn curves and paths with three digits. The exact ones are in the files that covlasso solve wrote.",
    ),
    el("h2", {}, "Made with"),
    el(
      "p",
      {},
      `covlasso ${record.covlasso}. Method: Feng et al., Neural Dependencies Emerging from Learning Massive Categories, CVPR 2023 (arXiv 2211.12339), solved exactly.`,
    ),
    el(
      "ul",
      {},
      libraries.map(([name, licence]) => el("li", {}, `${name} (${licence})`)),
    ),
  );
}

function contents(set) {
  const parts = [
    `${set.settings}: ${plural(set.nTargets, "target")} from ${plural(set.nSources, "source")}, ${plural(set.nEdges, "term")}`,
  ];
  if (set.samples)
    parts.push(
      `${plural(set.samples.fit, "sample")} fit${set.samples.heldOut ? `, ${count(set.samples.heldOut)} held out` : ", none held out"}`,
    );
  parts.push(
    set.curves?.reproduced
      ? `paths of ${plural(set.curves.details, "category", "categories")} up to ${plural(set.curves.terms, "term")}`
      : "no paths",
  );
  return `${parts.join("; ")}.`;
}
