"""The regulariser on and off: the same network, first weights and order of data, on clean and shifted tests.

    python examples/characters/robustness.py FOLDER [--seed 1] [--runs 5]

Every run trains a network without the term, finds its dependencies on training pictures and on the
validation fonts, and trains it again with the term on the edges that the validation fonts confirm least
("spurious"; with ``--choose strongest``, on the strongest ones). Tests are other fonts and other shifts.
About 15 minutes of CPU time; what is in FOLDER is not trained again.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt
import scipy.stats
from networks import BATCH, Recipe, accuracy, batches, outputs, progress, trained
from pictures import SHIFTS, Set, shifted
from setting import Setting, begin, parser
from torch import nn

import covlasso
from covlasso import Dependencies
from covlasso.graph import spurious_edges, strongest_edges
from covlasso.torch import DependencyRegularizer, extract

LAM = 0.3  # of the regulariser, and of the dependencies among which its edges are chosen
Edges = list[tuple[int, int]]


def tests_of(setting: Setting) -> dict[str, Set]:
    """New glyphs; unseen fonts; the new glyphs under noise, blur and on a background; validation fonts."""
    clean = setting.pictures.set("clean")
    moved = {shift: shifted(clean, shift, setting.options.seed) for shift in SHIFTS}
    fonts = {f"{name} fonts": setting.pictures.set(name) for name in ("unseen", "validation")}
    return {"new glyphs": clean, "unseen fonts": fonts["unseen fonts"], **moved, **fonts}


def scaled_dependencies(setting: Setting, model: nn.Module, seen: Set) -> Dependencies:
    """CovLasso of logits scaled to E[f^2] = 1, which is what the regulariser looks at."""
    moments = extract({"model": model}, batches(seen), device=setting.device, factored="off").moments.fit
    rms = np.sqrt(moments.energy("model"))
    return covlasso.solve(moments.second_moment("model") / np.outer(rms, rms), lam=LAM)


def recipe_of(setting: Setting, run: int, note: str = "") -> Recipe:
    """First weights and order of the data belong to the run."""
    options = setting.options
    return Recipe("convnext", options.characters, options.epochs, 1000 * options.seed + run, note)


def term(setting: Setting, edges: Edges, train: Set) -> DependencyRegularizer:
    """Make the term of the loss; the first tenth of the training goes without it."""
    options = setting.options
    return DependencyRegularizer(
        edges,
        options.characters,
        strength=options.strength,
        lam=LAM,
        every=options.every,
        warmup=options.epochs * (len(train) // BATCH) // 10,
    ).to(setting.device)


def regularised(setting: Setting, run: int, name: str, edges: Edges, train: Set) -> nn.Module:
    """Train with the term."""
    options = setting.options
    recipe = recipe_of(setting, run, f"{name}, {options.strength:g}, {options.every}, {LAM}, {edges}")
    made = term(setting, edges, train)
    return trained(
        options.folder, recipe, train, setting.device, lambda: lambda logits, _labels: made(logits)
    )


def one_run(setting: Setting, run: int, tests: dict[str, Set]) -> dict[str, dict[str, float]]:
    """Top-1 per way and test, and the mean size of the coefficients of the edges that were acted on."""
    train = setting.pictures.set("train")
    some = train[np.arange(0, len(train), 3)]
    off = trained(setting.options.folder, recipe_of(setting, run), train, setting.device)
    here = scaled_dependencies(setting, off, some)
    elsewhere = scaled_dependencies(setting, off, setting.pictures.set("validation"))
    count = setting.options.edges
    chosen = {
        "spurious": spurious_edges(here, elsewhere, count),
        "strongest": strongest_edges(here, count),
    }
    found = {"off": scores(setting, off, tests)}
    for name in setting.options.choose:
        edges = chosen[name]
        on = regularised(setting, run, name, edges, train)
        found[name] = scores(setting, on, tests)
        found[name]["edges before"] = mean_size(here, edges)
        found[name]["edges after"] = mean_size(scaled_dependencies(setting, on, some), edges)
    return found


def scores(setting: Setting, model: nn.Module, tests: dict[str, Set]) -> dict[str, float]:
    """Top-1 per test."""
    return {name: accuracy(outputs(model, test, setting.device), test.labels) for name, test in tests.items()}


def mean_size(deps: Dependencies, edges: Edges) -> float:
    """Mean |b| of edges."""
    targets, sources = np.array(edges).T
    return float(np.abs(deps.coef.toarray()[targets, sources]).mean())


def paired(on: npt.NDArray[np.float64], off: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean difference in points, and the 95 % interval of the paired t test."""
    interval = scipy.stats.ttest_rel(on, off).confidence_interval(0.95)
    return 100 * float((on - off).mean()), 100 * float(interval.low), 100 * float(interval.high)


