"""``covlasso report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from covlasso.cli._common import (
    STANDARD,
    check_new_file,
    fail,
    held_out_rows,
    interruptible,
    one_line_errors,
    progress_bar,
    read_dependencies,
    read_groups,
)

if TYPE_CHECKING:
    from covlasso.dependencies import Dependencies
    from covlasso.logits import LogitFile
    from covlasso.moments import SplitMoments


def report(
    file: Annotated[
        Path, typer.Argument(metavar="DEPENDENCIES", help="A file of `solve`; - is standard input.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page to write.")],
    moments: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Moments that the dependencies were found from: adds paths, error by terms, spectrum, and "
            "held-out R^2 where they have such a part. May be repeated.",
        ),
    ] = None,
    other: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DEPENDENCIES",
            help="More dependencies on the same page, to switch to and to compare. May be repeated.",
        ),
    ] = None,
    logits: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[MODEL=]FILE",
            help="Logits of a model, all of the same inputs: adds decisions with logits replaced. May be "
            "repeated.",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Category of each row of the logits, .npy of integers, -1 for none.",
            show_default="the model's own decisions",
        ),
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Rows of the logits that are held out, .npy of booleans.",
            show_default="as the moments say, else all",
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="In place of --rows: what each row was cut from, as given to `moments`, whose split says "
            "which groups are held out.",
        ),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What each row of the logits is, a line each: the path of a picture, or a text. A "
            "category's page then shows where its equation holds and where it fails worst.",
        ),
    ] = None,
    samples_folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the paths begin.", show_default="the folder of FILE"),
    ] = None,
    picture_mb: Annotated[
        float, typer.Option(min=0.0, help="Most megabytes of small pictures in the page; 0: none.")
    ] = 8.0,
    stability_pairs: Annotated[
        int,
        typer.Option(
            min=0,
            max=1000,
            help="Where the moments have folds: divisions into halves on which terms are looked for again.",
        ),
    ] = 10,
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Neural dependencies",
    paths: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LIST",
            help="Categories that carry what is heavy: path, curves, samples, terms on halves. Names, "
            "numbers (17, #17) and ranges (0:1000, without 1000) with commas between, or @FILE with one per "
            "line. May be given several times.",
            show_default="as many as --details says",
        ),
    ] = None,
    details: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many categories carry these, about 1 KB each.",
            show_default="2000; 500 where there are more than 5000 categories",
        ),
    ] = None,
    path_terms: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Terms that paths and curves go to.",
            show_default="1.5 x those found, 10 to 50",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Write dependencies as one HTML page that opens anywhere and needs no network.

    Exit codes: 0 done; 2 wrong usage, or a file cannot be read or written.
    """
    if out == STANDARD:
        fail("the page is a file; give --out FILE")
    check_new_file(out, force)
    with interruptible(), one_line_errors():
        from covlasso.moments import SplitMoments
        from covlasso.report import write_report

        sets = [read_dependencies(one) for one in (file, *(other or []))]
        by_class = bool(logits) or any(one.focus is not None for one in sets)
        given = [SplitMoments.load(one, classes=by_class) for one in moments or []]
        decided = _logit_options(sets, given, logits, labels, rows, groups)
        decided |= _sample_options(samples, samples_folder, bool(logits))
        asked = _asked(paths, sets[0])
        if given or logits:
            _tell_followed(sets, details, asked)
    with interruptible(), one_line_errors(), progress_bar() as progress:
        written = write_report(
            out,
            sets,
            moments=given,
            title=title,
            names=_file_names([file, *(other or [])]),
            paths=asked,
            details=details,
            path_terms=path_terms,
            overwrite=force,
            picture_mb=picture_mb,
            stability_pairs=stability_pairs,
            **decided,
            progress=progress,
        )
    size = written.stat().st_size
    typer.echo(f"{written} ({size / 1e6:.1f} MB)")
    if open_page:
        typer.launch(str(written))


def _asked(paths: list[str] | None, deps: Dependencies) -> list[int] | None:
    """Return the numbers of the categories in lists; names are those of the first file."""
    from covlasso.cli._chosen_targets import listed
    from covlasso.dependencies import Categories

    if paths is None:
        return None
    categories = Categories(deps.target_names, deps.targets.tolist())
    return listed(paths, categories, "that was solved for", "--paths")


def _tell_followed(sets: list[Dependencies], details: int | None, asked: list[int] | None) -> None:
    """Say in a line what is left out of a large set where nobody asked."""
    from covlasso.report import followed

    for deps in sets:
        chosen = followed(deps, details, None)
        if asked is None and chosen.why == "spread":
            typer.echo(
                f"{deps.n_targets:,} categories: paths and what else is heavy for {len(chosen.shown):,} of "
                "them, from the best to the least explained; --paths LIST says for which, --details N for "
                "how many",
                err=True,
            )
            return


def _file_names(files: list[Path]) -> list[str]:
    """Names without suffix, with as many folders before them as it takes to tell them apart."""
    for depth in range(1, max(len(one.parts) for one in files) + 1):
        names = ["/".join(one.with_suffix("").parts[-depth:]) for one in files]
        if len(set(names)) == len(set(files)):
            break
    return names


def _sample_options(samples: Path | None, folder: Path | None, logits: bool) -> dict[str, Any]:
    """Arguments of `covlasso.write_report` that say what the rows of the logits are."""
    from covlasso.moments import read_keys
    from covlasso.report import has_pillow

    if samples is None:
        if folder is not None:
            fail("--samples-folder is for samples; give --samples FILE too")
        return {}
    if not logits:
        fail("--samples says what the rows of logits are; give --logits FILE too")
    if not has_pillow():
        typer.echo(
            "Pillow is not installed, so pictures are shown by their paths; pip install pillow", err=True
        )
    return {"samples": read_keys(samples), "samples_folder": folder or samples.parent}


def _logit_options(
    sets: list[Dependencies],
    moments: list[SplitMoments],
    logits: list[str] | None,
    labels: Path | None,
    rows: Path | None,
    groups: Path | None,
) -> dict[str, Any]:
    """Arguments of `covlasso.write_report` that come from files of logits."""
    from covlasso.logits import read_labels

    if not logits:
        for option, value in {"--labels": labels, "--rows": rows, "--groups": groups}.items():
            if value:
                fail(f"{option} is for logits; give --logits FILE too")
        return {}
    opened = _opened(sets, logits)
    first = next(iter(opened.values()))
    keep = held_out_rows(moments[0] if moments else None, first, rows, read_groups(groups, None))
    right = None if labels is None else read_labels(labels)
    return {"logits": first if "" in opened else opened, "labels": right, "rows": keep}


def _opened(sets: list[Dependencies], logits: list[str]) -> dict[str, LogitFile]:
    """Files of logits by model; "" for the only file of dependencies that know no models."""
    from covlasso.logits import open_logits

    origins = [one.origin for one in sets if one.origin is not None]
    models = sorted({name for one in origins for name in (one.target_model, one.source_model)})
    if len(logits) == 1 and len(models) < 2:
        name, _, file = logits[0].partition("=")
        only = models[0] if models else ""
        return {only: open_logits(file if name == only else logits[0])}
    files: dict[str, str] = {}
    for given in logits:
        name, _, file = given.partition("=")
        if name not in models:
            fail(f"--logits {given}: give MODEL=FILE, with a MODEL of {', '.join(models) or 'none'}")
        files[name] = file
    return {name: open_logits(file) for name, file in files.items()}
