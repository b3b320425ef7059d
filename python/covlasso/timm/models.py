"""Models by the names that timm gives them, with the transform that each of them wants."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import timm
import torch
from timm.data import create_transform
from timm.models import load_checkpoint
from torch import nn

from covlasso._base.errors import one_line
from covlasso.timm.keywords import (
    TRANSFORM,
    arguments_of,
    channel_values,
    check_arguments,
    check_channels,
    check_data_kwargs,
    check_model_kwargs,
    check_sizes,
)

try:  # also adapts mean and std to the number of channels
    from timm.data import resolve_input_data_config as resolve_data_config
except ImportError:  # timm before 1.0.30
    from timm.data import resolve_model_data_config as resolve_data_config

MODEL_TYPES = ("float32", "float16", "bfloat16")
PUBLISHED, RANDOM = "pretrained", "random"  # what can stand in the place of a checkpoint


@dataclass(frozen=True)
class ModelOptions:
    """How models are made; the names are those of timm's ``validate.py``.

    Attributes
    ----------
    model_kwargs : mapping
        Arguments of ``timm.create_model``: ``num_classes``, ``in_chans``, ``global_pool``, and what the class
        of a model takes. ``img_size`` also holds for the transform; a model whose size does not matter is
        not told it.
    use_ema : bool
        Take the averaged weights of a checkpoint.
    reparam : bool
        Reparameterise the model.
    model_dtype : {"float32", "float16", "bfloat16"}
        Type of the weights.
    torchcompile : bool
        Run the models through ``torch.compile``.
    seed : int
        Of random weights.

    Raises
    ------
    ValueError
        ``model_dtype`` is another type.
    KeywordError
        A key of ``model_kwargs`` is not for this place, or one that all models take has a wrong value.
    """

    model_kwargs: Mapping[str, Any] = field(default_factory=dict)
    use_ema: bool = False
    reparam: bool = False
    model_dtype: str = "float32"
    torchcompile: bool = False
    seed: int = 42

    def __post_init__(self) -> None:
        """Check what would fail late."""
        if self.model_dtype not in MODEL_TYPES:
            raise ValueError(
                f"model_dtype is {self.model_dtype!r}; one of {', '.join(MODEL_TYPES)} is expected"
            )
        check_model_kwargs(self.model_kwargs)


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model and what it is fed with.

    Attributes
    ----------
    name : str
        Its name in the moments.
    module : Module
        The model.
    transform : callable
        From a picture to a tensor.
    data_config : mapping
        What decides about the transform; models with equal ones share their tensors.
    made : mapping
        What decides about its logits, besides weights and pictures.
    published : bool
        Whether its weights are the published ones.
    """

    name: str
    module: nn.Module
    transform: Callable[[Any], torch.Tensor]
    data_config: Mapping[str, Any]
    made: Mapping[str, str] = field(default_factory=dict)
    published: bool = False

    @property
    def mode(self) -> str:
        """Colours of the pictures, as PIL names them: timm's choice by the number of channels."""
        return "RGB" if self.data_config["input_size"][0] == 3 else "L"


def load_models(
    models: Sequence[str],
    checkpoints: Sequence[str] = (),
    names: Sequence[str] = (),
    options: ModelOptions | None = None,
    data_kwargs: Mapping[str, Any] | None = None,
) -> list[LoadedModel]:
    """Make models and load their weights.

    Parameters
    ----------
    models : sequence of str
        Names that ``timm.create_model`` knows: "resnet50.a1_in1k", "hf-hub:timm/...", "local-dir:...".
    checkpoints : sequence of str, optional
        One per model: a file that ``timm.models.load_checkpoint`` reads, or "pretrained" for the published
        weights, or "random". Published weights for all, if not given.
    names : sequence of str, optional
        Names in the moments, one per model. The last part of the model's name, if not given.
    options : ModelOptions, optional
        The same for all models.
    data_kwargs : mapping, optional
        What overrides the models' own transforms, named as in timm's ``validate.py``: ``input_size``
        (channels, height, width), ``crop_pct``, ``crop_mode``, ``crop_border_pixels``, ``interpolation``,
        ``mean`` and ``std`` (a number per channel, of pixels between 0 and 1, or one for all),
        ``use_train_size``.

    Raises
    ------
    KeywordError
        A key of ``data_kwargs`` or of ``model_kwargs`` that is not known or has a wrong value.
    ValueError
        An unknown model; weights that cannot be had or do not fit; names that are not unique.
    """
    options, data_kwargs = options or ModelOptions(), data_kwargs or {}
    checkpoints = list(checkpoints) or [PUBLISHED] * len(models)
    names = list(names) or [_short_name(model) for model in models]
    check_data_kwargs(data_kwargs, TRANSFORM)
    check_sizes(options.model_kwargs, data_kwargs)
    for what, given in (("checkpoint", checkpoints), ("name", names)):
        if len(given) != len(models):
            raise ValueError(f"there are {len(models)} models and {len(given)} of {what}; give one per model")
    if len(set(names)) < len(names):
        raise ValueError(f"the models are named {', '.join(names)}; give each another name")
    return [
        _load(model, checkpoint, name, options, data_kwargs)
        for model, checkpoint, name in zip(models, checkpoints, names, strict=True)
    ]


