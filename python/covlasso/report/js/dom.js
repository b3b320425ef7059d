// Elements, numbers as text, and what is said to screen readers. Text only ever becomes text, never markup.

/** Create an element: `el("a", { href: "#x", class: "y", onclick: f }, "text", child)`. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** One figure of a `<dl class="tiles">`: its name, its value, and what it is out of. */
export function tile(name, value, more) {
  return el(
    "div",
    { class: "tile" },
    el("dt", {}, name),
    el("dd", {}, el("strong", {}, value), el("span", {}, more)),
  );
}

/**
 * A table over a `<tbody>`; a column is its name, or `{ number: name }` where it holds numbers. Where rows fold,
 * a cell says its column, also of rows that come later.
 */
export function tableOver(body, columns, attributes = { class: "plain-table" }) {
  const heading = (column) =>
    typeof column === "string"
      ? el("th", { scope: "col" }, column)
      : el("th", { scope: "col", class: "number" }, column.number);
  const tell = () => {
    for (const row of body.rows)
      columns.forEach((column, k) => row.cells[k]?.setAttribute("data-column", column.number ?? column));
  };
  tell();
  new MutationObserver(tell).observe(body, { childList: true });
  return el("table", attributes, el("thead", {}, el("tr", {}, columns.map(heading))), body);
}

/** Let a screen reader say `text` when it has finished what it is saying. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

const NOTHING = "–"; // what stands for a number that does not exist

/** R^2, coefficients: two decimals, or as many as asked for. */
export function fixed(value, digits = 2) {
  if (!Number.isFinite(value)) return NOTHING;
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

const NEARLY = 0.995; // from here two decimals say 1.00
const FINEST = 6; // decimals

/** R^2 and what else is at most 1: two decimals, or as many as show two digits of 1 - value (_base/digits.py). */
export function r2(value) {
  if (!(value >= NEARLY && value < 1)) return fixed(value);
  const decimals = Math.min(FINEST, 1 - Math.floor(Math.log10(1 - value) + 1e-9));
  return fixed(value, Number(value.toFixed(decimals)) === 1 ? 2 : decimals);
}

/** A share of the energy: three decimals, or three digits where it is small. */
export function share(value) {
  return value !== 0 && Math.abs(value) < 0.1 ? significant(value) : fixed(value, 3);
}

/** A coefficient: two decimals, or one digit where these would say 0. */
export function coefficient(value) {
  if (value === 0 || Math.abs(value) >= 0.005 || !Number.isFinite(value)) return fixed(value);
  return value.toFixed(Math.min(6, -Math.floor(Math.log10(Math.abs(value))))).replace("-", "−");
}

/** lambda: three significant digits. */
export function significant(value) {
  if (!Number.isFinite(value)) return NOTHING;
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5)
    ? scientific(value)
    : String(Number(value.toPrecision(3)));
}

/** KKT residuals: 7.4e−13, with signs at which no line is broken. */
export function scientific(value) {
  if (value === 0) return "0";
  return Number.isFinite(value) ? value.toExponential(1).replace("+", "").replaceAll("-", "−") : NOTHING;
}

/** 12345 as 12,345. */
export function count(value) {
  return Math.round(value).toLocaleString("en");
}

/** "1 term", "2 terms". */
export function plural(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export function median(values) {
  const known = Float64Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort();
  if (!known.length) return NaN;
  const middle = known.length >> 1;
  return known.length % 2 ? known[middle] : (known[middle - 1] + known[middle]) / 2;
}
