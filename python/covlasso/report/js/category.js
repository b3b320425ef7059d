// The page of one category: its equation, its path, its error, and who depends on it.

import { coefficient, count, el, plural, r2, scientific, significant, tableOver } from "./dom.js";
import { hashOf } from "./places.js";
import { besideText } from "./beside.js";
import { followedHint, followedWords } from "./followed.js";
import { categoryF1, replacedCard } from "./decisions.js";
import { samplesCard } from "./samples.js";
import { stabilityCard } from "./steadiness.js";
import { absent } from "./chart.js";
import { categoryError, equationBars } from "./category_charts.js";
import { pathChart } from "./path_chart.js";

const LISTED = 30; // dependents shown at first

const STATUS_WORDS = {
  certified: "the solution asked for, within the tolerance",
  terms: "its path ended at the number of terms allowed",
  lambda: "its path ended at the smallest lambda allowed",
  error: "its path ended at the error asked for",
  exhausted: "its path ended: nothing is left to explain, or nothing explains it",
  floor: "its path ended where lambda drowns in rounding",
  uncertified: "no certificate: the KKT residual is too large",
};

export function categoryView(set, category) {
  const t = set.position.get(category);
  if (t === undefined) return notATarget(set, category);
  const open = (j) => {
    const target = set.targetOfSource(j);
    if (target !== undefined) location.hash = hashOf("category", set.targets[target], set.index);
  };
  return el(
    "div",
    { class: "view" },
    heading(set, t),
    facts(set, t),
    el(
      "div",
      { class: "grid" },
      el(
        "div",
        { class: "stack" },
        set.nTerms(t)
          ? equationBars(set, t, open)
          : absent("Equation", "No term: this category is left unexplained at its place on the path."),
        stabilityCard(set, t),
      ),
      el("div", { class: "stack" }, certificateCard(set, t), dependentsCard(set, category)),
      pathChart(set, t, open) ??
        absent(
          "Path",
          set.isPursuit ? "A matching pursuit has no lambda: its terms come one by one." : whyAbsent(set, t),
        ),
      categoryError(set, t) ?? absent("Error against the number of terms", whyAbsent(set, t)),
      set.decisions &&
        (replacedCard(set, t) ??
          absent(
            "When it is replaced",
            `Left out: decisions were looked at for ${followedWords(set)} (${followedHint(set)}).`,
          )),
      set.decisions && categoryF1(set, t),
      samplesCard(set, t),
    ),
  );
}

function notATarget(set, category) {
  const known = set.sameCategories && category < set.nSources;
  return el(
    "div",
    { class: "view" },
    el("h1", {}, known ? set.sourceName(category) : `No category ${category}`),
    el(
      "p",
      { class: "lead" },
      known
        ? "This category was not solved for; it may still be a term of others."
        : "The link names a category that is not in this report.",
    ),
    known && dependentsCard(set, category),
    el("p", {}, el("a", { href: hashOf("categories", null, set.index) }, "All categories")),
  );
}

function whyAbsent(set, t) {
  if (!set.curves) return "Needs the moments: covlasso report ... --moments FILE.";
  if (!set.curves.reproduced)
    return set.share
      ? "Left out: moments have no paths of own samples, nor of categories with different shares of these."
      : "Left out: the dependencies were found with weights or exclusions that their file does not keep.";
  if (set.path(t)) return "Nothing to draw: its logit is always 0, or no source explains any of it.";
  return (
    `Left out: this file holds the paths of ${followedWords(set)} (covlasso report ... ${followedHint(set)}); ` +
    "covlasso.plot.path draws any."
  );
}

function heading(set, t) {
  const category = set.targets[t];
  const step = (d, text) => {
    const other = set.targets[t + d];
    return el(
      "a",
      other === undefined
        ? { "aria-disabled": "true" }
        : { href: hashOf("category", other, set.index), title: set.targetName(t + d) },
      text,
    );
  };
  return el(
    "div",
    { class: "heading" },
    el(
      "div",
      {},
      el(
        "p",
        { class: "crumb" },
        el("a", { href: hashOf("categories", null, set.index) }, "Categories"),
        ` / #${category} · ${set.title}`,
      ),
      el("h1", {}, set.targetName(t)),
    ),
    el(
      "nav",
      { class: "steps", "aria-label": "Neighbouring categories" },
      step(-1, "← Previous"),
      step(1, "Next →"),
      el("a", { href: hashOf("graph", category, set.index) }, "In the graph"),
    ),
  );
}

