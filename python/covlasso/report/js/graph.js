// The graph of all dependencies: how many edges, whose, around which category; what was clicked.

import { count, el, fixed, plural, r2, say } from "./dom.js";
import { numbers } from "./chart.js";
import { hashOf } from "./places.js";
import { prepared } from "./names.js";
import { setUpSearch } from "./search.js";
import { groupsOf } from "./groups.js";
import { groupsView, trailOf } from "./group_map.js";
import {
  DRAWN_EDGES,
  arrange,
  communitiesOf,
  everyCommunity,
  neighbourhood,
  onTheMap,
  strongest,
} from "./network.js";
import { communityColour, dotKey, r2Colour, shapeKey, signColour } from "./network_chart.js";
import { NARROW, NetworkMap, handling, touched } from "./map.js";

const FIRST = { mouse: 400, fingers: 150 }; // edges shown at first: a picture that can still be read
const ROUND = [1, 1.5, 2, 3, 4, 5, 7]; // numbers of edges to choose from, times powers of ten
const LEAST = 10;
const AROUND = 60; // edges of a neighbourhood
const LISTED = 8; // communities in the list, and members of each

/**
 * The graph: around a category where `focus` is one; of a large set communities, and groups within them down to one
 * whose categories are drawn; else all.
 */
export function graphView(set, focus, number = null) {
  const groups = groupsOf(set);
  const page = el("div", { class: "view" }, el("h1", {}, "Graph"));
  if (!groups) page.append(...edgesView(set, focus, null));
  else if (focus !== null)
    page.append(trailOf(set, groupOf(set, focus), set.categoryName(focus)), ...edgesView(set, focus, null));
  else {
    const group = groups.has(number) ? number : null;
    page.append(neighbourhoodSearch(set));
    if (group !== null && !groups.children(group).length)
      page.append(trailOf(set, group), ...edgesView(set, null, group));
    else page.append(groupsView(set, group));
  }
  return page;
}

/** The innermost group of a category, or null. */
function groupOf(set, category) {
  const t = set.position.get(category);
  return t === undefined ? groupsOf(set).ofSource(category) : groupsOf(set).ofTarget(t);
}

/** Parts of a view that draws categories and edges: around `focus`, of a group, or of the set. */
function edgesView(set, focus, group) {
  const said = el("p", { class: "found", "aria-live": "polite" });
  const panel = el("div", { class: "card panel" });
  const key = el("ul", { class: "map-key" });
  const tables = el("div", {});
  const controls = graphControls(set, focus, group);
  const state = { set, focus, group, selected: null, shown: null };

  const map = new NetworkMap(set, {
    look: ({ width }) => ({
      dot: width < NARROW ? 0.75 : 1,
      colourOf: controls.colour.value === "r2" ? r2Colour(set) : communityColour,
      edgeColourOf: signColour,
    }),
    choose: (node, { walked }) => {
      state.selected = node;
      describe(panel, state);
      if (!walked) say(`${node.name} selected`);
    },
    open: (node) => {
      location.hash =
        node.t === undefined
          ? hashOf("graph", node.category, set.index)
          : hashOf("category", set.targets[node.t], set.index);
    },
  });
  const explain = () =>
    key.replaceChildren(
      ...strokeKey(),
      ...shapeKey(set),
      dotKey(set, controls.colour.value),
      el("li", { class: "handling" }, handling()),
    );
  const update = () => {
    const shown = shownGraph(set, focus, group, controls);
    state.shown = shown;
    said.textContent = inWords(shown, focus, set);
    const focusKey = focus === null ? null : keyOfFocus(shown.nodes, focus);
    map.show({ ...shown, focusKey }, `Map of dependencies. ${said.textContent}`);
    describe(panel, state);
    tables.replaceChildren(
      numbers("Edges drawn", () => edgeTable(set, shown.edges), "Edges as a table"),
      groupsOf(set)
        ? numbers("Categories", () => memberTable(set, shown.nodes), "Categories as a table")
        : numbers("Communities", () => communityTable(set, shown), "Communities as a table"),
    );
  };
  for (const control of [controls.edges, controls.least]) control.addEventListener("change", update);
  controls.edges.addEventListener("input", controls.tell);
  controls.colour.addEventListener("change", () => {
    explain();
    map.redraw();
  });
  explain();
  update();
  return [
    controls.element,
    said,
    el("div", { class: "graph-layout" }, el("div", { class: "card" }, map.element, key, tables), panel),
  ];
}

/** Numbers of edges that the slider goes through, in steps of equal proportion, to the most that can be drawn. */
function steps(most) {
  const numbers = [];
  for (let power = 10; power <= most; power *= 10)
    for (const factor of ROUND)
      if (factor * power >= LEAST && factor * power < most) numbers.push(factor * power);
  return [...numbers, most];
}

