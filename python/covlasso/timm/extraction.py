"""The pass of ``covlasso extract``: timm models over timm data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from covlasso._base.ranks import Group
from covlasso.moments import Split, check_parts, whole_classes
from covlasso.timm.classes import label_names, names_of_all
from covlasso.timm.models import LoadedModel
from covlasso.timm.pictures import PictureLoader, Pictures, group_keys
from covlasso.torch import Extraction, digest
from covlasso.torch import extract as extract_batches


def extract(
    models: Sequence[LoadedModel],
    pictures: Pictures,
    *,
    batch_size: int = 256,
    workers: int = 4,
    pin_mem: bool = False,
    groups: str = "none",
    held_out: float = 0.0,
    folds: int = 0,
    class_names: Path | None = None,
    class_map: bool = False,
    on_note: Callable[[str], object] | None = None,
    group: Group | None = None,
    **options: Any,
) -> Extraction | None:
    """Joint moments of the logits of timm models on pictures.

    Parameters
    ----------
    models : sequence of LoadedModel
        Of `load_models`.
    pictures : Pictures
        Of `open_pictures`, with the same models.
    batch_size, workers, pin_mem
        As of `PictureLoader`.
    groups : str, default "none"
        What may not be on both sides of the split: "none", each picture; "folder", the pictures of a folder;
        else a regular expression that finds the source in a picture's path (its first group).
    held_out : float, default 0
        Expected share of the groups that is held out.
    folds : int, default 0
        Number of folds of the rest.
    class_names : Path, optional
        Names of the categories, one per line.
    class_map : bool, default False
        Whether the targets of the data set are categories of the models already.
    on_note : callable, optional
        Called before the pass with what should be known about its result, a line each: pictures that are left
        out, names of categories that are a guess, whole classes that are held out.
    group : Group, optional
        Ranks that share the pictures.
    **options
        Of `covlasso.torch.extract`.

    Returns
    -------
    Extraction
        On rank 0; None on others.

    Raises
    ------
    ValueError
        As of `covlasso.torch.extract`; or a part of the split has no picture.
    """
    group = group or Group()
    words = {"none": "each picture", "folder": "the folder of a picture"}
    split = Split(held_out, folds, words.get(groups, f"what {groups} finds in the path of a picture"))
    keys = group_keys(pictures.names, groups)
    check_parts(split, keys)
    modules = {model.name: model.module for model in models}
    sizes = {model.name: _categories(model.module) for model in models}
    names, notes = names_of_all(models, sizes, class_names, pictures.folders)
    notes = [*pictures.notes, *notes]
    pictures = pictures.labelled(_labels(pictures, models[0].module, sizes, class_map))
    if options.get("classes") == "labels" and pictures.labels is None:
        raise ValueError(
            'classes="labels" needs the categories of the pictures, and their folders or targets do not say '
            "them: give class_map, or classes by decisions"
        )
    if groups != "none" and pictures.targets is not None:
        notes += whole_classes(split, keys, pictures.targets)
    if on_note is not None:
        for note in notes:
            on_note(note)
    command = {
        "pictures": digest(pictures.names),
        "data": pictures.source,
        "groups": groups,
        "batch_size": batch_size,
        "transforms": {model.name: {k: str(v) for k, v in model.data_config.items()} for model in models},
        "models": {model.name: dict(model.made) for model in models},
        "labels": digest(map(str, pictures.labels or ())),
    }
    return extract_batches(
        modules,
        PictureLoader(pictures, models, keys, batch_size, workers, pin_mem, group),
        class_names=names,
        split=split,
        command=command,
        group=group,
        **options,
    )


def _categories(module: nn.Module) -> int:
    n = getattr(module, "num_classes", None)
    if not isinstance(n, int) or n < 1:
        raise ValueError("a model has no classifier; give num_classes in model_kwargs, or another model")
    return n


def _labels(
    pictures: Pictures, module: nn.Module, sizes: dict[str, int], class_map: bool
) -> list[int] | None:
    """Category of each target of the data set, where that is known and the same for all models."""
    n = next(iter(sizes.values()))
    if len(set(sizes.values())) > 1:
        return None
    count = len(pictures.folders)
    if class_map:
        return list(range(n))
    place = {label: k for k, label in enumerate(label_names(module, n) or [])}
    if count and all(folder in place for folder in pictures.folders):
        return [place[folder] for folder in pictures.folders]
    return list(range(n)) if count == n else None
