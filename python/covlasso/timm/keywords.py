"""Keys and values that go on to timm: what it would not heed, or only fail at late, is refused here."""

from __future__ import annotations

import difflib
import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple, get_args

MODEL, DATA = "model_kwargs", "data_kwargs"


class KeywordError(ValueError):
    """A key or a value of ``model_kwargs`` or ``data_kwargs`` that cannot go on to timm.

    Attributes
    ----------
    place : {"model_kwargs", "data_kwargs"}
        Where it stands.
    why : str
        The key, what is wrong with it, and what is expected.
    """

    def __init__(self, place: str, why: str):
        super().__init__(f"{place} {why}")
        self.place, self.why = place, why


class Rule(NamedTuple):
    """What a value has to be, in words and as a test."""

    expected: str
    holds: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_whole(value) and value > 0


def channel_values(value: Any) -> list[Any]:
    """Return the mean or deviation of each channel; one alone holds for all."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _one_of(*names: str) -> Rule:
    return Rule(f"one of {', '.join(names)}", lambda value: value in names)


_COUNT = Rule("a whole number above 0", _is_count)
_FLAG = Rule("True or False", lambda value: isinstance(value, bool))
_TEXT = Rule("a text", lambda value: isinstance(value, str) and value != "")

# named as in timm's validate.py; timm asserts, or takes 0 and "" for not given
TRANSFORM = {
    "input_size": Rule(
        "channels, height and width, such as 3,224,224",
        lambda value: isinstance(value, list | tuple) and len(value) == 3 and all(map(_is_count, value)),
    ),
    "crop_pct": Rule("a number above 0", lambda value: _is_number(value) and value > 0),
    "crop_mode": _one_of("center", "squash", "border"),
    "crop_border_pixels": Rule("a whole number, at least 0", lambda value: _is_whole(value) and value >= 0),
    "interpolation": _one_of("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos"),
    "mean": Rule(
        "a number per channel, such as 0.5,0.5,0.5",
        lambda value: all(map(_is_number, channel_values(value))),
    ),
    "std": Rule(
        "a number above 0 per channel, such as 0.5,0.5,0.5",
        lambda value: all(_is_number(x) and x > 0 for x in channel_values(value)),
    ),
    "use_train_size": _FLAG,
}
DATASET = {"dataset_download": _FLAG, "input_key": _TEXT, "target_key": _TEXT}

_ALL_MODELS = {"num_classes": _COUNT, "in_chans": _COUNT, "img_size": _COUNT, "global_pool": _TEXT}
_NOT_HERE = {
    **dict.fromkeys(("pretrained", "checkpoint_path"), "weights are chosen by the checkpoint"),
    "device": "the device is an option of its own",
    "dtype": "the type is the option model_dtype",
    # most entry points of timm drop the last three where features_only is not given
    **dict.fromkeys(
        ("features_only", "feature_cfg", "feature_cls", "out_indices"), "features alone have no logits"
    ),
}
_OF_CREATE_MODEL = (
    "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir", "scriptable", "exportable", "no_jit",
)  # fmt: skip


def split_data_kwargs(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part ``given`` into what `load_models` and what `open_pictures` takes.

    Raises
    ------
    KeywordError
        An unknown key, or a wrong value.
    """
    check_data_kwargs(given, {**TRANSFORM, **DATASET})
    transform = {key: value for key, value in given.items() if key in TRANSFORM}
    return transform, {key: value for key, value in given.items() if key in DATASET}


def check_data_kwargs(given: Mapping[str, Any], known: Mapping[str, Rule]) -> None:
    """Refuse keys that are not among ``known``, and values that timm would not take."""
    for key, value in given.items():
        if key not in known:
            raise KeywordError(DATA, f"{key}={value!r}: there is no {_instead(key, known)}")
        _check_value(DATA, key, value, known[key])


def dataset_arguments(given: Mapping[str, Any], dataset: str, tar_files: bool) -> dict[str, Any]:
    """Return arguments of ``timm.data.create_dataset``; keys that such data would not heed are refused.

    Parameters
    ----------
    given : mapping
        Keys and values of ``data_kwargs``.
    dataset : str
        Type and name, or nothing for pictures in files.
    tar_files : bool
        Whether these are in tar files.
    """
    check_data_kwargs(given, DATASET)
    kind, _, name = dataset.lower().partition("/")
    what = f"data set {dataset!r}"
    if kind == "torch":
        known = [] if name in ("imagenet", "image_folder", "folder") else ["dataset_download"]
    elif kind in ("hfds", "hfids", "tfds", "wds"):
        known = ["input_key", "target_key"]
    else:
        what = "a tar file" if tar_files else "a folder of pictures"
        known = [] if tar_files else ["input_key"]
    for key, value in given.items():
        if key not in known:
            raise KeywordError(
                DATA, f"{key}={value!r}: {what} takes {' and '.join(known) or 'none of these'}"
            )
    names = {"dataset_download": "download"}  # in create_dataset
    return {names.get(key, key): value for key, value in given.items()}