function graphControls(set, focus, group) {
  const every = group === null ? set.nEdges : strongest(set, 0, -Infinity, group).possible;
  const most = Math.max(1, Math.min(every, DRAWN_EDGES));
  const choices = steps(most);
  const first = choices.findIndex(
    (edges) => edges >= Math.min(most, touched() ? FIRST.fingers : FIRST.mouse),
  );
  const edges = el("input", { type: "range", id: "edges", min: 0, max: choices.length - 1, value: first });
  const wanted = () => choices[Number(edges.value)];
  const output = el("output", { for: "edges" });
  const limit = most < every ? `; at most ${count(most)} are drawn` : "";
  const tell = () => {
    output.textContent = `${count(Math.min(wanted(), every))} of ${count(every)}${limit}`;
    edges.setAttribute("aria-valuetext", output.textContent);
  };
  tell();
  const least = el("input", {
    type: "number",
    id: "least-r2",
    min: -1,
    max: 1,
    step: 0.05,
    placeholder: "any",
  });
  const colour = el(
    "select",
    { id: "colour" },
    el("option", { value: "community" }, "community"),
    el("option", { value: "r2", selected: group !== null }, "R²"), // a group is of one community
  );
  const field = (label, control, more = null) =>
    el("label", { class: "field" }, el("span", {}, label, more), control);
  const element = el(
    "form",
    { class: "controls", "aria-label": "What the graph shows", onsubmit: (event) => event.preventDefault() },
    group === null && searchField(set),
    focus === null
      ? [
          field("Strongest edges: ", edges, output),
          field(set.heldOut ? "R² held out from" : "R² fit from", least),
        ]
      : !groupsOf(set) &&
          el("a", { class: "button", href: hashOf("graph", null, set.index) }, "Back to the whole graph"),
    field("Colour by", colour),
  );
  return { element, edges, least, colour, wanted, tell };
}

/** A field that leads to the neighbourhood of a category. */
function searchField(set) {
  const search = el("div", { id: "graph-search" });
  setUpSearch(
    search,
    "Show the neighbourhood of …",
    () => everyCategory(set),
    (category) => {
      location.hash = hashOf("graph", category, set.index);
    },
  );
  return el("div", { class: "field" }, el("span", {}, "Neighbourhood"), search);
}

function neighbourhoodSearch(set) {
  const stay = (event) => event.preventDefault();
  return el("form", { class: "controls", "aria-label": "Find a category", onsubmit: stay }, searchField(set));
}

/** Every category that has a page, ready to be searched; within one network also those that are terms only. */
export function everyCategory(set) {
  if (!EVERY.has(set)) {
    const categories = set.intra
      ? Array.from({ length: set.nSources }, (_, j) => j)
      : Array.from(set.targets);
    EVERY.set(set, prepared(categories.map((category) => ({ category, name: set.categoryName(category) }))));
  }
  return EVERY.get(set);
}

const EVERY = new WeakMap();

/** Edges asked for, arranged. */
function shownGraph(set, focus, group, controls) {
  const leastR2 = controls.least.value === "" ? -Infinity : Number(controls.least.value);
  const wanted = focus === null ? controls.wanted() : AROUND;
  const { edges, possible } =
    focus === null ? strongest(set, wanted, leastR2, group) : neighbourhood(set, focus, wanted);
  const nodes = focus === null ? onTheMap(set, edges, group) : arrange(edges);
  return { edges, possible, leastR2, nodes, communities: communitiesOf(nodes), whole: focus === null };
}

function inWords({ edges, possible, nodes, communities, leastR2 }, focus, set) {
  if (!edges.length)
    return focus === null ? "No edge passes these filters." : "Nothing is tied to this category.";
  const weakest = edges.reduce((least, { coef }) => Math.min(least, Math.abs(coef)), Infinity);
  const name =
    focus === null
      ? ""
      : ` around ${set.position.has(focus) ? set.targetName(set.position.get(focus)) : set.sourceName(focus)}`;
  const left = possible - edges.length;
  const filter = leastR2 === -Infinity ? "" : ` into categories with R² of at least ${fixed(leastR2)}`;
  return (
    `${plural(edges.length, "edge")}${name} between ${plural(nodes.length, "category", "categories")} in ${plural(communities.length, "community", "communities")}` +
    (left
      ? `; ${plural(left, "weaker edge")}${filter} not drawn${focus === null ? ` (|coefficient| up to ${fixed(weakest)})` : ""}.`
      : `: all there are${filter}.`)
  );
}

function keyOfFocus(nodes, focus) {
  return (
    nodes.find((node) => node.category === focus && (node.t !== undefined || !node.isSource))?.key ?? null
  );
}

/** The panel: what was clicked, and the communities as a list, which needs no mouse. */
function describe(panel, { set, group, selected, shown }) {
  const list = group === null ? communitiesPart(set, shown) : membersPart(set, group);
  panel.replaceChildren(...[selected && selectedPart(set, selected), list].filter(Boolean));
}

