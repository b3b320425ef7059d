// Which categories of a set carry their path and what else is heavy (followed.py), in words.

import { count, plural } from "./dom.js";

/** "the 500 categories ...", which are followed. */
export function followedWords(set) {
  const those = plural(set.followed.shown, "category", "categories");
  return {
    all: "all categories",
    best: `the ${those} with the largest R² on the fit part`,
    spread: `${those}, evenly from the best to the least explained`,
    asked: `the ${those} asked for`,
  }[set.followed.why];
}

/** How to get what is left out. */
export function followedHint(set) {
  return set.followed.why === "asked"
    ? "--paths with more of them"
    : "--paths LIST for those you name, --details N for more";
}

/** Of which categories curves and means are, where they are not of all: " of the 500 followed", or nothing. */
export function ofWhich(set) {
  const { solved } = set.followed;
  return solved < set.nTargets ? ` that are followed, ${count(solved)} of ${count(set.nTargets)}` : "";
}
