"""``covlasso evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from covlasso.cli._common import (
    STANDARD,
    Json,
    fail,
    held_out_rows,
    interruptible,
    one_line_errors,
    progress_bar,
    read_dependencies,
    read_groups,
    write_json,
)

if TYPE_CHECKING:
    from covlasso._base.progress import TitledReport
    from covlasso.dependencies import Dependencies
    from covlasso.evidence import Evaluation
    from covlasso.logits import Samples
    from covlasso.moments import SplitMoments


def evaluate(
    file: Annotated[
        Path, typer.Argument(metavar="DEPENDENCIES", help="A file of `solve`; - is standard input.")
    ],
    moments: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Moments with a held-out part: of `moments`, `extract`."),
    ] = None,
    logits: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="Logits of the target model; between models again for the source model."
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
        typer.Option(metavar="FILE", help="Rows of the logits that are held out, .npy of booleans."),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="In place of --rows: what each row was cut from, as given to `moments`."
        ),
    ] = None,
    groups_regex: Annotated[
        str | None, typer.Option(metavar="REGEX", help="The part of each line of --groups, as there.")
    ] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Beside other choices of terms, and all categories.")
    ] = False,
    eps: Annotated[
        list[float] | None,
        typer.Option(help="Error that counts as small, in units of the logit's rms; again for more."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the baseline's random terms.")] = 0,
    in_sample: Annotated[
        bool, typer.Option("--in-sample", help="Also where nothing is held out, though it flatters.")
    ] = False,
    focus: Annotated[
        str | None,
        typer.Option(
            metavar="A,A,...",
            help="Choose instead: F1 of new equations with each of these focuses, as 0.03,0.1,0.3.",
        ),
    ] = None,
    terms: Annotated[
        str, typer.Option(metavar="K,K,...", help="With --focus: numbers of terms.")
    ] = "5,10,20,50",
    top: Annotated[int, typer.Option(min=0, help="Categories per table.")] = 5,
    json_file: Json = None,
) -> None:
    """Measure how well dependencies hold on samples that they were not found on.

    From moments: error, R^2 and correlation. From logits: how often the error is small, and the decisions
    when a category's logit is replaced by its equation, one category at a time and all at once: recall, false
    alarms, F1, and what is confused. Give one of them, or both. With moments the Lasso and its refit stand
    side by side.

    With --focus it solves the direction of the file again on the fit part of the moments, once for each
    focus, and says which focus and how many terms recognise best on the logits.

    Exit codes: 0 done; 2 wrong usage, nothing is held out, or a file cannot be read or written; 130
    interrupted.
    """
    with interruptible(), one_line_errors():
        from rich.console import Group

        from covlasso.cli._evaluate_tables import tables
        from covlasso.cli._tables import say
        from covlasso.evidence import evaluation_record

        deps = read_dependencies(file)
        split = _moments(moments, logits, in_sample)
        options = _logit_options(deps, split, logits, labels, rows, groups, groups_regex, eps)
        if focus is not None:
            _choose(deps, split, options, focus, terms, json_file)
            return
        with progress_bar() as report:
            found = _evaluations(deps, split, baselines, seed, options, report)
        record = evaluation_record(deps, found, split, whole=bool(logits) and options["rows"] is None)
        if json_file is not None:
            write_json(record, json_file)
        if json_file != STANDARD:
            say(Group(*tables(record, top)))


def _choose(
    deps: Dependencies,
    split: SplitMoments | None,
    options: dict[str, Any],
    focus: str,
    terms: str,
    json_file: Path | None,
) -> None:
    """Print F1 over focuses and numbers of terms."""
    from rich.console import Group

    from covlasso.cli._focus_tables import focus_tables
    from covlasso.cli._tables import say
    from covlasso.evidence import choose_for, focus_record
    from covlasso.logits import Samples

    if split is None or not options:
        fail("--focus solves on moments and decides on logits; give --moments FILE and --logits FILE")
    if deps.origin is None:
        fail("--focus needs dependencies that say of which models they are: a file of `solve`")
    samples = Samples(*(options[name] for name in ("logits", "source_logits", "labels", "rows")))
    with progress_bar() as report:
        choice = choose_for(
            deps.origin,
            split,
            samples,
            alphas=_numbers(focus, "--focus", float),
            terms=_numbers(terms, "--terms", int),
            targets=deps.targets,
            progress=report,
        )
    record = focus_record(choice, deps.origin.title)
    if json_file is not None:
        write_json(record, json_file)
    if json_file != STANDARD:
        say(Group(*focus_tables(record)))


def _numbers(text: str, option: str, kind: type[Any]) -> list[Any]:
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        fail(f"{option} is {text!r}; numbers with commas between them are expected")


def _moments(file: Path | None, logits: list[str] | None, in_sample: bool) -> SplitMoments | None:
    """Moments with something held out, unless that is waived."""
    from covlasso.moments import SplitMoments

    if file is None:
        if not logits:
            fail("nothing to measure on; give --moments FILE, --logits FILE, or both")
        return None
    split = SplitMoments.load(file)
    if split.held_out is None and not in_sample:
        fail(f"{file} has no held-out part; make it with --held-out, or give --in-sample, which flatters")
    return split


def _logit_options(
    deps: Dependencies,
    split: SplitMoments | None,
    logits: list[str] | None,
    labels: Path | None,
    rows: Path | None,
    groups: Path | None,
    groups_regex: str | None,
    eps: list[float] | None,
) -> dict[str, Any]:
    """Arguments of `covlasso.evaluate` that come from files of logits."""
    from covlasso.evidence import EPS
    from covlasso.logits import open_logits, read_labels

    if not logits:
        given = {
            "--labels": labels, "--rows": rows, "--groups": groups, "--groups-regex": groups_regex,
            "--eps": eps,
        }  # fmt: skip
        for option, value in given.items():
            if value:
                fail(f"{option} is for logits; give --logits FILE too")
        return {}
    wanted = 1 if deps.intra else 2
    if len(logits) != wanted:
        which = "once, for the one model" if deps.intra else "twice: target model, source model"
        fail(f"--logits is given {len(logits)} times; give it {which}")
    opened = [open_logits(file) for file in logits]
    return {
        "logits": opened[0],
        "source_logits": None if deps.intra else opened[1],
        "labels": None if labels is None else read_labels(labels),
        "rows": held_out_rows(split, opened[0], rows, read_groups(groups, groups_regex)),
        "eps": tuple(eps or EPS),
    }


def _evaluations(
    deps: Dependencies,
    split: SplitMoments | None,
    baselines: bool,
    seed: int,
    options: dict[str, Any],
    report: TitledReport | None,
) -> dict[str, Evaluation]:
    """Evaluate by every method; the one of the file is among them."""
    from covlasso.evidence import compare_methods
    from covlasso.evidence import evaluate as measure

    own = deps.solution
    if split is None:
        if baselines:
            fail("--baselines are found on moments; give --moments FILE")
        progress = None if report is None else lambda done, total: report(own, done, total)
        return {own: measure(deps, progress=progress, **options)}
    samples = _own_samples(split, options)
    of_samples = deps.origin is not None and deps.origin.focus == "own samples"
    unknown = samples is None if of_samples else deps.focus is not None and split.fit.classes is None
    methods = [own] if unknown else [*dict.fromkeys(("lasso", "refitted", own, "random"))]
    if options and split.fit.classes is not None:
        methods.append("class mean")
    found = compare_methods(
        deps,
        split,
        methods=None if baselines else methods,
        seed=seed,
        progress=report,
        own_samples=samples,
        **options,
    )
    if "lasso" in methods and "lasso" not in found:
        typer.echo(
            "the Lasso solutions of these refitted ones are not found again on these moments", err=True
        )
    return found


def _own_samples(split: SplitMoments, options: dict[str, Any]) -> Samples | None:
    """Logits of the fit part, where they are the rows that are not held out."""
    from covlasso.logits import Samples

    keep = options.get("rows")
    if keep is None or keep.dtype != bool or int((~keep).sum()) != split.fit.count:
        return None
    return Samples(options["logits"], options["source_logits"], options["labels"], ~keep)
