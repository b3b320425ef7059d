"""Does an equation stand for its category? Three protocols beside each other (docs/study.md).

    python examples/three_protocols.py                                  # on the data of the package
    python examples/three_protocols.py lite0.npy lite1.npy picture_ids.npy

- all samples: the equation is fitted to all crops, as the paper's CovLasso;
- focus: the category has a share of the samples of its equation, chosen on validation pictures;
- own samples: the equation is fitted to the category's own crops alone, as in the paper's first figure, which
  then measures recall on the same crops; here also on others, with false alarms. It needs the logits of all.

Crops are split by picture: even numbers fit, 1, 5, 9, ... validate, 3, 7, 11, ... test. A crop's category is
the network's own decision. Counted are categories with at least 10 crops to fit on and 10 of the others.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import covlasso
from covlasso import Dependencies, Moments, OwnRows, SplitMoments

DIRECTIONS = ((0, 0), (1, 1), (0, 1), (1, 0))
ALPHAS = (0.03, 0.1, 0.3, 0.5, 0.7)
TERMS = (4, 10, 20, 50)
SEEDS = (1, 2)  # of random terms

Logits = npt.NDArray[np.floating]
Targets = npt.NDArray[np.int32]


class Data(NamedTuple):
    """Moments to fit on; logits to validate and to test on, by network; those of fit where known."""

    names: tuple[str, str]
    fit: Moments
    logits: dict[str, Logits]
    test: npt.NDArray[np.bool_]
    fit_logits: dict[str, Logits] | None


def of_package() -> Data:
    fit = covlasso.datasets.load_imagenet_lite().fit
    one, other, picture = covlasso.datasets.load_imagenet_lite_logits()
    return Data(("lite0", "lite1"), fit, {"lite0": one, "lite1": other}, picture % 4 == 3, None)


def of_files(first: str, second: str, pictures: str) -> Data:
    picture = np.load(pictures)
    logits = dict(zip(("lite0", "lite1"), map(np.load, (first, second)), strict=True))
    fit = Moments(list(logits), classes="decisions")
    even = {name: one[picture % 2 == 0] for name, one in logits.items()}
    fit.update(even)
    odd = {name: one[picture % 2 == 1] for name, one in logits.items()}
    return Data(("lite0", "lite1"), fit, odd, picture[picture % 2 == 1] % 4 == 3, even)


def own_samples(
    data: Data, target: str, source: str, targets: npt.NDArray[np.int32], terms: int
) -> Dependencies:
    """Refitted equations of each category on its own crops alone: all that they share is 0."""
    assert data.fit_logits is not None
    f, g = (data.fit_logits[name].astype(np.float64) for name in (target, source))
    decided = f.argmax(axis=1)
    crops = [np.flatnonzero(decided == i) for i in targets]
    weight = [1.0 / np.sqrt(len(one)) for one in crops]
    rows = np.vstack([w * g[one] for w, one in zip(weight, crops, strict=True)])
    offset = np.concatenate([[0], np.cumsum([len(one) for one in crops])])
    p = g.shape[1]
    if target == source:
        own = OwnRows(rows, offset=offset)
        return covlasso.solve(np.zeros((p, p)), targets=targets, own=own, terms=terms, refit=True)
    response = np.concatenate([w * f[one, i] for w, one, i in zip(weight, crops, targets, strict=True)])
    own, nothing = OwnRows(rows, response, offset), np.zeros((len(targets), p))
    same = np.arange(p) == targets[:, np.newaxis]
    found = covlasso.solve(
        np.zeros((p, p)), nothing, np.zeros(len(targets)), own=own, exclude=same, terms=terms, refit=True
    )
    return replace(found, targets=targets)  # rows of the cross moments are numbered from 0


def rates(one: covlasso.evidence.Rates) -> str:
    """F1, and in brackets recall and false alarms per true case."""
    return f"{one.mean('f1'):.2f} ({one.mean('recall'):.2f}, {one.mean('false_alarms'):.2f})"


def protocols(data: Data, target: str, source: str) -> None:
    within = target == source
    decided = np.bincount(data.logits[target].argmax(axis=1), minlength=data.fit.sizes[target])
    enough = (data.fit.class_counts(target) >= 10) & (decided >= 10)
    targets = np.flatnonzero(enough).astype(np.int32)
    seen = {"logits": data.logits[target], "source_logits": None if within else data.logits[source]}
    where = {"target": target, "source": source}

    def replaced(deps: Dependencies) -> covlasso.evidence.Decisions:
        return covlasso.evaluate(deps, SplitMoments(data.fit), **seen, rows=data.test, **where).decisions

    chosen = covlasso.choose_focus(
        data.fit, **seen, rows=~data.test, **where, alphas=(0.0, *ALPHAS), terms=TERMS, targets=targets
    )
    f1 = chosen.table()
    columns: dict[str, list[str]] = {}
    for column, terms in enumerate(TERMS):
        alpha = ALPHAS[int(np.argmax(f1[1:, column]))]
        plain, focused = (
            covlasso.solve_moments(data.fit, **where, terms=terms, refit=True, targets=targets, focus=focus)
            for focus in (None, alpha)
        )
        made = [
            covlasso.compare_methods(
                focused, SplitMoments(data.fit), **seen, rows=data.test, methods=["random"], seed=seed
            )["random"].decisions.replaced
            for seed in SEEDS
        ]
        result = replaced(focused)
        cells = {
            "all samples": rates(replaced(plain).replaced),
            "focus": f"{rates(result.replaced)} at {alpha:g}",
            "focus, random terms": " / ".join(rates(one) for one in made),
            "focus: R^2 on all crops, about the mean": f"{np.nanmedian(result.r2_centred):.2f}",
            "focus: R^2 on own crops, about theirs": f"{np.nanmedian(result.r2_own):.2f}",
        }
        if data.fit_logits is not None:
            own = own_samples(data, target, source, targets, terms)
            inside = covlasso.evaluate(
                own,
                logits=data.fit_logits[target],
                source_logits=None if within else data.fit_logits[source],
                **where,
            ).decisions
            cells["own samples, on themselves"] = rates(inside.replaced)
            cells["own samples, on other pictures"] = rates(replaced(own).replaced)
            cells["own samples: sum of coefficients, median"] = f"{np.median(own.coef.sum(axis=1)):.2f}"
        for name, cell in cells.items():
            columns.setdefault(name, []).append(cell)
    mean = covlasso.compare_methods(
        focused, SplitMoments(data.fit), **seen, rows=data.test, methods=["class mean"]
    )["class mean"].decisions
    title = f"within {target}" if within else f"{target} from {source}"
    print(f"| {title}, {len(targets)} categories | " + " | ".join(f"{k} terms" for k in TERMS) + " |")
    print("| --- |" + " ---: |" * len(TERMS))
    for name, cells in columns.items():
        print(f"| {name} | " + " | ".join(cells) + " |")
    print(
        f"\nThe network itself {rates(mean.network)}; class mean, told, {rates(mean.replaced)}. Chosen on "
        f"validation pictures: focus {chosen.focus:g}, {chosen.terms} terms.\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Does an equation stand for its category?")
    parser.add_argument("logits", nargs="*", help="logits of two networks, pictures of their crops, .npy")
    files = parser.parse_args().logits
    if len(files) not in (0, 3):
        parser.error("give three files (logits of two networks, numbers of pictures), or none")
    data = of_files(*files) if files else of_package()
    print("F1 (recall, false alarms per true case) on the test pictures, means over categories.\n")
    for target, source in DIRECTIONS:
        protocols(data, data.names[target], data.names[source])


if __name__ == "__main__":
    main()