function selectedPart(set, node) {
  const links = [
    el("a", { class: "button", href: hashOf("graph", node.category, set.index) }, "Neighbourhood"),
  ];
  if (node.t !== undefined)
    links.unshift(
      el("a", { class: "button", href: hashOf("category", set.targets[node.t], set.index) }, "Open its page"),
    );
  return el(
    "section",
    { class: "selected" },
    el("h2", {}, node.name),
    node.t !== undefined &&
      el(
        "p",
        {},
        `R² ${r2(set.evidence[node.t])} ${set.heldOut ? "held out" : "fit"}, ${plural(set.nTerms(node.t), "term")}` +
          (set.sameCategories ? `, used by ${plural(set.nDependents(node.category), "equation")}` : ""),
      ),
    node.t !== undefined && el("p", { class: "equation" }, `= ${set.equation(node.t, 6)}`),
    el("p", { class: "buttons" }, links),
  );
}

/** The categories of a group that have the strongest ties in it. */
function membersPart(set, group) {
  const groups = groupsOf(set);
  return el(
    "section",
    {},
    el("h2", {}, plural(groups.size[group], "category", "categories")),
    el(
      "p",
      { class: "note" },
      "Those with the strongest ties inside; all that are drawn are in the table under the map.",
    ),
    el(
      "ul",
      { class: "near" },
      groups.central(group).map((node) => el("li", {}, pageLink(set, node))),
    ),
  );
}

/** The page of a category, or the neighbourhood of one that has none. */
function pageLink(set, node) {
  return node.t === undefined
    ? graphLink(set, node)
    : el("a", { href: hashOf("category", set.targets[node.t], set.index) }, node.name);
}

function memberTable(set, nodes) {
  const order = [...nodes].sort((a, b) => b.used + b.terms - a.used - a.terms);
  return {
    columns: ["category", { number: set.heldOut ? "R² held out" : "R² fit" }, { number: "edges drawn" }],
    rows: order.map((node) => [
      pageLink(set, node),
      node.t === undefined ? "" : r2(set.evidence[node.t]),
      count(node.used + node.terms),
    ]),
  };
}

/** How many of each community are drawn. */
function drawnOf({ communities }) {
  return new Map(communities.map(([number, members]) => [number, members.length]));
}

/** The largest communities of the set, or those of a neighbourhood; sizes are of all edges, drawn or not. */
function communitiesPart(set, shown) {
  const drawn = drawnOf(shown);
  const communities = shown.whole ? everyCommunity(set) : shown.communities;
  const rows = communities.slice(0, LISTED).map(([number, members]) => {
    const size = set.communitySizes[number];
    const left = size - Math.min(LISTED, members.length);
    return el(
      "li",
      {},
      el("span", { class: "dot", style: `background:var(--group-${number}, var(--other))` }),
      `${count(size)} (${count(drawn.get(number) ?? 0)} drawn): `,
      members.slice(0, LISTED).flatMap((node, k) => [k ? ", " : "", graphLink(set, node)]),
      left > 0 ? `, and ${count(left)} more` : "",
    );
  });
  const left = communities.length - rows.length;
  return el(
    "section",
    {},
    el("h2", {}, "Communities"),
    el(
      "p",
      { class: "note" },
      "Groups tied more to each other than to the rest, found on all edges, drawn or not; those with most edges are named.",
    ),
    el("ol", { class: "communities" }, rows),
    left > 0 && el("p", { class: "note" }, `${plural(left, "smaller one")}: see the table under the map.`),
  );
}

function graphLink(set, node) {
  return el("a", { href: hashOf("graph", node.category, set.index) }, node.name);
}

function strokeKey() {
  const stroke = (name, text) =>
    el("li", {}, el("span", { class: "stroke", style: `background:var(--${name})` }), text);
  return [
    el("li", {}, "An arrow goes from a term to what it explains; the thicker, the larger the coefficient"),
    stroke("plus", "adds"),
    stroke("minus", "takes away"),
  ];
}

function edgeTable(set, edges) {
  return {
    columns: ["in the equation of", "term", { number: "coefficient" }],
    rows: edges.map(({ from, to, coef }) => [pageLink(set, to), pageLink(set, from), fixed(coef, 3)]),
  };
}

function communityTable(set, shown) {
  const drawn = drawnOf(shown);
  return {
    columns: ["with most edges", { number: "categories" }, { number: "drawn" }],
    rows: everyCommunity(set).map(([number, members]) => [
      el(
        "span",
        {},
        members.slice(0, LISTED).flatMap((node, k) => [k ? ", " : "", graphLink(set, node)]),
      ),
      count(members.length),
      count(drawn.get(number) ?? 0),
    ]),
  };
}
