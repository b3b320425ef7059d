// Which names of a map are written, and where: never over each other, over a dot, or across the edge.

const HEIGHT = 14; // of a line of text, in pixels
const GAP = 3; // between a dot and its name
const CLEAR = 2; // around a name
const CELL = 48; // of the grid that finds what is near
const AREA = 5200; // square pixels of map per name: more of them cannot be read

const ruler = document.createElement("canvas").getContext("2d");
const widths = new Map(); // font -> text -> pixels

/** Width of a text in pixels. */
function textWidth(text, font) {
  if (!widths.has(font)) widths.set(font, new Map());
  const known = widths.get(font);
  if (!known.has(text)) {
    ruler.font = font;
    known.set(text, ruler.measureText(text).width);
  }
  return known.get(text);
}

/** The text, or as much of its beginning as fits into `room` pixels. */
function shortened(text, font, room) {
  if (textWidth(text, font) <= room) return text;
  let length = Math.min(text.length, 200);
  while (length > 1 && textWidth(`${text.slice(0, length)}…`, font) > room) length--;
  return `${text.slice(0, length).trimEnd()}…`;
}

/** Where a name of this width may stand, over a dot or beside it, best first: [left, top] of its box. */
const PLACES = {
  over: ({ x, y }, width) => [x - width / 2, y - HEIGHT / 2],
  right: ({ x, y, r }) => [x + r + GAP, y - HEIGHT / 2],
  left: ({ x, y, r }, width) => [x - r - GAP - width, y - HEIGHT / 2],
  below: ({ x, y, r }, width) => [x - width / 2, y + r + 1],
  above: ({ x, y, r }, width) => [x - width / 2, y - r - 1 - HEIGHT],
  "below right": ({ x, y, r }) => [x + 0.7 * r + 1, y + 0.7 * r],
  "above right": ({ x, y, r }) => [x + 0.7 * r + 1, y - 0.7 * r - HEIGHT],
  "below left": ({ x, y, r }, width) => [x - 0.7 * r - 1 - width, y + 0.7 * r],
  "above left": ({ x, y, r }, width) => [x - 0.7 * r - 1 - width, y - 0.7 * r - HEIGHT],
};

const BESIDE = Object.keys(PLACES).filter((place) => place !== "over");

/** Boxes by the cells of a grid that they touch, so that only those near by are compared. */
class Grid {
  cells = new Map();

  *around({ left, top, right, bottom }) {
    for (let i = Math.floor(left / CELL); i <= Math.floor(right / CELL); i++)
      for (let j = Math.floor(top / CELL); j <= Math.floor(bottom / CELL); j++) yield `${i} ${j}`;
  }

  add(box) {
    for (const cell of this.around(box)) {
      if (!this.cells.has(cell)) this.cells.set(cell, []);
      this.cells.get(cell).push(box);
    }
  }

  /** How many of the boxes of others this one meets. */
  hits(box, except) {
    const met = new Set();
    for (const cell of this.around(box))
      for (const other of this.cells.get(cell) ?? [])
        if (
          other.owner !== except &&
          box.left < other.right &&
          other.left < box.right &&
          box.top < other.bottom &&
          other.top < box.bottom
        )
          met.add(other);
    return met.size;
  }
}

/**
 * Names for dots {x, y, r, text, rank, strong, wanted, sides}, greedily by rank, as {k, text, left, top}; none where the text
 * is empty. Of the places that are free the one that covers fewest points {x, y} of the lines is taken.
 *
 * `wanted` names come first and may cover a dot, but never another name; `strong` ones are bold. `sides` are the places allowed, all
 * beside it by default; a name with sides of its own is counted against no limit.
 */
export function placeLabels(dots, lines, { width, height }, font, room) {
  const inside = ({ left, top, right, bottom }) =>
    left >= 1 && top >= 1 && right <= width - 1 && bottom <= height - 1;
  const [circles, names, strokes] = [new Grid(), new Grid(), new Grid()];
  for (const { x, y } of lines) strokes.add({ left: x, top: y, right: x, bottom: y });
  const seen = dots
    .map((dot, k) => ({ ...dot, k }))
    .filter(({ x, y }) => x >= 0 && y >= 0 && x <= width && y <= height);
  for (const { x, y, r, k } of seen)
    circles.add({ left: x - r, top: y - r, right: x + r, bottom: y + r, owner: k });
  seen.sort((a, b) => Boolean(b.wanted) - Boolean(a.wanted) || b.rank - a.rank || a.k - b.k);
  const limit = Math.max(6, Math.floor((width * height) / AREA));
  const placed = [];
  for (const dot of seen) {
    if (!dot.text || (placed.length >= limit && !dot.wanted && !dot.sides)) continue;
    const pen = dot.strong ? `bold ${font}` : font;
    const text = shortened(
      dot.text,
      pen,
      dot.sides?.[0] === "over" ? Math.min(room, 2 * dot.r - 2 * GAP) : room,
    );
    const long = textWidth(text, pen);
    const box = (place) => {
      const [left, top] = PLACES[place](dot, long);
      return { left: left - CLEAR, top, right: left + long + CLEAR, bottom: top + HEIGHT, owner: dot.k };
    };
    const free = (dot.sides ?? BESIDE).map(box).filter((one) => inside(one) && !names.hits(one, dot.k));
    const open = free.filter((one) => !circles.hits(one, dot.k));
    const crossed = open.map((one) => strokes.hits(one, null));
    const found = open.length ? open[crossed.indexOf(Math.min(...crossed))] : dot.wanted && free[0];
    if (!found) continue;
    names.add(found);
    placed.push({ k: dot.k, text, left: found.left + CLEAR, top: found.top });
  }
  return placed;
}
