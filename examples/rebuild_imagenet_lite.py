"""Rebuild the data file of ``covlasso.datasets.load_imagenet_lite`` from the logits, bit for bit.

    python rebuild_imagenet_lite.py lite0.npy lite1.npy picture_ids.npy out.safetensors [--names FILE]

The logits are two (crops, categories) arrays whose rows are the same crops, and ``picture_ids`` says which
picture each crop was cut from. Pictures with an even number are fitted, those with an odd number are held
out: crops of one picture resemble each other, so a split by crop would flatter what is measured afterwards.

Every step gives the same bits on every machine. The logits are rounded to multiples of 2^-18, which makes the
sums of their products exact whatever the order of summation; the factorisation then uses single elementwise
operations only. ``--names`` also writes the class names (needs timm).
"""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from covlasso.datasets._factor import pack

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
        description="Rebuild the data file of load_imagenet_lite from the logits."
    )
    parser.add_argument("lite0", type=Path, help="logits of the first network, .npy (crops, categories)")
    parser.add_argument("lite1", type=Path, help="logits of the second network, .npy (crops, categories)")
    parser.add_argument("picture_ids", type=Path, help="picture of each crop, .npy (crops,)")
    parser.add_argument("out", type=Path, help="the safetensors file to write")
    parser.add_argument("--names", type=Path, help="a text file to write the class names to")
    arguments = parser.parse_args()

    picture = np.load(arguments.picture_ids)
    logits = np.hstack([np.load(path).astype(np.float64) for path in (arguments.lite0, arguments.lite1)])
    halves = {"fit": logits[picture % 2 == 0], "held_out": logits[picture % 2 == 1]}
    tensors = {
        f"{half}.{name}": array for half, rows in halves.items() for name, array in encode(rows).items()
    }
    save_file(tensors, arguments.out)
    print(f"{hashlib.sha256(arguments.out.read_bytes()).hexdigest()}  {arguments.out}")
    if arguments.names:
        arguments.names.write_text("\n".join(class_names()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
