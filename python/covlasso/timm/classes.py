"""Names of categories: of a model's label set, of folders, or of a file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from timm.data import ImageNetInfo, infer_imagenet_subset
from torch import nn

from covlasso.moments import read_class_names
from covlasso.timm.models import LoadedModel

_TRAINED_ON = re.compile(r"(?<![a-z])in(1|12|21|22)k")  # how timm's tags name ImageNet and its larger sets


def label_names(model: nn.Module, n: int) -> list[str] | None:
    """Labels of the ``n`` categories as data sets name their folders (synsets), where timm knows them."""
    names = _config(model).get("label_names")
    if isinstance(names, list | tuple) and len(names) == n:
        return [str(name) for name in names]
    subset = infer_imagenet_subset({"num_classes": n})
    return list(ImageNetInfo(subset).label_names()) if subset else None


def class_names(model: nn.Module, n: int) -> list[str] | None:
    """Return names to read: the first synonym; all, or these and the label, where others have it too."""
    labels = label_names(model, n)
    if labels is None:
        return None
    config = _config(model)
    descriptions: Mapping[str, str] | None = config.get("label_descriptions")
    if descriptions is None and config.get("label_names") is None:
        descriptions = ImageNetInfo(infer_imagenet_subset({"num_classes": n})).label_descriptions(
            as_dict=True
        )
    full = [str((descriptions or {}).get(label, label)) for label in labels]
    short = _unless_repeated([name.split(",")[0] for name in full], full)
    return _unless_repeated(short, [f"{name} ({label})" for name, label in zip(full, labels, strict=True)])


def names_of_all(
    models: Sequence[LoadedModel], sizes: Mapping[str, int], file: Path | None, folders: Sequence[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Names of the categories of every model that has them, and what has to be said about them.

    In this order: those of the file; of the label set that the published weights were trained on, or that all
    folders are labels of; of the folders, where there are as many as categories; of the label set of timm
    that has as many categories, which is a guess.

    Raises
    ------
    ValueError
        The file has another number of names than a model has categories.
    """
    given = read_class_names(file) if file is not None else None
    found: dict[str, list[str]] = {}
    notes = []
    for model in models:
        n = sizes[model.name]
        if given is not None and len(given) != n:
            raise ValueError(
                f"class names {file} has {len(given)} lines and model {model.name!r} {n} categories"
            )
        guessed = class_names(model.module, n)
        as_many = len(folders) == n
        certain = guessed is not None and (_is_trained_on(model, n) or _are_labels(model.module, n, folders))
        names = given or (guessed if certain or not as_many else list(folders))
        if names is not None:
            found[model.name] = names
        if certain and as_many and not _are_labels(model.module, n, folders):
            notes.append(
                f"labels: the {n} folders, in the order of their names, are taken for the categories of "
                f"{model.name}, whose labels they are not called like"
            )
        if given is None and guessed is not None and not certain and not as_many:
            notes.append(
                f"class names: that {model.name} has those of {_label_set(model.module, n)} is a guess from "
                f"its {n} outputs; --class-names FILE gives others"
            )
    return found, notes


def _is_trained_on(model: LoadedModel, n: int) -> bool:
    """Whether the weights are published ones, for the categories of the label set."""
    config = _config(model.module)
    known = config.get("label_names") is not None or _TRAINED_ON.search(str(config.get("tag") or ""))
    return model.published and config.get("num_classes") == n and bool(known)


def _are_labels(model: nn.Module, n: int, folders: Sequence[str]) -> bool:
    """Whether there are folders, and all are called like labels."""
    return len(folders) > 0 and set(folders) <= set(label_names(model, n) or ())


def _label_set(model: nn.Module, n: int) -> str:
    """Return what the label set is called."""
    of_model = len(_config(model).get("label_names") or ()) == n
    return "its pretrained model" if of_model else str(infer_imagenet_subset({"num_classes": n}))


def _config(model: nn.Module) -> Mapping[str, Any]:
    return getattr(model, "pretrained_cfg", None) or {}


def _unless_repeated(names: Sequence[str], longer: Sequence[str]) -> list[str]:
    uses = Counter(names)
    return [name if uses[name] == 1 else other for name, other in zip(names, longer, strict=True)]