function facts(set, t) {
  const tile = (name, value, more = null, warn = false) =>
    el(
      "div",
      { class: warn ? "tile warn" : "tile" },
      el("dt", {}, name),
      el("dd", {}, el("strong", {}, value), more && el("span", {}, more)),
    );
  const status = set.statusOf(t);
  const category = set.targets[t];
  return el(
    "dl",
    { class: "tiles" },
    set.share && focusTile(tile, set.share[t]),
    set.heldOut && tile("R², held out", r2(set.heldOut[t]), besideText(set, t, "heldOut") || "other samples"),
    tile(
      set.share?.[t] ? "R², fit, with the focus" : "R², fit",
      r2(set.r2[t]),
      besideText(set, t, "fit") || "in sample",
    ),
    set.explained &&
      tile(
        "Explained",
        set.explained[t] ? "yes" : "no",
        set.explained[t]
          ? `beats all ${plural(set.beside.draws, "draw")} of random terms`
          : `not every one of ${plural(set.beside.draws, "draw")} of random terms is beaten`,
        !set.explained[t],
      ),
    set.decisions &&
      Number.isFinite(set.array("network.f1")[t]) &&
      tile(
        "F1 when replaced",
        r2(set.array("replaced.f1")[t]),
        `the network ${r2(set.array("network.f1")[t])}`,
      ),
    tile("Terms", count(set.nTerms(t)), `among ${plural(set.nSources, "source")}`),
    set.sameCategories && tile("Used by", count(set.nDependents(category)), "equations"),
    set.own &&
      tile("Its own category alone", r2(set.own[t]), `R² from #${category} of ${set.sourceModel}, fit`),
  );
}

/** What is certified: the solution that chose the terms; not the coefficients of a refit, nor R². */
function certificateCard(set, t) {
  const status = set.statusOf(t);
  const title = set.isPursuit ? "How its terms were chosen" : "The Lasso's solution";
  const row = (name, value, more) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name),
      el("td", {}, el("strong", {}, value), more && el("span", { class: "note" }, ` ${more}`)),
    );
  return el(
    "section",
    { class: set.certified(t) ? "card certificate" : "card certificate warn" },
    el("h3", {}, title),
    el(
      "table",
      { class: "plain-table wide" },
      el(
        "tbody",
        {},
        !set.isPursuit && row("λ", significant(set.lam[t]), "in the scale of the paper"),
        row(
          "KKT residual",
          scientific(set.kkt[t]),
          set.isPursuit ? "relative to the first score" : "relative to λ",
        ),
        row("Status", status, STATUS_WORDS[status] ?? ""),
      ),
    ),
    el("p", { class: "note" }, provedWords(set, t)),
  );
}

/** What the certificate proves, and what it does not. */
function provedWords(set, t) {
  if (!set.certified(t)) return "Nothing is proved about this one: check it before it is quoted.";
  if (set.isPursuit)
    return "Proved: every term was the best next one for what the others left, and the coefficients are their least squares. Not proved: that no other set of as many terms does better.";
  const proved = `Proved: at this λ no other coefficients have a smaller penalised error, on the moments they were found on${set.statusOf(t) === "certified" ? "" : "; it is not the place asked for"}.`;
  if (!set.nTerms(t)) return `${proved} It has no term.`;
  return set.solution === "refitted"
    ? `${proved} The equation is least squares on the terms of this solution: its coefficients are not the certified ones.`
    : `${proved} The coefficients of the equation are these.`;
}

/** The share of its own samples; 0 where it has none, or none was asked for. */
function focusTile(tile, share) {
  return share > 0
    ? tile("Focus", significant(share), "share of its own samples")
    : tile("Focus", "none", "equation of all samples");
}

/** Who uses this category; a term in both directions is marked as mutual. */
function dependentsCard(set, category) {
  if (!set.sameCategories)
    return absent(
      "Who depends on it",
      "Targets and sources are categories of different networks: see the graph.",
    );
  const dependents = set.dependents(category);
  const t = set.position.get(category);
  const mutual = (other) => t !== undefined && set.intra && set.coefficient(t, set.targets[other]) !== 0;
  const row = ({ t: other, coef }) =>
    el(
      "tr",
      {},
      el(
        "th",
        { scope: "row" },
        el("a", { href: hashOf("category", set.targets[other], set.index) }, set.targetName(other)),
        mutual(other) && el("span", { class: "badge" }, "mutual"),
      ),
      el("td", { class: `number ${coef > 0 ? "plus" : "minus"}` }, coefficient(coef)),
      el("td", { class: "number" }, r2(set.evidence[other])),
    );
  const body = el("tbody", {}, dependents.slice(0, LISTED).map(row));
  const more =
    dependents.length > LISTED &&
    el(
      "button",
      {
        type: "button",
        onclick: () => {
          body.append(...dependents.slice(LISTED).map(row));
          more.remove();
        },
      },
      `Show ${count(dependents.length - LISTED)} more`,
    );
  return el(
    "section",
    { class: "card dependents" },
    el("h3", {}, `Who depends on it (${count(dependents.length)})`),
    dependents.length
      ? el(
          "div",
          {
            class: "scroll",
            style: `--rows:${dependents.length + 1}`,
            tabindex: "0",
            role: "region",
            "aria-label": "Who depends on it",
          },
          tableOver(
            body,
            ["category", { number: "coefficient" }, { number: set.heldOut ? "R² held out" : "R² fit" }],
            { class: "plain-table wide" },
          ),
          more || null,
        )
      : el("p", {}, "No equation uses this category."),
  );
}
