"""A small head: rows of frequent tokens, sparse equations on them for all others, on held-out text.

    python examples/language_model/small_head.py moments.safetensors

One line for each way to choose the rows, each number of rows kept and of terms: multiply-adds of a sample,
how often the top token is the full head's, how often that one is among the 32 largest, divergence from the
full head's probabilities, and cross-entropy of the next token. 0 terms: the others have their mean logit,
which is to keep frequent tokens only. Beside it the best heads of a low rank (of covariances, on the fit
samples).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from heldout import HeldOut, add_arguments

from covlasso.vocabulary import Agreement, agreement, kept_tokens, small_heads


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--kept", type=int, nargs="+", default=[2048, 4096, 8192, 16384], help="rows to keep")
    parser.add_argument("--terms", type=int, nargs="+", default=[0, 3, 10], help="terms of an equation")
    parser.add_argument(
        "--spanning", type=int, nargs="+", default=[0], help="how many of the rows span the rest"
    )
    parser.add_argument("--ranks", type=int, nargs="*", default=[], help="ranks of heads to stand beside")
    parser.add_argument(
        "--method", choices=["lasso", "pursuit"], default="pursuit", help="how terms are chosen"
    )
    return parser.parse_args()


@dataclass(frozen=True)
class LowRank:
    """f ~ m + U U'(f - m), U leading directions of the logits: the best of its rank on the fit samples."""

    directions: npt.NDArray[np.float32]
    features: npt.NDArray[np.float32]
    intercept: npt.NDArray[np.float32]

    @property
    def cost(self) -> int:
        return self.directions.size + self.features.size

    def logits(self, states: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        return (states @ self.features.T) @ self.directions.T + self.intercept


def low_rank(data: HeldOut, rank: int) -> LowRank:
    fit = data.moments.fit.as_row_centred()
    u = np.linalg.svd(fit.gram(data.model, "covariance").factor, full_matrices=False)[0][:, :rank]
    mean = fit.mean(data.model)
    features = u.T @ fit.heads[data.model].weight
    return LowRank(*(x.astype(np.float32) for x in (u, features, mean - u @ (u.T @ mean))))


def line(name: str, cost: int, found: Agreement, seconds: float) -> str:
    return (
        f"{name:44}{cost / 1e6:8.2f} M{found.within(1):8.3f}{found.within(32):8.3f}{found.kl.mean():9.3f}"
        f"{found.cross_entropy.mean():9.3f}{seconds:8.0f} s"
    )


def main() -> None:
    given = arguments()
    data = HeldOut(given)
    print(f"{len(data.states)} held-out samples, fitted on {data.moments.fit.count} others")
    print(f"{'':44}{'cost':>10}{'top':>8}{'in 32':>8}{'KL':>9}{'entropy':>9}{'solved':>10}")
    first = True
    for k in given.kept:
        for spanning in given.spanning:
            start = time.perf_counter()
            kept = kept_tokens(data.moments.fit, k, counts=data.counts, spanning=spanning)
            heads = small_heads(data.moments.fit, kept, terms=given.terms, method=given.method)
            seconds = time.perf_counter() - start
            rows = f"{k} rows, {spanning} of them spanning" if spanning else f"{k} rows"
            named = {f"{rows}, {t} terms": head for t, head in zip(given.terms, heads, strict=True)}
            if first:
                named |= {f"rank {rank}": low_rank(data, rank) for rank in given.ranks}
            found = agreement(data.head, named, data.states, data.next)
            if first:
                full = next(iter(found.values())).full_cross_entropy.mean()
                cost = data.head.weight.size / 1e6
                print(f"{'the full head':44}{cost:8.2f} M{1:8.3f}{1:8.3f}{0:9.3f}{full:9.3f}")
            for name, head in named.items():
                print(
                    line(name, head.cost, found[name], 0.0 if name.startswith("rank") else seconds),
                    flush=True,
                )
            first = False


if __name__ == "__main__":
    main()
