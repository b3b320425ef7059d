// Places within the page: "#category=817&set=1" and back, so that links and the back button work.

/** {view, category, name, group, set} of a hash: the category by its number, or else what is said to be its name. */
export function placeOf(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const view = [...fields.keys()].find((name) => VIEWS.includes(name)) ?? "summary";
  const number = (name) => (/^\d+$/.test(fields.get(name) ?? "") ? Number(fields.get(name)) : null);
  const category = number(view);
  const name = category === null && fields.get(view)?.trim() ? fields.get(view) : null;
  return { view, category, name, group: number("group"), set: number("set") ?? 0 };
}

/** Hash of a place; the first set is the default. */
export function hashOf(view, category = null, set = 0) {
  const place = category === null ? view : `${view}=${category}`;
  return `#${place}${set ? `&set=${set}` : ""}`;
}

const VIEWS = ["summary", "categories", "category", "graph", "compare", "about"];
