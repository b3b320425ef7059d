// One set of dependencies: targets by position t, sources by category number j.

import { coefficient, median } from "./dom.js";

const UNPROVED = ["floor", "uncertified", "interrupted"];

export class DependencySet {
  constructor(record, index) {
    Object.assign(this, record.sets[index]);
    this.index = index;
    this.certificate = record.certificate;
    this.quantiles = record.quantiles;
    this.rows = record.rows;
    this.array = (name) => record.array(`${index}.${name}`);
    for (const name of [
      "targets",
      "offset",
      "source",
      "coef",
      "lam",
      "r2",
      "kkt",
      "status",
      "heldOut",
      "own",
      "share",
      "r2Mean",
      "random",
      "randomMean",
      "heldOutMean",
      "randomHeldOut",
      "randomHeldOutMean",
      "explained",
      "targetCommunity",
      "sourceCommunity",
    ]) {
      this[name] = this.array(name);
    }
    this.names = { target: record.names[this.targetNames], source: record.names[this.sourceNames] };
    this.position = new Map(Array.from(this.targets, (category, t) => [category, t]));
    this.details = new Map(Array.from(this.array("detail") ?? [], (t, d) => [t, d]));
  }

  /** What the coefficients are: "lasso", "refit" (least squares on its terms) or "pursuit", as curves are named. */
  get curveKind() {
    return this.solution === "refitted" ? "refit" : this.solution;
  }

  /** Terms came one by one, with no lambda. */
  get isPursuit() {
    return this.solution === "pursuit";
  }

  get nTargets() {
    return this.targets.length;
  }

  get nEdges() {
    return this.coef.length;
  }

  /** What to judge a category by: held-out R^2 where there is one. */
  get evidence() {
    return this.heldOut ?? this.r2;
  }

  get medianFit() {
    return (this.fitMedian ??= median(this.r2));
  }

  get medianHeldOut() {
    return this.heldOut ? (this.heldOutMedian ??= median(this.heldOut)) : undefined;
  }

  targetName(t) {
    return this.names.target?.[t] ?? `#${this.targets[t]}`;
  }

  sourceName(j) {
    return this.names.source?.[j] ?? `#${j}`;
  }

  /** Position of the target that source j is, or undefined: another network, or not among the targets. */
  targetOfSource(j) {
    return this.sameCategories ? this.position.get(j) : undefined;
  }

  nTerms(t) {
    return this.offset[t + 1] - this.offset[t];
  }

  /** Terms of an equation, largest coefficient first. */
  terms(t) {
    const terms = [];
    for (let k = this.offset[t]; k < this.offset[t + 1]; k++)
      terms.push({ source: this.source[k], coef: this.coef[k] });
    return terms.sort((a, b) => Math.abs(b.coef) - Math.abs(a.coef));
  }

  /** Targets whose equation holds source j, largest coefficient first. */
  dependents(j) {
    this.transposed ??= this.transpose();
    const { start, target, coef } = this.transposed;
    const found = [];
    for (let k = start[j]; k < start[j + 1]; k++) found.push({ t: target[k], coef: coef[k] });
    return found.sort((a, b) => Math.abs(b.coef) - Math.abs(a.coef));
  }

  nDependents(j) {
    this.transposed ??= this.transpose();
    return this.transposed.start[j + 1] - this.transposed.start[j];
  }

  /** Coefficient of source j in the equation of t; 0 where it is none of its terms. */
  coefficient(t, j) {
    for (let k = this.offset[t]; k < this.offset[t + 1]; k++) if (this.source[k] === j) return this.coef[k];
    return 0;
  }

  /** Number of nodes of every community; within a network the sources are all of them. */
  get communitySizes() {
    if (!this.sizes) {
      this.sizes = [];
      for (const k of [...(this.intra ? [] : this.targetCommunity), ...this.sourceCommunity])
        if (k >= 0) this.sizes[k] = (this.sizes[k] ?? 0) + 1;
    }
    return this.sizes;
  }

  statusOf(t) {
    return this.statuses[this.status[t]];
  }

  /** As `Dependencies.is_certified`: the KKT residual is within the tolerance, and rounding alone cannot exceed it. */
  certified(t) {
    return this.kkt[t] <= this.certificate && !UNPROVED.includes(this.statusOf(t));
  }

  get nCertified() {
    return (this.certifiedCount ??= this.targets.reduce((sum, _, t) => sum + this.certified(t), 0));
  }

  /** Positions of the targets with an R^2, the best explained first, by the evidence there is; equal ones by number. */
  get ranking() {
    return (this.ranked ??= ranked(this.evidence));
  }

  /** "0.38 valley + 0.31 boathouse + ... (8 more)". */
  equation(t, shown = 3) {
    const terms = this.terms(t);
    if (!terms.length) return "no term";
    const text = terms
      .slice(0, shown)
      .map(({ source, coef }, k) => {
        const sign = coef < 0 ? (k ? " − " : "−") : k ? " + " : "";
        return `${sign}${coefficient(Math.abs(coef))} ${isolated(this.sourceName(source))}`;
      })
      .join("");
    return terms.length > shown ? `${text} + … (${terms.length - shown} more)` : text;
  }

