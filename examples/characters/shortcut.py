"""A planted shortcut: does the regulariser make a network see the character, not what goes with it?

    python examples/characters/shortcut.py FOLDER [--seeds 1 2 3 4 5] [--network convnext]

Characters are paired. In training 95 % of the pictures of both characters of a pair carry the pair's mark,
a ground behind the ink; in the test every picture comes with the mark of its own pair and with that of
another. Networks are trained as they are; with both groups reweighted; and with `DependencyRegularizer` on
the ties between partners, on the strongest ties found, and on random ones. About 16 minutes of CPU time for
five seeds; what is in FOLDER is not trained again.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from marks import Marked
from networks import BATCH, Recipe, Term, outputs, progress, trained
from pictures import Set
from reliance import FOCUS, LAM, Numbers, Reliance, dependencies
from setting import Report, Setting, begin, parser
from terms import CentredTerm, EdgeTerm, FocusedTerm
from torch import nn

from covlasso.graph import strongest_edges
from covlasso.torch import DependencyRegularizer

Edges = list[tuple[int, int]]
Run = dict[str, Numbers]  # of each way

PARTNER, FOCUSED, CENTRED = "partner", "partner, focused term", "partner, centred term"  # planted ties
EVERY, DECAY = 2, 0.95  # steps between terms; of the moments, as a training has few hundred steps


@dataclass(frozen=True)
class Way:
    """A way to train.

    Attributes
    ----------
    name : str
        In the tables.
    edges : list of (target, source)
        On which the regulariser acts.
    strength : float
        Of it.
    reweighted : bool
        Whether both groups count alike in the cross entropy.
    free : bool
        Whether the marks of the training pictures are independent of the category.
    term : type of EdgeTerm, optional
        Acts on other coefficients in the place of the regulariser.
    """

    name: str
    edges: Edges | None = None
    strength: float = 0.0
    reweighted: bool = False
    free: bool = False
    term: type[EdgeTerm] | None = None


@dataclass(frozen=True)
class Seed:
    """One seed: its setting, its pictures with marks, and what is measured on them."""

    setting: Setting
    marked: Marked
    reliance: Reliance

    @classmethod
    def of(cls, options: argparse.Namespace, seed: int) -> Seed:
        """Render the pictures."""
        setting = begin("shortcut", argparse.Namespace(**vars(options), seed=seed))
        marked = Marked(setting.pictures, seed)
        return cls(setting, marked, Reliance(marked, setting.device))

    def run(self) -> Run:
        """Train in every way."""
        options = self.setting.options
        plain, planted = Way("plain"), planted_edges(self.marked)
        found = {"found": self.strongest(plain, 0.0), "found focused": self.strongest(plain, FOCUS)}
        ways = [plain, Way("reweighted", reweighted=True)]
        ways += [
            Way(on(name, strength), planted, strength, term=term)
            for name, term in ((PARTNER, None), (FOCUSED, FocusedTerm))
            for strength in options.strengths
        ]
        ways += [
            Way("reweighted, " + on(PARTNER, options.strength), planted, options.strength, reweighted=True),
            Way(on(CENTRED, options.strength), planted, options.strength, term=CentredTerm),
            *(Way(on(name, options.strength), edges, options.strength) for name, edges in found.items()),
            Way(on("random", options.strength), random_edges(self.marked, options.seed), options.strength),
            Way("marks at random", free=True),
        ]
        return {way.name: self.measure(way) for way in ways}

    def strongest(self, way: Way, focus: float) -> Edges:
        """As many of the strongest ties of a network, on its training pictures, as there are partners."""
        seen = self._seen(way)
        logits = outputs(self.network(way), seen, self.setting.device)
        return strongest_edges(dependencies(logits, seen.labels, focus), self.setting.options.characters)

    def measure(self, way: Way) -> Numbers:
        """Train, and measure."""
        progress(f"seed {self.setting.options.seed}: {way.name}")
        return self.reliance.numbers(self.network(way), self._seen(way))

    def network(self, way: Way) -> nn.Module:
        """Train; first weights and order of the data belong to the seed."""
        options = self.setting.options
        note = way.name if way.edges is None else f"{way.name}, {EVERY}, {DECAY}, {LAM}, {way.edges}"
        note += f", {FocusedTerm.focus}" if way.term is FocusedTerm else ""
        recipe = Recipe(options.network, options.characters, options.epochs, 1000 * options.seed, note)
        weights = self.marked.weights if way.reweighted else None
        term = None if way.edges is None else lambda: self._term(way)
        return trained(options.folder, recipe, self._seen(way), self.setting.device, term, weights)

    def _seen(self, way: Way) -> Set:
        return self.marked.free("train") if way.free else self.marked.train

    def _term(self, way: Way) -> Term:
        """Make the term of the loss; the first tenth of the training goes without it."""
        options, device = self.setting.options, self.setting.device
        steps = options.epochs * (len(self.marked.train) // BATCH or 1)
        common = {"strength": way.strength, "lam": LAM, "every": EVERY, "warmup": steps // 10, "decay": DECAY}
        if way.term is not None:
            return way.term(way.edges, options.characters, **common).to(device)
        regularizer = DependencyRegularizer(way.edges, options.characters, **common).to(device)
        return lambda logits, _labels: regularizer(logits)


def on(edges: str, strength: float) -> str:
    """Name of a way with the regulariser."""
    return f"{edges} {strength:g}"


def planted_edges(marked: Marked) -> Edges:
    """Every category from its partner: the ties that the marks plant."""
    return [(target, int(source)) for target, source in enumerate(marked.marks.partner)]


def random_edges(marked: Marked, seed: int) -> Edges:
    """As many ties, none of them planted."""
    rng = np.random.default_rng([seed, 2])
    count = len(marked.marks.partner)
    others = [np.setdiff1d(np.arange(count), [i, j]) for i, j in planted_edges(marked)]
    return [(target, int(rng.choice(left))) for target, left in enumerate(others)]


def values(runs: list[Run], way: str, number: str) -> npt.NDArray[np.float64]:
    """Of every seed."""
    return np.array([run[way][number] for run in runs])


def spread(found: npt.NDArray[np.float64], scale: float = 100.0, digits: int = 1) -> str:
    """Mean and standard deviation."""
    deviation = found.std(ddof=1) if len(found) > 1 else np.nan
    return f"{scale * found.mean():.{digits}f} ± {scale * deviation:.{digits}f}"


def difference(runs: list[Run], way: str, base: str, number: str) -> str:
    """Mean of the paired differences in points, and its standard error."""
    paired = 100.0 * (values(runs, way, number) - values(runs, base, number))
    error = paired.std(ddof=1) / np.sqrt(len(paired)) if len(paired) > 1 else np.nan
    return f"{paired.mean():+.1f} ± {error:.1f}"


def show_ties(report: Report, runs: list[Run]) -> None:
    """Print whether the planted tie is seen in the dependencies."""
    rows: list[list[object]] = []
    for way, mark in (("plain", "goes with the pair"), ("marks at random", "at random")):
        for kind, title in (("training", "all samples"), ("focused", f"focus {FOCUS:g}")):
            first, among = (spread(values(runs, way, f"{kind} {name}")) for name in ("first", "among"))
            rows.append([mark, title, first, among, spread(values(runs, way, f"{kind} b"), 1.0, 3)])
    head = [
        "mark in training",
        "equations",
        "largest term is the partner, %",
        "partners among the strongest, %",
    ]
    title = "Ties between partners, training pictures: mean and deviation over seeds"
    report.table(title, [*head, "b of the partner"], rows)


def show_accuracy(report: Report, runs: list[Run]) -> None:
    """Print accuracy of the groups, and paired differences of the worst."""
    rows: list[list[object]] = []
    for way in runs[0]:
        shown = [
            spread(values(runs, way, name))
            for name in ("average", "agree", "worst", "worst by category", "follow")
        ]
        rows.append([way, *shown, difference(runs, way, "plain", "worst")])
    head = ["top-1, %", "average", "mark agrees", "worst group", "worst group by category"]
    head += ["follows the mark", "worst group - plain, points"]
    report.table("New glyphs: mean and deviation over seeds; paired difference, standard error", head, rows)


def show_why(report: Report, runs: list[Run]) -> None:
    """Print the coefficient that is cut beside what the mark still does."""
    names = {"training b": 3, "independent b": 3, "moved by the mark": 2}
    names |= dict.fromkeys(("partners", "by the mean", "by the mark", "by the rest"), 2)
    rows: list[list[object]] = []
    for way in runs[0]:
        shown = [spread(values(runs, way, name), 1.0, digits) for name, digits in names.items()]
        rows.append([way, spread(values(runs, way, "training top-1")), *shown])
    head = ["", "top-1 on training pictures, %", "b of the partner, training", "b, marks independent"]
    head += ["variance by the mark", "E f f' of partners", "- by the mean", "- by the mark", "- by the rest"]
    title = (
        "The tie that is cut, and what the mark does: new glyphs with independent marks, but for two figures"
    )
    report.table(title, head, rows)


def show_pairs(report: Report, runs: list[Run], strength: float) -> None:
    """Print paired differences between other ways than the plain one."""
    reweighted = "reweighted, " + on(PARTNER, strength)
    pairs = [(reweighted, "reweighted")]
    pairs += [(on(term, strength), on("random", strength)) for term in (PARTNER, FOCUSED, CENTRED)]
    numbers = ("average", "worst", "follow")
    rows: list[list[object]] = [
        [f"{way} - {base}", *(difference(runs, way, base, number) for number in numbers)]
        for way, base in pairs
    ]
    head = ["", "average", "worst group", "follows the mark"]
    report.table("Paired differences in points, standard error", head, rows)


def show_choice(report: Report, runs: list[Run], strengths: list[float]) -> None:
    """Print the strength that the validation faces choose, with groups and without; 0 is among them."""
    rows: list[list[object]] = []
    for term in (PARTNER, FOCUSED):
        candidates = {"0": "plain"} | {f"{strength:g}": on(term, strength) for strength in strengths}
        for by, number in (("worst group", "worst"), ("average, no groups needed", "average")):
            mean = {
                name: values(runs, way, f"validation {number}").mean() for name, way in candidates.items()
            }
            best = max(mean, key=lambda name: mean[name])
            way = candidates[best]
            shown = [spread(values(runs, way, name)) for name in ("average", "worst")]
            rows.append([term, by, best, *shown, difference(runs, way, "plain", "worst")])
    head = ["regulariser on", "strength chosen by", "strength", "average", "worst group"]
    title = "Strength chosen on validation faces; accuracy on new glyphs"
    report.table(title, [*head, "worst group - plain, points"], rows)


def figure(report: Report, runs: list[Run]) -> None:
    """Worst group of every seed, and the cut coefficient beside the variance by the mark."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.fonttype"] = "none"
    made, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
    for place, way in enumerate(runs[0]):
        worst = 100.0 * values(runs, way, "worst")
        axes[0].plot(worst, [place] * len(runs), ".", color="C0", alpha=0.4)
        axes[0].plot(worst.mean(), place, "o", color="C0")
        for color, (name, label) in enumerate(
            {"training b": "b of the partner", "moved by the mark": "variance by the mark"}.items(), 1
        ):
            axes[1].plot(
                values(runs, way, name).mean(),
                place,
                "os"[color - 1],
                color=f"C{color}",
                label=label * (not place),
            )
    axes[0].set_yticks(range(len(runs[0])), runs[0])
    axes[0].invert_yaxis()
    axes[0].set_xlabel("worst group, top-1 in %")
    axes[1].set_xlabel("mean over categories and seeds")
    axes[1].legend(fontsize="small")
    for axis in axes:
        axis.grid(axis="x", alpha=0.3)
    made.savefig(report.folder / f"{report.name}.svg")


def options_of(doc: str) -> argparse.ArgumentParser:
    """Options beside those of every script."""
    options = parser(doc, epochs=8, characters=64, seeds=[1, 2, 3, 4, 5])
    options.add_argument("--network", choices=["convnext", "resnet"], default="convnext")
    strengths = [0.03, 0.1, 0.3]
    options.add_argument(
        "--strengths", type=float, nargs="+", default=strengths, help="on the partners (0.03 0.1 0.3)"
    )
    options.add_argument("--strength", type=float, default=0.1, help="of all other ways (default 0.1)")
    return options


def main() -> None:
    options = options_of(__doc__).parse_args()
    report = Report(options.folder, f"shortcut-{options.network}")
    runs = []
    for seed in options.seeds:
        runs.append(Seed.of(options, seed).run())
        report.figures[f"seed {seed}"] = runs[-1]
    show_ties(report, runs)
    show_accuracy(report, runs)
    show_pairs(report, runs, options.strength)
    show_choice(report, runs, options.strengths)
    show_why(report, runs)
    report.write()
    figure(report, runs)


if __name__ == "__main__":
    main()
