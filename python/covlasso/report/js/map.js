// A map of categories that is drawn, named, and walked through by mouse, fingers or keyboard.

import { el, say } from "./dom.js";
import { draw } from "./chart.js";
import { palette } from "./theme.js";
import { placeLabels } from "./map_labels.js";
import { byRank, inDirection, inWords, nextByRank, tiedTo } from "./map_walk.js";
import { alongEdges, boxOf, drawnEdges, fitted, networkOption, radius } from "./network_chart.js";

const STEP = 1.5; // of the zoom, by key or button
const ARROWS_ANEW = 1.3; // change of the zoom after which arrow heads are chosen anew
const ROOM = { wide: 190, narrow: 120 }; // pixels of a name at most
/** A map of fewer pixels across is that of a phone. */
export const NARROW = 500;
const MARGIN = 40; // pixels from the edge that a dot walked to keeps
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
 * A map in `element`; `show({nodes, edges, focusKey}, words)` draws a graph in it, `redraw()` draws it anew.
 *
 * `look(size)` says how: {colourOf, edgeColourOf, line, dot, curveness, undirected, lines, place(nodes, size),
 * sidesOf(node), isNamed(node), room}, all but the first two where something is not as it usually is. `choose(node, {walked})` hears which dot
 * was clicked, or walked to by keyboard; `open(node)` which one is to be opened.
 */
export class NetworkMap {
  constructor(set, { look, choose, open, zoomable = true }) {
    Object.assign(this, { set, look, choose, open });
    Object.assign(this, { graph: { nodes: [], edges: [], focusKey: null }, at: [], size: null });
    Object.assign(this, { zoom: 1, center: null, hovered: null, current: null });
    Object.assign(this, { chart: null, named: "", arrowsAt: 1 });
    this.canvas = el("div", { class: "chart network", "aria-hidden": "true" });
    this.names = el("div", { class: "map-names", "aria-hidden": "true" });
    this.element = el(
      "div",
      { class: "map", tabindex: "0", role: "application", "aria-roledescription": "map" },
      this.canvas,
      this.names,
      zoomable && this.tools(),
    );
    this.element.addEventListener("keydown", (event) => this.press(event));
    this.element.addEventListener("blur", () => this.chart && this.current !== null && this.leave());
    this.redraw = draw(
      this.canvas,
      (colours, size) => this.option(colours, size),
      ({ dataType, dataIndex }) =>
        dataType === "node" && choose(this.graph.nodes[dataIndex], { walked: false }),
    );
    requestAnimationFrame(() => this.listen());
  }

  show({ nodes, edges, focusKey = null }, words) {
    Object.assign(this, {
      graph: { nodes, edges, focusKey },
      zoom: 1,
      center: null,
      hovered: null,
      current: null,
    });
    this.element.setAttribute("aria-label", `${words} ${KEYS}`);
    this.redraw();
  }

  tools() {
    const button = (label, text, action) =>
      el("button", { type: "button", "aria-label": label, title: label, onclick: action }, text);
    return el(
      "div",
      { class: "map-tools" },
      button("Zoom in", "+", () => this.zoomBy(STEP)),
      button("Zoom out", "−", () => this.zoomBy(1 / STEP)),
      button("Show all of the map", "All", () => this.showAll()),
    );
  }

  /** The drawing at this size; another size shows all of the map. */
  option(colours, size) {
    if (size.width !== this.size?.width || size.height !== this.size?.height)
      Object.assign(this, { zoom: 1, center: null, size });
    const { place = fitted, ...drawn } = this.look(size);
    this.at = place(this.graph.nodes, size);
    [this.named, this.arrowsAt] = ["", this.zoom];
    if (this.current !== null) requestAnimationFrame(() => this.mark());
    const { graph, at, zoom, center } = this;
    return networkOption(colours, this.set, { ...graph, at, zoom, center, ...drawn });
  }

  /** Follow the chart once it is there: names move with it, and with what is under the mouse. */
  listen() {
    this.chart = echarts.getInstanceByDom(this.canvas) ?? null;
    if (!this.chart) return;
    const hover = (k) => {
      this.hovered = k;
      this.rename();
    };
    this.chart.on("rendered", () => this.rename());
    this.chart.on("mouseover", ({ dataType, dataIndex }) => hover(dataType === "node" ? dataIndex : null));
    this.chart.on("mouseout", () => hover(null));
    this.rename();
  }

