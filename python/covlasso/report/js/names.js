// Which category somebody means who types a name, a part of one, or a number: whole words first, then
// beginnings, then parts; a misspelt name finds those that are similar. `covlasso show` (dependencies/names.py)
// takes the number, the name, its beginning, a part, and similar ones in this order, too, but only the first kind
// that there is, where a list shows all.

const WRONG = 0.3; // share of the letters that may be wrong
const SHORTEST = 4; // letters of a word that a misspelt one may be

/** What a text is of a name, the best first. A similar name counts only where nothing better fits. */
export const EXACT = 0;
const [OTHER_CASE, WHOLE_WORDS_FIRST, WHOLE_WORDS, BEGINNING, WORD_BEGINNING, PART, SIMILAR] = [
  1, 2, 3, 4, 5, 6, 7,
];

const QUOTED = /^'(.*)'(?: #\d+)?$/s; // names of tokens, which may begin or end with a blank

/** Entries {name, category} made ready to be searched, once: shorter names first. */
export function prepared(entries) {
  const quoted = entries.every(({ name }) => QUOTED.test(name));
  return entries
    .map(({ name, category }) => {
      const raw = quoted ? name.match(QUOTED)[1] : name;
      return { name, category, raw, folded: fold(raw.trim() || raw) };
    })
    .sort(
      (a, b) => a.folded.length - b.folded.length || a.raw.length - b.raw.length || a.category - b.category,
    );
}

/**
 * The entries of `prepared` that fit `text`, best first: how many there are in all, how good the best are (its
 * `rank`) and how many as good, and the first `most` of them. A blank around the text tells "' child'" from
 * "'child'"; without one both are meant.
 */
export function lookUp(entries, text, most = 100) {
  const given = text.match(QUOTED)?.[1] ?? text;
  const wanted = fold(given.trim() || given);
  if (!wanted) return NOTHING;
  const found = best(entries, (entry) => literal(entry, given, wanted), most);
  return found.total ? found : misspelt(entries, wanted, most);
}

/** The one entry that a text must mean: the only one that fits best; else null. */
export function only({ entries, rank, alike, total }) {
  return alike === 1 && (rank < PART || total === 1) ? entries[0] : null;
}

const NOTHING = { entries: [], total: 0, rank: Infinity, alike: 0 };
const NO_LETTERS = /[^\p{L}\p{N}]+/u;
const SIGN = /[^\p{L}\p{N}]/u;

function fold(text) {
  return text.normalize("NFKC").toLowerCase();
}

/** Entries by rank, and of equal rank as they stand: shorter names first. */
function best(entries, rankOf, most) {
  const byRank = [];
  for (const entry of entries) {
    const rank = rankOf(entry);
    if (rank === null) continue;
    const those = (byRank[rank] ??= { rank, count: 0, first: [] });
    if (++those.count <= most) those.first.push(entry);
  }
  const filled = byRank.filter(Boolean);
  if (!filled.length) return NOTHING;
  const total = filled.reduce((sum, { count }) => sum + count, 0);
  const found = filled.flatMap(({ first }) => first).slice(0, most);
  return { entries: found, total, rank: filled[0].rank, alike: filled[0].count };
}

function literal({ raw, folded, category }, given, wanted) {
  const first = folded.indexOf(wanted);
  if (first < 0) return isNumber(category, given) ? EXACT : null;
  if (folded.length === wanted.length)
    return raw === given || raw.trim() === given || isNumber(category, given) ? EXACT : OTHER_CASE;
  if (isNumber(category, given)) return EXACT;
  let begins = false;
  for (let place = first; place >= 0; place = folded.indexOf(wanted, place + 1)) {
    if (isWhole(folded, place, wanted)) return place === 0 ? WHOLE_WORDS_FIRST : WHOLE_WORDS;
    begins ||= place > 0 && SIGN.test(folded[place - 1]);
  }
  if (first === 0) return BEGINNING;
  return begins ? WORD_BEGINNING : PART;
}

function isNumber(category, given) {
  return given === String(category) || given === `#${category}`;
}

/** Whether what stands at a place has no letter or digit before and after it. */
function isWhole(folded, place, wanted) {
  const end = place + wanted.length;
  return (place === 0 || SIGN.test(folded[place - 1])) && (end === folded.length || SIGN.test(folded[end]));
}

/** Names that differ in a few letters, without blanks and signs, or of which a word does. */
function misspelt(entries, wanted, most) {
  const text = wanted.split(NO_LETTERS).join("");
  const letters = lettersOf(text);
  const allowed = text.length < SHORTEST ? 0 : Math.floor(WRONG * text.length);
  const distance = distanceTo(text, allowed);
  const rankOf = (entry) => {
    const parts = (entry.parts ??= partsOf(entry.folded));
    let least = Infinity;
    for (let k = 0; k < parts.length; k++) {
      if (Math.abs(parts[k].text.length - text.length) > allowed) continue;
      if (missing(letters, parts[k].letters) > allowed) continue;
      least = Math.min(least, 2 * distance(parts[k].text) + Math.min(k, 1)); // a word after a name
    }
    return least === Infinity ? null : SIMILAR + least;
  };
  return text ? best(entries, rankOf, most) : NOTHING;
}

/** A name without blanks and signs, and its longer words where it has several. */
function partsOf(folded) {
  const words = SIGN.test(folded) ? folded.split(NO_LETTERS).filter(Boolean) : [folded];
  const long = words.length > 1 ? words.filter((word) => word.length >= SHORTEST) : [];
  return [words.join(""), ...long].map((text) => ({ text, letters: lettersOf(text) }));
}

/** Which letters a text has, as 32 bits. */
function lettersOf(text) {
  let bits = 0;
  for (let k = 0; k < text.length; k++) bits |= 1 << (text.charCodeAt(k) & 31);
  return bits;
}

/** How many letters of one text another lacks: so many have to be wrong. */
function missing(wanted, present) {
  let bits = wanted & ~present;
  let number = 0;
  for (; bits; bits &= bits - 1) number++;
  return number;
}

/**
 * A function that counts the letters to insert, delete, replace or swap with the next to make `text` of another
 * text (optimal string alignment); Infinity above `most`. Only places at most so far apart are looked at.
 */
function distanceTo(text, most) {
  const n = text.length;
  const above = most + 1;
  let [before, last, row] = Array.from({ length: 3 }, () => new Uint16Array(n + 2));
  return (other) => {
    for (let k = 0; k <= n; k++) last[k] = k;
    for (let i = 1; i <= other.length; i++) {
      const [from, to] = [Math.max(1, i - most), Math.min(n, i + most)];
      row[from - 1] = from === 1 ? i : above;
      row[to + 1] = above;
      let least = row[from - 1];
      for (let k = from; k <= to; k++) {
        const same = other[i - 1] === text[k - 1];
        let value = Math.min(last[k] + 1, row[k - 1] + 1, last[k - 1] + (same ? 0 : 1));
        if (i > 1 && k > 1 && other[i - 1] === text[k - 2] && other[i - 2] === text[k - 1])
          value = Math.min(value, before[k - 2] + 1);
        row[k] = value;
        least = Math.min(least, value);
      }
      if (least > most) return Infinity;
      [before, last, row] = [last, row, before];
    }
    return last[n] <= most ? last[n] : Infinity;
  };
}
