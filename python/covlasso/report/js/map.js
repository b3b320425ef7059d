// A map of categories that is drawn, named, and walked through by mouse, fingers or keyboard.

import { el, fixed, plural, say } from "./dom.js";
import { draw } from "./chart.js";
import { palette } from "./theme.js";
import { placeLabels } from "./map_labels.js";
import { alongEdges, boxOf, drawnEdges, fitted, networkOption, radius } from "./network_chart.js";

const STEP = 1.5; // of the zoom, by key or button
const ARROWS_ANEW = 1.3; // change of the zoom after which arrow heads are chosen anew
const ROOM = { wide: 190, narrow: 120 }; // pixels of a name at most
/** A map of fewer pixels across is that of a phone. */
export const NARROW = 500;
const FONT = 11; // pixels, as in map.css
const DIRECTIONS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
const KEYS =
  "Arrow keys go to the category that is tied and lies there, Page Down and Page Up to the next and the one before by number of edges; Enter opens it, plus and minus zoom, 0 shows all.";

/** Whether fingers point here, not a mouse. */
export function touched() {
  return matchMedia("(pointer: coarse)").matches;
}

/** What a hand has to do, in words. */
export function handling() {
  return touched()
    ? "Drag to move, pinch to zoom, tap a dot."
    : "Drag to move, turn the wheel to zoom, click a dot; or by keyboard: arrows, Page Down, Enter, + and −.";
}

/**
 * A map; `show({nodes, edges, focusKey}, words)` draws a graph in it, `redraw()` draws it anew.
 *
 * `look(size)` says how: {colourOf, edgeColourOf, line, dot, curveness, place(nodes, size), sidesOf(node), isNamed(node),
 * room}, the last four where names and positions are not as they usually are. `choose(node, {walked})` hears which dot
 * was clicked, or walked to by keyboard; `open(node)` which one is to be opened.
 */
export function networkMap(set, { look, choose, open, zoomable = true }) {
  const canvas = el("div", { class: "chart network", "aria-hidden": "true" });
  const names = el("div", { class: "map-names", "aria-hidden": "true" });
  const element = el(
    "div",
    { class: "map", tabindex: "0", role: "application", "aria-roledescription": "map" },
    canvas,
    names,
  );
  const state = { nodes: [], edges: [], focusKey: null, at: [], size: null, zoom: 1, center: null };
  const marked = { hovered: null, current: null };
  let [chart, named, arrowsAt] = [null, "", 1];

  const option = (colours, size) => {
    if (size.width !== state.size?.width || size.height !== state.size?.height)
      Object.assign(state, { zoom: 1, center: null, size });
    const { place = fitted, ...drawn } = look(state.size);
    state.at = place(state.nodes, size);
    [named, arrowsAt] = ["", state.zoom];
    if (marked.current !== null) requestAnimationFrame(mark);
    return networkOption(colours, set, { ...state, ...drawn });
  };
  const click = ({ dataType, dataIndex }) =>
    dataType === "node" && choose(state.nodes[dataIndex], { walked: false });
  const redraw = draw(canvas, option, click);
  requestAnimationFrame(() => {
    chart = echarts.getInstanceByDom(canvas) ?? null;
    if (!chart) return;
    chart.on("rendered", rename);
    chart.on("mouseover", ({ dataType, dataIndex }) => hover(dataType === "node" ? dataIndex : null));
    chart.on("mouseout", () => hover(null));
    rename();
  });

  const hover = (k) => {
    marked.hovered = k;
    rename();
  };
  /** Names where they have room at this zoom; nothing to do where nothing moved. */
  const rename = () => {
    if (!state.nodes.length) return names.replaceChildren();
    const [x, y] = chart.convertToPixel({ seriesIndex: 0 }, [0, 0]);
    const zoom = chart.convertToPixel({ seriesIndex: 0 }, [1, 0])[0] - x;
    const strong = marked.hovered ?? marked.current;
    const now = [x, y, zoom, strong].join();
    if (now === named) return;
    named = now;
    keepView(x, y, zoom);
    writeNames(names, state, look(state.size), { x, y, zoom }, strong);
    if (Math.abs(Math.log(zoom / arrowsAt)) < Math.log(ARROWS_ANEW)) return;
    arrowsAt = zoom;
    requestAnimationFrame(() => {
      if (!canvas.isConnected) return;
      chart.setOption({ series: [{ edges: drawnEdges(palette(), { ...state, ...look(state.size) }) }] });
      mark();
    });
  };
  /** Remember what is in sight, so that drawing anew leaves it there. */
  const keepView = (x, y, zoom) => {
    const { left, top, width, height } = boxOf(state.at);
    state.zoom = zoom;
    state.center = [(left + width / 2 - x) / zoom, (top + height / 2 - y) / zoom];
  };

  const zoomBy = (factor) => {
    const { width, height } = state.size;
    const at = marked.current === null ? [width / 2, height / 2] : pixelOf(marked.current);
    chart.dispatchAction({ type: "graphRoam", seriesIndex: 0, zoom: factor, originX: at[0], originY: at[1] });
  };
  const showAll = () => {
    Object.assign(state, { zoom: 1, center: null });
    redraw();
  };
  const pixelOf = (k) => {
    const { x, y } = state.at[k];
    return chart.convertToPixel({ seriesIndex: 0 }, [x, y]);
  };
  const leave = () => {
    marked.current = null;
    mark();
    rename();
  };
  /** Bring out the dot that was walked to; what is drawn anew forgets it. */
  const mark = () => {
    chart.dispatchAction({ type: "downplay", seriesIndex: 0 });
    if (marked.current !== null)
      chart.dispatchAction({ type: "highlight", seriesIndex: 0, dataIndex: marked.current });
  };
  const goTo = (k) => {
    leave();
    marked.current = k;
    moveIntoSight(chart, pixelOf(k), state.size);
    mark();
    choose(state.nodes[k], { walked: true });
    say(inWords(state, k));
    rename();
  };
  const press = (event) => {
    if (event.target !== element || !state.nodes.length || event.ctrlKey || event.metaKey || event.altKey)
      return;
    const k = marked.current;
    const actions = {
      Enter: () => k !== null && open(state.nodes[k]),
      Escape: leave,
      Home: () => goTo(byRank(state.nodes)[0]),
      PageDown: () => goTo(nextByRank(state.nodes, k, 1)),
      PageUp: () => goTo(nextByRank(state.nodes, k, -1)),
      "+": () => zoomBy(STEP),
      "=": () => zoomBy(STEP),
      "-": () => zoomBy(1 / STEP),
      0: showAll,
    };
    const direction = DIRECTIONS[event.key];
    const action = direction ? () => goTo(inDirection(state, k, direction)) : actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };
  element.addEventListener("keydown", press);
  element.addEventListener("blur", () => chart && marked.current !== null && leave());
  const button = (label, text, action) =>
    el("button", { type: "button", "aria-label": label, title: label, onclick: action }, text);
  const tools = () =>
    el(
      "div",
      { class: "map-tools" },
      button("Zoom in", "+", () => zoomBy(STEP)),
      button("Zoom out", "−", () => zoomBy(1 / STEP)),
      button("Show all of the map", "All", showAll),
    );
  if (zoomable) element.append(tools());

  const show = ({ nodes, edges, focusKey = null }, words) => {
    Object.assign(state, { nodes, edges, focusKey, zoom: 1, center: null });
    Object.assign(marked, { hovered: null, current: null });
    element.setAttribute("aria-label", `${words} ${KEYS}`);
    redraw();
  };
  return { element, show, redraw };
}

