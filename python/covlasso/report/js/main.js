// Reads the data, draws the page that the address asks for, and keeps the header in step.

import { el, say } from "./dom.js";
import { unpack } from "./payload.js";
import { DependencySet } from "./dataset.js";
import { hashOf, placeOf } from "./places.js";
import { setUpTheme } from "./theme.js";
import { dropOldCharts, redrawCharts } from "./chart.js";
import { EXACT, lookUp, only } from "./names.js";
import { setUpKeys, setUpSearch } from "./search.js";
import { summaryView } from "./summary.js";
import { tableView } from "./table.js";
import { categoryView } from "./category.js";
import { everyCategory, graphView } from "./graph.js";
import { canCompare, compareView } from "./compare.js";
import { aboutView } from "./about.js";

const TABS = {
  summary: "Summary",
  categories: "Categories",
  graph: "Graph",
  compare: "Compare",
  about: "About",
};

const NEAR = 10; // names that are offered where a link's is unknown

async function start() {
  setUpTheme(document.getElementById("theme"), redrawCharts);
  const record = await unpack(document.getElementById("data").textContent);
  const sets = record.sets.map((_, index) => new DependencySet(record, index));
  const current = () => sets[placeOf(location.hash).set] ?? sets[0];
  const field = setUpSearch(
    document.getElementById("search"),
    "Find a category (/)",
    () => everyCategory(current()),
    (category) => {
      location.hash = hashOf("category", category, current().index);
    },
  );
  setUpKeys(field);
  setUpSetPicker(sets);
  let moved = false;
  const show = () => {
    render(record, sets, moved);
    moved = true;
  };
  addEventListener("hashchange", show);
  show();
}

/** The list of sets in the header, if there is more than one; a category stays open where the other has it. */
function setUpSetPicker(sets) {
  if (sets.length < 2) return;
  document.getElementById("set-picker").hidden = false;
  const picker = document.getElementById("set");
  picker.append(...sets.map((set, index) => el("option", { value: index, title: set.settings }, set.title)));
  picker.addEventListener("change", () => {
    const { view, category } = placeOf(location.hash);
    location.hash = hashOf(view, category, Number(picker.value));
  });
}

function render(record, sets, moved) {
  const { view, category: number, name, group, set: index } = placeOf(location.hash);
  const set = sets[index] ?? sets[0];
  const category = name === null ? number : corrected(set, view, name);
  const found = (shown) => (name !== null && category === null ? noCategoryView(set, view, name) : shown());
  const views = {
    summary: () => summaryView(set),
    categories: () => tableView(set),
    category: () =>
      number === null && name === null ? tableView(set) : found(() => categoryView(set, category)),
    graph: () =>
      number === null || isInGraph(set, number)
        ? found(() => graphView(set, category, group))
        : noCategoryView(set, view, String(number)),
    compare: () => compareView(sets, set),
    about: () => aboutView(record, sets),
  };
  const main = document.getElementById("main");
  main.replaceChildren(views[view]());
  dropOldCharts();
  drawTabs(sets, set, view);
  const picker = document.getElementById("set");
  picker.value = String(set.index);
  picker.title = set.settings ?? set.title;
  const heading = main.querySelector("h1").textContent;
  document.title = view === "summary" ? record.title : `${heading} · ${record.title}`;
  if (moved) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
    say(heading);
  }
  document.documentElement.dataset.ready = view;
}

/** Number of the category of a name, which is put into the address; null where it is not clear. */
function corrected(set, view, name) {
  const entry = only(lookUp(everyCategory(set), name));
  if (entry === null) return null;
  history.replaceState(null, "", hashOf(view, entry.category, set.index));
  return entry.category;
}

function isInGraph(set, category) {
  return category < set.nSources || set.position.has(category);
}

/** What a link leads to whose name is none, or that of several. */
function noCategoryView(set, view, name) {
  const near = lookUp(everyCategory(set), name, NEAR);
  return el(
    "div",
    { class: "view" },
    el(
      "h1",
      {},
      near.alike > 1 && near.rank === EXACT ? `Several categories “${name}”` : `No category “${name}”`,
    ),
    near.total
      ? [
          el("p", { class: "lead" }, `The link may mean ${near.total > 1 ? "one of these" : "this"}:`),
          el(
            "ul",
            { class: "near" },
            near.entries.map((entry) =>
              el(
                "li",
                {},
                el("a", { href: hashOf(view, entry.category, set.index) }, entry.name),
                el("span", { class: "number" }, ` #${entry.category}`),
              ),
            ),
          ),
        ]
      : el("p", { class: "lead" }, "The link names a category that is not in this report."),
    el("p", {}, el("a", { href: hashOf("categories", null, set.index) }, "All categories")),
  );
}

function drawTabs(sets, set, view) {
  const shown = view === "category" ? "categories" : view;
  const tabs = Object.entries(TABS).filter(([name]) => name !== "compare" || canCompare(sets));
  document
    .getElementById("tabs")
    .replaceChildren(
      ...tabs.map(([name, title]) =>
        el(
          "li",
          {},
          el(
            "a",
            { href: hashOf(name, null, set.index), "aria-current": name === shown ? "page" : null },
            title,
          ),
        ),
      ),
    );
}

start().catch((error) => {
  document
    .getElementById("main")
    .replaceChildren(
      el("h1", {}, "This report could not be read"),
      el("p", {}, `${error}. It needs a browser of 2023 or newer (Chrome 80, Firefox 113, Safari 16.4).`),
    );
  throw error;
});
