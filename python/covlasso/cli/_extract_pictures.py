"""``covlasso extract`` of timm's models on pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from covlasso.cli._common import STANDARD, fail, say_classes
from covlasso.cli._extract_results import Notes, tell, watched, write_skipped

_WORDS = {"categories": "categories", "samples": "samples", "skipped": "pictures", "top1": "top-1"}


def extract_pictures(
    models: Sequence[str],
    *,
    data: Sequence[Path] | None,
    dataset: str,
    split: str,
    class_map: Path | None,
    class_names: Path | None,
    names: Sequence[str] | None,
    checkpoint: Sequence[str] | None,
    use_ema: bool,
    reparam: bool,
    torchcompile: bool,
    seed: int,
    model_dtype: str,
    model_kwargs: dict[str, Any],
    data_kwargs: dict[str, Any],
    factored: str,
    batch_size: int | None,
    workers: int | None,
    device: str | None,
    amp_dtype: str | None,
    out: Path,
    log_freq: int,
    json_file: Path | None,
    **options: Any,
) -> None:
    """Run the pass; options that are not named are those of `covlasso.timm.extract`."""
    began, root = time.monotonic(), _only(data)
    _check(models, root, dataset, factored)
    with _named_as_options():
        from covlasso._base.ranks import process_group
        from covlasso.timm import ModelOptions, extract, load_models, open_pictures, split_data_kwargs
        from covlasso.torch import float_type, rank_device

        device = rank_device(device)
        made = ModelOptions(model_kwargs, use_ema, reparam, model_dtype, torchcompile, seed)
        transform, opening = split_data_kwargs(data_kwargs)
        with process_group(device) as group:
            loaded = load_models(models, checkpoint or (), names or (), made, transform)
            pictures = open_pictures(root, loaded, dataset, split, str(class_map or ""), opening)
            share = len(range(group.rank, len(pictures), group.size))
            quiet = group.rank > 0 or json_file == STANDARD
            notes = Notes(quiet)
            with watched("pictures", share, log_freq, group.rank) as progress:
                found = extract(
                    loaded, pictures, batch_size=256 if batch_size is None else batch_size,
                    workers=min(4, os.cpu_count() or 1) if workers is None else workers,
                    class_names=class_names, class_map=class_map is not None, group=group, factored=factored,
                    device=device, amp_dtype=float_type(amp_dtype) if amp_dtype else None, out=out,
                    on_classes=None if quiet else say_classes, progress=progress,
                    on_note=notes, **options,
                )  # fmt: skip
        if found is not None:
            write_skipped(found.skipped, out)
            tell(found, out, time.monotonic() - began, json_file, notes.lines, _WORDS)


def _check(models: Sequence[str], data: Path | None, dataset: str, factored: str) -> None:
    """Find wrong usage before torch is imported."""
    if data is None and not dataset:
        of_text = next((model for model in models if _is_language_model(Path(model))), None)
        if of_text is not None:
            fail(f"{of_text} is a language model; give --text FILE, or - for standard input")
        fail(
            "no pictures are given; give --data DIR, or --dataset TYPE/NAME; a language model of "
            "transformers takes --text FILE"
        )
    if factored not in ("auto", "on", "off"):
        fail(f"--factored {factored}: one of auto, on, off is expected")


def _is_language_model(path: Path) -> bool:
    """Whether a path has the files of a model of transformers; folders of timm's have other fields."""
    if path.suffix == ".gguf":
        return True
    config = path / "config.json"
    named = config.is_file() and "model_type" in config.read_text(encoding="utf-8", errors="replace")
    return named or any(path.glob("*.gguf"))


def _only(data: Sequence[Path] | None) -> Path | None:
    """Return the one --data."""
    if data is not None and len(data) > 1:
        fail(
            f"--data is given {len(data)} times, {', '.join(map(str, data))}; give one folder that all of "
            "them are in, as links if need be"
        )
    return data[0] if data else None


@contextmanager
def _named_as_options() -> Iterator[None]:
    """Name the option, not the argument, where a key or a value is refused."""
    from covlasso.timm import KeywordError

    try:
        yield
    except KeywordError as refusal:
        fail(f"--{refusal.place.replace('_', '-')} {refusal.why}")
    except ValueError as cause:
        if str(cause).startswith("timm has no model"):
            fail(f"{cause}; a language model of transformers takes --text FILE")
        raise
