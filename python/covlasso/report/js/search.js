// The search field of the header: names or numbers of categories, with a list to choose from (ARIA combobox).

import { el, plural, say } from "./dom.js";

const SHOWN = 10;

/** Fill `place` with a search field; `categories()` gives [{name, category}], `chosen(category)` hears the choice. */
export function setUpSearch(place, label, categories, chosen) {
  const id = `${place.id}-list`;
  const list = el("ul", { id, role: "listbox", "aria-label": label, hidden: true });
  const input = el("input", {
    type: "search",
    placeholder: label,
    "aria-label": label,
    role: "combobox",
    autocomplete: "off",
    "aria-expanded": "false",
    "aria-controls": id,
    "aria-autocomplete": "list",
  });
  let found = [];
  let active = -1;

  const close = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (entry) => {
    if (!entry) return;
    input.value = "";
    close();
    chosen(entry.category);
  };
  const mark = (k) => {
    active = k;
    [...list.children].forEach((item, m) => item.setAttribute("aria-selected", String(m === k)));
    if (k >= 0) input.setAttribute("aria-activedescendant", `${id}-${k}`);
  };
  const show = () => {
    found = matches(categories(), input.value);
    list.replaceChildren(
      ...found.map((entry, k) =>
        el(
          "li",
          {
            id: `${id}-${k}`,
            role: "option",
            "aria-selected": "false",
            onmousedown: (event) => {
              event.preventDefault();
              choose(entry);
            },
          },
          entry.name,
          el("span", { class: "number" }, ` #${entry.category}`),
        ),
      ),
    );
    if (!found.length && input.value.trim()) list.append(el("li", { class: "none" }, "No such category"));
    list.hidden = !input.value.trim();
    input.setAttribute("aria-expanded", String(!list.hidden));
    mark(found.length ? 0 : -1);
    if (!list.hidden)
      say(found.length ? `${plural(found.length, "category", "categories")} found` : "No such category");
  };

  input.addEventListener("input", show);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) show();
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (found.length) mark((active + step + found.length) % found.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(found[active]);
    } else if (event.key === "Escape") {
      close();
    }
  });
  place.replaceChildren(el("div", { class: "combobox" }, input, list));
  return input;
}

/** Exact names and numbers first, then names that begin with the text, then those that hold it. */
function matches(categories, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const rank = ({ name, category }) => {
    const lower = name.toLowerCase();
    if (lower === wanted || wanted === String(category) || wanted === `#${category}`) return 0;
    if (lower.startsWith(wanted)) return 1;
    return lower.includes(wanted) ? 2 : 3;
  };
  return categories
    .map((entry) => ({ ...entry, rank: rank(entry) }))
    .filter((entry) => entry.rank < 3)
    .sort((a, b) => a.rank - b.rank || a.name.length - b.name.length || a.category - b.category)
    .slice(0, SHOWN);
}
