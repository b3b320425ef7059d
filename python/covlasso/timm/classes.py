"""Names of categories: of a model's label set, of folders, or of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from timm.data import ImageNetInfo, infer_imagenet_subset
from torch import nn

from covlasso.moments import read_class_names


def label_names(model: nn.Module, n: int) -> list[str] | None:
    """Labels of the ``n`` categories as data sets name their folders (synsets), where timm knows them."""
    config = getattr(model, "pretrained_cfg", None) or {}
    names = config.get("label_names")
    if isinstance(names, list | tuple) and len(names) == n:
        return [str(name) for name in names]
    subset = infer_imagenet_subset({"num_classes": n})
    return list(ImageNetInfo(subset).label_names()) if subset else None


def class_names(model: nn.Module, n: int) -> list[str] | None:
    """Return names to read: the first synonym; all, or these and the label, where others have it too."""
    labels = label_names(model, n)
    if labels is None:
        return None
    config = getattr(model, "pretrained_cfg", None) or {}
    descriptions: Mapping[str, str] | None = config.get("label_descriptions")
    if descriptions is None and config.get("label_names") is None:
        descriptions = ImageNetInfo(infer_imagenet_subset({"num_classes": n})).label_descriptions(
            as_dict=True
        )
    full = [str((descriptions or {}).get(label, label)) for label in labels]
    short = _unless_repeated([name.split(",")[0] for name in full], full)
    return _unless_repeated(short, [f"{name} ({label})" for name, label in zip(full, labels, strict=True)])


def names_of_all(
    models: Mapping[str, nn.Module], sizes: Mapping[str, int], file: Path | None, folders: Sequence[str]
) -> dict[str, list[str]]:
    """Names of the categories of every model that has them: from the file, its label set, or the folders.

    Raises
    ------
    ValueError
        The file has another number of names than a model has categories.
    """
    given = read_class_names(file) if file is not None else None
    found: dict[str, list[str]] = {}
    for name, model in models.items():
        n = sizes[name]
        if given is not None and len(given) != n:
            raise ValueError(f"class names {file} has {len(given)} lines and model {name!r} {n} categories")
        names = given or class_names(model, n) or (list(folders) if len(folders) == n else None)
        if names is not None:
            found[name] = names
    return found


def _unless_repeated(names: Sequence[str], longer: Sequence[str]) -> list[str]:
    uses = Counter(names)
    return [name if uses[name] == 1 else other for name, other in zip(names, longer, strict=True)]
