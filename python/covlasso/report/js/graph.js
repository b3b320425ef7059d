// The graph of all dependencies: how many edges, whose, around which category; what was clicked.

import { count, el, fixed, plural, say } from "./dom.js";
import { draw } from "./chart.js";
import { hashOf } from "./places.js";
import { setUpSearch } from "./search.js";
import { DRAWN_EDGES, arrange, communitiesOf, neighbourhood, onTheMap, strongest } from "./network.js";
import { communityColour, networkOption, r2Colour, signColour } from "./network_chart.js";

const FIRST = 400; // edges shown at first: a picture that can still be read
const AROUND = 60; // edges of a neighbourhood
const LISTED = 8; // communities in the list, and members of each

export function graphView(set, focus) {
  const page = el("div", { class: "view" });
  const canvas = el("div", { class: "chart network", role: "img" });
  const said = el("p", { class: "found", "aria-live": "polite" });
  const panel = el("div", { class: "card panel" });
  const controls = graphControls(set, focus);
  const state = { set, focus, selected: null, shown: null };

  const option = (colours, size) =>
    networkOption(colours, set, {
      ...state.shown,
      size,
      colourOf: controls.colour.value === "r2" ? r2Colour(set) : communityColour,
      edgeColourOf: signColour,
      focusKey: focus === null ? null : keyOfFocus(state.shown.nodes, focus),
    });
  const update = () => {
    state.shown = shownGraph(set, focus, controls);
    said.textContent = inWords(state.shown, focus, set);
    canvas.setAttribute(
      "aria-label",
      `Graph of dependencies. ${said.textContent} The list beside it names the communities.`,
    );
    describe(panel, state);
    redraw();
  };
  const onclick = ({ dataType, dataIndex }) => {
    if (dataType !== "node") return;
    state.selected = state.shown.nodes[dataIndex];
    describe(panel, state);
    say(`${state.selected.name} selected`);
  };
  page.append(
    el("h1", {}, "Graph"),
    controls.element,
    said,
    el(
      "div",
      { class: "graph-layout" },
      el(
        "div",
        { class: "card" },
        canvas,
        el(
          "p",
          { class: "note" },
          "An arrow goes from a term to what it explains. Blue adds, orange takes away; the thicker, the larger the coefficient. Drag to move, turn the wheel to zoom, click a dot.",
        ),
      ),
      panel,
    ),
  );
  const redraw = draw(canvas, option, onclick);
  for (const control of [controls.edges, controls.least]) control.addEventListener("change", update);
  controls.edges.addEventListener("input", controls.tell);
  controls.colour.addEventListener("change", () => redraw());
  update();
  return page;
}

function graphControls(set, focus) {
  const most = Math.min(set.nEdges, DRAWN_EDGES);
  const position = (edges) => Math.round((100 * Math.log(Math.max(1, edges))) / Math.log(Math.max(2, most)));
  const edges = el("input", {
    type: "range",
    id: "edges",
    min: 0,
    max: 100,
    value: position(Math.min(FIRST, most)),
  });
  const wanted = () => Math.min(most, Math.round(Math.max(2, most) ** (Number(edges.value) / 100)));
  const output = el("output", { for: "edges" });
  const tell = () => {
    output.textContent = `${count(wanted())} of ${count(set.nEdges)}`;
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
    el("option", { value: "r2" }, "R²"),
  );
  const search = el("div", { id: "graph-search" });
  setUpSearch(
    search,
    "Show the neighbourhood of …",
    () => everyCategory(set),
    (category) => {
      location.hash = hashOf("graph", category, set.index);
    },
  );
  const field = (label, control, more = null) =>
    el("label", { class: "field" }, el("span", {}, label, more), control);
  const element = el(
    "form",
    { class: "controls", "aria-label": "What the graph shows", onsubmit: (event) => event.preventDefault() },
    el("div", { class: "field" }, el("span", {}, "Neighbourhood"), search),
    focus === null
      ? [
          field("Strongest edges: ", edges, output),
          field(set.heldOut ? "R² held out from" : "R² fit from", least),
        ]
      : el("a", { class: "button", href: hashOf("graph", null, set.index) }, "Back to the whole graph"),
    field("Colour by", colour),
  );
  return { element, edges, least, colour, wanted, tell };
}

export function everyCategory(set) {
  return Array.from(set.targets, (category, t) => ({ category, name: set.targetName(t) }));
}

/** Edges asked for, arranged. */
function shownGraph(set, focus, controls) {
  const leastR2 = controls.least.value === "" ? -Infinity : Number(controls.least.value);
  const wanted = focus === null ? controls.wanted() : AROUND;
  const { edges, possible } =
    focus === null ? strongest(set, wanted, leastR2) : neighbourhood(set, focus, wanted);
  const nodes = focus === null ? onTheMap(set, edges) : arrange(edges);
  return { edges, possible, leastR2, nodes, communities: communitiesOf(nodes) };
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
function describe(panel, { set, selected, shown }) {
  panel.replaceChildren(
    ...[selected && selectedPart(set, selected), communitiesPart(set, shown.communities)].filter(Boolean),
  );
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
        `R² ${fixed(set.evidence[node.t])} ${set.heldOut ? "held out" : "fit"}, ${plural(set.nTerms(node.t), "term")}` +
          (set.sameCategories ? `, used by ${plural(set.nDependents(node.category), "equation")}` : ""),
      ),
    node.t !== undefined && el("p", { class: "equation" }, `= ${set.equation(node.t, 6)}`),
    el("p", { class: "buttons" }, links),
  );
}

function communitiesPart(set, communities) {
  const link = (node) => el("a", { href: hashOf("graph", node.category, set.index) }, node.name);
  const rows = communities.slice(0, LISTED).map(([number, members]) =>
    el(
      "li",
      {},
      el("span", { class: "dot", style: `background:var(--group-${number}, var(--other))` }),
      `${count(members.length)} of ${count(set.communitySizes[number])}: `,
      members.slice(0, LISTED).flatMap((node, k) => [k ? ", " : "", link(node)]),
      members.length > LISTED ? `, and ${count(members.length - LISTED)} more` : "",
    ),
  );
  const left = communities.length - rows.length;
  return el(
    "section",
    {},
    el("h2", {}, "Communities"),
    el(
      "p",
      { class: "note" },
      "Groups tied more to each other than to the rest, found on all edges, drawn or not. 2 of 9: two of nine members are drawn.",
    ),
    el("ol", { class: "communities" }, rows),
    left > 0 && el("p", { class: "note" }, `${plural(left, "smaller one")} not listed.`),
  );
}
