"""The paper's findings on two trained networks: how far is a logit a combination of few others?

    python examples/characters/findings.py FOLDER [--seed 1]

Two networks are trained on all characters; dependencies are found on the training pictures, within each
network and between the two (the same character of the other network left out), and checked on glyphs that no
training picture shows and on unseen fonts: on all samples, with a focus on each character's own, and on its
own samples only. The focus is chosen on the validation faces. About 5 minutes of CPU time, half of it
training; what is in FOLDER is not trained again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from networks import Recipe, accuracy, batches, outputs, trained
from pictures import CLEAN
from setting import Setting, begin, parser
from torch import nn

import covlasso
from covlasso import Dependencies, Moments, Origin, Split, SplitMoments
from covlasso.evidence import Decisions, FocusChoice, Rates
from covlasso.logits import Samples
from covlasso.torch import Batch, extract

TERMS = (1, 2, 5, 10, 20, 50)
GRID = (5, 10, 20, 50)  # terms of the tables of decisions
ALPHAS = (0.0, 0.1, 0.3, 1.0)
SHOWN = (10, 20)  # terms of the table of what is explained
PAIRS = (("convnext", "convnext"), ("resnet", "resnet"), ("convnext", "resnet"), ("resnet", "convnext"))
PROTOCOLS = ("all samples", "focused", "focused, random terms", "pursuit, focused", "own samples only")
CONTROL = "mean of the class that the source decides"
TESTS = {"glyphs": "clean", "validation": "validation", "fonts": "unseen", "training": "train"}


@dataclass(frozen=True)
class Data:
    """What the networks say.

    Attributes
    ----------
    models : dict from name to Module
        The networks.
    moments : SplitMoments
        Fitted: on the training pictures; held out: on new glyphs of the same faces.
    unseen : Moments
        On the unseen fonts.
    logits : dict from set to dict from name to (k, n) array
        On the sets of `TESTS`.
    labels : dict from set to (k,) array
        Their characters.
    """

    models: dict[str, nn.Module]
    moments: SplitMoments
    unseen: Moments
    logits: dict[str, dict[str, npt.NDArray[np.float32]]]
    labels: dict[str, npt.NDArray[np.int64]]

    def logits_of(self, target: str, source: str, test: str = "glyphs") -> dict[str, Any]:
        """Arguments of `covlasso.evaluate` for decisions."""
        logits = self.logits[test]
        given = {"logits": logits[target], "labels": self.labels[test]}
        return given if target == source else given | {"source_logits": logits[source]}


def networks(setting: Setting) -> dict[str, nn.Module]:
    """Train both architectures on the training pictures of all characters."""
    train, options = setting.pictures.set("train"), setting.options
    recipes = [
        Recipe(name, options.characters, options.epochs, options.seed) for name in ("convnext", "resnet")
    ]
    return {one.architecture: trained(options.folder, one, train, setting.device) for one in recipes}


def with_keys(setting: Setting) -> Iterator[Batch]:
    """Pictures of the training faces, with the glyph as key: `Split` then divides them as the sets do."""
    pictures = setting.pictures
    for name in ("train", "clean"):
        keys = np.repeat(pictures.keys[pictures.role == name], pictures.variants)
        start = 0
        for images, labels in batches(pictures.set(name)):
            yield Batch(images, labels, keys=keys[start : start + len(labels)].tolist())
            start += len(labels)


def see(setting: Setting, models: dict[str, nn.Module]) -> Data:
    """One pass for the moments of the training faces, classed by label, and one for all logits."""
    sets = {test: setting.pictures.set(name) for test, name in TESTS.items()}
    names = {"class_names": setting.pictures.names, "device": setting.device}
    split = Split(CLEAN, groups="the glyph")
    found = extract(models, with_keys(setting), split=split, classes="labels", **names)
    logits = {
        test: {name: outputs(model, one, setting.device) for name, model in models.items()}
        for test, one in sets.items()
    }
    unseen = Moments(list(models), setting.pictures.names)
    unseen.update(logits["fonts"])
    return Data(models, found.moments, unseen, logits, {test: one.labels for test, one in sets.items()})


def recognition(data: Data, setting: Setting) -> None:
    """Top-1, and how much of the logits is common to all of them: it decides nothing."""
    rows: list[list[object]] = []
    for name, model in data.models.items():
        top1, elsewhere = (
            accuracy(data.logits[test][name], data.labels[test]) for test in ("glyphs", "fonts")
        )
        weights = sum(weight.numel() for weight in model.parameters())
        gram, spread = (data.moments.fit.gram(name, kind) for kind in ("second_moment", "covariance"))
        common = float(gram.mean() / gram.diagonal().mean())
        share = np.cumsum(covlasso.theory.spectrum(spread).eigenvalues) / np.trace(spread)
        directions = int(np.searchsorted(share, 0.99)) + 1
        rows.append([name, f"{weights / 1e6:.1f} million", top1, elsewhere, common, directions])
    head = ["", "weights", "top-1, new glyphs", "top-1, unseen fonts", "energy in the mean logit",
            "directions with 99 % of the variance"]  # fmt: skip
    setting.report.table("The networks", head, rows)


def held_out(data: Data, setting: Setting) -> None:
    """Median R^2 by number of terms."""
    rows: list[list[object]] = []
    for target, source in PAIRS:
        lines: dict[str, list[object]] = {}
        for terms in TERMS:
            deps = solve(data, target, source, terms)
            found = covlasso.compare_methods(deps, data.moments, methods=["lasso", "refitted", "random"])
            elsewhere = covlasso.evaluate(deps, data.unseen).held_out
            for line, values in (
                ("fitted pictures", found["refitted"].fit.r2),
                ("new glyphs", found["refitted"].held_out.r2),
                ("new glyphs, about the mean", found["refitted"].held_out.r2_centred),
                ("new glyphs, not refitted", found["lasso"].held_out.r2),
                ("new glyphs, random terms", found["random"].held_out.r2),
                ("new glyphs, random terms, about the mean", found["random"].held_out.r2_centred),
                ("unseen fonts", elsewhere.r2),
            ):
                lines.setdefault(line, []).append(float(np.median(values)))
        everything = covlasso.compare_methods(deps, data.moments, methods=["all"])["all"]
        for line, values in zip(
            ("fitted pictures", "new glyphs", "new glyphs, about the mean"),
            (everything.fit.r2, everything.held_out.r2, everything.held_out.r2_centred),
            strict=True,
        ):
            lines[line].append(float(np.median(values)))
        rows += [
            [title(target, source), line, *values, *[""] * (7 - len(values))]
            for line, values in lines.items()
        ]
        setting.report.figures[f"r2 {title(target, source)}"] = lines
    setting.report.table(
        "Median R^2 by number of terms", ["", "measured on", *map(str, TERMS), "all others"], rows
    )


def solve(data: Data, target: str, source: str, terms: int) -> Dependencies:
    """Refitted dependencies on the training pictures."""
    return covlasso.solve_moments(data.moments.fit, target=target, source=source, terms=terms, refit=True)


def title(target: str, source: str) -> str:
    """Return the direction in words."""
    return Origin(target, source).title


def sparsity(data: Data, setting: Setting) -> None:
    """How many terms of the Lasso explain a share of a logit on the fitted pictures; at most 50."""
    rows: list[list[object]] = []
    for target, source in PAIRS:
        for kind, words in (("second_moment", "energy"), ("covariance", "variance")):
            row: list[object] = [title(target, source), words]
            for share in (0.8, 0.9, 0.95):
                deps = covlasso.solve_moments(
                    data.moments.fit,
                    target=target,
                    source=source,
                    kind=kind,
                    relative_error=1.0 - share,
                    max_terms=TERMS[-1],
                    refit=True,
                )
                reached = deps.r2 >= share
                median = np.median(np.where(reached, deps.n_terms, np.inf))
                row.append(
                    f"{median:g} ({reached.mean():.0%})" if np.isfinite(median) else f"({reached.mean():.0%})"
                )
            rows.append(row)
    head = ["terms needed, median (characters that 50 explain so far)", "share of", "0.8", "0.9", "0.95"]
    setting.report.table("Terms needed", head, rows)


def choose(data: Data, target: str, source: str, test: str, kind: str = "covariance") -> FocusChoice:
    """Decisions over focuses and numbers of terms, and what is chosen by them, on one set."""
    return covlasso.choose_focus(
        data.moments,
        **data.logits_of(target, source, test),
        target=target,
        source=source,
        kind=kind,
        alphas=ALPHAS,
        terms=GRID,
    )


def focus(data: Data, setting: Setting) -> None:
    """Recall, false alarms and F1 of the replaced character over the grid; the choice on other faces."""
    rows: list[list[object]] = []
    chosen: list[list[object]] = []
    for pair in PAIRS:
        choice, found = choose(data, *pair, "validation"), choose(data, *pair, "glyphs")
        plain = choose(data, *pair, "glyphs", "second_moment")
        alphas = [ALPHAS[place] for place in choice.table().argmax(axis=0)]
        for alpha, cells in zip(ALPHAS, found.decisions, strict=True):
            rows.append([title(*pair), f"{alpha:g}", *map(cell, cells)])
        for alpha, cells in zip(ALPHAS[:3], plain.decisions, strict=False):
            rows.append([title(*pair), f"{alpha:g}, not centred", *map(cell, cells)])
        chosen.append([title(*pair), *map(str, alphas), f"{choice.focus:g}, {choice.terms} terms"])
        chosen[-1] += [shown(choice.network), shown(found.network)]
        setting.report.figures[f"focus {title(*pair)}"] = {
            "chosen": [choice.focus, choice.terms],
            "alphas": alphas,
            "validation": choice.table().tolist(),
            **{name: found.table(name).tolist() for name in ("f1", "recall", "false_alarms")},
            "not centred": plain.table().tolist(),
            "network": found.network.mean("f1"),
        }
    head = ["centred unless said; F1 (recall, false alarms per true case)", "alpha", *map(str, GRID)]
    setting.report.table("One logit at a time replaced, on new glyphs, by number of terms", head, rows)
    head = ["alpha with the best F1 on the validation faces", *map(str, GRID), "chosen",
            "the network itself there", "on new glyphs"]  # fmt: skip
    setting.report.table("Choice on the validation faces", head, chosen)


def cell(made: Decisions) -> str:
    """What one logit at a time replaced gives."""
    return shown(made.replaced)


def shown(rates: Rates) -> str:
    """F1 (recall, false alarms), means over the characters."""
    f1, recall, alarms = (rates.mean(name) for name in ("f1", "recall", "false_alarms"))
    return f"{f1:.3f} ({recall:.2f}, {alarms:.2f})"


def focused(data: Data, setting: Setting, pair: tuple[str, str], terms: int) -> Dependencies:
    """Centred equations with the focus that the validation faces prefer at this number of terms."""
    target, source = pair
    alpha = setting.report.figures[f"focus {title(*pair)}"]["alphas"][GRID.index(terms)]
    return covlasso.solve_moments(
        data.moments.fit, target=target, source=source, kind="covariance", focus=alpha, terms=terms,
        refit=True,
    )  # fmt: skip


def own_only(data: Data, pair: tuple[str, str], terms: int) -> Dependencies:
    """Equations of a character's own training pictures alone, not centred, as in the paper's figure."""
    given = data.logits_of(*pair, "training")
    samples = Samples(given["logits"], given.get("source_logits"), given["labels"])
    target, source = pair
    return covlasso.solve_moments(
        data.moments.fit, target=target, source=source, focus="own", samples=samples, terms=terms, refit=True
    )


def beside(data: Data, setting: Setting) -> None:
    """Chosen equations beside other protocols and choices of terms, and what they explain."""
    rows: list[list[object]] = []
    details: list[list[object]] = []
    for pair in PAIRS:
        lines: dict[str, list[Decisions]] = {}
        for terms in GRID:
            for line, made in protocols(data, setting, pair, terms).items():
                lines.setdefault(line, []).append(made)
        rows += [[title(*pair), line, *map(cell, made)] for line, made in lines.items()]
        control = by_the_source(data, pair)
        rows.append([title(*pair), CONTROL, control, *[""] * (len(GRID) - 1)])
        for line in PROTOCOLS:
            found = [lines[line][GRID.index(terms)] for terms in SHOWN]
            details.append(
                [
                    title(*pair),
                    line,
                    *(value for one in zip(*map(detail, found), strict=True) for value in one),
                ]
            )
        setting.report.figures[f"beside {title(*pair)}"] = {
            line: [one.replaced.mean("f1") for one in made] for line, made in lines.items()
        } | {"all at once": {line: [one.at_once_top1 for one in lines[line]] for line in PROTOCOLS}}
    head = ["new glyphs unless said; F1 (recall, false alarms per true case)", "equations", *map(str, GRID)]
    setting.report.table("Protocols side by side, by number of terms", head, rows)
    figures = ("R^2 about the mean", "on own samples", "top-1, all replaced")
    places = [f"{figure}, {terms} terms" for figure in figures for terms in SHOWN]
    setting.report.table("What is explained, on new glyphs (medians)", ["", "equations", *places], details)


def protocols(data: Data, setting: Setting, pair: tuple[str, str], terms: int) -> dict[str, Decisions]:
    """Decisions by equations of each protocol."""
    target, source = pair
    glyphs = data.logits_of(*pair)
    chosen = focused(data, setting, pair, terms)
    methods = ["refitted", "random", "pursuit"]
    with_focus = covlasso.compare_methods(chosen, data.moments, methods=methods, **glyphs)
    everything = solve(data, target, source, terms)
    without = covlasso.compare_methods(everything, data.moments, methods=["refitted", "pursuit"], **glyphs)
    own = own_only(data, pair, terms)
    found = {
        "all samples": without["refitted"],
        "focused": with_focus["refitted"],
        "own samples only": covlasso.evaluate(own, **glyphs),
        "own samples only, in sample": covlasso.evaluate(own, **data.logits_of(*pair, "training")),
        "focused, random terms": with_focus["random"],
        "pursuit, all samples": without["pursuit"],
        "pursuit, focused": with_focus["pursuit"],
        "focused, unseen fonts": covlasso.evaluate(chosen, data.moments, **data.logits_of(*pair, "fonts")),
    }
    return {line: one.decisions for line, one in found.items()}


def by_the_source(data: Data, pair: tuple[str, str]) -> str:
    """Control without any equation: the target's logit is its mean over the class that the source decides.

    What this reaches is due to the category and its level, not to how the logit varies.
    """
    target, source = pair
    logits, labels = data.logits["glyphs"][target], data.labels["glyphs"]
    means = data.moments.fit.class_means(target, by=target)
    said = means[data.logits["glyphs"][source].argmax(axis=1)]
    second, first = np.partition(logits, -2, axis=1)[:, -2:].T
    n = logits.shape[1]
    largest = logits.argmax(axis=1)[:, np.newaxis] == np.arange(n)
    decided = said > np.where(largest, second[:, np.newaxis], first[:, np.newaxis])
    own = labels[:, np.newaxis] == np.arange(n)
    rates = Rates(own.sum(axis=0), decided.sum(axis=0), (own & decided).sum(axis=0))
    return shown(rates)


def detail(made: Decisions) -> list[object]:
    """What is explained of the logits, and top-1 with all of them replaced."""
    own, everywhere = (float(np.nanmedian(values)) for values in (made.r2_own, made.r2_centred))
    return [everywhere, own, made.at_once_top1]


def figure(setting: Setting) -> None:
    """F1 of the replaced character against the number of terms, by protocol."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.fonttype"] = "none"
    made, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained", sharey=True)
    for axis, pair in zip(axes, PAIRS, strict=True):
        lines = setting.report.figures[f"beside {title(*pair)}"]
        for color, (line, style) in enumerate(
            (
                ("focused", "-"),
                ("all samples", "-"),
                ("own samples only", "--"),
                ("focused, random terms", ":"),
            )
        ):
            axis.plot(GRID, lines[line], style, marker="o", ms=3, color=f"C{color}", label=line)
        network = setting.report.figures[f"focus {title(*pair)}"]["network"]
        axis.axhline(network, color="0.5", lw=0.8, label="the network itself")
        axis.set(xscale="log", ylim=(-0.02, 1.02), xlabel="terms", title=title(*pair))
        axis.set_xticks(GRID, map(str, GRID)), axis.minorticks_off(), axis.grid(alpha=0.3)
    axes[0].set_ylabel("F1 of the replaced character, new glyphs")
    axes[-1].legend(fontsize=8)
    made.savefig(setting.options.folder / f"findings-{setting.options.seed}.svg")


def main() -> None:
    setting = begin("findings", parser(__doc__, epochs=4).parse_args())
    models = networks(setting)
    data = see(setting, models)
    for part in (recognition, held_out, sparsity, focus, beside):
        part(data, setting)
    figure(setting)
    setting.report.write()


if __name__ == "__main__":
    main()
