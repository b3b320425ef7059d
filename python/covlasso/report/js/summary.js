// The first page: what was found in one sentence, the counts, what to be careful about, and four charts.

import { count, el, fixed, median, plural, r2, scientific, tableOver, tile } from "./dom.js";
import { hashOf } from "./places.js";
import { besideCard, explainedWords, judgedBy, medianOf, randomOf } from "./beside.js";
import { f1ByTerms } from "./decisions.js";
import { followedHint, followedWords } from "./followed.js";
import { distribution, dots, errorByTerms, spectrum } from "./summary_charts.js";

const LISTED = 6;

const COEFFICIENTS = {
  lasso: "Coefficients are those of the Lasso, which shrinks them; a refit on the same terms explains more.",
  refitted: "Coefficients are least squares on the terms that the Lasso chose.",
  pursuit: "Coefficients are least squares on terms that matching pursuit chose one by one.",
};

export function summaryView(set) {
  return el(
    "div",
    { class: "view" },
    el("h1", {}, `Dependencies ${set.title}`),
    el("p", { class: "crumb" }, set.settings),
    el("p", { class: "lead" }, headline(set)),
    warnings(set),
    tiles(set),
    el("div", { class: "grid" }, besideCard(set), caveats(set)),
    el("div", { class: "grid" }, charts(set)),
    el(
      "div",
      { class: "grid" },
      list(set, "Explained best", 1),
      set.nTargets > 1 && list(set, "Most independent", -1),
    ),
  );
}

/** The finding, in words that hold for what was measured. */
function headline(set) {
  const half = judgedBy(set);
  const random = medianOf(set, "random", half);
  const where = set.heldOut
    ? `on ${plural(set.samples.heldOut, "sample")} that they have not seen`
    : "on the samples that they were found on, which flatters";
  return (
    `Equations of ${termsPerEquation(set)} reach a median R² of ${r2(medianOf(set, "own", half))} ${where}` +
    (random === undefined ? "." : `; as many terms at random reach ${r2(random)}.`) +
    (set.explained
      ? ` For ${count(set.beside.explained)} of ${plural(set.nTargets, "category", "categories")} the equation beats every one of ${plural(set.beside.draws, "random draw")}.`
      : "")
  );
}

/** "10 terms" where all equations have as many, else "7.3 terms on average". */
function termsPerEquation(set) {
  let [low, high] = [Infinity, 0];
  for (let t = 0; t < set.nTargets; t++) {
    low = Math.min(low, set.nTerms(t));
    high = Math.max(high, set.nTerms(t));
  }
  return low === high ? plural(low, "term") : `${fixed(set.nEdges / set.nTargets, 1)} terms on average`;
}

/** What R^2 must not be quoted without: directly under the headline. */
function warnings(set) {
  if (!set.beside.cautions.length) return null;
  return el(
    "section",
    { class: "caveats warning", role: "alert", "aria-label": "Warning" },
    el("h2", {}, "These R² mislead on their own"),
    el(
      "ul",
      {},
      set.beside.cautions.map((text) => el("li", {}, text.replaceAll("R^2", "R²"))),
    ),
  );
}

function tiles(set) {
  const worst = set.kkt.reduce((a, b) => Math.max(a, b), 0);
  const uneven = termsPerEquation(set).endsWith("average");
  return el(
    "dl",
    { class: "tiles" },
    set.explained
      ? tile(
          "Explained",
          count(set.beside.explained),
          `of ${plural(set.nTargets, "category", "categories")}: better than every random draw`,
        )
      : tile("Categories", count(set.nTargets), `from ${plural(set.nSources, "source")}`),
    set.heldOut &&
      tile("Median R², held out", r2(set.medianHeldOut), `${count(set.samples.heldOut)} other samples`),
    tile(
      "Median R², fit",
      r2(set.medianFit),
      set.samples ? `${count(set.samples.fit)} samples` : "in sample",
    ),
    set.decisions &&
      tile(
        "Mean F1 when replaced",
        r2(set.decisions.replaced.f1),
        `the network ${r2(set.decisions.network.f1)}; all at once ${r2(set.decisions.atOnce.f1)}`,
      ),
    tile(
      "Terms per equation",
      uneven
        ? fixed(set.nEdges / Math.max(1, set.nTargets), 1)
        : count(set.nEdges / Math.max(1, set.nTargets)),
      `${count(set.nEdges)} in all, among ${plural(set.nSources, "source")}`,
    ),
    set.stability &&
      tile(
        "Steady terms",
        count(set.stability.sure),
        `of ${count(set.stability.terms)}: found in at least 90 % of ${set.stability.subsets} halves of the groups`,
      ),
    tile(
      set.isPursuit ? "Certified" : "Lasso certified",
      count(set.nCertified),
      `of ${count(set.nTargets)}; worst KKT residual ${scientific(worst)}`,
    ),
  );
}

