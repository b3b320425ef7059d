// The search field of the header: names or numbers of categories, with a list to choose from (ARIA combobox).

import { count, el, plural, say } from "./dom.js";
import { lookUp } from "./names.js";

const SHOWN = 100; // of the list, which scrolls

/** Let "/" and Ctrl-K move to a field, but where somebody is typing elsewhere. */
export function setUpKeys(input) {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea, [contenteditable]");
    const slash = event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
    const letter = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    if (!slash && !letter) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
}

/**
 * Fill `place` with a search field; `categories()` gives entries of `prepared`, `chosen(category)` hears the
 * choice.
 */
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
    if (k < 0) return;
    input.setAttribute("aria-activedescendant", `${id}-${k}`);
    if (k) list.children[k].scrollIntoView({ block: "nearest" });
    else list.scrollTop = 0;
  };
  const show = () => {
    const every = lookUp(categories(), input.value, SHOWN);
    found = every.entries;
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
    const left = every.total - found.length;
    if (left) list.append(el("li", { class: "none" }, `and ${count(left)} more; type more of the name`));
    if (!found.length && input.value.trim()) list.append(el("li", { class: "none" }, "No such category"));
    list.hidden = !input.value.trim();
    input.setAttribute("aria-expanded", String(!list.hidden));
    mark(found.length ? 0 : -1);
    if (!list.hidden)
      say(found.length ? `${plural(every.total, "category", "categories")} found` : "No such category");
  };

  input.addEventListener("focus", categories); // made ready before the first key
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
