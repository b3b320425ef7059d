"""Rebuild the data files of ``covlasso.datasets`` from the logits, bit for bit.

    python rebuild_imagenet_lite.py lite0.npy lite1.npy picture_ids.npy moments.safetensors logits.safetensors

The logits are two (crops, categories) arrays whose rows are the same crops, and ``picture_ids`` says which
picture each crop was cut from. Pictures with an even number are fitted, those with an odd number are held
out: crops of one picture resemble each other, so a split by crop would flatter what is measured afterwards.

Moments: every step gives the same bits on every machine. The logits are rounded to multiples of 2^-18, which
makes the sums of their products exact whatever the order of summation; the factorisation then uses single
elementwise operations only. Class means, by the decisions of each network, and the logits of the first six
crops of every held-out picture are then rounded in the factor's terms (``_coded.py``): the same integers
everywhere, unless a number lies within 1e-12 of the middle between two. ``--names`` also writes the class
names (needs timm).
"""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from covlasso.datasets._coded import decode_means, encode_logits, encode_means
from covlasso.datasets._factor import factor, pack

CROPS = 6  # of every held-out picture
GRID = 2.0**-18  # of the logits
BITS = 22  # of a row of the factor: its norm is at most about 2^BITS steps
Matrix = npt.NDArray[np.float64]


def second_moment(logits: Matrix) -> Matrix:
    """E[z z'] for z = (1, logits on the grid): its first row holds the means."""
    z = np.column_stack([np.ones(len(logits)), np.rint(logits / GRID) * GRID])
    if np.square(z).sum(axis=0).max() >= 2.0**53 * GRID**2:
        raise ValueError("logits: too many or too large for exact sums of products; use a coarser GRID")
    return z.T @ z / len(z)


def integer_factor(moment: Matrix) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]:
    """L and x of E ~ D L L' D, with D = diag(2^x): a Cholesky factorisation that rounds as it goes.

    The Schur complement is taken with the rounded column, so later columns make up for earlier rounding, and
    all that remains in entry (i, k) is L_kk times the rounding of L_ik. It puts noise of up to about 2^BITS
    on the diagonal of the complement, so a pivot of less than a few times that is no pivot.
    """
    _, exponent = np.frexp(np.diagonal(moment))  # E_ii <= 2^exponent
    step = -(-exponent // 2) - BITS
    rest = np.ldexp(np.ldexp(moment, -step), -step[:, None])
    factor = np.zeros(moment.shape, dtype=np.int64)
    for k in range(len(moment)):
        if not rest[k, k] >= 2.0 ** (BITS + 2):
            raise ValueError(
                f"moment: not positive definite at row {k}; there are too few crops for the categories"
            )
        pivot = np.rint(np.sqrt(rest[k, k]))
        column = np.rint(rest[k:, k] / pivot)
        column[0] = pivot
        factor[k:, k] = column
        rest[k:, k:] -= np.multiply.outer(column, column)
    return factor, step.astype(np.int8)


def encode(logits: Matrix) -> dict[str, npt.NDArray[np.generic]]:
    """The tensors stored for one half of the crops."""
    factor, exponents = integer_factor(second_moment(logits))
    return {"planes": pack(factor), "exponents": exponents, "count": np.array([len(logits)], dtype=np.int64)}


def encode_classes(logits: Matrix, by: Matrix, transposed: Matrix) -> dict[str, npt.NDArray[np.generic]]:
    """Counts and means over the samples of each decision of one network, whose logits are ``by``."""
    decided = by.argmax(axis=1)
    counts = np.bincount(decided, minlength=by.shape[1])
    here = np.flatnonzero(counts)
    z = np.column_stack([np.ones(len(logits)), logits])
    means = np.array([z[decided == k].mean(axis=0) for k in here])
    planes = encode_means(means, counts[here], transposed)
    share = np.sqrt(counts[here] / len(logits))[:, np.newaxis]
    apart = share * (decode_means(planes, counts[here], transposed) - transposed[0])[:, 1:]
    covariance = transposed[1:, 1:].T @ transposed[1:, 1:]  # the first row is the mean
    if np.linalg.eigvalsh(covariance - apart.T @ apart)[0] <= 0.0:
        raise ValueError("the moment within the classes is not positive; use a smaller MEAN_STEP")
    return {"counts": counts.astype(np.int16), "planes": planes}


def first_crops(picture: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Rows of the first crops of every held-out picture."""
    rows = [np.flatnonzero(picture == one)[:CROPS] for one in np.unique(picture[picture % 2 == 1])]
    return np.sort(np.concatenate(rows))


def class_names() -> list[str]:
    """ImageNet-1k names: the first synonym, or all of them where the first one names two categories."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    descriptions = [info.index_to_description(i) for i in range(1000)]
    descriptions[134] += " (bird)"  # both are plain "crane"
    descriptions[517] += " (machine)"
    first = [description.split(",")[0] for description in descriptions]
    uses = Counter(first)
    return [short if uses[short] == 1 else full for short, full in zip(first, descriptions, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Rebuild the data files of covlasso.datasets from the logits."
    )
    parser.add_argument("lite0", type=Path, help="logits of the first network, .npy (crops, categories)")
    parser.add_argument("lite1", type=Path, help="logits of the second network, .npy (crops, categories)")
    parser.add_argument("picture_ids", type=Path, help="picture of each crop, .npy (crops,)")
    parser.add_argument("moments", type=Path, help="the safetensors file of moments to write")
    parser.add_argument("logits", type=Path, help="the safetensors file of logits to write")
    parser.add_argument("--names", type=Path, help="a text file to write the class names to")
    arguments = parser.parse_args()

    picture = np.load(arguments.picture_ids)
    networks = {path: np.load(path).astype(np.float64) for path in (arguments.lite0, arguments.lite1)}
    logits = np.hstack(list(networks.values()))
    tensors = {}
    for half, odd in (("held_out", 1), ("fit", 0)):
        rows = picture % 2 == odd
        encoded = encode(logits[rows])
        tensors |= {f"{half}.{name}": array for name, array in encoded.items()}
        transposed = factor(encoded["planes"], encoded["exponents"])
        for name, by in zip(("lite0", "lite1"), networks.values(), strict=True):
            classes = encode_classes(logits[rows], by[rows], transposed)
            tensors |= {f"{half}.{name}.{what}": array for what, array in classes.items()}
    save_file(tensors, arguments.moments)
    crops = first_crops(picture)
    z = np.column_stack([np.ones(len(crops)), logits[crops]])
    kept = {"planes": encode_logits(z, transposed), "picture": picture[crops]}  # by the factor of fit
    save_file(kept, arguments.logits)
    for path in (arguments.moments, arguments.logits):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}")
    if arguments.names:
        arguments.names.write_text("\n".join(class_names()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
