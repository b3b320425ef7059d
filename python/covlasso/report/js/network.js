// Which categories and terms a graph shows, and where they stand; what belongs together is in the file.

import { groupsOf } from "./groups.js";

/** More edges than this are not drawn at once: nobody can read them. The view says how many are left out. */
export const DRAWN_EDGES = 3000;
const MAP_EDGES = 4000; // edges that decide where categories stand on the map of a set
const ROUNDS = { least: 25, most: 400, work: 120000 }; // of the layout; work: rounds times nodes
const SPACING = 20; // between nodes before the forces act
const INSIDE = 4; // how much stronger edges pull inside a community

/** Of the numbers of edges `from`, the `wanted` with the largest |coefficient|, these first; equal ones in order. */
function largest(set, from, wanted) {
  const sizes = new Float32Array(from.length);
  for (let e = 0; e < from.length; e++) sizes[e] = Math.abs(set.coef[from[e]]);
  sizes.sort();
  const least = wanted < sizes.length ? sizes[sizes.length - wanted] : 0; // sorted as numbers, without a function
  return from
    .filter((k) => Math.abs(set.coef[k]) >= least)
    .sort((a, b) => Math.abs(set.coef[b]) - Math.abs(set.coef[a]) || a - b)
    .subarray(0, wanted);
}

function targetOf(set) {
  if (!set.targetOfEdge) {
    set.targetOfEdge = new Int32Array(set.nEdges);
    for (let t = 0; t < set.nTargets; t++) set.targetOfEdge.fill(t, set.offset[t], set.offset[t + 1]);
  }
  return set.targetOfEdge;
}

/** One end of an edge, with its community: within a network a category is one node, between two one in each. */
function nodeOfTarget(set, t) {
  const category = set.targets[t];
  return {
    key: `${set.intra ? "" : "target "}${category}`,
    name: set.targetName(t),
    category,
    t,
    isSource: false,
    community: set.targetCommunity[t],
  };
}

function nodeOfSource(set, j) {
  const t = set.targetOfSource(j);
  if (set.intra && t !== undefined) return nodeOfTarget(set, t);
  return {
    key: `${set.intra ? "" : "source "}${j}`,
    name: set.sourceName(j),
    category: j,
    t: set.intra ? undefined : t,
    isSource: true,
    community: set.sourceCommunity[j],
  };
}

function edge(set, k) {
  return {
    from: nodeOfSource(set, set.source[k]),
    to: nodeOfTarget(set, targetOf(set)[k]),
    coef: set.coef[k],
  };
}

/** The `wanted` strongest edges into targets whose R^2 is at least `leastR2`; with `group` those within it. */
export function strongest(set, wanted, leastR2 = -Infinity, group = null) {
  const target = targetOf(set);
  const every = edgesWithin(set, group);
  const possible = leastR2 === -Infinity ? every : every.filter((k) => set.evidence[target[k]] >= leastR2);
  return {
    edges: Array.from(largest(set, possible, wanted), (k) => edge(set, k)),
    possible: possible.length,
  };
}

/** Numbers of the edges with both ends in a group; null: all. */
function edgesWithin(set, group) {
  if (group === null) return (set.everyEdge ??= Uint32Array.from(set.coef.keys()));
  const flags = groupsOf(set).within(group);
  const [target, sourceGroup, targetGroup] = [
    targetOf(set),
    set.array("sourceGroup"),
    set.array("targetGroup"),
  ];
  const isIn = (number) => number >= 0 && flags[number] === 1;
  return edgesWithin(set, null).filter(
    (k) => isIn(targetGroup[target[k]]) && isIn(sourceGroup[set.source[k]]),
  );
}

/** Nodes of these edges where the map of the set, or of a group, has them, which is of many more edges; anew if it lacks some. */
export function onTheMap(set, edges, group = null) {
  const maps = (set.maps ??= new Map());
  if (!maps.has(group)) maps.set(group, arrange(strongest(set, MAP_EDGES, -Infinity, group).edges));
  return partOf(maps.get(group), edges) ?? arrange(edges);
}

/** The part of an arrangement that these edges touch, if all their ends are in it. */
export function partOf(nodes, edges) {
  const keys = new Set(edges.flatMap(({ from, to }) => [from.key, to.key]));
  const part = nodes.filter(({ key }) => keys.has(key));
  return part.length === keys.size ? part : null;
}

/** [number, members] of every community of a set, of all edges; members with most edges come first. */
export function everyCommunity(set) {
  if (!set.everyCommunity) {
    const nodes = Array.from({ length: set.nSources }, (_, j) => ({
      ...nodeOfSource(set, j),
      used: set.nDependents(j),
      terms: set.intra && set.position.has(j) ? set.nTerms(set.position.get(j)) : 0,
    }));
    if (!set.intra)
      for (let t = 0; t < set.nTargets; t++)
        nodes.push({ ...nodeOfTarget(set, t), used: 0, terms: set.nTerms(t) });
    set.everyCommunity = communitiesOf(nodes.filter(({ community }) => community >= 0));
  }
  return set.everyCommunity;
}

