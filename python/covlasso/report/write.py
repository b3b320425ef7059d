"""`write_report`: check what is asked for, collect it, and write the file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy.typing as npt

from covlasso._base.arrays import Array
from covlasso._base.checks import check_count, check_number
from covlasso._base.progress import TitledReport
from covlasso.dependencies import Dependencies
from covlasso.logits import Rows
from covlasso.moments import Halves, Moments
from covlasso.report.content import Depth, collect
from covlasso.report.entry import match
from covlasso.report.followed import asked_for
from covlasso.report.page import render
from covlasso.report.replaced import HeldOutLogits
from covlasso.report.samples import SampleNames, has_pillow
from covlasso.report.steadiness import PAIRS

PICTURE_MB = 8.0
_GENERATOR = b'<meta name="generator" content="covlasso'
_HEAD = 1000  # bytes in which a page names its generator


def write_report(
    file: str | os.PathLike[str],
    deps: Dependencies | Sequence[Dependencies],
    *,
    moments: Moments | Halves | Sequence[Moments | Halves] = (),
    title: str = "Neural dependencies",
    names: Sequence[str] | None = None,
    paths: Sequence[int | str] | None = None,
    details: int | None = None,
    path_terms: int | None = None,
    logits: Mapping[str, Array | Rows] | Array | Rows | None = None,
    labels: npt.ArrayLike | None = None,
    rows: npt.ArrayLike | None = None,
    samples: Sequence[str] | None = None,
    samples_folder: str | os.PathLike[str] | None = None,
    picture_mb: float = PICTURE_MB,
    stability_pairs: int = PAIRS,
    overwrite: bool = False,
    progress: TitledReport | None = None,
) -> Path:
    """Write dependencies as one self-contained HTML page.

    Parameters
    ----------
    file : path
        The file to write.
    deps : Dependencies or sequence of Dependencies
        What to show; with several (directions between two networks, other numbers of terms) the page
        switches between them and compares any two that have the same targets.
    moments : Moments, SplitMoments, pair with ``fit`` and ``held_out``, or sequence of these, optional
        Moments that the dependencies were found on, and of other samples. With them the page shows paths,
        error against the number of terms, the spectrum, and held-out R^2. Every set takes the first that it
        was found on.
    title : str
        Heading of the page.
    names : sequence of str, optional
        A name for each of ``deps``, that of its file for instance. The page calls a set by its models and by
        the settings that tell it apart (kind of moments, terms or lambda, refit, focus, ...); where two sets
        differ in none, as checkpoints do, these names are added, else numbers.
    paths : sequence of int or str, optional
        Categories, by number or name, that carry what is heavy: their path, their curves, their samples, and
        how often their terms are found on halves. By default ``details`` of them do. The equations and R^2 of
        all are in the page in any case, and it says what is left out.
    details : int, optional
        Categories per set that carry these where ``paths`` does not say which: about 1 KB each in the file.
        With up to 5000 categories 2000 by default, those with the largest R^2 on the fit part, and paths are
        solved for all of them; with more 500, evenly from the best to the least explained, and paths,
        decisions and terms on halves are of these alone.
    path_terms : int, optional
        How many terms paths and curves go to; by default half as many again as the dependencies
        have, from 10 to 50.
    logits : mapping from model name to (samples, n) array or file of `covlasso.logits.open_logits`, optional
        Logits of other samples, row r of all models from the same input; of one model also as they are. With
        them the page says what becomes of decisions when logits are replaced by their equations: recall,
        false alarms and F1, beside random terms, and what is confused. Sets whose models are not all there go
        without. They are read twice per set.
    labels, rows : (samples,) arrays, optional
        As in `covlasso.evaluate`: true categories, and which samples to look at.
    samples : sequence of str, optional
        What each row of ``logits`` is: the path of a picture, or a text. With it a category's page shows the
        samples on which its equation holds and those on which it fails worst. Pictures are shown small where
        Pillow is installed.
    samples_folder : path, optional
        Where paths of ``samples`` begin; by default the working directory.
    picture_mb : float, default 8
        Most megabytes of small pictures in the file; what is beyond is shown by its path, and the page says
        how many these are. 0: none.
    stability_pairs : int, default 10
        Where ``moments`` have folds: how often these are divided into halves, to find every term again
        (`covlasso.stability`), twice as many solves. 0: not at all.
    overwrite : bool, default False
        Whether an existing file may be replaced.
    progress : callable, optional
        Called as progress(title of the work, done, total) while communities are found, paths
        solved and measured.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    FileExistsError
        ``file`` exists and ``overwrite`` is False.
    TypeError, ValueError
        An argument is wrong, or the moments are not those of the dependencies.
    ImportError
        jinja2 is not installed.
    """
    target = Path(file)
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists; give another file, or allow to overwrite it")
    sets = [deps] if isinstance(deps, Dependencies) else list(deps)
    if not sets or not all(isinstance(one, Dependencies) for one in sets):
        raise TypeError("deps must be Dependencies, or a sequence of at least one")
    if names is not None and (isinstance(names, str) or len(names) != len(sets)):
        given = 1 if isinstance(names, str) else len(names)
        raise ValueError(f"names has {given} for {len(sets)} sets of dependencies; give a list, one for each")
    candidates = _listed(moments)
    entries = [match(one, candidates) for one in sets]
    terms = None if path_terms is None else check_count(path_terms, "path_terms")
    if logits is None and (labels is not None or rows is not None):
        raise ValueError("labels and rows are for logits; give these too")
    held_out = None if logits is None else HeldOutLogits(logits, labels, rows)
    pairs = check_count(stability_pairs, "stability_pairs", least=0)
    named = _sample_names(samples, samples_folder, picture_mb, held_out)
    count = None if details is None else check_count(details, "details")
    if count is not None and paths is not None:
        raise ValueError("details says how many categories carry their path, paths says which; give one")
    depth = Depth(count, terms, progress, held_out, named, asked_for(paths, sets), pairs)
    data, record = collect(entries, title, depth, names)
    _write_atomically(target, render(record, data))
    return target


def _sample_names(
    samples: Sequence[str] | None,
    folder: str | os.PathLike[str] | None,
    picture_mb: float,
    logits: HeldOutLogits | None,
) -> SampleNames | None:
    """Check what the rows of the logits are."""
    room = int(1e6 * check_number(picture_mb, "picture_mb"))
    if samples is None:
        if folder is not None:
            raise ValueError("samples_folder is for samples; give these too")
        return None
    if logits is None:
        raise ValueError("samples say what the rows of logits are; give logits too")
    if isinstance(samples, str) or not all(isinstance(one, str) for one in samples):
        raise TypeError("samples must be a sequence of str, one for each row of the logits")
    if len(samples) != logits.count:
        raise ValueError(
            f"there are {len(samples)} samples for {logits.count} rows of logits; one for each is expected"
        )
    return SampleNames(samples, None if folder is None else Path(folder), room if has_pillow() else 0)


def is_report(file: str | os.PathLike[str]) -> bool:
    """Whether ``file`` is a page that `write_report` wrote."""
    try:
        with Path(file).open("rb") as page:
            return _GENERATOR in page.read(_HEAD)
    except OSError:
        return False


def _listed(moments: Moments | Halves | Sequence[Moments | Halves]) -> Sequence[Moments | Halves]:
    """Return a list also of one; a pair with ``fit`` and ``held_out`` may be a tuple, too."""
    if isinstance(moments, Sequence) and not hasattr(moments, "fit"):
        return moments
    return [cast("Moments | Halves", moments)]


def _write_atomically(target: Path, text: str) -> None:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
