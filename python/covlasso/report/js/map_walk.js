// Where to go from a dot of a map by keyboard: to what is tied, or to the next by number of edges.

import { fixed, plural } from "./dom.js";

/** Dots that an edge ties to dot k -> the largest coefficient between the two. */
export function tiedTo(nodes, edges, k) {
  const index = new Map(nodes.map((node, i) => [node.key, i]));
  const tied = new Map();
  for (const { from, to, coef } of edges) {
    const [a, b] = [index.get(from.key), index.get(to.key)];
    if ((a !== k && b !== k) || a === b) continue;
    const other = a === k ? b : a;
    if (!(Math.abs(tied.get(other)) >= Math.abs(coef))) tied.set(other, coef);
  }
  return tied;
}

/** Numbers of the dots, those with most edges first. */
export function byRank(nodes) {
  const rank = (k) => nodes[k].used + nodes[k].terms;
  return Array.from(nodes.keys()).sort((a, b) => rank(b) - rank(a) || a - b);
}

/** The dot after k by number of edges, or before it; round the ends. */
export function nextByRank(nodes, k, step) {
  const order = byRank(nodes);
  if (k === null) return order[0];
  return order[(order.indexOf(k) + step + order.length) % order.length];
}

/** The dot to go to from k: the nearest tied one in this direction, else the nearest of all; k where there is none. */
export function inDirection({ nodes, edges }, at, k, [dx, dy]) {
  if (k === null) return byRank(nodes)[0];
  const nearest = (candidates) => {
    let [best, least] = [null, Infinity];
    for (const i of candidates) {
      const [x, y] = [at[i].x - at[k].x, at[i].y - at[k].y];
      const [length, along] = [Math.hypot(x, y), x * dx + y * dy];
      if (i === k || along < 0.5 * length || length === 0) continue; // within 60 degrees
      if ((length * length) / along < least) [best, least] = [i, (length * length) / along];
    }
    return best;
  };
  return nearest(tiedTo(nodes, edges, k).keys()) ?? nearest(nodes.keys()) ?? k;
}

/** A dot in words, for those who cannot see it. */
export function inWords({ nodes, edges }, k) {
  const tied = [...tiedTo(nodes, edges, k)].sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const [first] = tied;
  const most = first ? `, most to ${nodes[first[0]].name}, ${fixed(first[1])}` : "";
  return `${nodes[k].name}, tied here to ${plural(tied.length, "category", "categories")}${most}`;
}
