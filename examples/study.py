"""The figures of docs/study.md, as Markdown tables.

python examples/study.py                                         # on the data of the package
python examples/study.py --moments m.safetensors --model lite0   # on an extract with folds
"""

from __future__ import annotations

import argparse

import numpy as np
import scipy.stats

import covlasso
from covlasso import Dependencies, Moments, Path, SplitMoments, theory
from covlasso.datasets import ImagenetLite

DIRECTIONS = (("lite0", "lite0"), ("lite1", "lite1"), ("lite0", "lite1"), ("lite1", "lite0"))
TERMS = (1, 2, 3, 5, 10, 20, 50)


def figure(value: float) -> str:
    """Two decimals, or four where these would say 1.00."""
    return f"{value:.4f}" if 0.995 <= value < 1.0 else f"{value:.2f}"


def table(head: list[str], rows: list[list[object]]) -> None:
    """Print a Markdown table; numbers as of `figure`."""
    cells = [[figure(cell) if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    for row in [head, ["---"] + ["---:"] * (len(head) - 1), *cells]:
        print("| " + " | ".join(row) + " |")
    print()


def paths_of(moments: Moments, target: str, source: str, max_terms: int = 50) -> Path:
    """All paths of one direction."""
    gram, names = moments.gram(source), moments.class_names[target]
    if target == source:
        return covlasso.path(gram, max_terms=max_terms, names=names)
    between = moments.second_moment(target, source), moments.energy(target)
    return covlasso.path(gram, *between, max_terms=max_terms, names=names)


def median_r2(deps: Dependencies, data: ImagenetLite | SplitMoments, target: str, source: str) -> list[float]:
    """[fit, held out]: medians over the categories."""
    found = covlasso.evaluate(deps, data, target=target, source=source)
    return [float(np.median(found.fit.r2)), float(np.median(found.held_out.r2))]


def few_terms(data: ImagenetLite) -> None:
    print("### Do few terms suffice?\n\nMedian R^2 (fit / held out) by number of terms.\n")
    for refit in (False, True):
        rows = []
        for target, source in DIRECTIONS:
            path = paths_of(data.fit, target, source)
            pairs = [median_r2(path.at(terms=k, refit=refit), data, target, source) for k in TERMS]
            rows.append(
                [direction(target, source), *(f"{figure(fit)} / {figure(out)}" for fit, out in pairs)]
            )
        table(["refitted" if refit else "Lasso", *map(str, TERMS)], rows)


def direction(target: str, source: str) -> str:
    return f"within {target}" if target == source else f"{target} from {source}"


def beside_baselines(data: ImagenetLite) -> None:
    print("### Beside other choices of 10 terms\n\nMedian R^2; the number of categories is out of 1000.\n")
    for target, source in (("lite0", "lite0"), ("lite0", "lite1")):
        deps = paths_of(data.fit, target, source).at(terms=10)
        found = covlasso.compare_methods(deps, data, target=target, source=source)
        rows: list[list[object]] = []
        for method, one in found.items():
            figures = [float(np.median(v)) for v in (one.fit.r2, one.held_out.r2, one.held_out.correlation)]
            rows.append([method, *figures, int(np.count_nonzero(one.held_out.r2 > 0.5))])
        table([direction(target, source), "fit", "held out", "correlation", "held out > 0.5"], rows)


def where_the_error_is(data: ImagenetLite) -> None:
    print("### Theory\n\nOn the fitted half; shares of the energy are medians.\n")
    rows: list[list[object]] = []
    for model in ("lite0", "lite1"):
        gram = data.fit.gram(model)
        spectrum, full = theory.spectrum(gram), theory.least_squares(gram)
        deps = paths_of(data.fit, model, model).at(terms=10)
        shares = theory.error_shares(deps, full)
        price = deps.error - full.error
        rows.append([
            model,
            spectrum.rank,
            f"{spectrum.effective_rank:.0f}",
            float(np.median(shares.explained)),
            float(np.median(shares.sparsity)),
            f"{np.median(shares.irreducible):.3f}",
            f"{np.median(theory.price_bound(deps, full) / price):.0f} x",
            f"{np.median(theory.terms_bound(deps, spectrum.eigenvalues[0]) / deps.n_terms):.0f} x",
        ])  # fmt: skip
    head = ["", "rank", "effective rank", "explained by 10 terms", "price of sparsity", "irreducible",
            "price bound is larger by", "bound of terms is larger by"]  # fmt: skip
    table(head, rows)


def where_to_stop(data: ImagenetLite) -> None:
    print("### Where held-out error is least\n\nPaths of at most 100 terms; error over energy, medians.\n")
    path = paths_of(data.fit, "lite0", "lite0", max_terms=100)
    rows: list[list[object]] = []
    for refit in (False, True):
        for per_target in (True, False):
            chosen = covlasso.select(path, data.held_out, target="lite0", refit=refit, per_target=per_target)
            deps = chosen.dependencies
            rows.append([
                ("refitted" if refit else "Lasso") + (", by category" if per_target else ", one lambda"),
                f"{np.median(deps.n_terms):g} ({deps.n_terms.min()} to {deps.n_terms.max()})",
                int(chosen.at_end.sum()),
                float(np.median(deps.error / deps.energy)),
                float(np.median(chosen.held_out_error / data.held_out.energy("lite0"))),
            ])  # fmt: skip
    table(["within lite0", "terms", "at the end of the path", "in sample", "held out"], rows)


def two_halves(data: ImagenetLite) -> None:
    print("### Do both halves of the pictures agree?\n")
    swapped = ImagenetLite(data.held_out, data.fit)
    rows: list[list[object]] = []
    for target, source in DIRECTIONS:
        deps = [paths_of(half, target, source).at(terms=10, refit=True) for half in (data.fit, data.held_out)]
        edges = [one.coef != 0 for one in deps]
        shared = edges[0].multiply(edges[1])
        signs = np.sign(deps[0].coef.multiply(deps[1].coef).data)
        r2 = [
            covlasso.evaluate(one, halves, target=target, source=source).held_out.r2
            for one, halves in zip(deps, (data, swapped), strict=True)
        ]
        rows.append([
            direction(target, source),
            f"{shared.nnz / edges[0].nnz:.0%}",
            f"{10 / 999:.0%}",
            f"{np.mean(signs > 0):.1%}",
            float(scipy.stats.spearmanr(*r2).statistic),
        ])  # fmt: skip
    head = ["", "edges in both", "by chance", "same sign", "rank correlation of held-out R^2"]
    table(head, rows)


def independent(data: ImagenetLite) -> None:
    print("### Which categories stand alone?\n\nHeld-out R^2 of 10 refitted terms, least first.\n")
    for model in ("lite0", "lite1"):
        path = paths_of(data.fit, model, model)
        r2 = covlasso.evaluate(path.at(terms=10, refit=True), data, target=model).held_out.r2
        names = data.fit.class_names[model]
        listed = ", ".join(
            f"{names[i]} {r2[i]:.2f}" for i in np.argsort(r2, kind="stable")[:8]
        )  # ties by number
        print(f"- {model}: {listed}; below 0.5: {int((r2 < 0.5).sum())}, below 0.3: {int((r2 < 0.3).sum())}")
    print()


def few_pictures(data: SplitMoments, model: str) -> None:
    print("### How much is lost when few pictures were seen?\n\nMedian R^2 (fit / held out).\n")
    rows = []
    for k in (1, 2, 3, 5, len(data.folds)):
        part = data.folds[0].copy()
        for fold in data.folds[1:k]:
            part += fold
        seen = SplitMoments(part, data.held_out)
        lasso = covlasso.solve_moments(part, target=model, terms=10)
        found = covlasso.compare_methods(lasso, seen, methods=["lasso", "refitted", "all"])
        medians = [(np.median(one.fit.r2), np.median(one.held_out.r2)) for one in found.values()]
        pairs = [f"{figure(fit)} / {figure(out)}" for fit, out in medians]
        rows.append([f"{k} of {len(data.folds)}", part.count, *pairs])
    table(["folds", "crops", "Lasso", "refitted", "all others"], rows)


def how_stable(data: SplitMoments, model: str) -> None:
    print("### Which edges survive other pictures?\n")
    found = covlasso.stability(data, terms=10, target=model, pairs=50)
    deps = covlasso.solve_moments(data.fit, target=model, terms=10, refit=True)
    frequency = found.of(deps)
    size = np.abs(deps.coef.data)
    order = [np.argsort(-size[a:b]) + a for a, b in zip(deps.coef.indptr, deps.coef.indptr[1:], strict=False)]
    rows: list[list[object]] = []
    for name, edges in (
        ("all edges", np.arange(deps.coef.nnz)),
        ("largest coefficient of each category", np.concatenate([one[:1] for one in order])),
        ("three largest", np.concatenate([one[:3] for one in order])),
        ("three smallest", np.concatenate([one[-3:] for one in order])),
    ):
        f = frequency.data[edges]
        rows.append([name, *(f"{np.mean(f >= level):.0%}" for level in (0.5, 0.75, 0.9, 1.0))])
    table(["found in at least", "50 %", "75 %", "90 %", "100 % of the subsets"], rows)
    print(f"{found}; expected number of false edges among those of 90 %: at most "
          f"{found.expected_false(0.9).sum():.0f} of {found.stable(0.9).nnz}.\n")  # fmt: skip


def chosen_by_folds(data: SplitMoments, model: str) -> None:
    print("### Where to stop, by folds of pictures\n\nPaths of at most 50 terms.\n")
    path = paths_of(data.fit, model, model)
    folds = SplitMoments(data.fit, folds=data.folds)
    rows: list[list[object]] = []
    for rule in ("minimum", "one-standard-error"):
        chosen = covlasso.select(path, folds, rule=rule, target=model)
        held_out = covlasso.evaluate(chosen.dependencies, data, target=model).held_out.r2
        terms = chosen.dependencies.n_terms
        rows.append([rule, f"{np.median(terms):g} ({terms.min()} to {terms.max()})", int(chosen.at_end.sum()),
                     float(np.median(held_out))])  # fmt: skip
    table(["rule", "terms", "at the end of the path", "median held-out R^2"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="The figures of docs/study.md.")
    parser.add_argument("--moments", help="moments with a held-out part and folds, of `covlasso moments`")
    parser.add_argument("--model", help="a model of these moments")
    arguments = parser.parse_args()
    if arguments.moments is None:
        data = covlasso.datasets.load_imagenet_lite()
        for part in (few_terms, beside_baselines, where_the_error_is, where_to_stop, two_halves, independent):
            part(data)
        return
    split = SplitMoments.load(arguments.moments)
    if split.held_out is None or len(split.folds) < 2:
        parser.error(
            f"{arguments.moments} has no held-out part or no folds; make it with --held-out and --folds"
        )
    model = arguments.model or split.fit.names[0]
    for with_folds in (few_pictures, how_stable, chosen_by_folds):
        with_folds(split, model)


if __name__ == "__main__":
    main()
