"""The paper's findings on two trained networks: how far is a logit a combination of few others?

    python examples/characters/findings.py FOLDER [--seed 1]

Two networks are trained on all characters; dependencies are found on the training pictures, within each
network and between the two (the same character of the other network left out), and checked on glyphs that no
training picture shows and on unseen fonts. About 5 minutes of CPU time, half of it training; what is in
FOLDER is not trained again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from networks import Recipe, accuracy, batches, outputs, trained
from pictures import CLEAN
from setting import Setting, begin, parser
from torch import nn

import covlasso
from covlasso import Dependencies, Moments, Origin, Split, SplitMoments
from covlasso.evidence import Evaluation
from covlasso.torch import Batch, extract, replace_logits

TERMS = (1, 2, 5, 10, 20, 50)
PAIRS = (("convnext", "convnext"), ("resnet", "resnet"), ("convnext", "resnet"), ("resnet", "convnext"))


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
    logits : dict from name to (k, n) array
        On the new glyphs.
    labels : (k,) array
        Their characters.
    """

    models: dict[str, nn.Module]
    moments: SplitMoments
    unseen: Moments
    logits: dict[str, npt.NDArray[np.float32]]
    labels: npt.NDArray[np.int64]

    def logits_of(self, target: str, source: str) -> dict[str, npt.NDArray[np.generic]]:
        """Arguments of `covlasso.evaluate` for decisions."""
        given = {"logits": self.logits[target], "labels": self.labels}
        return given if target == source else given | {"source_logits": self.logits[source]}


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
    """One pass over all pictures of the training faces, one over the unseen fonts."""
    clean, unseen = setting.pictures.set("clean"), setting.pictures.set("unseen")
    names = {"class_names": setting.pictures.names, "device": setting.device}
    split = Split(CLEAN, groups="the glyph")
    found = extract(models, with_keys(setting), split=split, **names)
    elsewhere = extract(models, batches(unseen), **names)
    logits = {name: outputs(model, clean, setting.device) for name, model in models.items()}
    return Data(models, found.moments, elsewhere.moments.fit, logits, clean.labels)


def recognition(data: Data, setting: Setting) -> None:
    """Top-1, and how much of the logits is common to all of them: it decides nothing."""
    unseen = setting.pictures.set("unseen")
    rows: list[list[object]] = []
    for name, model in data.models.items():
        elsewhere = accuracy(outputs(model, unseen, setting.device), unseen.labels)
        weights = sum(weight.numel() for weight in model.parameters())
        gram, spread = (data.moments.fit.gram(name, kind) for kind in ("second_moment", "covariance"))
        common = float(gram.mean() / gram.diagonal().mean())
        share = np.cumsum(covlasso.theory.spectrum(spread).eigenvalues) / np.trace(spread)
        top1 = accuracy(data.logits[name], data.labels)
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


def decisions(data: Data, setting: Setting) -> None:
    """What becomes of recognition when a logit is replaced by its equation, one character at a time."""
    rows: list[list[object]] = []
    for target, source in PAIRS:
        kept: dict[str, list[float]] = {}
        for terms in TERMS:
            deps = solve(data, target, source, terms)
            methods = ["refitted", "random"] if terms in (10, 20, 50) else ["refitted"]
            found = covlasso.compare_methods(
                deps, data.moments, methods=methods, **data.logits_of(target, source)
            )
            for method, one in found.items():
                rows.append(decision_row(target, source, terms, method, one))
                kept.setdefault(method, []).append(float(np.nanmean(one.decisions.replaced_recall)))
        setting.report.figures[f"recall {title(target, source)}"] = kept["refitted"]
    head = [
        "",
        "terms",
        "R^2, median",
        "recall before",
        "recall when replaced",
        "top-1 before",
        "top-1, worst replaced",
    ]
    setting.report.table("One logit at a time replaced, on new glyphs", head, rows)


def decision_row(target: str, source: str, terms: int, method: str, found: Evaluation) -> list[object]:
    """Return one row of the table of decisions."""
    made = found.decisions
    shown = f"{terms}" if method == "refitted" else f"{terms} at random"
    recalls = float(np.nanmean(made.recall)), float(np.nanmean(made.replaced_recall))
    return [
        title(target, source),
        shown,
        float(np.median(made.r2)),
        *recalls,
        made.top1,
        float(made.replaced_top1.min()),
    ]


def at_once(data: Data, setting: Setting) -> None:
    """Recognition with a tenth of all logits replaced at once, as a model that computes them so."""
    clean = setting.pictures.set("clean")
    count = max(1, setting.options.characters // 10)
    rng = np.random.default_rng(setting.options.seed)
    chosen = np.sort(rng.choice(setting.options.characters, count, replace=False))
    inside = np.isin(clean.labels, chosen)
    rows: list[list[object]] = []
    for name, model in data.models.items():
        before = data.logits[name]
        row = ["unchanged", accuracy(before, clean.labels), accuracy(before[inside], clean.labels[inside])]
        rows.append([name, *row])
        for terms in TERMS:
            replaced = replace_logits(model, solve(data, name, name, terms), names=chosen.tolist())
            after = outputs(replaced, clean, setting.device)
            row = [str(terms), accuracy(after, clean.labels), accuracy(after[inside], clean.labels[inside])]
            rows.append([name, *row])
    head = ["", "terms", "top-1, all new glyphs", f"top-1, those of the {count} characters"]
    setting.report.table(f"{count} logits replaced at once", head, rows)


def figure(setting: Setting) -> None:
    """Held-out R^2 (dotted: random terms) and recall against terms."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.fonttype"] = "none"
    numbers = setting.report.figures
    made, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for number, pair in enumerate(PAIRS):
        lines, style = numbers[f"r2 {title(*pair)}"], {"color": f"C{number}", "marker": "o", "ms": 3}
        left.plot(TERMS, lines["new glyphs, about the mean"][: len(TERMS)], label=title(*pair), **style)
        left.plot(TERMS, lines["new glyphs, random terms, about the mean"], color=f"C{number}", ls=":")
        right.plot(TERMS, numbers[f"recall {title(*pair)}"], label=title(*pair), **style)
    left.set(xscale="log", ylim=(0, 1), xlabel="terms", ylabel="median $R^2$ about the mean, new glyphs")
    right.set(xscale="log", ylim=(0, 1), xlabel="terms", ylabel="recall of the replaced character")
    for axis in (left, right):
        axis.set_xticks(TERMS, map(str, TERMS)), axis.minorticks_off(), axis.grid(alpha=0.3)
    right.legend()
    made.savefig(setting.options.folder / f"findings-{setting.options.seed}.svg")


def main() -> None:
    setting = begin("findings", parser(__doc__, epochs=4).parse_args())
    models = networks(setting)
    data = see(setting, models)
    for part in (recognition, held_out, sparsity, decisions, at_once):
        part(data, setting)
    figure(setting)
    setting.report.write()


if __name__ == "__main__":
    main()
