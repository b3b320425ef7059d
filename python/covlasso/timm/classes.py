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
    names = _to_read(_descriptions(model, labels))
    return [names[label] for label in labels]


def names_of_all(
    models: Sequence[LoadedModel], sizes: Mapping[str, int], file: Path | None, folders: Sequence[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Names of the categories of every model that has them, and what has to be said about them.

    In this order: those of the file; of the label set that the published weights were trained on, or that all
    folders are labels of; of the folders, where there are as many as categories; of the label set of timm
    that has as many categories, which is a guess. One label has one name in all models.

    Raises
    ------
    ValueError
        The file has another number of names than a model has categories.
    """
    if file is not None:
        return _of_file(models, sizes, file), []
    named_by: dict[str, list[str]] = {}
    descriptions: dict[str, str] = {}
    notes = []
    for model in models:
        n = sizes[model.name]
        labels = label_names(model.module, n)
        are_labels = labels is not None and len(folders) > 0 and set(folders) <= set(labels)
        certain = labels is not None and (are_labels or _is_trained_on(model, n))
        as_many = len(folders) == n
        if labels is not None and (certain or not as_many):
            named_by[model.name] = labels
            descriptions = {**_descriptions(model.module, labels), **descriptions}
        elif as_many:
            named_by[model.name] = list(folders)
        if certain and as_many and not are_labels:
            notes.append(
                f"labels: the {n} folders, in the order of their names, are taken for the categories of "
                f"{model.name}, whose labels they are not called like"
            )
        if labels is not None and not certain and not as_many:
            notes.append(
                f"class names: that {model.name} has those of {_label_set(model.module, n)} is a guess from "
                f"its {n} outputs; --class-names FILE gives others"
            )
    names = _to_read(descriptions)
    return {model: [names.get(label, label) for label in by] for model, by in named_by.items()}, notes


def _of_file(models: Sequence[LoadedModel], sizes: Mapping[str, int], file: Path) -> dict[str, list[str]]:
    """Names of a file, for every model."""
    given = read_class_names(file)
    for model in models:
        n = sizes[model.name]
        if len(given) != n:
            raise ValueError(
                f"class names {file} has {len(given)} lines and model {model.name!r} {n} categories"
            )
    return {model.name: given for model in models}


def _descriptions(model: nn.Module, labels: Sequence[str]) -> dict[str, str]:
    """Return all synonyms of every label, between commas; the label itself where nothing is known."""
    config = _config(model)
    known: Mapping[str, str] | None = config.get("label_descriptions")
    if known is None and config.get("label_names") is None:
        subset = infer_imagenet_subset({"num_classes": len(labels)})
        known = ImageNetInfo(subset).label_descriptions(as_dict=True)
    return {label: str((known or {}).get(label, label)) for label in labels}


def _to_read(descriptions: Mapping[str, str]) -> dict[str, str]:
    """Return a name for every label, as short as it can be unless two have it."""
    labels, full = list(descriptions), list(descriptions.values())
    short = _unless_repeated([name.split(",")[0] for name in full], full)
    names = _unless_repeated(short, [f"{name} ({label})" for name, label in zip(full, labels, strict=True)])
    return dict(zip(labels, names, strict=True))


def _is_trained_on(model: LoadedModel, n: int) -> bool:
    """Whether the weights are published ones, for the categories of the label set."""
    config = _config(model.module)
    known = config.get("label_names") is not None or _TRAINED_ON.search(str(config.get("tag") or ""))
    return model.published and config.get("num_classes") == n and bool(known)


def _label_set(model: nn.Module, n: int) -> str:
    """Return what the label set is called."""
    of_model = len(_config(model).get("label_names") or ()) == n
    return "its pretrained model" if of_model else str(infer_imagenet_subset({"num_classes": n}))


def _config(model: nn.Module) -> Mapping[str, Any]:
    return getattr(model, "pretrained_cfg", None) or {}


def _unless_repeated(names: Sequence[str], longer: Sequence[str]) -> list[str]:
    uses = Counter(names)
    return [name if uses[name] == 1 else other for name, other in zip(names, longer, strict=True)]