def check_channels(given: Mapping[str, Any], channels: int, model: str) -> None:
    """Refuse another number of means or deviations than the model has channels."""
    for key in ("mean", "std"):
        if key in given and len(channel_values(given[key])) not in (1, channels):
            raise KeywordError(
                DATA, f"{key}={given[key]!r}: {channels} numbers are expected, one per channel of {model!r}"
            )


def check_sizes(model_kwargs: Mapping[str, Any], transform: Mapping[str, Any]) -> None:
    """Refuse a size of the input that is given twice."""
    if "input_size" not in transform:
        return
    for key in ("img_size", "in_chans"):
        if key in model_kwargs:
            raise KeywordError(
                MODEL, f"{key}={model_kwargs[key]!r}: the input_size of data_kwargs says it; give one of both"
            )


def check_model_kwargs(given: Mapping[str, Any]) -> None:
    """Refuse, before a model is made, what can be told without one."""
    for key, value in given.items():
        if key in _NOT_HERE:
            raise KeywordError(MODEL, f"{key}={value!r}: {_NOT_HERE[key]}")
        if value is None:
            raise KeywordError(MODEL, f"{key}=None: timm would not heed it; leave it out")
        if key in _ALL_MODELS:
            _check_value(MODEL, key, value, _ALL_MODELS[key])


def check_arguments(model: str, kind: type, given: Mapping[str, Any], refused: str | None = None) -> None:
    """Refuse what a class of models does not take.

    Parameters
    ----------
    model : str
        Name of the model.
    kind : type
        Its class.
    given : mapping
        Further arguments of ``timm.create_model``.
    refused : str, optional
        The key that Python refused. Entry points take more keys than their class, so where Python refused
        none, only a class with ``**kwargs`` can have passed one over.
    """
    taken = arguments_of(kind)
    known = {**taken, "img_size": _COUNT}  # the transform takes it
    unknown = {refused} if refused is not None else set()
    if "kwargs" in inspect.signature(kind).parameters:
        unknown |= set(given).difference(taken, _OF_CREATE_MODEL)
    for key, value in given.items():
        if key in unknown:
            why = f"{kind.__name__}, the class of {model!r}, takes no {_instead(key, known)}"
            raise KeywordError(MODEL, f"{key}={value!r}: {why}")
        if key in taken:
            _check_value(MODEL, key, value, taken[key])


def arguments_of(kind: type) -> dict[str, Rule]:
    """Arguments that a class of timm takes by name, those of its configuration too."""
    found: dict[str, Rule] = {}
    for base in kind.__mro__:  # **kwargs go on to the class above
        parameters = inspect.signature(base.__init__).parameters.values()  # type: ignore[misc]
        for parameter in parameters:
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                found.setdefault(parameter.name, _rule_of(parameter.default, parameter.annotation))
            if parameter.name == "cfg":
                found |= _fields(parameter.annotation)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    hidden = {"self", "cfg", *_NOT_HERE}
    return {name: rule for name, rule in found.items() if name not in hidden}


def _fields(annotation: Any) -> dict[str, Rule]:
    """Fields of a configuration; those of one inside are called by its name and theirs."""
    found: dict[str, Rule] = {}
    for kind in filter(is_dataclass, (annotation, *get_args(annotation))):
        for field in fields(kind):
            found[field.name] = _rule_of(field.default, field.type)
            inner = _fields(field.type) if field.name.endswith("_cfg") else {}
            found |= {f"{field.name.removesuffix('cfg')}{name}": rule for name, rule in inner.items()}
    return found


def _rule_of(default: Any, annotation: Any) -> Rule:
    """No text where the default is a number or a flag: "false" would be true."""
    if isinstance(default, int | float) and not re.search(r"\bstr\b|Literal", str(annotation)):
        expected = "True or False" if isinstance(default, bool) else "a number"
        return Rule(expected, lambda value: not isinstance(value, str))
    return Rule("", lambda _: True)


def _check_value(place: str, key: str, value: Any, rule: Rule) -> None:
    if not rule.holds(value):
        raise KeywordError(place, f"{key}={value!r}: {rule.expected} is expected")


def _instead(key: str, known: Iterable[str]) -> str:
    """Return an unknown key, what it may have been meant to be, and all that are known."""
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{key}; {hint}known are {', '.join(known)}"