/** [number, members] of every community that has some of these nodes; members with most edges come first. */
export function communitiesOf(nodes) {
  const members = new Map();
  for (const node of nodes) {
    if (!members.has(node.community)) members.set(node.community, []);
    members.get(node.community).push(node);
  }
  const importance = (node) => node.used + node.terms;
  for (const list of members.values()) list.sort((a, b) => importance(b) - importance(a));
  return [...members].sort(([a], [b]) => a - b);
}

/** Everything around one category: its terms, its dependents, and the edges among all these. */
export function neighbourhood(set, category, wanted) {
  const t = set.position.get(category);
  const around = new Set([category]);
  const touching = [];
  if (t !== undefined) for (let k = set.offset[t]; k < set.offset[t + 1]; k++) touching.push(k);
  if (set.sameCategories) {
    for (const { t: other } of set.dependents(category)) {
      for (let k = set.offset[other]; k < set.offset[other + 1]; k++)
        if (set.source[k] === category) touching.push(k);
    }
  }
  const byStrength = (a, b) => Math.abs(set.coef[b]) - Math.abs(set.coef[a]);
  const kept = touching.sort(byStrength).slice(0, wanted);
  const target = targetOf(set);
  for (const k of kept) around.add(set.source[k]).add(set.targets[target[k]]);
  const among = [];
  if (set.intra) {
    for (const member of around) {
      const row = set.position.get(member);
      if (row === undefined || member === category) continue;
      for (let k = set.offset[row]; k < set.offset[row + 1]; k++) {
        if (around.has(set.source[k]) && set.source[k] !== category) among.push(k);
      }
    }
  }
  const edges = [...kept, ...among.sort(byStrength).slice(0, wanted)].map((k) => edge(set, k));
  return { edges, possible: touching.length + among.length };
}

/** Nodes of these edges with their positions and numbers of edges. */
export function arrange(edges) {
  const graph = new graphology.UndirectedGraph();
  const nodes = new Map();
  for (const { from, to, coef } of edges) {
    for (const node of [from, to]) {
      if (nodes.has(node.key)) continue;
      nodes.set(node.key, { ...node, used: 0, terms: 0 });
      graph.addNode(node.key, { size: 6 });
    }
    nodes.get(from.key).used++;
    nodes.get(to.key).terms++;
    if (graph.hasEdge(from.key, to.key))
      graph.updateEdgeAttribute(from.key, to.key, "weight", (weight) => weight + Math.abs(coef));
    else graph.addEdge(from.key, to.key, { weight: Math.abs(coef) });
  }
  if (graph.size > 0) place(graph, nodes);
  return [...nodes.values()];
}

/** k-th point of a sunflower, which fills a disc evenly. */
function sunflower(k, spacing) {
  const angle = k * Math.PI * (3 - Math.sqrt(5));
  const radius = spacing * Math.sqrt(k);
  return { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
}

/** Positions: every community starts as a disc, then forces act, stronger inside a community than across. */
function place(graph, nodes) {
  let before = 0;
  for (const [, members] of communitiesOf(nodes.values())) {
    const centre = sunflower(before + members.length / 2, SPACING);
    members.forEach(({ key }, k) => {
      const { x, y } = sunflower(k, SPACING / 2);
      graph.mergeNodeAttributes(key, { x: centre.x + x, y: centre.y + y });
    });
    before += members.length;
  }
  const community = (key) => nodes.get(key).community;
  const pull = (_edge, { weight }, from, to) => weight * (community(from) === community(to) ? INSIDE : 1);
  const { forceAtlas2, noverlap } = graphology;
  const settings = {
    ...forceAtlas2.inferSettings(graph),
    gravity: 0.3,
    strongGravityMode: true,
    scalingRatio: 10,
    barnesHutOptimize: graph.order > 400,
  };
  const iterations = Math.round(Math.max(ROUNDS.least, Math.min(ROUNDS.most, ROUNDS.work / graph.order)));
  forceAtlas2.assign(graph, { iterations, settings, getEdgeWeight: pull });
  noverlap.assign(graph, {
    maxIterations: Math.round(iterations / 3),
    settings: { margin: 2, ratio: 1.2 },
  });
  const places = graph.mapNodes((key, { x, y }) => ({ key, x, y }));
  for (const { key, x, y } of alongX(places)) Object.assign(nodes.get(key), { x, y });
}

/** Points turned about their mean so that they lie along x: by the first principal axis. */
function alongX(points) {
  const mean = (f) => points.reduce((sum, point) => sum + f(point), 0) / points.length;
  const [mx, my] = [mean(({ x }) => x), mean(({ y }) => y)];
  const xx = mean(({ x }) => (x - mx) ** 2);
  const yy = mean(({ y }) => (y - my) ** 2);
  const xy = mean(({ x, y }) => (x - mx) * (y - my));
  const angle = 0.5 * Math.atan2(2 * xy, xx - yy);
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return points.map(({ x, y, ...rest }) => ({
    ...rest,
    x: c * (x - mx) + s * (y - my),
    y: c * (y - my) - s * (x - mx),
  }));
}
