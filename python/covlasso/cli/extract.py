"""``covlasso extract``."""

from __future__ import annotations

import ast
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from covlasso.cli import _extract_options as opt
from covlasso.cli._common import (
    STANDARD,
    Json,
    check_new_file,
    fail,
    interruptible,
    one_line_errors,
    say_classes,
    say_repeated,
    wanted_classes,
    write_json,
)

if TYPE_CHECKING:
    from covlasso.timm import LoadedModel
    from covlasso.torch import Extraction, PassProgress

SCHEMA = "covlasso-extract-1"


def extract(
    models: opt.Models,
    out: opt.Out,
    data: opt.Data = None,
    names: opt.Names = None,
    checkpoint: opt.Checkpoints = None,
    use_ema: opt.UseEma = False,
    model_kwargs: opt.ModelKwargs = None,
    reparam: opt.Reparam = False,
    seed: opt.Seed = 42,
    factored: opt.FactoredForm = "auto",
    dataset: opt.DatasetName = "",
    split: opt.DatasetSplit = "validation",
    class_map: opt.ClassMap = None,
    class_names: opt.ClassNames = None,
    data_kwargs: opt.DataKwargs = None,
    held_out: opt.HeldOut = 0.5,
    folds: opt.Folds = 0,
    groups: opt.Groups = "none",
    classes: opt.Classes = "auto",
    row_centred: opt.RowCentred = False,
    strict: opt.Strict = False,
    batch_size: opt.BatchSize = 256,
    workers: opt.Workers = None,
    pin_mem: opt.PinMem = False,
    device: opt.Device = None,
    amp: opt.Amp = False,
    amp_dtype: opt.AmpDtype = "float16",
    model_dtype: opt.ModelDtype = "float32",
    channels_last: opt.ChannelsLast = False,
    torchcompile: opt.TorchCompile = False,
    save_logits: opt.SaveLogits = None,
    save_every: opt.SaveEvery = None,
    log_freq: opt.LogFreq = 0,
    force: opt.Force = False,
    json_file: Json = None,
) -> None:
    """Run classifiers over pictures and keep the joint moments of their logits, for `solve`.

    Options have the names of timm's validate.py; what has none here goes by --model-kwargs or --data-kwargs,
    such as `--data-kwargs crop_pct=1 --data-kwargs mean=0.5,0.5,0.5`. After any end of the process the same
    command goes on where it was. Started by torchrun, every process takes a part of the pictures, and the
    first one writes FILE.

    Exit codes: 0 done; 2 wrong usage, or something cannot be read or written; 130 interrupted.
    """
    began = time.monotonic()
    root = _only(data)
    _check(out, force, root, dataset, factored, amp_dtype, save_logits)
    kind = wanted_classes(classes)
    of_models, of_data = _keywords("--model-kwargs", model_kwargs), _keywords("--data-kwargs", data_kwargs)
    with interruptible(), one_line_errors(), _named_as_options():
        from covlasso._base.ranks import process_group
        from covlasso.timm import (
            ModelOptions,
            load_models,
            open_pictures,
            split_data_kwargs,
        )
        from covlasso.timm import extract as moments_of_pictures
        from covlasso.torch import float_type, rank_device

        notes: list[str] = []
        device = rank_device(device)
        options = ModelOptions(of_models, use_ema, reparam, model_dtype, torchcompile, seed)
        transform, opening = split_data_kwargs(of_data)
        with process_group(device) as group:
            loaded = load_models(models, checkpoint or (), names or (), options, transform)
            pictures = open_pictures(root, loaded, dataset, split, str(class_map or ""), opening)
            share = len(range(group.rank, len(pictures), group.size))
            with _watched(share, log_freq, group.rank) as progress:
                found = moments_of_pictures(
                    loaded, pictures, batch_size=batch_size,
                    workers=min(4, os.cpu_count() or 1) if workers is None else workers,
                    pin_mem=pin_mem, groups=groups, held_out=held_out, folds=folds,
                    class_names=class_names, class_map=class_map is not None,
                    group=group, factored=factored, device=device,
                    amp_dtype=float_type(amp_dtype) if amp else None, channels_last=channels_last,
                    out=out, force=force, save_every=save_every, save_logits=save_logits, strict=strict,
                    classes=kind, on_classes=None if group.rank or json_file == STANDARD else say_classes,
                    row_centred=row_centred,
                    progress=progress, on_note=partial(_note, notes, group.rank > 0 or json_file == STANDARD),
                )  # fmt: skip
        if found is not None:
            _write_skipped(found.skipped, out)
            _tell(found, loaded, out, time.monotonic() - began, json_file, notes)


def _check(
    out: Path,
    force: bool,
    data: Path | None,
    dataset: str,
    factored: str,
    amp_dtype: str,
    save_logits: str | None,
) -> None:
    """Find wrong usage before torch is imported."""
    if out == STANDARD:
        fail("--out - is not possible: states are kept beside FILE")
    check_new_file(out, force)
    if data is None and not dataset:
        fail("no pictures are given; give --data DIR, or --dataset TYPE/NAME")
    choices = [
        ("--factored", factored, ("auto", "on", "off")),
        ("--amp-dtype", amp_dtype, ("float16", "bfloat16")),
        ("--save-logits", save_logits, (None, "float16", "float32")),
    ]
    for option, value, allowed in choices:
        if value not in allowed:
            fail(f"{option} {value}: one of {', '.join(str(a) for a in allowed if a)} is expected")


