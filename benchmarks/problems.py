"""The matrices: a real regular one, a real singular one, and synthetic heads of growing n."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Problem:
    """A second moment C of n logits, and a factor of it for the peers that take data and no Gram.

    Attributes
    ----------
    name : str
        What the table calls it.
    gram : (n, n) float64 array
        C, exactly symmetric.
    factor : (r, n) float64 array
        R with R'R = C up to rounding: r rows of data that have C as their Gram.
    source : str
        Where the matrix comes from.
    """

    name: str
    gram: np.ndarray
    factor: np.ndarray
    source: str

    @property
    def n(self) -> int:
        """Number of categories."""
        return len(self.gram)

    @property
    def singular(self) -> bool:
        """Whether the rank is below n, so that C has no inverse."""
        return len(self.factor) < self.n


def from_gram(name: str, gram: np.ndarray, source: str) -> Problem:
    """The problem of a regular Gram; the factor is its Cholesky factor."""
    gram = symmetric(gram)
    return Problem(name, gram, np.linalg.cholesky(gram).T.copy(), source)


def from_head(name: str, head: np.ndarray, moments: np.ndarray, source: str) -> Problem:
    """The problem of a linear head: C = H M H', with the factor M^(1/2) H'.

    Parameters
    ----------
    head : (n, d) array
        Weights and bias.
    moments : (d, d) array
        Second moment of the head's input, 1 included.
    """
    head = np.asarray(head, dtype=np.float64)
    return Problem(name, symmetric(head @ moments @ head.T), root(moments) @ head.T, source)


def root(moments: np.ndarray) -> np.ndarray:
    """R with R'R = M, for a positive semi-definite M."""
    values, vectors = np.linalg.eigh(symmetric(np.asarray(moments, dtype=np.float64)))
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T


def imagenet(logits: Path | None) -> Problem:
    """1000 categories of ImageNet-1k: from a file of logits, or the fitted half of the embedded data set."""
    name = "ImageNet-1k"
    if logits is not None:
        rows = np.load(logits).astype(np.float64)
        return from_gram(name, rows.T @ rows / len(rows), f"{logits.name}, all {len(rows)} rows")
    from covlasso.datasets import load_imagenet_lite

    fit = load_imagenet_lite().fit
    return from_gram(name, fit.second_moment("lite0"), f"load_imagenet_lite().fit, lite0, {fit.count} crops")


def characters(file: Path) -> Problem:
    """A head over thousands of characters, far wider than its input: an .npz with `head` and `moments`."""
    head, moments = load_head(file)
    return from_head(f"{len(head)} characters", head, moments, f"{file.name}, rank {len(moments)}")


def load_head(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """`head` and `moments` of an .npz, in float64."""
    with np.load(file) as data:
        return data["head"].astype(np.float64), data["moments"].astype(np.float64)


def synthetic_head(n: int, rank: int, seed: int = 0) -> Problem:
    """The problem of `random_head`."""
    head, moments = random_head(n, rank, seed)
    name = f"synthetic head, n = {n}, rank {rank}"
    return from_head(name, head, moments, f"synthetic_head({n}, {rank}, {seed})")


def random_head(n: int, rank: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A head of n categories on rank - 1 features and a bias, made to resemble a trained one.

    Class embeddings are sums of a group of 100, a family of 8 and their own part (0.5, 0.5 and 0.7 standard
    normals); feature k has variance ~ k^-0.9 and a mean of 0.5 of its deviation, times a standard normal; the
    bias has a deviation of 0.1 where the logits have 1. At n = 1000, rank 1024, medians over the categories
    are near those of the real ImageNet matrix (in brackets): 50 terms at 0.07 (0.08) of lambda_max after
    56 (60) knots, leaving 0.31 (0.29) of the energy; largest correlation with another 0.61 (0.55).

    Parameters
    ----------
    n, rank : int
        Categories, and the rank of the moments of the head's input (features + 1); C has rank min(n, rank).
    seed : int, default 0
        Equal arguments give equal matrices.
    """
    rng = np.random.default_rng([seed, n, rank])
    features = rank - 1
    weights = 0.7 * rng.standard_normal((n, features))
    for size, deviation in ((100, 0.5), (8, 0.5)):
        centres = rng.standard_normal((-(-n // size), features))
        weights += deviation * centres[np.arange(n) // size]
    variance = np.arange(1, rank) ** -0.9
    variance /= variance.sum()
    mean = 0.5 * np.sqrt(variance) * rng.standard_normal(features)
    moments = np.block([[np.diag(variance) + np.outer(mean, mean), mean[:, None]], [mean, np.ones((1, 1))]])
    head = np.hstack([weights, 0.1 * rng.standard_normal((n, 1))])
    return head, moments


def correlations(problem: Problem) -> Problem:
    """The same problem with every category scaled to second moment 1, what huge.mb works on."""
    scale = 1 / np.sqrt(np.diag(problem.gram))
    gram = problem.gram * scale * scale[:, None]
    np.fill_diagonal(gram, 1.0)
    return Problem(f"{problem.name}, correlations", symmetric(gram), problem.factor * scale, problem.source)


def symmetric(matrix: np.ndarray) -> np.ndarray:
    """(A + A') / 2: a product of matrices is symmetric to rounding only."""
    return (matrix + matrix.T) / 2


def invertible(problem: Problem) -> np.ndarray:
    """The matrix whose inverse is timed: C, or where C is singular a random one of its size."""
    if not problem.singular:
        return problem.gram
    n = problem.n
    noise = np.random.default_rng(0).standard_normal((n, n))
    noise *= 0.25 / np.sqrt(n)
    noise += noise.T.copy()  # its eigenvalues lie in (-0.71, 0.71)
    noise.flat[:: n + 1] += 1.0
    return noise
