// What the map is arranged with, as the global `graphology`: a graph, the forces, and dots that do not overlap.

export { UndirectedGraph } from "graphology";
export { default as forceAtlas2 } from "graphology-layout-forceatlas2";
export { default as noverlap } from "graphology-layout-noverlap";
