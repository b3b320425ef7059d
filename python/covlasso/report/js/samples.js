// Samples on a category's page: where its equation holds, and where it fails worst.

import { el, fixed, plural } from "./dom.js";
import { hashOf } from "./places.js";

const SHORT = 160; // letters of a text that are shown before it is unfolded

/** The card, or null where the file has no samples, or none of this category. */
export function samplesCard(set, t) {
  if (!set.single) return null;
  const d = placeOf(set, t);
  if (d === undefined) return null;
  const holds = listed(set, "holds", d);
  const fails = listed(set, "fails", d);
  const whose = set.single.labelled ? "its label" : "the network's decision";
  return el(
    "section",
    { class: "card samples" },
    el("h3", {}, "On single samples"),
    leftOut(set.rows),
    part(
      set,
      t,
      "Where the equation holds",
      holds,
      `Of the held-out samples that are ${set.targetName(t)} by ${whose}, those with the smallest error.`,
      `No held-out sample is ${set.targetName(t)} by ${whose}.`,
    ),
    part(
      set,
      t,
      "Where it fails worst",
      fails,
      `Of all ${plural(set.single.looked, "held-out sample")}, those with the largest error.`,
      "",
    ),
  );
}

/** Which pictures the file does not have. */
function leftOut({ beyond, missing }) {
  const words = [
    beyond &&
      `${plural(beyond, "picture")} of this report ${beyond === 1 ? "is" : "are"} left out for their size (--picture-mb)`,
    missing && `${plural(missing, "picture")} could not be read`,
  ].filter(Boolean);
  return words.length > 0 && el("p", { class: "note" }, `${words.join("; ")}: their paths stand for them.`);
}

function placeOf(set, t) {
  set.sampledPlaces ??= new Map(Array.from(set.array("sampled"), (position, d) => [position, d]));
  return set.sampledPlaces.get(t);
}

function listed(set, kind, d) {
  const k = set.single.shown;
  const of = (name) => set.array(`${kind}.${name}`)?.subarray(d * k, (d + 1) * k);
  const [sample, logit, predicted, changes, decision, label] = [
    "sample",
    "logit",
    "predicted",
    "changes",
    "decision",
    "label",
  ].map(of);
  return Array.from(sample, (number, n) => ({
    number,
    logit: logit[n],
    predicted: predicted[n],
    changes: changes[n] > 0,
    decision: decision[n],
    label: label?.[n],
  })).filter(({ number }) => number >= 0);
}

function part(set, t, title, entries, words, none) {
  return el(
    "div",
    {},
    el("h4", {}, title),
    el("p", { class: "note" }, entries.length ? words : none),
    entries.length > 0 &&
      el(
        "ol",
        { class: "sample-list" },
        entries.map((entry) => item(set, t, entry)),
      ),
  );
}

function item(set, t, entry) {
  const name = set.rows.names[entry.number];
  const picture = set.rows.pictures?.[entry.number];
  const difference = entry.predicted - entry.logit;
  return el(
    "li",
    {},
    picture
      ? el(
          "figure",
          {},
          el("img", { src: picture, alt: name, loading: "lazy" }),
          el("figcaption", {}, shortPath(name)),
        )
      : said(name),
    el(
      "p",
      {},
      `logit ${fixed(entry.logit)}, equation ${fixed(entry.predicted)} `,
      el("span", { class: "number" }, `(${difference < 0 ? "" : "+"}${fixed(difference)})`),
    ),
    el("p", { class: "note" }, ...decided(set, t, entry)),
  );
}

/** What was decided, and what becomes of it with the equation in the place of the logit. */
function decided(set, t, { decision, label, changes }) {
  const name = (category) => {
    const target = set.position.get(category);
    const text = set.categoryName(category);
    return target === undefined ? text : el("a", { href: hashOf("category", category, set.index) }, text);
  };
  const words = ["decided: ", name(decision)];
  if (label !== undefined && label >= 0) words.push("; label: ", name(label));
  if (changes)
    words.push(
      decision === set.targets[t] ? "; not so with the equation" : `; ${set.targetName(t)} with the equation`,
    );
  return words;
}

/** A text as it stands, whatever its direction; a long one unfolds. */
function said(text) {
  if (text.length <= SHORT) return el("p", { class: "sample-text", dir: "auto" }, text);
  return el(
    "details",
    { class: "sample-text", dir: "auto" },
    el("summary", {}, `${text.slice(0, SHORT)}…`),
    el("p", {}, text),
  );
}

function shortPath(path) {
  const parts = path.split(/[\\/]/);
  return parts.length > 2 ? `…/${parts.slice(-2).join("/")}` : path;
}