/** Write the names of the dots that are in sight, over the canvas; those tied to a strong one come first. */
function writeNames(names, { nodes, edges, at, size, focusKey }, look, view, strong) {
  const { sidesOf = () => undefined, isNamed = () => true } = look;
  const tied = strong === null ? null : tiedTo(nodes, edges, strong);
  const dots = nodes.map((node, k) => ({
    x: view.x + view.zoom * at[k].x,
    y: view.y + view.zoom * at[k].y,
    r: radius(node, { ...look, focusKey }, view.zoom),
    text: isNamed(node) ? node.name : "",
    rank: node.used + node.terms,
    strong: k === strong || node.key === focusKey,
    wanted: k === strong || node.key === focusKey || tied?.has(k),
    sides: sidesOf(node),
  }));
  const room = look.room ?? (size.width < NARROW ? ROOM.narrow : ROOM.wide);
  const font = `${FONT}px ${getComputedStyle(document.body).fontFamily}`;
  names.replaceChildren(
    ...placeLabels(dots, alongEdges(nodes, edges, dots, look), size, font, room).map(
      ({ k, text, left, top }) => {
        const kind = dots[k].strong ? " strong" : tied && !tied.has(k) ? " dim" : "";
        const style = `transform:translate(${left.toFixed(1)}px,${top.toFixed(1)}px)`;
        return el("span", { class: `map-name${kind}`, style }, text);
      },
    ),
  );
}

/** Dots that an edge ties to dot k -> the largest coefficient between the two. */
function tiedTo(nodes, edges, k) {
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

function byRank(nodes) {
  const rank = (k) => nodes[k].used + nodes[k].terms;
  return Array.from(nodes.keys()).sort((a, b) => rank(b) - rank(a) || a - b);
}

function nextByRank(nodes, k, step) {
  const order = byRank(nodes);
  if (k === null) return order[0];
  return order[(order.indexOf(k) + step + order.length) % order.length];
}

/** The dot to go to from k: the nearest tied one in this direction, else the nearest of all; k where there is none. */
function inDirection({ nodes, edges, at }, k, [dx, dy]) {
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

function moveIntoSight(chart, [x, y], { width, height }) {
  const margin = 40;
  const dx = Math.max(margin - x, 0) - Math.max(x - width + margin, 0);
  const dy = Math.max(margin - y, 0) - Math.max(y - height + margin, 0);
  if (dx || dy) chart.dispatchAction({ type: "graphRoam", seriesIndex: 0, dx, dy });
}

function inWords({ nodes, edges }, k) {
  const tied = [...tiedTo(nodes, edges, k)].sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const [first] = tied;
  const most = first ? `, most to ${nodes[first[0]].name}, ${fixed(first[1])}` : "";
  return `${nodes[k].name}, tied here to ${plural(tied.length, "category", "categories")}${most}`;
}
