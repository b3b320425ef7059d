"""``covlasso moments``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from covlasso.cli._common import (
    STANDARD,
    Classes,
    Json,
    RowCentred,
    check_new_file,
    fail,
    interruptible,
    one_line_errors,
    progress_bar,
    read_groups,
    say_classes,
    say_left_out,
    say_repeated,
    wanted_classes,
    write_json,
)

if TYPE_CHECKING:
    from covlasso._base.arrays import Int64
    from covlasso.logits import FileMoments
    from covlasso.moments import LinearHead, Split

SCHEMA = "covlasso-moments-1"


class ManyNames(TyperCommand):
    """A command whose option --names takes all words up to the next option or file; --text, to the option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat these options before each of their words."""
        spread: list[str] = []
        inside = ""
        for arg in args:
            if arg.startswith("-") and arg != "-":
                inside = arg if arg in ("--names", "--text") else ""
                spread += [] if inside else [arg]
            else:
                if inside == "--names" and Path(arg).is_file():
                    inside = ""
                spread += [inside, arg] if inside else [arg]
        return super().parse_args(ctx, spread)


def moments(
    files: Annotated[
        list[str],
        typer.Argument(metavar="LOGITS...", help="A file per model, with the same inputs in the same rows."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the moments go.")],
    names: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME...", help="Names of the models, one per file.", show_default="the files' names"
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What each row was cut from: .npy, or a text with a line per row."),
    ] = None,
    groups_regex: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="The part of each line of --groups that counts: its first group."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Category of each row, .npy of integers, -1: none; for top-1, --classes.",
        ),
    ] = None,
    class_names: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Names of the categories, one per line, or a list in .json."),
    ] = None,
    head: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Last linear layer, (categories, features), of a model whose file has hidden states in the "
            "place of logits; once per file, `none` for logits.",
        ),
    ] = None,
    head_bias: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Its bias, (categories,); once per --head, `none` for 0."),
    ] = None,
    held_out: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the groups that is held out.")
    ] = 0.5,
    folds: Annotated[int, typer.Option(min=0, help="Parts of the rest.")] = 0,
    classes: Classes = "auto",
    row_centred: RowCentred = False,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", min=1, help="Rows read at a time.")] = 1024,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
    json_file: Json = None,
) -> None:
    """Keep the joint moments of logits that are on disk, for `solve`.

    LOGITS are .npy, .npz or .safetensors (FILE:KEY where there are several arrays) or Parquet with a column
    per category; but for .npz they are read in pieces and never held whole. Rows of one group are all held
    out, or none. Means by class are for dependencies with a focus on their category.

    With --head a file has hidden states, and its logits W h + b are never kept: moments of the features are,
    whatever the number of categories, as of a vocabulary.

    Exit codes: 0 done; 2 wrong usage, or something cannot be read or written; 130 interrupted.
    """
    began = time.monotonic()
    with interruptible(), one_line_errors():
        from covlasso.logits import model_names, moments_of_files, open_logits, read_labels, suspicions
        from covlasso.moments import Split, read_class_names

        _check(out, force, classes, labels)
        keys = read_groups(groups, groups_regex)
        split = Split(held_out, folds, _grouping(groups, groups_regex))
        categories = None if class_names is None else read_class_names(class_names)
        right = None if labels is None else read_labels(labels)
        opened = dict(zip(model_names(files, names), map(open_logits, files), strict=True))
        heads = _heads(list(opened), head, head_bias)
        with progress_bar() as report:
            found = moments_of_files(
                opened, split, keys, categories, right, batch_size, report,
                wanted_classes(classes), None if json_file == STANDARD else say_classes, row_centred, heads,
            )  # fmt: skip
        found.moments.save(out)
        logits = [one for name, one in opened.items() if name not in heads]
        for warning in (line for one in logits for line in suspicions(one, row_centred)):
            typer.echo(f"warning: {warning}", err=True)
        notes = _notes(split, keys, right, found)
    record = {**_record(found, out, time.monotonic() - began), "notes": notes}
    if json_file is not None:
        write_json(record, json_file)
    if json_file != STANDARD:
        say_left_out(opened.values())
        say_repeated(found.moments.fit.class_names)
        _show(record, out)


def _heads(models: list[str], weights: list[str] | None, biases: list[str] | None) -> dict[str, LinearHead]:
    """Read the last layers of the models that have one."""
    from covlasso.logits import read_head

    if weights is None:
        if biases is not None:
            fail("--head-bias is of a --head; give that FILE, too")
        return {}
    for option, given in (("--head", weights), ("--head-bias", biases or weights)):
        if len(given) != len(models):
            fail(f"{option} is given {len(given)} times for {len(models)} files; once per file, or `none`")
    pairs = zip(models, weights, biases or ["none"] * len(models), strict=True)
    return {
        model: read_head(weight, None if bias == "none" else bias)
        for model, weight, bias in pairs
        if weight != "none"
    }


def _check(out: Path, force: bool, classes: str, labels: Path | None) -> None:
    if out == STANDARD:
        fail("--out - is not possible; give a FILE")
    wanted_classes(classes)
    if classes == "labels" and labels is None:
        fail("--classes labels takes the categories of --labels; give that FILE too")
    check_new_file(out, force)


def _grouping(groups: Path | None, groups_regex: str | None) -> str:
    """Say in words what the groups are, for the file."""
    from covlasso.moments import Split

    if groups is None:
        return Split().groups  # the words by which rows are told apart by their number, later
    part = "" if groups_regex is None else f", first group of {groups_regex}"
    return f"{groups.name}{part}"


def _notes(split: Split, keys: list[str] | None, labels: Int64 | None, found: FileMoments) -> list[str]:
    """Say what should be known about the split: groups that are classes, by the labels or by their names."""
    from covlasso.moments import whole_classes

    if keys is None:
        return []
    if labels is not None:
        return whole_classes(split, keys, labels.tolist())
    names = {name for of_model in found.moments.fit.class_names.values() for name in of_model}
    return whole_classes(split, keys, keys) if set(keys) <= names else []


def _record(found: FileMoments, out: Path, seconds: float) -> dict[str, Any]:
    """Make the JSON of a run.

    It has schema "covlasso-moments-1", ``file``, ``models`` (by name: ``categories``, and ``top1``: by half,
    the share of the labelled rows whose largest logit is that of the label, or null), ``classes`` ("labels",
    "decisions" or null: what means by class are of), ``row_centred``, ``groups`` (in words),
    ``rows`` (in all, and of every part), ``labelled`` (by half, or null), ``notes`` (lines) and ``seconds``.
    """
    moments, counted = found
    fit = moments.fit
    halves = [half for half in ("fit", "held_out") if half in moments.parts]

    def top1(name: str) -> dict[str, float | None] | None:
        if counted is None:
            return None
        of = {half: counted[half] for half in halves}
        return {half: one.correct[name] / one.labelled if one.labelled else None for half, one in of.items()}

    parts = {part: one.count for part, one in moments.parts.items()}
    return {
        "schema": SCHEMA,
        "file": str(out),
        "models": {name: {"categories": fit.sizes[name], "top1": top1(name)} for name in fit.names},
        "classes": fit.classes,
        "row_centred": fit.row_centred,
        "groups": moments.split.groups,
        "rows": {"all": parts["fit"] + parts.get("held_out", 0), **parts},
        "labelled": None if counted is None else {half: counted[half].labelled for half in halves},
        "seconds": seconds,
    }


def _show(record: dict[str, Any], out: Path) -> None:
    from rich.text import Text

    from covlasso.cli._tables import percent, say, table, words

    labelled = record["labelled"] or {}
    names = {"fit": "fit", "held_out": "held out"}
    shown = table("", words(), "categories", *(f"top-1, {names[half]}" for half in labelled))
    for name, model in record["models"].items():
        shares = [(model["top1"] or {}).get(half) for half in labelled]
        shown.add_row(Text(name), str(model["categories"]), *map(percent, shares))
    rows = record["rows"]
    folds = sum(part.startswith("fold.") for part in rows)
    in_folds = f" in {folds} folds" if folds else ""
    say(shown)
    say(
        f"{rows['all']} rows: {rows['fit']} to fit on{in_folds}, {rows.get('held_out', 0)} held out; "
        f"groups: {record['groups']}; {record['seconds']:.1f} s"
    )
    if record["groups"] == _grouping(None, None) and len(rows) > 2:
        say("Each row is a group of its own; rows of one source (crops, ...) belong together: give --groups.")
    for note in record["notes"]:
        say(note)
    say(f"written to {out}{', row-centred' if record['row_centred'] else ''}")