/** Everything that limits what the numbers say; shown, not hidden behind a link. */
function caveats(set) {
  const silent = set.r2.filter(Number.isNaN).length;
  const uncertified = set.nTargets - set.nCertified;
  const early = set.targets.filter((_, t) => set.certified(t) && set.statusOf(t) !== "certified").length;
  const items = [
    set.heldOut
      ? "R² on the fit part flatters. Quote the held-out figure, and see how far the two are apart."
      : "Only R² on the samples that the equations were found on is known here, and it flatters. Give --moments with a held-out part to see more.",
    set.decisions &&
      `F1, recall and false alarms are of ${plural(set.decisions.samples, "sample")} ` +
        (set.decisions.ownLabels
          ? "with the network's own decisions as labels: they say how far replaced logits agree with it."
          : `(${count(set.decisions.labelled)} labelled).`),
    set.decisions &&
      !set.intra &&
      "Between networks a recall is due to the category and its level as much as to the equation: see R² on own samples on a category's page, and the class mean where it is known.",
    set.focus &&
      `Equations with ${set.focus}: a category's own samples have this share in its equation, and R² on the fit part is with it.`,
    set.asked.rows &&
      "Logits are less their mean over the categories, sample by sample, which decisions do not see.",
    set.kind && set.kind !== "second_moment"
      ? `R² is that of the ${set.kind} of the logits.`
      : `R² is 1 − error / E[logit²]: logits ${set.asked.rows ? "are not centred over the samples" : "enter as they are and are not centred"}.`,
    set.explained && explainedWords(set),
    COEFFICIENTS[set.solution],
    uncertified &&
      `${plural(uncertified, "solution")} without a certificate (KKT residual above ${set.certificate}, or λ so small that rounding decides).`,
    early &&
      `${plural(early, "target")} ended, certified, before the place asked for; the status of each says why.`,
    silent && `${plural(silent, "category has", "categories have")} a logit that is always 0: no R².`,
    ...leftOut(set),
  ];
  return el(
    "section",
    { class: "caveats", "aria-label": "What to be careful about" },
    el("h2", {}, "Read with care"),
    el(
      "ul",
      {},
      items.filter(Boolean).map((text) => el("li", {}, text)),
    ),
  );
}

/** What the file does not hold, and how to get it. */
function leftOut(set) {
  if (!set.curves)
    return ["No moments were given: paths, error by terms and spectrum are left out (--moments FILE)."];
  const items = [];
  if (!set.curves.reproduced) {
    items.push(
      set.share
        ? "Moments have no paths of own samples, nor of categories with different shares of these: paths and error by terms are left out."
        : "These dependencies were found with weights or exclusions that their file does not keep: paths and error by terms are left out.",
    );
  } else if (set.curves.details < set.nTargets) {
    items.push(`Paths and curves are in this file for ${followedWords(set)} (${followedHint(set)}).`);
  }
  if (set.followed.solved < set.nTargets)
    items.push(
      `Error by terms${set.decisions ? ", decisions" : ""}${set.stability ? ", terms on halves" : ""}: of the ${count(set.followed.solved)} that are followed; equations, R² and the graph are of all ${count(set.nTargets)}.`,
    );
  if (set.spectrum.leftOut)
    items.push(
      `The spectrum is left out above ${count(set.spectrum.limit)} sources: its decomposition takes long (covlasso.theory has it).`,
    );
  return items;
}

function charts(set) {
  const open = (t) => {
    location.hash = hashOf("category", set.targets[t], set.index);
  };
  return [
    set.curves?.reproduced && set.array(`band.fit.${set.curveKind}`) && errorByTerms(set),
    set.decisions?.terms.length && f1ByTerms(set),
    distribution(set),
    set.heldOut &&
      dots({
        title: "Fit against held out",
        words: "One dot per category; dots below the diagonal have a smaller R² on unseen samples.",
        note: "One dot per category; click opens it. Below the dashed line R² is smaller on unseen samples.",
        set,
        x: set.r2,
        y: set.heldOut,
        xName: "R², fit",
        yName: "R², held out",
        open,
      }),
    set.own &&
      dots({
        title: "Its own category, or others?",
        words:
          "For every category: R² from the same category of the other network alone, against R² of its equation, which leaves that one out.",
        note: "Above the dashed line: a few other categories of the other network tell more than the same category does.",
        set,
        x: set.own,
        y: set.r2,
        xName: "R² from the same category alone, fit",
        yName: "R² from the equation, fit",
        open,
      }),
    set.spectrum && !set.spectrum.leftOut && spectrum(set),
  ].filter(Boolean);
}

/** The categories from one end of the ranking, by held-out R^2 where there is one, but for those of the other end. */
function list(set, title, direction) {
  const best = set.ranking;
  const random = randomOf(set);
  const cells = (t) =>
    [set.evidence, random].filter(Boolean).map((values) => el("td", { class: "number" }, r2(values[t])));
  const half = direction > 0 ? Math.ceil(best.length / 2) : Math.floor(best.length / 2);
  const shown = Math.min(LISTED, half);
  // Equal ones from the other end, too, so that no category is in both lists.
  const order = direction > 0 ? best.subarray(0, shown) : best.slice(best.length - shown).reverse();
  return el(
    "section",
    { class: "card" },
    el("h3", {}, title),
    tableOver(
      el(
        "tbody",
        {},
        Array.from(order, (t) =>
          el(
            "tr",
            {},
            el(
              "th",
              { scope: "row" },
              el("a", { href: hashOf("category", set.targets[t], set.index) }, set.targetName(t)),
            ),
            el("td", {}, set.equation(t)),
            cells(t),
          ),
        ),
      ),
      [
        "category",
        "equation",
        { number: set.heldOut ? "R² held out" : "R² fit" },
        ...(random ? [{ number: "at random" }] : []),
      ],
      { class: "plain-table wide" },
    ),
    el("p", { class: "note" }, `By R² ${set.heldOut ? "on held-out samples" : "on the fit part"}.`),
  );
}
