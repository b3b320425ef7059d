"""``covlasso extract``."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import typer

from covlasso.cli import _extract_options as opt
from covlasso.cli._common import (
    STANDARD,
    Json,
    check_new_file,
    fail,
    interruptible,
    one_line_errors,
    wanted_classes,
)
from covlasso.cli._extract_pictures import extract_pictures
from covlasso.cli._extract_text import extract_text


def extract(
    context: typer.Context,
    models: opt.Models,
    out: opt.Out,
    names: opt.Names = None,
    model_kwargs: opt.ModelKwargs = None,
    model_dtype: opt.ModelDtype = "float32",
    text: opt.Text = None,
    gguf: opt.Gguf = None,
    masked: opt.Masked = False,
    max_length: opt.MaxLength = None,
    stride: opt.Stride = 0,
    separator: opt.Separator = None,
    field: opt.Field = "text",
    encoding: opt.Encoding = "utf-8",
    before_softcap: opt.BeforeSoftcap = False,
    data: opt.Data = None,
    dataset: opt.DatasetName = "",
    split: opt.DatasetSplit = "validation",
    class_map: opt.ClassMap = None,
    class_names: opt.ClassNames = None,
    data_kwargs: opt.DataKwargs = None,
    checkpoint: opt.Checkpoints = None,
    use_ema: opt.UseEma = False,
    reparam: opt.Reparam = False,
    seed: opt.Seed = 42,
    factored: opt.FactoredForm = "auto",
    workers: opt.Workers = None,
    pin_mem: opt.PinMem = False,
    channels_last: opt.ChannelsLast = False,
    torchcompile: opt.TorchCompile = False,
    held_out: opt.HeldOut = 0.5,
    folds: opt.Folds = 0,
    groups: opt.Groups = "none",
    classes: opt.Classes = "auto",
    row_centred: opt.RowCentred = False,
    batch_size: opt.BatchSize = None,
    save_logits: opt.SaveLogits = None,
    save_states: opt.SaveStates = None,
    device: opt.Device = None,
    amp: opt.Amp = False,
    amp_dtype: opt.AmpDtype = "float16",
    strict: opt.Strict = False,
    save_every: opt.SaveEvery = None,
    log_freq: opt.LogFreq = 0,
    force: opt.Force = False,
    json_file: Json = None,
) -> None:
    """Run models over text or pictures and keep the joint moments of their logits, for `solve`.

    With --text MODELs are language models of transformers, causal or masked, and a sample is a position of
    the text; else they are classifiers of timm, and a sample is a picture of --data. Options have the names
    of transformers and of timm's validate.py; what has none here goes by --model-kwargs or --data-kwargs,
    such as `--data-kwargs crop_pct=1 --data-kwargs mean=0.5,0.5,0.5`. After any end of the process the same
    command goes on where it was. Started by torchrun, every process takes a part of the samples, and the
    first one writes FILE.

    Exit codes: 0 done; 2 wrong usage, or something cannot be read or written; 130 interrupted.
    """
    if out == STANDARD:
        fail("--out - is not possible: states are kept beside FILE")
    check_new_file(out, force)
    if amp_dtype not in ("float16", "bfloat16"):
        fail(f"--amp-dtype {amp_dtype}: one of float16, bfloat16 is expected")
    for option, value in (("--save-logits", save_logits), ("--save-states", save_states)):
        if value not in (None, "float16", "float32"):
            fail(f"{option} {value}: one of float16, float32 is expected")
    _check_kind(context, of_text=bool(text))
    common: dict[str, Any] = {
        "names": names, "model_kwargs": _keywords("--model-kwargs", model_kwargs), "model_dtype": model_dtype,
        "held_out": held_out, "folds": folds, "groups": groups, "classes": wanted_classes(classes),
        "row_centred": row_centred, "batch_size": batch_size, "device": device,
        "amp_dtype": amp_dtype if amp else None, "strict": strict, "save_every": save_every,
        "save_logits": save_logits, "save_states": save_states, "log_freq": log_freq,
        "out": out, "force": force, "json_file": json_file,
    }  # fmt: skip
    with interruptible(), one_line_errors():
        if text:
            extract_text(
                models, text=text, gguf=gguf, masked=masked, max_length=max_length, stride=stride,
                field=field, separator=separator, encoding=encoding, before_softcap=before_softcap, **common,
            )  # fmt: skip
        else:
            extract_pictures(
                models, data=data, dataset=dataset, split=split, class_map=class_map, class_names=class_names,
                checkpoint=checkpoint, use_ema=use_ema, reparam=reparam, torchcompile=torchcompile, seed=seed,
                data_kwargs=_keywords("--data-kwargs", data_kwargs), factored=factored,
                workers=workers, pin_mem=pin_mem, channels_last=channels_last, **common,
            )  # fmt: skip


def _check_kind(context: typer.Context, of_text: bool) -> None:
    """Refuse options of text where there is none, and those of pictures where there is text."""
    others, kind, remedy = (
        (opt.OF_PICTURES, "pictures", "--text is given: leave it out")
        if of_text
        else (opt.OF_TEXT, "text", "no --text is given: give one, or leave it out")
    )
    for parameter in others:
        source = context.get_parameter_source(parameter)
        if source is not None and source.name == "COMMANDLINE":
            fail(f"--{parameter.replace('_', '-')} is an option of {kind}, and {remedy}")


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