def of_runs(runs: list[dict[str, dict[str, float]]], test: str) -> dict[str, npt.NDArray[np.float64]]:
    """Top-1 of every run on a test, per way."""
    return {name: np.array([run[name][test] for run in runs]) for name in runs[0]}


def compare(setting: Setting, runs: list[dict[str, dict[str, float]]], tests: dict[str, Set]) -> None:
    """Print means, deviations and paired differences."""
    rows: list[list[object]] = []
    for test in tests:
        values = of_runs(runs, test)
        shown = [f"{100 * v.mean():.2f} ± {100 * v.std(ddof=1):.2f}" for v in values.values()]
        for name in setting.options.choose:
            mean, low, high = paired(values[name], values["off"])
            shown.append(f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]")
        rows.append([test, *shown])
    names = list(runs[0])
    head = ["top-1, %", *names, *(f"{name} - off, points" for name in names[1:])]
    title = f"{len(runs)} runs: mean and deviation; paired difference with its 95 % interval"
    setting.report.table(title, head, rows)
    rows = [
        [
            name,
            *(float(np.mean([run[name][f"edges {when}"] for run in runs])) for when in ("before", "after")),
        ]
        for name in names[1:]
    ]
    setting.report.table("Mean |b| of the edges, training pictures", ["edges", "term off", "term on"], rows)


def figure(setting: Setting, runs: list[dict[str, dict[str, float]]], tests: dict[str, Set]) -> None:
    """Paired differences: every run, and the mean with its interval."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.fonttype"] = "none"
    made, axis = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for way, name in enumerate(setting.options.choose):
        for place, test in enumerate(tests):
            values = of_runs(runs, test)
            x = place + 0.3 * (way - (len(setting.options.choose) - 1) / 2)
            mean, low, high = paired(values[name], values["off"])
            axis.plot([x] * len(runs), 100 * (values[name] - values["off"]), ".", color=f"C{way}", alpha=0.4)
            label = f"{name} edges" if place == 0 else None
            interval = [[mean - low], [high - mean]]
            axis.errorbar(x + 0.08, mean, interval, fmt="o", ms=4, capsize=3, color=f"C{way}", label=label)
    axis.axhline(0.0, color="k", lw=0.8)
    axis.set_xticks(range(len(tests)), tests)
    axis.set(ylabel="top-1 with the term less without, points")
    axis.legend(), axis.grid(axis="y", alpha=0.3)
    options = setting.options
    made.savefig(options.folder / f"robustness-{options.seed}.svg")


def options_of(doc: str) -> argparse.ArgumentParser:
    """Options of the regulariser, beside those of every script."""
    options = parser(doc, epochs=3)
    options.add_argument("--runs", type=int, default=5, help="pairs of trainings (default 5)")
    ways = ["spurious", "strongest"]
    options.add_argument("--choose", nargs="+", choices=ways, default=ways[:1], help="edges (spurious)")
    options.add_argument("--edges", type=int, default=50, help="dependencies acted on (default 50)")
    options.add_argument("--strength", type=float, default=0.1, help="of the term (default 0.1)")
    options.add_argument("--every", type=int, default=4, help="steps between terms (default 4)")
    return options


def main() -> None:
    setting = begin("robustness", options_of(__doc__).parse_args())
    tests = tests_of(setting)
    runs = []
    for run in range(setting.options.runs):
        progress(f"run {run + 1}/{setting.options.runs}")
        runs.append(one_run(setting, run, tests))
        setting.report.figures[f"run {run}"] = runs[-1]
    compare(setting, runs, tests)
    figure(setting, runs, tests)
    setting.report.write()


if __name__ == "__main__":
    main()
