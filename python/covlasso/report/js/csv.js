// What the page holds as CSV for other programs: numbers with all their digits, columns as `covlasso export`
// and `Evaluation.columns` name them.

const FORMULA = /^[=+\-@\t\r]/; // a spreadsheet takes a text that begins so for a formula

const CATEGORY_FIGURES = {
  r2: "r2",
  r2_centred: "r2Mean",
  random_r2: "random",
  random_r2_centred: "randomMean",
  held_out_r2: "heldOut",
  held_out_r2_centred: "heldOutMean",
  held_out_random_r2: "randomHeldOut",
  held_out_random_r2_centred: "randomHeldOutMean",
};

/** One row per category at the positions `targets`, with every figure that the page has of it. */
export function categoriesCsv(set, targets) {
  const figures = Object.entries(CATEGORY_FIGURES).flatMap(([name, array]) => {
    const values = set.array(array);
    return values ? [[name, (t) => single(values[t])]] : [];
  });
  const explained = set.array("explained");
  return table(targets, [
    ["target", (t) => set.targets[t]],
    ["target_name", (t) => text(set.targetName(t))],
    ["n_terms", (t) => set.nTerms(t)],
    ...figures,
    ...(explained ? [["explained", (t) => (explained[t] ? "True" : "False")]] : []),
    ...(set.sameCategories ? [["dependents", (t) => set.nDependents(set.targets[t])]] : []),
    ["lam", (t) => single(set.lam[t])],
    ["kkt", (t) => single(set.kkt[t])],
    ["status", (t) => text(set.statusOf(t))],
  ]);
}

/** One row per term of the equations at the positions `targets`. */
export function termsCsv(set, targets) {
  const places = targets.flatMap((t) =>
    Array.from({ length: set.nTerms(t) }, (_, k) => ({ t, place: set.offset[t] + k })),
  );
  return table(places, [
    ["target", ({ t }) => set.targets[t]],
    ["source", ({ place }) => set.source[place]],
    ["coefficient", ({ place }) => single(set.coef[place])],
    ["target_name", ({ t }) => text(set.targetName(t))],
    ["source_name", ({ place }) => text(set.sourceName(set.source[place]))],
  ]);
}

/** Hand a text to the reader as a file. */
export function save(name, content) {
  const address = URL.createObjectURL(new Blob(["\ufeff", content], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

function table(rows, columns) {
  const lines = rows.map((row) => columns.map(([, value]) => value(row)).join(","));
  return [columns.map(([name]) => name).join(","), ...lines, ""].join("\r\n");
}

/** A text in quotes; one that would be a formula has a blank before it. */
function text(value) {
  return `"${(FORMULA.test(value) ? " " : "") + value.replaceAll('"', '""')}"`;
}

/** The shortest decimal number that is this one in single precision; nothing where there is none. */
function single(value) {
  if (!Number.isFinite(value)) return "";
  for (let digits = 6; digits < 9; digits++) {
    const short = value.toPrecision(digits);
    if (Math.fround(Number(short)) === value) return String(Number(short));
  }
  return String(Number(value.toPrecision(9)));
}
