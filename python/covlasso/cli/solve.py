"""``covlasso solve``."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from covlasso.cli import _solve_options as options
from covlasso.cli._chosen_targets import chosen_targets
from covlasso.cli._common import (
    STANDARD,
    UNCERTIFIED,
    Device,
    Json,
    RowCentred,
    Threads,
    check_new_file,
    devices,
    fail,
    held_out_rows,
    interruptible,
    one_line_errors,
    progress_bar,
    read_groups,
    write_dependencies,
    write_json,
)

if TYPE_CHECKING:
    from covlasso.dependencies import Dependencies
    from covlasso.moments import Moments

SCHEMA = "covlasso-solve-1"
_NAMED = 5  # categories without certificate that are named


def solve(
    file: options.MomentsFile,
    out: options.Out,
    target: options.Target = None,
    source: options.Source = None,
    targets: options.Targets = None,
    sample: options.Sample = None,
    seed: options.Seed = None,
    allow_same: options.AllowSame = False,
    same_by: options.SameBy = None,
    terms: options.Terms = None,
    lam: options.Lam = None,
    relative_error: options.RelativeError = None,
    max_terms: options.MaxTerms = None,
    min_lambda: options.MinLambda = None,
    method: options.Method = options.Methods.lasso,
    refit: options.Refit = False,
    l2: options.L2 = 0.0,
    positive: options.Positive = False,
    kind: options.Kind = options.Kinds.second_moment,
    row_centred: RowCentred = False,
    focus: options.Focus = None,
    own_samples: options.OwnSamples = None,
    labels: options.Labels = None,
    rows: options.Rows = None,
    groups: options.Groups = None,
    threads: Threads = None,
    device: Device = "cpu",
    force: options.Force = False,
    json_file: Json = None,
) -> None:
    """Find the dependencies of all categories, on the fit part of a file of moments.

    Started by torchrun, every process solves a part of the categories, with --device cuda on the GPU of its
    own number, and the first one writes the file.

    Exit codes: 0 every solution is certified; 1 a solution is not, the file is written all the same; 2
    wrong usage, or a file cannot be read or written; 130 interrupted.
    """
    place = _place(terms, lam, relative_error)
    with interruptible(), one_line_errors():
        from covlasso._base.ranks import own_device, process_group
        from covlasso.dependencies import Origin
        from covlasso.evidence import beside_record
        from covlasso.moments import Moments
        from covlasso.solver import forget, pair_of, solve_slices

        check_new_file(out, force)
        start = time.perf_counter()
        moments = Moments.load(file, classes=focus is not None)
        if row_centred:
            moments = moments.as_row_centred()  # which is all that is needed, and a second head is large
        wanted = {
            **place, "kind": kind.value, "method": method.value, "max_terms": max_terms,
            "min_lambda": min_lambda, "refit": refit,
            "l2": l2, "positive": positive, "allow_same": allow_same, "row_centred": row_centred,
            "n_threads": threads,
            "same_by": None if same_by is None else same_by.value,
        }  # fmt: skip
        wanted["target"], wanted["source"] = pair_of(moments, target, source)
        chosen = chosen_targets(targets, sample, seed, moments, wanted["target"])
        wanted["targets"] = chosen.numbers
        wanted["focus"] = _focus(focus)
        _check_own_samples(wanted["focus"], own_samples, wanted["target"] == wanted["source"])
        wanted["samples"] = _samples(file, own_samples, labels, rows, groups)
        with process_group() as group, progress_bar() as bar:
            wanted["device"] = devices(own_device(device, group))
            title = Origin(wanted["target"], wanted["source"]).title
            report = None if bar is None or group.rank else partial(bar, title)
            keep = None if out == STANDARD else out.with_name(f"{out.name}.parts")
            tell = None if keep is None or group.rank else partial(_say_long, keep)
            found = solve_slices(group, moments, **wanted, keep=keep, tell=tell, progress=report)
            seconds = time.perf_counter() - start
            if found is not None:  # rank 0 writes the file
                write_dependencies(found, out)
            group.barrier()
            if keep is not None:
                forget(keep)
        if found is None:
            return
        more = {
            "place": {name: value for name, value in place.items() if value is not None},
            "sample": chosen.sample,
            "excluded": _excluded(moments, found),
            "own_category": _own(moments, found),
            "beside": beside_record(found, moments),
            "seconds": seconds,
            "file": str(out),
        }
    _remark(found, terms)
    _tell(found, more, out, json_file)


def _say_long(keep: Path, kept: int, left: int, seconds: float | None) -> None:
    """Say what was there from before, and how long the rest takes."""
    from covlasso._base.progress import duration

    if seconds is None:
        typer.echo(f"{kept} targets are kept in {keep}; {left} are left", err=True)
        return
    typer.echo(
        f"{left} targets are left, which takes about {duration(seconds)}; what is done is kept in {keep}, "
        "and the same command goes on from there",
        err=True,
    )


def _remark(found: Dependencies, terms: int | None) -> None:
    """Say where there are fewer sources than terms were asked for."""
    possible = found.n_sources - found.intra
    if terms is not None and terms > possible:
        typer.echo(f"note: --terms {terms}, and there are {possible} sources for each category", err=True)


def _place(terms: int | None, lam: float | None, relative_error: float | None) -> dict[str, Any]:
    """Return the one place on the paths that is given."""
    places = {"--terms": terms, "--lam": lam, "--relative-error": relative_error}
    given = [option for option, value in places.items() if value is not None]
    if len(given) != 1:
        fail(f"give exactly one of {', '.join(places)}; {' and '.join(given) or 'none of them'} given")
    return {"terms": terms, "lam": lam, "relative_error": relative_error}


def _focus(text: str | None) -> Any:
    """Return a share, the word, or the shares in a file."""
    if text is None or text == "own":
        return text
    import numpy as np

    try:
        return float(text)
    except ValueError:
        pass
    path = Path(text)
    if not path.is_file():
        fail(f"--focus {text!r} is no number from 0 to 1, no file of them, and not `own`")
    try:
        return np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path, ndmin=1)
    except (OSError, ValueError) as cause:
        fail(f"--focus {text}: {cause}")


def _check_own_samples(focus: Any, logits: list[str] | None, within: bool) -> None:
    """Refuse saved logits that nothing asks for, too few of them or too many."""
    if not logits:
        if isinstance(focus, str):
            fail("--focus own needs the samples themselves; give --own-samples LOGITS")
        return
    if focus is None:
        fail("--own-samples is for a focus; give --focus too, `own` for own samples only")
    if len(logits) != (1 if within else 2):
        models = "one model takes --own-samples once" if within else "two take it twice, target and source"
        fail(f"--own-samples is given {len(logits)} times; {models}")


def _samples(
    moments: Path, logits: list[str] | None, labels: Path | None, rows: Path | None, groups: Path | None
) -> Any:
    """Return the saved logits that the fit part of a file of moments is of."""
    if not logits:
        for option, value in (("--labels", labels), ("--rows", rows), ("--groups", groups)):
            if value is not None:
                fail(f"{option} is for saved logits; give --own-samples LOGITS too")
        return None
    import numpy as np

    from covlasso.logits import Samples, open_logits, read_labels
    from covlasso.moments import SplitMoments

    opened = [open_logits(file) for file in logits]
    if rows is not None and groups is not None:
        fail("--rows and --groups both say which rows the moments are of; give one of them")
    if rows is not None:
        keep = np.load(rows, allow_pickle=False)
    else:
        out = held_out_rows(SplitMoments.load(moments), opened[0], None, read_groups(groups, None))
        keep = None if out is None else ~out
    label = None if labels is None else read_labels(labels)
    return Samples(opened[0], opened[1] if len(opened) > 1 else None, label, keep)


def _tell(found: Dependencies, more: dict[str, Any], out: Path, json_file: Path | None) -> None:
    """Print the summary, write it as JSON, and leave with the exit code.

    The JSON is a record of `summarise` with schema "covlasso-solve-1", ``place`` (terms, lam or
    relative_error as given), ``sample`` (``of`` how many categories these are drawn, and the ``seed``; null
    where none are), ``excluded`` (between networks: targets whose own category was excluded; else
    null), ``own_category`` (the same in words, and how it was found), ``beside`` (see
    `covlasso.evidence.beside_record`), ``seconds`` (reading included) and
    ``file`` (what was written).
    """
    from rich.console import Group

    from covlasso.cli._equation_tables import summary_table
    from covlasso.cli._tables import say
    from covlasso.graph import summarise

    record = {"schema": SCHEMA, **summarise(found), **more}
    if json_file is not None:
        write_json(record, json_file)
    if json_file != STANDARD:
        asked = " ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in more["place"].items())
        own = {} if found.intra else {"own category": more["own_category"]}
        drawn = (
            {}
            if more["sample"] is None
            else {"drawn": "from {of} categories, seed {seed}".format(**more["sample"])}
        )
        rows = {
            "asked for": asked,
            **drawn,
            **own,
            "time": f"{more['seconds']:.2f} s",
            "written to": str(out),
        }
        say(Group(*summary_table(found, record, rows)), stderr=out == STANDARD)
    missed = record["uncertified"]
    if missed:
        names = ", ".join(missed[:_NAMED]) + (", ..." if len(missed) > _NAMED else "")
        typer.echo(f"without certificate: {len(missed)} of {found.n_targets} solutions ({names})", err=True)
        raise typer.Exit(UNCERTIFIED)


def _excluded(moments: Moments, found: Dependencies) -> int | None:
    """Count the targets whose own category in the other network was excluded."""
    if found.intra or found.origin is None:
        return None
    import numpy as np

    from covlasso.solver import excluded

    own: Any = excluded(moments, found.origin, found.targets)
    return 0 if own is None else int(np.count_nonzero(np.diff(own.indptr)))


def _own(moments: Moments, found: Dependencies) -> str | None:
    """Say how many that are, and by what they were found."""
    if found.intra or found.origin is None:
        return None
    from covlasso.solver import own_in_words

    return own_in_words(moments, found.origin, found.targets)
