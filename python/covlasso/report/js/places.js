// Places within the page: "#category=817&set=1" and back, so that links and the back button work.

/** {view, category, set} of a hash; an unknown one is the summary. */
export function placeOf(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const view = [...fields.keys()].find((name) => VIEWS.includes(name)) ?? "summary";
  const number = (name) => (/^\d+$/.test(fields.get(name) ?? "") ? Number(fields.get(name)) : null);
  return { view, category: number(view), set: number("set") ?? 0 };
}

/** Hash of a place; the first set is the default. */
export function hashOf(view, category = null, set = 0) {
  const place = category === null ? view : `${view}=${category}`;
  return `#${place}${set ? `&set=${set}` : ""}`;
}

const VIEWS = ["summary", "categories", "category", "graph", "compare", "about"];
