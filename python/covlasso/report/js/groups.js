// Communities within communities of a large set, as groups.py divided it: who is in which, and what stands for it.

import { median } from "./dom.js";

/** The groups of a set, or null where it is small enough to be drawn category by category. */
export function groupsOf(set) {
  if (!set.groups) return null;
  return (set.groupTree ??= new Groups(set));
}

/** Hash of the map of a group; null: of all communities. */
export function hashOfGroup(number, set = 0) {
  return `#graph${number === null ? "" : `&group=${number}`}${set ? `&set=${set}` : ""}`;
}

class Groups {
  constructor(set) {
    this.set = set;
    this.parent = set.array("groupParent");
    this.size = set.array("groupSize");
    this.inner = new Map();
    this.parent.forEach((parent, number) => {
      if (!this.inner.has(parent)) this.inner.set(parent, []);
      this.inner.get(parent).push(number);
    });
  }

  /** Whether there is such a group. */
  has(number) {
    return number !== null && number < this.parent.length;
  }

  /** Groups within a group, the largest first; null: the communities. */
  children(number) {
    return this.inner.get(number ?? -1) ?? [];
  }

  /** The groups that hold this one, from its community to itself. */
  trail(number) {
    const trail = [];
    for (let k = number; k >= 0; k = this.parent[k]) trail.unshift(k);
    return trail;
  }

  /** The innermost group of a category of the sources' network (within one network: of any), or null. */
  ofSource(j) {
    return this.known(this.set.array("sourceGroup")[j]);
  }

  ofTarget(t) {
    return this.known(this.set.array("targetGroup")[t]);
  }

  known(number) {
    return number >= 0 ? number : null;
  }

  /** Members with the strongest ties inside a group: {category, t, name}, t undefined for one that is only a source. */
  central(number) {
    const { set } = this;
    const [start, code] = [set.array("groupCentralStart"), set.array("groupCentral")];
    return Array.from(code.subarray(start[number], start[number + 1]), (k) =>
      k < 0
        ? { category: set.targets[-1 - k], t: -1 - k, name: set.targetName(-1 - k) }
        : { category: k, t: set.intra ? set.position.get(k) : undefined, name: set.sourceName(k) },
    );
  }

  /** A group by the names of its most central members. */
  title(number, names = 3) {
    const members = this.central(number).slice(0, names);
    const more = this.size[number] > members.length ? ", …" : "";
    return members.map(({ name }) => name).join(", ") + more;
  }

  /** Flags of the groups that are this one or within it. */
  within(number) {
    const flags = new Uint8Array(this.parent.length);
    flags[number] = 1;
    for (let k = number + 1; k < flags.length; k++) if (this.parent[k] >= 0) flags[k] = flags[this.parent[k]];
    return flags;
  }

  /** Positions of the targets in a group. */
  targets(number) {
    const flags = this.within(number);
    const group = this.set.array("targetGroup");
    return Array.from(group.keys()).filter((t) => group[t] >= 0 && flags[group[t]]);
  }

  /** Median of the evidence of every group's targets. */
  get medians() {
    if (!this.medianOf) {
      const values = Array.from(this.parent, () => []);
      this.set.array("targetGroup").forEach((group, t) => {
        for (let k = group; k >= 0; k = this.parent[k]) values[k].push(this.set.evidence[t]);
      });
      this.medianOf = values.map(median);
    }
    return this.medianOf;
  }

  /** What groups of one parent share: {from, to, size, count}, the strongest ties first. */
  links(number) {
    const [from, to, size, count] = ["From", "To", "Size", "Count"].map((name) =>
      this.set.array(`link${name}`),
    );
    const wanted = number ?? -1;
    return Array.from(from.keys())
      .filter((k) => this.parent[from[k]] === wanted)
      .map((k) => ({ from: from[k], to: to[k], size: size[k], count: count[k] }));
  }
}
