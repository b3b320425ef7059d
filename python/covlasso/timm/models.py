"""Models by the names that timm gives them, with the transform that each of them wants."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import timm
import torch
from timm.data import create_transform
from timm.models import load_checkpoint
from torch import nn

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
    num_classes : int, optional
        Categories, where not those of the published weights.
    in_chans : int, optional
        Channels of the input.
    img_size : int, optional
        Side of the input.
    input_size : (channels, height, width), optional
        Shape of the input.
    gp : str, optional
        Global pooling.
    use_ema : bool
        Take the averaged weights of a checkpoint.
    reparam : bool
        Reparameterise the model.
    fast_norm : bool
        timm's fast normalisation layers.
    model_kwargs : mapping
        Further arguments of ``timm.create_model``.
    model_dtype : {"float32", "float16", "bfloat16"}
        Type of the weights.
    torchcompile : bool
        Run the models through ``torch.compile``.
    torchcompile_mode : str, optional
        Its mode.
    seed : int
        Of random weights.
    """

    num_classes: int | None = None
    in_chans: int | None = None
    img_size: int | None = None
    input_size: tuple[int, int, int] | None = None
    gp: str | None = None
    use_ema: bool = False
    reparam: bool = False
    fast_norm: bool = False
    model_kwargs: Mapping[str, Any] = field(default_factory=dict)
    model_dtype: str = "float32"
    torchcompile: bool = False
    torchcompile_mode: str | None = None
    seed: int = 42

    def __post_init__(self) -> None:
        """Check what would fail late."""
        if self.model_dtype not in MODEL_TYPES:
            raise ValueError(
                f"model_dtype is {self.model_dtype!r}; one of {', '.join(MODEL_TYPES)} is expected"
            )


@dataclass(frozen=True)
class DataOptions:
    """What overrides a model's own transform; the names are those of timm's ``validate.py``.

    Attributes
    ----------
    crop_pct : float, optional
        Share of the resized picture that the crop in its middle takes.
    crop_mode : str, optional
        "center", "squash" or "border".
    crop_border_pixels : int, optional
        Pixels cut off at the borders.
    interpolation : str, optional
        Of resizing.
    mean, std : sequence of float, optional
        Per channel, of pixels between 0 and 1.
    use_train_size : bool
        Take the input size of training, also where the model names another one for tests.
    """

    crop_pct: float | None = None
    crop_mode: str | None = None
    crop_border_pixels: int | None = None
    interpolation: str | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    use_train_size: bool = False


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
    """

    name: str
    module: nn.Module
    transform: Callable[[Any], torch.Tensor]
    data_config: Mapping[str, Any]

    @property
    def mode(self) -> str:
        """Colours of the pictures, as PIL names them: timm's choice by the number of channels."""
        return "RGB" if self.data_config["input_size"][0] == 3 else "L"


def load_models(
    models: Sequence[str],
    checkpoints: Sequence[str] = (),
    names: Sequence[str] = (),
    options: ModelOptions | None = None,
    data: DataOptions | None = None,
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
    data : DataOptions, optional
        The same for all models.

    Raises
    ------
    ValueError
        An unknown model; weights that cannot be had or do not fit; names that are not unique.
    """
    options, data = options or ModelOptions(), data or DataOptions()
    checkpoints = list(checkpoints) or [PUBLISHED] * len(models)
    names = list(names) or [_short_name(model) for model in models]
    for what, given in (("checkpoint", checkpoints), ("name", names)):
        if len(given) != len(models):
            raise ValueError(f"there are {len(models)} models and {len(given)} of {what}; give one per model")
    if len(set(names)) < len(names):
        raise ValueError(f"the models are named {', '.join(names)}; give each another name")
    if options.fast_norm:
        from timm.layers import set_fast_norm

        set_fast_norm()
    return [
        _load(model, checkpoint, name, options, data)
        for model, checkpoint, name in zip(models, checkpoints, names, strict=True)
    ]


def _load(model: str, checkpoint: str, name: str, options: ModelOptions, data: DataOptions) -> LoadedModel:
    module = _create(model, checkpoint, options)
    if checkpoint not in (PUBLISHED, RANDOM):
        _load_weights(module, model, Path(checkpoint), options.use_ema)
    if options.reparam:
        from timm.utils import reparameterize_model

        module = reparameterize_model(module)
    wanted = {**vars(data), "img_size": options.img_size, "input_size": options.input_size}
    wanted["in_chans"] = options.in_chans
    config = dict(resolve_data_config(module, wanted, use_test_size=not data.use_train_size))
    config["crop_border_pixels"] = data.crop_border_pixels
    module = module.eval().to(dtype=getattr(torch, options.model_dtype))
    if options.torchcompile:
        module.compile(mode=options.torchcompile_mode)
    return LoadedModel(name, module, create_transform(**config, is_training=False), config)


def _create(model: str, checkpoint: str, options: ModelOptions) -> nn.Module:
    """Make one model; those that are made for one input size are made anew for another."""
    size = options.img_size or (options.input_size[1:] if options.input_size else None)
    chans = options.in_chans or (options.input_size[0] if options.input_size else None)

    def make(**more: Any) -> nn.Module:
        torch.manual_seed(options.seed)
        made: nn.Module = timm.create_model(
            model,
            pretrained=checkpoint == PUBLISHED,
            num_classes=options.num_classes,
            in_chans=chans,
            global_pool=options.gp,
            **{**options.model_kwargs, **more},
        )
        return made

    try:
        module = make()
        fixed = getattr(module, "pretrained_cfg", {}).get("fixed_input_size", False)
        return make(img_size=size) if fixed and size and "img_size" not in options.model_kwargs else module
    except Exception as cause:
        raise ValueError(_why_not_made(model, checkpoint, cause)) from cause


def _why_not_made(model: str, checkpoint: str, cause: Exception) -> str:
    bare = model.split(".")[0]
    if not any(character in model for character in ":/") and not timm.is_model(bare):
        close = difflib.get_close_matches(bare, timm.list_models(), n=3)
        hint = f"; did you mean {', '.join(close)}?" if close else "; timm.list_models() has all names"
        return f"timm has no model {bare!r}{hint}"
    reason = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
    weights = "; give its weights with a checkpoint" if checkpoint == PUBLISHED else ""
    return f"model {model!r} cannot be made: {reason}{weights}"


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