def _only(data: Sequence[Path] | None) -> Path | None:
    """Return the one --data."""
    if data is not None and len(data) > 1:
        fail(
            f"--data is given {len(data)} times, {', '.join(map(str, data))}; give one folder that all of "
            "them are in, as links if need be"
        )
    return data[0] if data else None


def _keywords(option: str, texts: Sequence[str] | None) -> dict[str, Any]:
    """Read KEY=VALUE as timm does: a Python literal, or else a string."""
    found: dict[str, Any] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            fail(f"{option} {text}: KEY=VALUE is expected")
        if key in found:
            fail(f"{option} {text}: {key} is given twice")
        try:
            found[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[key] = value
    return found


@contextmanager
def _named_as_options() -> Iterator[None]:
    """Name the option, not the argument, where a key or a value is refused."""
    from covlasso.timm import KeywordError

    try:
        yield
    except KeywordError as refusal:
        fail(f"--{refusal.place.replace('_', '-')} {refusal.why}")


def _note(notes: list[str], quiet: bool, note: str) -> None:
    """Keep what should be known, and print it."""
    from covlasso.cli._tables import say

    notes.append(note)
    if not quiet:
        say(note)


def _undrawn(*_: object) -> None:
    """No bar."""


@contextmanager
def _watched(total: int, log_freq: int, rank: int) -> Iterator[Callable[[PassProgress], None]]:
    """Show a bar where standard error is a terminal, lines every ``log_freq`` batches elsewhere.

    An interruption is given the number of pictures seen.
    """
    from covlasso._base.progress import bars, on_terminal

    seen = 0
    drawn = rank == 0 and on_terminal()

    def tell(now: PassProgress) -> None:
        nonlocal seen
        seen = now.done
        pace, skipped = f"{now.rate:.1f} a second", f"{now.skipped} skipped"
        if drawn:
            draw("pictures", now.done, total, f"{pace}, {skipped}")
        elif rank == 0 and log_freq and now.batches % log_freq == 0:
            left = f"{(total - now.done) / now.rate:.0f} s left"
            line = f"{now.done} of {total} pictures, {pace}, {left}, {skipped}"
            print(line, file=sys.stderr, flush=True)

    try:
        with bars(transient=True) if drawn else nullcontext(_undrawn) as draw:
            yield tell
    except KeyboardInterrupt as interruption:
        raise KeyboardInterrupt(
            f"interrupted after {seen} of {total} pictures; the same command goes on from the last state"
        ) from interruption


def _write_skipped(skipped: Sequence[tuple[str, str]], out: Path) -> None:
    """List what could not be read beside ``out``; no list says that there is none."""
    file = out.with_name(f"{out.stem}.skipped.txt")
    if skipped:
        lines = (f"{sample}\t{reason}\n" for sample, reason in skipped)
        file.write_text("".join(lines), encoding="utf-8")
    else:
        file.unlink(missing_ok=True)


def _tell(
    found: Extraction,
    loaded: Sequence[LoadedModel],
    out: Path,
    seconds: float,
    json_file: Path | None,
    notes: Sequence[str],
) -> None:
    """Print a summary, and write it as JSON.

    The JSON has schema "covlasso-extract-1", ``file``, ``models`` (by name: ``categories``; ``features``,
    the width of the last layer's input where that is accumulated, else null; ``top1``, the share of the
    labelled samples that the model names rightly, or null), ``classes`` ("labels", "decisions" or null: what
    means by class are of), ``samples``, ``fit``, ``held_out``, ``labelled``,
    ``skipped`` (path and reason of each), ``notes`` (lines that were said before the pass) and ``seconds``.
    """
    fit, held_out = found.moments.fit, found.moments.held_out
    models = {
        model.name: {
            "categories": fit.sizes[model.name],
            "features": fit.heads[model.name].features if model.name in fit.heads else None,
            "top1": found.correct[model.name] / found.labelled if found.labelled else None,
        }
        for model in loaded
    }
    record = {
        "schema": SCHEMA,
        "file": str(out),
        "models": models,
        "classes": fit.classes,
        "row_centred": fit.row_centred,
        "samples": found.count,
        "fit": fit.count,
        "held_out": held_out.count if held_out is not None else 0,
        "labelled": found.labelled,
        "skipped": [list(pair) for pair in found.skipped],
        "notes": list(notes),
        "seconds": seconds,
    }
    if json_file is not None:
        write_json(record, json_file)
    if json_file != STANDARD:
        say_repeated(fit.class_names)
        _show(record, out)


def _show(record: dict[str, Any], out: Path) -> None:
    from rich.text import Text

    from covlasso.cli._tables import percent, say, table, words

    shown = table("", words(), "categories", "last layer's input", "top-1")
    for name, model in record["models"].items():
        features = str(model["features"] or "")
        shown.add_row(Text(name), str(model["categories"]), features, percent(model["top1"]))
    say(shown)
    say(
        f"{record['samples']} samples: {record['fit']} to fit on, {record['held_out']} held out; "
        f"{len(record['skipped'])} skipped; {record['seconds']:.1f} s"
    )
    if record["skipped"]:
        say(f"skipped pictures: {out.with_name(f'{out.stem}.skipped.txt')}")
    say(f"written to {out}{', row-centred' if record['row_centred'] else ''}")
