"""The moments of two real ImageNet-1k networks (README.md beside this file says where they come from)."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from covlasso.datasets._coded import decode_logits, decode_means
from covlasso.datasets._factor import factor, square
from covlasso.moments import Moments, read_class_names

NAMES = ("lite0", "lite1")
_FILE = "imagenet_lite.safetensors"
_LOGITS = "imagenet_lite_logits.safetensors"
_CLASSES = "imagenet_lite_classes.txt"
_SHA256 = {
    _FILE: "cc011d342a0ef646cd7aafe83ce8ed0d8e4e8220296d766758090091f2476fd4",
    _LOGITS: "1f58472fe4bb3252ae88c100eafc0e150c3c0b3d30bfae814340a2620f18a442",
}


class ImagenetLite(NamedTuple):
    """Two halves of one set of crops, split by picture."""

    fit: Moments
    """Moments over 7100 crops of the 420 pictures with even numbers."""
    held_out: Moments
    """Moments over 7120 crops of the 420 pictures with odd numbers."""


class ImagenetLiteLogits(NamedTuple):
    """Logits of six crops of every held-out picture; row r of all arrays is the same crop."""

    lite0: npt.NDArray[np.float32]
    """(2520, 1000)"""
    lite1: npt.NDArray[np.float32]
    """(2520, 1000)"""
    picture: npt.NDArray[np.int64]
    """(2520,) number of the picture that each crop was cut from, odd."""


def load_imagenet_lite() -> ImagenetLite:
    """Joint moments of the logits of EfficientNet-Lite0 ("lite0") and -Lite1 ("lite1") on the same crops.

    Both networks have the 1000 ImageNet-1k categories, in the same order, with their published weights. Find
    dependencies on ``fit`` and measure them on ``held_out``: crops of one picture are never in both halves.
    Both halves have class means by the networks' decisions, which ``solve_moments(..., focus=0.3)`` takes.

    The second moments are those of the logits within 3.7e-7 sqrt(E_ii E_jj) (root mean square 3.5e-8), the
    means within 2.4e-7 sqrt(E_ii); numbers of samples by class are exact, and the means of a class of c
    samples within 0.04 / sqrt(c) standard deviations (root mean square; drawing other samples moves them by
    1 / sqrt(c)). README.md beside this module gives sources, licences and limits.

    Returns
    -------
    ImagenetLite
        ``(fit, held_out)``, `covlasso.Moments` of the models ``"lite0"`` and ``"lite1"``, with class names
        and ``classes="decisions"``.

    Raises
    ------
    RuntimeError
        The data file of the installation is damaged (its SHA-256 differs).

    Examples
    --------
    >>> from covlasso.datasets import load_imagenet_lite
    >>> fit, held_out = load_imagenet_lite()
    >>> fit.second_moment("lite0").shape, fit.class_names["lite0"][817], fit.classes
    ((1000, 1000), 'sports car', 'decisions')
    """
    tensors = _tensors(_FILE)
    with resources.as_file(resources.files(__package__).joinpath(_CLASSES)) as file:
        classes = read_class_names(file)
    return ImagenetLite(*(_moments(tensors, half, classes) for half in ImagenetLite._fields))


def load_imagenet_lite_logits() -> ImagenetLiteLogits:
    """Logits of both networks on six crops of each of the 420 held-out pictures, to count decisions on.

    They are rounded: each is within 1/8 of the network's (root mean square 0.07, where logits deviate by 1.2
    from their means), so 96 % of the decisions are those of the logits as they are, and recall and F1 with
    replaced logits move by less than 0.02. Moments are better taken from `load_imagenet_lite`, which has all
    crops.

    Returns
    -------
    ImagenetLiteLogits
        ``lite0``, ``lite1`` and ``picture``.

    Raises
    ------
    RuntimeError
        A data file of the installation is damaged (its SHA-256 differs).

    Examples
    --------
    >>> from covlasso.datasets import load_imagenet_lite_logits
    >>> load_imagenet_lite_logits().lite0.shape
    (2520, 1000)
    """
    moments, tensors = _tensors(_FILE), _tensors(_LOGITS)
    transposed = factor(moments["fit.planes"], moments["fit.exponents"])
    rows = decode_logits(tensors["planes"], transposed)
    first, second = (np.ascontiguousarray(rows[:, part]) for part in _parts(len(transposed)).values())
    return ImagenetLiteLogits(first, second, tensors["picture"].astype(np.int64))


def _tensors(name: str) -> dict[str, Any]:
    """Read a data file of the package, and check that it is whole."""
    from safetensors.numpy import load

    content = resources.files(__package__).joinpath(name).read_bytes()
    if hashlib.sha256(content).hexdigest() != _SHA256[name]:
        raise RuntimeError(f"{name} is damaged (its SHA-256 is not {_SHA256[name]}); install covlasso again")
    tensors: dict[str, Any] = load(content)
    return tensors


def _parts(columns: int) -> dict[str, slice]:
    """Columns of the networks in z = (1, logits of lite0, logits of lite1)."""
    n = (columns - 1) // len(NAMES)
    return {name: slice(1 + k * n, 1 + (k + 1) * n) for k, name in enumerate(NAMES)}


def _moments(tensors: dict[str, Any], half: str, classes: list[str]) -> Moments:
    """Decode one half, stored as E[z z'] and as the mean of z over the crops of each decision."""
    transposed = factor(tensors[f"{half}.planes"], tensors[f"{half}.exponents"])
    joint, parts = square(transposed), _parts(len(transposed))
    keys = [("lite0", "lite0"), ("lite1", "lite1"), ("lite0", "lite1")]
    counts = {by: tensors[f"{half}.{by}.counts"].astype(np.int64) for by in NAMES}
    class_means: dict[tuple[str, str], Any] = {}
    for by, count in counts.items():
        means, here = np.zeros((len(count), len(transposed))), count > 0
        means[here] = decode_means(tensors[f"{half}.{by}.planes"], count[here], transposed)
        class_means |= {(name, by): means[:, part] for name, part in parts.items()}
    return Moments.from_arrays(
        int(tensors[f"{half}.count"][0]),
        {name: joint[0, part] for name, part in parts.items()},
        {a if a == b else (a, b): joint[parts[a], parts[b]] for a, b in keys},
        classes,
        classes="decisions",
        class_counts=counts,
        class_means=class_means,
    )
