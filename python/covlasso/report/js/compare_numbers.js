// What two sets of dependencies over the same targets have in common, in numbers.

import { count } from "./dom.js";

/** Why the equations of two sets cannot be laid side by side; null where they can. */
export function obstacle(a, b) {
  if (a.index === b.index) return "These are one set; choose another one for the other side.";
  const differ = (what, one, other) =>
    `${a.title} and ${b.title} cannot be compared: they have different ${what}, ${one} and ${other}, ` +
    "so that no equation of one stands beside one of the other.";
  const targets = (set) =>
    `${count(set.nTargets)} categories${set.targetModel ? ` of ${set.targetModel}` : ""}`;
  const sources = (set) =>
    `${count(set.nSources)} categories${set.sourceModel ? ` of ${set.sourceModel}` : ""}`;
  if (
    a.nTargets !== b.nTargets ||
    a.targetNames !== b.targetNames ||
    a.targets.some((category, t) => category !== b.targets[t])
  )
    return differ("targets", targets(a), targets(b));
  if (a.nSources !== b.nSources || a.sourceNames !== b.sourceNames || a.intra !== b.intra)
    return differ("sources", sources(a), sources(b));
  return null;
}

/** What is said of a set beside another one that was asked for more. */
const NOT_ASKED = {
  rows: "rows as they are",
  focus: "no focus",
  positive: "any sign",
  l2: "no ridge term",
  same: "own category left out",
};

/** Names of two sets beside each other: what differs between these two, or their titles where that is not in words. */
export function pairNames(a, b) {
  const differing = Object.keys(a.asked).filter((key) => a.asked[key] !== b.asked[key]);
  const models = a.targetModel !== b.targetModel || a.sourceModel !== b.sourceModel;
  const name = (set) =>
    [models && set.direction, ...differing.map((key) => set.asked[key] || NOT_ASKED[key])]
      .filter(Boolean)
      .join(", ");
  const names = [a, b].map(name);
  return names.every(Boolean) && names[0] !== names[1] ? names : [a.title, b.title];
}

/** Shared terms per target, and what chance alone would give for equations of these lengths. */
export function overlap(a, b) {
  const perTarget = new Int32Array(a.nTargets);
  const terms = []; // {t, source, x, y}: coefficients of shared terms
  let sameSign = 0;
  let chance = 0;
  for (let t = 0; t < a.nTargets; t++) {
    const mine = new Map(a.terms(t).map(({ source, coef }) => [source, coef]));
    for (const { source, coef } of b.terms(t)) {
      if (!mine.has(source)) continue;
      perTarget[t]++;
      terms.push({ t, source, x: mine.get(source), y: coef });
      if (Math.sign(mine.get(source)) === Math.sign(coef)) sameSign++;
    }
    chance += (a.nTerms(t) * b.nTerms(t)) / Math.max(1, a.nSources - a.intra);
  }
  const shared = terms.length;
  const jaccard = shared / Math.max(1, a.nEdges + b.nEdges - shared);
  return { perTarget, terms, shared, sameSign, chance, jaccard };
}

/**
 * How much each equation changed, from 0 to 1: the sum of |difference| of coefficients over the sum of their sizes in
 * both; 1 where no term is shared. NaN where there is no term at all.
 */
export function changes(a, b) {
  return Float64Array.from(a.targets, (_, t) => {
    const mine = new Map(a.terms(t).map(({ source, coef }) => [source, coef]));
    let [difference, size] = [0, 0];
    for (const { source, coef } of b.terms(t)) {
      difference += Math.abs(coef - (mine.get(source) ?? 0));
      size += Math.abs(coef) + Math.abs(mine.get(source) ?? 0);
      mine.delete(source);
    }
    for (const coef of mine.values()) {
      difference += Math.abs(coef);
      size += Math.abs(coef);
    }
    return difference / size;
  });
}

/** Whether the R^2 of a set is about the mean of each logit; the paper's is not. */
const isCentred = (set) => Boolean(set.kind) && set.kind !== "second_moment";

/** R^2 about the mean, held out or on the fit part, or null where the file has none. */
function aboutMean(set, heldOut) {
  const found = set.array(heldOut ? "heldOutMean" : "r2Mean");
  return found ?? (isCentred(set) ? (heldOut ? set.heldOut : set.r2) : null);
}

/**
 * R^2 of both sets by one measure: {x, y, name, note}; or {why} it is not there. What the paper has and what is about the mean
 * never stand on the two axes of one picture.
 */
export function sameR2(a, b) {
  const heldOut = Boolean(a.heldOut && b.heldOut);
  const part = heldOut ? "held out" : "fit";
  if (!heldOut && a.focus !== b.focus)
    return {
      why: `R² on the fit part is with the focus (${a.title}: ${a.focus ?? "none"}; ${b.title}: ${b.focus ?? "none"}), so that the two measure different things. Give --moments with a held-out part: R² there is of all samples alike.`,
    };
  const note =
    a.asked.rows === b.asked.rows
      ? ""
      : ` ${(a.asked.rows ? a : b).title} explains logits less their mean over the categories, the other set logits with it.`;
  if (isCentred(a) === isCentred(b))
    return { x: heldOut ? a.heldOut : a.r2, y: heldOut ? b.heldOut : b.r2, name: `R² ${part}`, note };
  const [x, y] = [aboutMean(a, heldOut), aboutMean(b, heldOut)];
  if (x && y) return { x, y, name: `R² about the mean, ${part}`, note };
  const centred = isCentred(a) ? a : b;
  return {
    why: `R² of ${centred.title} is about the mean of each logit, that of ${(centred === a ? b : a).title} is not: one axis would show what the other does not. With --moments of both, R² about the mean is known for both and drawn here.`,
  };
}

/** Correlation of two lists where both are known. */
export function correlation(x, y) {
  const pairs = Array.from(x, (value, t) => [value, y[t]]).filter(
    ([a, b]) => Number.isFinite(a) && Number.isFinite(b),
  );
  const mean = (k) => pairs.reduce((sum, pair) => sum + pair[k], 0) / pairs.length;
  const [mx, my] = [mean(0), mean(1)];
  let [xy, xx, yy] = [0, 0, 0];
  for (const [a, b] of pairs) {
    xy += (a - mx) * (b - my);
    xx += (a - mx) ** 2;
    yy += (b - my) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}

/**
 * A function from numbers of the communities of b to those of a: to the one with most categories in common, where that
 * has no better partner. What is left is numbered after those of a.
 */
export function matched(a, b) {
  const n = a.communitySizes.length;
  const common = new Map(); // by the number in b times n, plus the number in a
  for (const name of ["targetCommunity", "sourceCommunity"]) {
    b[name].forEach((k, i) => {
      const pair = k * n + a[name][i];
      if (k >= 0 && a[name][i] >= 0) common.set(pair, (common.get(pair) ?? 0) + 1);
    });
  }
  const partner = new Map();
  const taken = new Set();
  for (const [pair] of [...common].sort(([p, x], [q, y]) => y - x || p - q)) {
    const [k, own] = [Math.floor(pair / n), pair % n];
    if (partner.has(k) || taken.has(own)) continue;
    partner.set(k, own);
    taken.add(own);
  }
  return (k) => partner.get(k) ?? n + k;
}
