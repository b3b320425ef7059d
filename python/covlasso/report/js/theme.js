// Light, dark, or as the system has it; and the colours of the style sheet for what is drawn on a canvas.

const KEY = "covlasso-theme";
const NEXT = { auto: "dark", dark: "light", light: "auto" };
const WORDS = { auto: "Theme: auto", dark: "Theme: dark", light: "Theme: light" };

/** Make `button` go through the three themes; `changed` is called whenever colours are different. */
export function setUpTheme(button, changed) {
  const apply = (theme) => {
    document.documentElement.dataset.theme = theme;
    button.textContent = WORDS[theme];
    button.title = `Switch to ${WORDS[NEXT[theme]].toLowerCase()}`;
  };
  apply(remembered());
  button.addEventListener("click", () => {
    const theme = NEXT[document.documentElement.dataset.theme];
    remember(theme);
    apply(theme);
    changed();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  printLight(changed);
}

/** Paper is white: charts, too, are drawn for it. */
function printLight(changed) {
  let shown;
  const put = (theme) => {
    document.documentElement.dataset.theme = theme;
    changed();
  };
  addEventListener("beforeprint", () => {
    shown = document.documentElement.dataset.theme;
    put("light");
  });
  addEventListener("afterprint", () => put(shown));
}

/** Colours of the current theme, by the names that they have in base.css. */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const names = [
    "ink",
    "muted",
    "faint",
    "line",
    "surface",
    "page",
    "accent",
    "fit",
    "held",
    "plus",
    "minus",
    "other",
  ];
  const colours = Object.fromEntries(names.map((name) => [name, colour(name)]));
  colours.groups = Array.from({ length: 10 }, (_, k) => colour(`group-${k}`));
  return colours;
}

// A page opened from a file may have no storage; then the choice lasts as long as the page.
function remembered() {
  try {
    const theme = localStorage.getItem(KEY);
    return theme in NEXT ? theme : "auto";
  } catch {
    return "auto";
  }
}

function remember(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Nothing to do: see above.
  }
}
