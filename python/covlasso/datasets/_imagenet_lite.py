"""The moments of two real ImageNet-1k networks (README.md beside this file says where they come from)."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Any, NamedTuple

from covlasso.datasets._factor import product
from covlasso.moments import Moments, read_class_names

NAMES = ("lite0", "lite1")
_FILE = "imagenet_lite.safetensors"
_CLASSES = "imagenet_lite_classes.txt"
_SHA256 = "4753af4666771a219fca3a79fcc22721934895e31b97767676d17a2c2242cce8"


class ImagenetLite(NamedTuple):
    """Two halves of one set of crops, split by picture."""

    fit: Moments
    """Moments over 7100 crops of the 420 pictures with even numbers."""
    held_out: Moments
    """Moments over 7120 crops of the 420 pictures with odd numbers."""


def load_imagenet_lite() -> ImagenetLite:
    """Joint moments of the logits of EfficientNet-Lite0 ("lite0") and -Lite1 ("lite1") on the same crops.

    Both networks have the 1000 ImageNet-1k categories, in the same order, with their published weights. Find
    dependencies on ``fit`` and measure them on ``held_out``: crops of one picture are never in both halves.

    The second moments are those of the logits within 3.7e-7 sqrt(E_ii E_jj) (root mean square 3.5e-8), the
    means within 2.4e-7 sqrt(E_ii). README.md beside this module gives sources, licences and limits.

    Returns
    -------
    ImagenetLite
        ``(fit, held_out)``, `covlasso.Moments` of the models ``"lite0"`` and ``"lite1"``, with class names.

    Raises
    ------
    RuntimeError
        The data file of the installation is damaged (its SHA-256 differs).

    Examples
    --------
    >>> from covlasso.datasets import load_imagenet_lite
    >>> fit, held_out = load_imagenet_lite()
    >>> fit.second_moment("lite0").shape, fit.class_names["lite0"][817]
    ((1000, 1000), 'sports car')
    """
    from safetensors.numpy import load

    folder = resources.files(__package__)
    content = folder.joinpath(_FILE).read_bytes()
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise RuntimeError(f"{_FILE} is damaged (its SHA-256 is not {_SHA256}); install covlasso again")
    with resources.as_file(folder.joinpath(_CLASSES)) as file:
        classes = read_class_names(file)
    tensors = load(content)
    return ImagenetLite(*(_moments(tensors, half, classes) for half in ImagenetLite._fields))


def _moments(tensors: dict[str, Any], half: str, classes: list[str]) -> Moments:
    """Decode one half, stored as E[z z'] of z = (1, logits of lite0, logits of lite1)."""
    joint = product(tensors[f"{half}.planes"], tensors[f"{half}.exponents"])
    n = len(classes)
    parts = dict(zip(NAMES, (slice(1, n + 1), slice(n + 1, 2 * n + 1)), strict=True))
    keys = [("lite0", "lite0"), ("lite1", "lite1"), ("lite0", "lite1")]
    second_moment = {a if a == b else (a, b): joint[parts[a], parts[b]] for a, b in keys}
    mean = {name: joint[0, part] for name, part in parts.items()}
    return Moments.from_arrays(int(tensors[f"{half}.count"][0]), mean, second_moment, classes)
