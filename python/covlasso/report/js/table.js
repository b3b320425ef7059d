// All categories as a table: search, sort, filter, download. Tabulator draws only the rows in sight.

import { count, el, fixed, plural, r2, say, scientific, significant, tableOver } from "./dom.js";
import { categoriesCsv, save, termsCsv } from "./csv.js";
import { hashOf } from "./places.js";
import { besideArrays, judgedBy } from "./beside.js";

const PHONE = "(max-width: 700px)"; // where rows fold; wider, the last columns give way

const ROW = 34; // pixels
const BUFFER = 300; // pixels of rows drawn beyond those in sight

const SORTABLE = {
  category: "number",
  name: "name",
  terms: "terms",
  fit: "R², fit",
  heldOut: "R², held out",
  mean: "R², about the mean",
  random: "R², random terms",
  dependents: "categories that use it",
  lam: "lambda",
  kkt: "KKT residual",
  status: "status",
};

const PRINTED = [
  { field: "fit", number: "R² fit" },
  { field: "heldOut", number: "R² held out" },
  { field: "mean", number: "about mean" },
  { field: "random", number: "at random" },
];

export function tableView(set) {
  const place = el("div", { id: "categories" });
  const found = el("p", { class: "found", "aria-live": "polite" });
  const filters = filterControls(set);
  const rows = rowsOf(set);
  const page = el("div", { class: "view" }, el("h1", {}, "Categories"), filters.element, found, place);
  requestAnimationFrame(() => {
    if (!place.isConnected) return;
    const table = new tabulator.Tabulator(place, {
      data: rows,
      columns: columns(set),
      layout: "fitColumns",
      height: "max(360px, calc(100vh - 260px))",
      placeholder: "No category passes these filters",
      headerSortTristate: false,
      columnDefaults: { headerTooltip: true },
      ...(matchMedia(PHONE).matches ? {} : { rowHeight: ROW }), // known, it need not be measured
      renderVerticalBuffer: BUFFER,
      initialSort: [{ column: set.heldOut ? "heldOut" : "fit", dir: "desc" }],
      responsiveLayout: matchMedia(PHONE).matches ? "collapse" : "hide",
      responsiveLayoutCollapseStartOpen: true,
      responsiveLayoutCollapseFormatter: folded,
    });
    connect(table, set, filters, found, rows.length);
    printWhole(table, set, page);
    page.table = table;
  });
  return page;
}

/** On paper all rows that pass are a plain table: Tabulator has only those in sight in the page. */
function printWhole(table, set, page) {
  const columns = ["category", "equation", ...PRINTED.filter(({ field }) => isShown(set, field))];
  const row = ({ t, category, name, ...figures }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name, el("span", { class: "number" }, ` #${category}`)),
      el("td", {}, set.equation(t)),
      columns.slice(2).map(({ field }) => el("td", { class: "number" }, r2(figures[field]))),
    );
  const fill = () => {
    if (!page.isConnected) return removeEventListener("beforeprint", fill);
    const body = el("tbody", {}, table.getData("active").map(row));
    const paper = el("div", { class: "card paper" }, tableOver(body, columns, { class: "plain-table wide" }));
    page.append(paper);
    addEventListener("afterprint", () => paper.remove(), { once: true });
  };
  addEventListener("beforeprint", fill);
}

/** What does not fit beside a category's name: its equation on lines of its own, then figures. */
function folded(columns) {
  if (!columns.length) return "";
  const text = (value) => (value instanceof Node ? value.textContent : String(value));
  const [equation] = columns.filter(({ field }) => field === "t");
  const figures = columns.filter(({ field }) => field !== "t");
  return el(
    "div",
    { class: "folded" },
    equation && el("p", {}, `= ${text(equation.value)}`),
    figures.length > 0 &&
      el(
        "p",
        { class: "figures" },
        figures
          .map(({ title, value }) => (title === "#" ? `#${text(value)}` : `${title} ${text(value)}`))
          .join(" · "),
      ),
  );
}

/** A row per category in the order in which the table is sorted first: so sorted, it is sorted in no time. */
function rowsOf(set) {
  const { mean, random } = besideArrays(set, judgedBy(set));
  const row = (t) => ({
    t,
    category: set.targets[t],
    name: set.targetName(t),
    terms: set.nTerms(t),
    fit: set.r2[t],
    heldOut: set.heldOut?.[t],
    mean: mean?.[t],
    random: random?.[t],
    dependents: set.sameCategories ? set.nDependents(set.targets[t]) : null,
    lam: set.lam[t],
    kkt: set.kkt[t],
    status: set.statusOf(t),
  });
  const known = set.ranking;
  const unknown = Array.from(set.targets.keys()).filter((t) => Number.isNaN(set.evidence[t]));
  return [...Array.from(known, row), ...unknown.map(row)];
}

/** Whether a figure is known of these categories; of all of them or of none. */
function isShown(set, field) {
  if (field === "heldOut") return Boolean(set.heldOut);
  if (field === "dependents") return set.sameCategories;
  if (field !== "mean" && field !== "random") return true;
  return field in besideArrays(set, judgedBy(set));
}