  /** Names where they have room at this zoom; nothing to do where nothing moved. */
  rename() {
    if (!this.graph.nodes.length) return this.names.replaceChildren();
    const [x, y] = this.chart.convertToPixel({ seriesIndex: 0 }, [0, 0]);
    const zoom = this.chart.convertToPixel({ seriesIndex: 0 }, [1, 0])[0] - x;
    const strong = this.hovered ?? this.current;
    const now = [x, y, zoom, strong].join();
    if (now === this.named) return;
    this.named = now;
    this.keepView(x, y, zoom);
    this.names.replaceChildren(...namesOf(this, { x, y, zoom }, strong));
    if (Math.abs(Math.log(zoom / this.arrowsAt)) >= Math.log(ARROWS_ANEW))
      requestAnimationFrame(() => this.drawArrows());
  }

  /** Remember what is in sight, so that drawing anew leaves it there. */
  keepView(x, y, zoom) {
    const { left, top, width, height } = boxOf(this.at);
    this.zoom = zoom;
    this.center = [(left + width / 2 - x) / zoom, (top + height / 2 - y) / zoom];
  }

  /** Edges with the arrow heads of this zoom. */
  drawArrows() {
    if (!this.canvas.isConnected) return;
    const { graph, at, zoom } = this;
    this.arrowsAt = zoom;
    this.chart.setOption({
      series: [{ edges: drawnEdges(palette(), { ...graph, at, zoom, ...this.look(this.size) }) }],
    });
    this.mark();
  }

  zoomBy(factor) {
    const { width, height } = this.size;
    const [originX, originY] = this.current === null ? [width / 2, height / 2] : this.pixelOf(this.current);
    this.chart.dispatchAction({ type: "graphRoam", seriesIndex: 0, zoom: factor, originX, originY });
  }

  showAll() {
    Object.assign(this, { zoom: 1, center: null });
    this.redraw();
  }

  pixelOf(k) {
    const { x, y } = this.at[k];
    return this.chart.convertToPixel({ seriesIndex: 0 }, [x, y]);
  }

  /** Bring out the dot that was walked to; what is drawn anew forgets it. */
  mark() {
    this.chart.dispatchAction({ type: "downplay", seriesIndex: 0 });
    if (this.current !== null)
      this.chart.dispatchAction({ type: "highlight", seriesIndex: 0, dataIndex: this.current });
  }

  leave() {
    this.current = null;
    this.mark();
    this.rename();
  }

  goTo(k) {
    this.current = k;
    this.moveIntoSight(k);
    this.mark();
    this.choose(this.graph.nodes[k], { walked: true });
    say(inWords(this.graph, k));
    this.rename();
  }

  moveIntoSight(k) {
    const { width, height } = this.size;
    const [x, y] = this.pixelOf(k);
    const dx = Math.max(MARGIN - x, 0) - Math.max(x - width + MARGIN, 0);
    const dy = Math.max(MARGIN - y, 0) - Math.max(y - height + MARGIN, 0);
    if (dx || dy) this.chart.dispatchAction({ type: "graphRoam", seriesIndex: 0, dx, dy });
  }

  press(event) {
    const { nodes } = this.graph;
    if (event.target !== this.element || !nodes.length || event.ctrlKey || event.metaKey || event.altKey)
      return;
    const k = this.current;
    const actions = {
      Enter: () => k !== null && this.open(nodes[k]),
      Escape: () => this.leave(),
      Home: () => this.goTo(byRank(nodes)[0]),
      PageDown: () => this.goTo(nextByRank(nodes, k, 1)),
      PageUp: () => this.goTo(nextByRank(nodes, k, -1)),
      "+": () => this.zoomBy(STEP),
      "=": () => this.zoomBy(STEP),
      "-": () => this.zoomBy(1 / STEP),
      0: () => this.showAll(),
    };
    const direction = DIRECTIONS[event.key];
    const action = direction
      ? () => this.goTo(inDirection(this.graph, this.at, k, direction))
      : actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}

/** The names of the dots in sight, as elements; those of the strong dot and of what is tied to it come first. */
function namesOf({ graph: { nodes, edges, focusKey }, at, size, look: lookAt }, view, strong) {
  const look = lookAt(size);
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
  const lines = alongEdges(nodes, edges, dots, look);
  return placeLabels(dots, lines, size, font, room).map(({ k, text, left, top }) => {
    const kind = dots[k].strong ? " strong" : tied && !tied.has(k) ? " dim" : "";
    const style = `transform:translate(${left.toFixed(1)}px,${top.toFixed(1)}px)`;
    return el("span", { class: `map-name${kind}`, style }, text);
  });
}
