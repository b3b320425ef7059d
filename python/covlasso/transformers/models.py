"""Language models by the names that transformers gives them: folders, names of a hub, GGUF files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr
from dataclasses import dataclass, field
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from covlasso._base.errors import one_line

MODEL_TYPES = ("float32", "float16", "bfloat16")
_OF_ALL = ("revision", "subfolder", "token", "trust_remote_code", "cache_dir", "local_files_only")
_OWN = {
    "gguf_file": "the option gguf gives it",
    "dtype": "the type is the option model_dtype",
    "torch_dtype": "the type is the option model_dtype",
    "device_map": "the device is an option of its own",
    "output_loading_info": "it is not for this place",
}


@dataclass(frozen=True)
class ModelOptions:
    """How models are loaded.

    Attributes
    ----------
    masked : bool
        Load them by ``AutoModelForMaskedLM`` even where ``AutoModelForCausalLM`` could.
    model_dtype : {"float32", "float16", "bfloat16"}
        Type of the weights, ``dtype`` of ``from_pretrained``.
    model_kwargs : mapping
        Further arguments of ``from_pretrained``: ``revision``, ``subfolder``, ``attn_implementation``, ...

    Raises
    ------
    ValueError
        ``model_dtype`` is another type, or a key of ``model_kwargs`` is not for this place.
    """

    masked: bool = False
    model_dtype: str = "float32"
    model_kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check what would fail late."""
        if self.model_dtype not in MODEL_TYPES:
            raise ValueError(
                f"model_dtype is {self.model_dtype!r}; one of {', '.join(MODEL_TYPES)} is expected"
            )
        for key in self.model_kwargs:
            if key in _OWN:
                raise ValueError(f"model_kwargs {key}={self.model_kwargs[key]!r}: {_OWN[key]}")


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A causal or masked language model and its tokenizer.

    Attributes
    ----------
    name : str
        Its name in the moments.
    module : PreTrainedModel
        The model; its ``get_output_embeddings()`` is a linear layer.
    tokenizer : PreTrainedTokenizerBase, optional
        What it reads text with, and the names of its tokens.
    masked : bool
        Whether it tells the token at a position, not the next one.
    made : mapping
        What decides about its logits, besides weights and text.
    """

    name: str
    module: nn.Module
    tokenizer: Any = None
    masked: bool = False
    made: Mapping[str, str] = field(default_factory=dict)

    @property
    def longest(self) -> int | None:
        """Number of tokens of the longest block that it has positions for, if it says so."""
        config = self.module.config.get_text_config()
        known = getattr(config, "max_position_embeddings", None)
        return known if isinstance(known, int) and known > 0 else None


def load_models(
    models: Sequence[str],
    names: Sequence[str] = (),
    gguf: Sequence[str] = (),
    options: ModelOptions | None = None,
) -> list[LanguageModel]:
    """Load language models with their tokenizers.

    Parameters
    ----------
    models : sequence of str
        What ``from_pretrained`` takes: folders, or names of a hub; or paths of GGUF files.
    names : sequence of str, optional
        Names in the moments, one per model. The last part of the model's name, if not given.
    gguf : sequence of str, optional
        A GGUF file in the folder, ``gguf_file`` of ``from_pretrained``, one per model.
    options : ModelOptions, optional
        The same for all models.

    Raises
    ------
    ModuleNotFoundError
        GGUF files need the packages gguf and accelerate.
    ValueError
        A model that cannot be had, is no language model or lacks weights; names that are not unique.
    """
    options = options or ModelOptions()
    places = [_place(model) for model in models]
    if gguf:
        if len(gguf) != len(models):
            raise ValueError(f"there are {len(models)} models and {len(gguf)} of gguf; give one per model")
        places = [(folder, file) for (folder, _), file in zip(places, gguf, strict=True)]
    names = list(names) or [_short_name(folder, file) for folder, file in places]
    if len(names) != len(models):
        raise ValueError(f"there are {len(models)} models and {len(names)} of name; give one per model")
    if len(set(names)) < len(names):
        raise ValueError(f"the models are named {', '.join(names)}; give each another name")
    with _quietly():
        return [
            _load(folder, file, name, options) for (folder, file), name in zip(places, names, strict=True)
        ]


def _place(model: str) -> tuple[str, str | None]:
    """Return folder and GGUF file of a path of one, else the model as it is."""
    path = Path(model)
    return (str(path.parent), path.name) if path.suffix == ".gguf" and path.is_file() else (model, None)


def _short_name(folder: str, file: str | None) -> str:
    return (
        Path(folder).resolve().name if file is None and Path(folder).is_dir() else Path(file or folder).stem
    )


def _load(folder: str, file: str | None, name: str, options: ModelOptions) -> LanguageModel:
    what = folder if file is None else str(Path(folder) / file)
    given = dict(options.model_kwargs)
    of_all = {key: given[key] for key in _OF_ALL if key in given}
    if file is not None:
        _check_gguf(folder, file)
        of_all["gguf_file"] = given["gguf_file"] = file
    try:
        config = AutoConfig.from_pretrained(folder, **of_all)
        if file is not None and not options.model_kwargs:
            given["config"] = config  # a GGUF file takes seconds to read
        masked = options.masked or not _is_causal(config)
        kind = AutoModelForMaskedLM if masked else AutoModelForCausalLM
        module = _with_all_weights(kind, folder, getattr(torch, options.model_dtype), given, what)
        tokenizer = AutoTokenizer.from_pretrained(folder, **of_all)
    except ModuleNotFoundError:
        raise
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, ImportError) as cause:
        raise ValueError(
            f"model {what} cannot be loaded: {one_line(cause)}; a folder, a hub's name or a GGUF file of a "
            "causal or masked language model of transformers is expected"
        ) from cause
    hidden = ("token", "config")
    made = {"model": folder, **{key: repr(value) for key, value in given.items() if key not in hidden}}
    return LanguageModel(name, module.eval(), tokenizer, masked, {**made, "class": type(module).__name__})


def _check_gguf(folder: str, file: str) -> None:
    """Find out before a long error whether the packages are there, and the file."""
    for package in ("accelerate", "gguf"):
        import_module(package)

    if Path(folder).is_dir() and not (Path(folder) / file).is_file():
        found = sorted(path.name for path in Path(folder).glob("*.gguf"))
        raise ValueError(f"there is no {file} in {folder}; it has {', '.join(found) or 'no GGUF file'}")


def _is_causal(config: Any) -> bool:
    """Whether the model is causal: by the class that its configuration names, else if it can be one."""
    architectures = [str(name) for name in getattr(config, "architectures", None) or ()]
    if any(name.endswith(("ForMaskedLM", "ForPreTraining")) for name in architectures):
        return False
    return type(config) in transformers.MODEL_FOR_CAUSAL_LM_MAPPING or not any(
        mapped is type(config) for mapped in transformers.MODEL_FOR_MASKED_LM_MAPPING
    )


def _with_all_weights(kind: Any, folder: str, dtype: torch.dtype, given: Mapping[str, Any], what: str) -> Any:
    """Load a model, and refuse one whose weights transformers would make up."""
    named = {"dtype" if _version() >= (4, 56) else "torch_dtype": dtype}
    module, info = kind.from_pretrained(folder, output_loading_info=True, **named, **given)
    missing = sorted(info["missing_keys"])
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ValueError(
            f"{type(module).__name__} has weights that are not in {what}, {missing[0]}{more}, and would make "
            "them up"
        )
    return module


def _version() -> tuple[int, ...]:
    return tuple(int(part) for part in transformers.__version__.split(".")[:2])


@contextmanager
def _quietly() -> Iterator[None]:
    """No warnings of transformers, as what matters is an error here; bars on a terminal only."""
    from transformers.utils import logging

    unseen = nullcontext() if sys.stderr.isatty() else redirect_stderr(StringIO())
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with unseen:
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