function columns(set) {
  const number = (title, field, format, width, responsive, more = {}) => ({
    title,
    field,
    width,
    responsive,
    hozAlign: "right",
    headerHozAlign: "right",
    sorter: nanLast,
    formatter: (cell) => format(cell.getValue()),
    ...more,
  });
  const bar = (cell) => {
    const value = cell.getValue();
    return el(
      "span",
      { class: "bar-cell" },
      el("span", {
        class: "bar-fill",
        style: `width:${Math.round(100 * Math.max(0, Math.min(1, value || 0)))}%`,
      }),
      el("span", {}, r2(value)),
    );
  };
  return [
    number("#", "category", String, 64, 3),
    {
      title: "Category",
      field: "name",
      minWidth: 150,
      widthGrow: 2,
      responsive: 0,
      sorter: "string",
      formatter: (cell) => {
        const { category, name } = cell.getData();
        return el("a", { href: hashOf("category", category, set.index) }, name);
      },
    },
    {
      title: "Equation",
      field: "t",
      minWidth: 240,
      widthGrow: 5,
      responsive: 1,
      headerSort: false,
      formatter: (cell) => document.createTextNode(set.equation(cell.getValue())),
    },
    number("Terms", "terms", String, 92, 3),
    number("R² fit", "fit", fixed, 110, 2, { formatter: bar }),
    ...(set.heldOut ? [number("R² held out", "heldOut", fixed, 128, 0, { formatter: bar })] : []),
    ...(isShown(set, "mean") ? [number("About mean", "mean", r2, 134, 3)] : []),
    ...(isShown(set, "random") ? [number("At random", "random", r2, 124, 3)] : []),
    ...(set.sameCategories ? [number("Used by", "dependents", count, 112, 3)] : []),
    number("λ", "lam", significant, 84, 4),
    number("KKT", "kkt", scientific, 90, 4),
    { title: "Status", field: "status", width: 106, responsive: 4 },
  ];
}

/** What does not exist comes last, whichever way the column is sorted. */
function nanLast(a, b, _rowA, _rowB, _column, direction) {
  const [x, y] = [Number.isFinite(a), Number.isFinite(b)];
  if (x && y) return a - b;
  return x === y ? 0 : (x ? -1 : 1) * (direction === "asc" ? 1 : -1);
}

function filterControls(set) {
  const field = (label, control) => el("label", { class: "field" }, el("span", {}, label), control);
  const text = el("input", { type: "search", id: "filter-text", placeholder: "name, number or source" });
  const least = el("input", {
    type: "number",
    id: "filter-least",
    min: -1,
    max: 1,
    step: 0.05,
    placeholder: "any",
  });
  const most = el("input", {
    type: "number",
    id: "filter-most",
    min: -1,
    max: 1,
    step: 0.05,
    placeholder: "any",
  });
  const status = el(
    "select",
    { id: "filter-status" },
    el("option", { value: "" }, "any"),
    set.statuses.map((name) => el("option", { value: name }, name)),
  );
  const sort = el(
    "select",
    { id: "sort-by" },
    Object.entries(SORTABLE)
      .filter(([name]) => isShown(set, name))
      .map(([name, label]) =>
        el("option", { value: name, selected: name === (set.heldOut ? "heldOut" : "fit") }, label),
      ),
  );
  const order = el(
    "select",
    { id: "sort-order" },
    el("option", { value: "desc" }, "falling"),
    el("option", { value: "asc" }, "rising"),
  );
  const button = (id, title, what) =>
    el("button", { type: "button", id, title: `CSV of ${what} of the categories that pass` }, title);
  const download = button("download", "Categories (CSV)", "the figures");
  const terms = button("download-terms", "Terms (CSV)", "the terms");
  const measure = set.heldOut ? "R² held out" : "R² fit";
  const element = el(
    "form",
    {
      class: "controls",
      role: "search",
      "aria-label": "Filter and sort the categories",
      onsubmit: (event) => event.preventDefault(),
    },
    field("Search", text),
    field(`${measure} from`, least),
    field("to", most),
    field("Status", status),
    field("Sort by", sort),
    field("Order", order),
    download,
    terms,
  );
  return { element, text, least, most, status, sort, order, download, terms };
}

function connect(table, set, filters, found, total) {
  const { text, least, most, status, sort, order, download, terms } = filters;
  const bound = ({ value }, open) => (value === "" ? open : Number(value));
  const passing = () => {
    const holds = set.holding(text.value);
    const [low, high, wanted] = [bound(least, -Infinity), bound(most, Infinity), status.value];
    const any = low === -Infinity && high === Infinity; // also what has no R²
    return ({ t, status }) =>
      holds[t] === 1 &&
      (any || (set.evidence[t] >= low && set.evidence[t] <= high)) &&
      (!wanted || status === wanted);
  };
  const isFiltering = () => [text, least, most, status].some(({ value }) => value.trim() !== "");
  let ready = false;
  const refilter = () => {
    if (ready) isFiltering() ? table.setFilter(passing()) : table.clearFilter();
  };
  const resort = () => ready && table.setSort(sort.value, order.value);
  table.on("tableBuilt", () => {
    ready = true;
    if (isFiltering()) refilter();
  });
  table.on("dataFiltered", (_filters, rows) => {
    found.textContent =
      rows.length === total
        ? `${plural(total, "category", "categories")}`
        : `${count(rows.length)} of ${plural(total, "category", "categories")}`;
  });
  table.on("dataSorted", ([sorter]) => {
    if (!sorter || !ready) return;
    sort.value = sorter.field;
    order.value = sorter.dir;
    say(`Sorted by ${SORTABLE[sorter.field]}, ${sorter.dir === "asc" ? "rising" : "falling"}`);
  });
  table.on("rowClick", (event, row) => {
    if (!event.target.closest("a")) location.hash = hashOf("category", row.getData().category, set.index);
  });
  for (const control of [text, least, most]) control.addEventListener("input", refilter);
  status.addEventListener("change", refilter);
  for (const control of [sort, order]) control.addEventListener("change", resort);
  const inSight = () => table.getData("active").map(({ t }) => t);
  download.addEventListener("click", () => save("categories.csv", categoriesCsv(set, inSight())));
  terms.addEventListener("click", () => save("terms.csv", termsCsv(set, inSight())));
}