  /** Name of a category of the targets' network. */
  categoryName(category) {
    if (this.intra) return this.sourceName(category);
    const t = this.position.get(category);
    return t === undefined ? `#${category}` : this.targetName(t);
  }

  /** The most frequent confusions of target t when its logit is replaced: "taken" for it, or "missed". */
  confusions(kind, t) {
    const start = this.array(`${kind}Start`);
    const category = this.array(`${kind}Category`).subarray(start[t], start[t + 1]);
    const samples = this.array(`${kind}Count`).subarray(start[t], start[t + 1]);
    return Array.from(category, (other, k) => ({ category: other, samples: samples[k] }));
  }

  /** F1 at the numbers of terms of `decisions.terms`, or null where it is not in the file. */
  f1Curve(method, t) {
    const d = this.details.get(t);
    const values = d === undefined || !this.decisions ? null : this.array(`f1.${method}`);
    const length = this.decisions?.terms.length;
    return values?.subarray(d * length, (d + 1) * length) ?? null;
  }

  /** R^2 with at most 0, 1, ... terms of one kind ("heldOut.refit"), or null where it is not in the file. */
  curve(kind, t) {
    const d = this.details.get(t);
    const values = d === undefined ? null : this.array(`curve.${kind}`);
    const length = this.curves ? this.curves.terms + 1 : 0;
    return values?.subarray(d * length, (d + 1) * length) ?? null;
  }

  /** Knots of a path and one line per run of a source, [lambda, coefficient, number of the knot] at each of its knots, or null where it is not in the file. */
  path(t) {
    const d = this.details.get(t);
    if (d === undefined || !this.array("knotStart")) return null;
    const [knotStart, runStart, valueStart] = ["knotStart", "runStart", "valueStart"].map(this.array);
    const [knotLam, runSource, runFirst, runLength, coef] = [
      "knotLam",
      "runSource",
      "runFirst",
      "runLength",
      "pathCoef",
    ].map(this.array);
    const lam = knotLam.subarray(knotStart[d], knotStart[d + 1]);
    const lines = [];
    let value = valueStart[d];
    for (let r = runStart[d]; r < runStart[d + 1]; r++) {
      const points = [];
      for (let k = 0; k < runLength[r]; k++)
        points.push([lam[runFirst[r] + k], coef[value++], runFirst[r] + k]);
      lines.push({ source: runSource[r], points });
    }
    return { lam, lines };
  }

  /** Positions of the targets whose own name, number or terms have a text, all of them where it is empty: flags. */
  holding(text) {
    const found = new Uint8Array(this.nTargets);
    const given = text.toLowerCase();
    const wanted = this.targetName(0)?.startsWith("'") ? given : given.trim(); // names in quotes begin with blanks
    if (!given.trim()) return found.fill(1);
    this.lower ??= {
      target: Array.from(this.targets, (_, t) => this.targetName(t).toLowerCase()),
      source: Array.from({ length: this.nSources }, (_, j) => this.sourceName(j).toLowerCase()),
    };
    const { targets, offset, source } = this;
    const term = Uint8Array.from(this.lower.source, (name) => name.includes(wanted));
    const number = /^#?\d+$/.test(wanted) ? Number(wanted.replace("#", "")) : null;
    for (let t = 0; t < found.length; t++) {
      let holds = targets[t] === number || this.lower.target[t].includes(wanted);
      for (let k = offset[t]; !holds && k < offset[t + 1]; k++) holds = term[source[k]] === 1;
      found[t] = holds;
    }
    return found;
  }

  /** Whether decisions and terms on halves are known of t: those of all, or of what is followed. */
  isFollowed(t) {
    const some = this.array("followed"); // of all where there is no list
    return !some || (this.solved ??= new Set(some)).has(t);
  }

  transpose() {
    const start = new Int32Array(this.nSources + 1);
    for (const j of this.source) start[j + 1]++;
    for (let j = 0; j < this.nSources; j++) start[j + 1] += start[j];
    const next = start.slice();
    const target = new Int32Array(this.nEdges);
    const coef = new Float32Array(this.nEdges);
    for (let t = 0; t < this.nTargets; t++) {
      for (let k = this.offset[t]; k < this.offset[t + 1]; k++) {
        const place = next[this.source[k]]++;
        target[place] = t;
        coef[place] = this.coef[k];
      }
    }
    return { start, target, coef };
  }
}

/** Places of the numbers, the largest first, equal ones in order; NaN is left out. */
function ranked(values) {
  const known = Uint32Array.from(values.keys()).filter((t) => !Number.isNaN(values[t]));
  return known.sort((a, b) => values[b] - values[a] || a - b);
}

const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** A name within a text: one that runs from right to left leaves the order of what is around it as it is. */
function isolated(name) {
  return RIGHT_TO_LEFT.test(name) ? `\u2068${name}\u2069` : name;
}
