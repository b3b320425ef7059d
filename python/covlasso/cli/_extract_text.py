"""``covlasso extract`` of language models of transformers on text."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from covlasso.cli._common import STANDARD, fail, say_classes
from covlasso.cli._extract_results import Notes, tell, watched, write_skipped


def extract_text(
    models: Sequence[str],
    *,
    text: Sequence[str],
    names: Sequence[str] | None,
    gguf: Sequence[str] | None,
    masked: bool,
    model_dtype: str,
    model_kwargs: dict[str, Any],
    max_length: int | None,
    stride: int,
    field: str,
    separator: str | None,
    encoding: str,
    device: str | None,
    amp_dtype: str | None,
    out: Path,
    log_freq: int,
    json_file: Path | None,
    **options: Any,
) -> None:
    """Run the pass; options that are not named are those of `covlasso.transformers.extract`."""
    began = time.monotonic()
    from covlasso._base.ranks import process_group
    from covlasso.torch import float_type, rank_device
    from covlasso.transformers import ModelOptions, extract, load_models, open_text, positions_of_rank

    device = rank_device(device)
    with process_group(device) as group:
        if group.size > 1 and "-" in text:
            fail("--text - cannot be read by several processes; give a file")
        made = ModelOptions(masked, model_dtype, model_kwargs)
        with _hint_at_pictures():
            loaded = load_models(models, names or (), gguf or (), made)
        opened = open_text(
            text, loaded, max_length=max_length, stride=stride, field=field, separator=separator,
            encoding=encoding,
        )  # fmt: skip
        quiet = group.rank > 0 or json_file == STANDARD
        notes = Notes(quiet)
        with watched("positions", positions_of_rank(opened, group), log_freq, group.rank) as progress:
            found = extract(
                loaded, opened, device=device, amp_dtype=float_type(amp_dtype) if amp_dtype else None,
                out=out, on_classes=None if quiet else say_classes, progress=progress, on_note=notes,
                group=group, **options,
            )  # fmt: skip
    if found is not None:
        write_skipped(found.skipped, out)
        told = "own token told" if loaded[0].masked else "next token told"
        words = {"categories": "tokens", "samples": "positions", "skipped": "documents", "top1": told}
        tell(found, out, time.monotonic() - began, json_file, notes.lines, words)


@contextmanager
def _hint_at_pictures() -> Iterator[None]:
    """Say where models of timm belong, if one cannot be loaded here."""
    try:
        yield
    except ValueError as cause:
        if " cannot be loaded: " in str(cause):
            fail(f"{cause}; a model of timm takes --data DIR")
        raise
