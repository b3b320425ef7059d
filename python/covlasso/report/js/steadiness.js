// How often each term of an equation is found again on halves of the groups.

import { el, fixed, plural, tableOver } from "./dom.js";
import { hashOf } from "./places.js";

const SURE = 0.9;
const UNSURE = 0.5;

/** Shares of the terms of an equation by source. */
export function shares(set, t) {
  if (!set.stability) return null;
  const found = new Map();
  const steps = set.array("stability");
  for (let place = set.offset[t]; place < set.offset[t + 1]; place++) {
    if (steps[place] > set.stability.steps) return null; // not looked for
    found.set(set.source[place], steps[place] / set.stability.steps);
  }
  return found;
}

/** What a chart writes before the name of a term. */
export function sign(share) {
  return share >= SURE ? "●" : share < UNSURE ? "○" : "◐";
}

export const SIGNS = "● found in at least 90 % of the halves of the groups, ◐ in half or more, ○ in fewer.";

/** "18 of 20". */
export function halves(set, share) {
  return `${Math.round(share * set.stability.subsets)} of ${set.stability.subsets}`;
}

/** "18 of 20 halves", with a bar; hollow where it is less than half. */
function stabilityMark(set, share) {
  const kind = share >= SURE ? "sure" : share < UNSURE ? "unsure" : "";
  return el(
    "span",
    {
      class: `steady ${kind}`,
      title: `found in ${halves(set, share)} halves of the groups`,
    },
    el("span", { class: "steady-bar", style: `--share:${Math.round(100 * share)}%` }),
    halves(set, share),
  );
}

/** The card of a category: its terms with their coefficients, the steadiest first; null without folds. */
export function stabilityCard(set, t) {
  const found = shares(set, t);
  if (!found || !found.size) return null;
  const terms = set.terms(t).sort((a, b) => found.get(b.source) - found.get(a.source));
  const sure = terms.filter(({ source }) => found.get(source) >= SURE).length;
  const row = ({ source, coef }) => {
    const target = set.targetOfSource(source);
    const name = set.sourceName(source);
    return el(
      "tr",
      { class: found.get(source) < UNSURE ? "unsure" : null },
      el(
        "th",
        { scope: "row" },
        target === undefined
          ? name
          : el("a", { href: hashOf("category", set.targets[target], set.index) }, name),
      ),
      el("td", { class: `number ${coef > 0 ? "plus" : "minus"}` }, fixed(coef)),
      el("td", { class: "number" }, stabilityMark(set, found.get(source))),
    );
  };
  return el(
    "section",
    { class: "card" },
    el("h3", {}, "How sure are its terms?"),
    el(
      "p",
      { class: "note" },
      `${sure} of ${plural(terms.length, "term")} are found in at least 90 % of ${set.stability.subsets} random halves of the groups, the equation solved anew on each. Hollow: in less than half.`,
    ),
    tableOver(
      el("tbody", {}, terms.map(row)),
      ["term", { number: "coefficient" }, { number: "halves that have it" }],
      { class: "plain-table wide" },
    ),
  );
}
