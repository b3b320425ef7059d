// What two sets of dependencies over the same targets have in common, in numbers.

/** Whether their equations can be laid side by side: the same targets, the same names. */
export function comparable(a, b) {
  return (
    a.index !== b.index &&
    a.nSources === b.nSources &&
    a.nTargets === b.nTargets &&
    a.targetNames === b.targetNames &&
    a.sourceNames === b.sourceNames &&
    a.targets.every((category, t) => category === b.targets[t])
  );
}

/** Shared terms per target, and what chance alone would give for equations of these lengths. */
export function overlap(a, b) {
  const perTarget = new Int32Array(a.nTargets);
  let sameSign = 0;
  let chance = 0;
  for (let t = 0; t < a.nTargets; t++) {
    const mine = new Map(a.terms(t).map(({ source, coef }) => [source, coef]));
    for (const { source, coef } of b.terms(t)) {
      if (!mine.has(source)) continue;
      perTarget[t]++;
      if (Math.sign(mine.get(source)) === Math.sign(coef)) sameSign++;
    }
    chance += (a.nTerms(t) * b.nTerms(t)) / Math.max(1, a.nSources - 1);
  }
  const shared = perTarget.reduce((sum, value) => sum + value, 0);
  return { perTarget, shared, sameSign, chance, jaccard: shared / Math.max(1, a.nEdges + b.nEdges - shared) };
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