def _load(
    model: str, checkpoint: str, name: str, options: ModelOptions, data_kwargs: Mapping[str, Any]
) -> LoadedModel:
    module = _create(model, checkpoint, options, data_kwargs.get("input_size"))
    if checkpoint not in (PUBLISHED, RANDOM):
        _load_weights(module, model, Path(checkpoint), options.use_ema)
    if options.reparam:
        from timm.utils import reparameterize_model

        module = reparameterize_model(module)
    config = _data_config(model, module, options.model_kwargs, data_kwargs)
    module = module.eval().to(dtype=getattr(torch, options.model_dtype))
    if options.torchcompile:
        module.compile()
    made = {"model": model, **{key: repr(value) for key, value in options.model_kwargs.items()}}
    if options.torchcompile:
        made["torchcompile"] = "True"
    transform = create_transform(**config, is_training=False)
    return LoadedModel(name, module, transform, config, made, published=checkpoint == PUBLISHED)


def _data_config(
    model: str, module: nn.Module, model_kwargs: Mapping[str, Any], data_kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of ``create_transform``: those that are given, or else the model's own."""
    wanted: dict[str, Any] = {key: model_kwargs.get(key) for key in ("img_size", "in_chans")}
    wanted |= data_kwargs
    own = not wanted.pop("use_train_size", False)
    of_pixels: dict[str, Any] = {
        key: channel_values(wanted.pop(key)) for key in ("mean", "std") if key in wanted
    }
    channels = resolve_data_config(module, wanted, use_test_size=own)["input_size"][0]
    check_channels(data_kwargs, channels, model)
    config: dict[str, Any] = dict(resolve_data_config(module, {**wanted, **of_pixels}, use_test_size=own))
    config["crop_border_pixels"] = data_kwargs.get("crop_border_pixels")
    return config


def _create(
    model: str, checkpoint: str, options: ModelOptions, input_size: Sequence[int] | None
) -> nn.Module:
    """Make one model; those that take the size of their input are made anew for another."""
    given = dict(options.model_kwargs)
    size: Any = given.pop("img_size", None)
    channels = {}
    if input_size is not None:
        channels["in_chans"], size = input_size[0], tuple(input_size[1:])

    def make(**more: Any) -> nn.Module:
        torch.manual_seed(options.seed)
        arguments = {**given, **channels, **more}
        made: nn.Module = timm.create_model(model, pretrained=checkpoint == PUBLISHED, **arguments)
        return made

    try:
        module = make()
        takes_size = size is not None and "img_size" in arguments_of(type(module))
        module = make(img_size=size) if takes_size else module
    except Exception as cause:
        _find_refused(model, given, cause)
        raise ValueError(_why_not_made(model, checkpoint, cause)) from cause
    check_arguments(model, type(module), given)
    return module


def _find_refused(model: str, given: Mapping[str, Any], cause: Exception) -> None:
    """Name the argument because of which a model could not be made, by the class that it has without any."""
    kind = None
    with suppress(Exception):  # where it cannot be made without them either, it was not because of them
        kind = type(timm.create_model(model)) if given else None
    if kind is not None:
        refused = re.search(r"unexpected keyword argument '(\w+)'", str(cause))
        check_arguments(model, kind, given, refused[1] if refused else None)


def _why_not_made(model: str, checkpoint: str, cause: Exception) -> str:
    bare = model.split(".")[0]
    if not any(character in model for character in ":/") and not timm.is_model(bare):
        close = difflib.get_close_matches(bare, timm.list_models(), n=3)
        hint = f"; did you mean {', '.join(close)}?" if close else "; timm.list_models() has all names"
        return f"timm has no model {bare!r}{hint}"
    weights = "; give its weights with a checkpoint" if checkpoint == PUBLISHED else ""
    return f"model {model!r} cannot be made: {one_line(cause)}{weights}"


def _load_weights(module: nn.Module, model: str, file: Path, use_ema: bool) -> None:
    if not file.is_file():
        raise ValueError(f"checkpoint {file} does not exist")
    try:
        load_checkpoint(module, str(file), use_ema)
    except Exception as cause:
        lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
        sizes = [line for line in lines if line.startswith("size mismatch")]
        reason = (sizes or lines[1:] or lines or [type(cause).__name__])[0]
        raise ValueError(f"checkpoint {file} does not fit model {model!r}: {reason}") from cause


def _short_name(model: str) -> str:
    return model.rstrip("/").split("/")[-1].split(":")[-1]
