"""What ``covlasso demo`` computes and shows: the dependencies of two real ImageNet-1k networks.

All R^2 here are 1 - E[(f_i - b'g)^2] / E[f_i^2], not centred: logits enter as they are, as in the paper.
"fit" is measured on the crops that b was found on and flatters; "held out" on crops of other pictures.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from covlasso import Dependencies, Moments, Origin, _core, held_out_error, path
from covlasso.datasets import ImagenetLite, load_imagenet_lite
from covlasso.report import is_report, write_report

Float64 = npt.NDArray[np.float64]
Report = Callable[[str, int, int], object]

DIRECTIONS = (("lite0", "lite0"), ("lite1", "lite1"), ("lite0", "lite1"), ("lite1", "lite0"))
THRESHOLDS = (0.5, 0.7, 0.9)
SCHEMA = "covlasso-demo-1"
_TERMS_SHOWN = 3  # of an equation in the tables: one line at 120 columns; as_json has them all


@dataclass(frozen=True)
class Measured:
    """Dependencies and their R^2 on the held-out half, one per target; on the fitted half it is theirs."""

    found: Dependencies
    held_out: Float64

    @property
    def fit(self) -> Float64:
        """R^2 on the fitted half, per target."""
        return self.found.r2


@dataclass(frozen=True)
class Direction:
    """All categories of network ``target`` from those of network ``source``."""

    target: str
    source: str
    seconds: float
    """Wall time of the exact paths and of both solutions read off them."""
    lasso: Measured
    refit: Measured

    @property
    def title(self) -> str:
        """Name the direction in words."""
        return _title(self.target, self.source)

    @property
    def methods(self) -> dict[str, Measured]:
        """Both solutions by the name of their method."""
        return {"Lasso": self.lasso, "refitted": self.refit}


@dataclass(frozen=True)
class Demo:
    """Everything that the demo found."""

    terms: int
    threads: int
    load_seconds: float
    data: ImagenetLite
    directions: tuple[Direction, ...]

    @property
    def seconds(self) -> float:
        """Solve time of all directions."""
        return sum(direction.seconds for direction in self.directions)

    @property
    def worst_kkt(self) -> float:
        """Largest KKT residual of all solutions, relative to lambda."""
        return max(float(direction.lasso.found.kkt.max()) for direction in self.directions)

    @property
    def certified(self) -> bool:
        """Whether every solution has a KKT residual within the tolerance of a certificate."""
        return self.worst_kkt <= _core.KKT_TOLERANCE


def run(
    terms: int = 10,
    threads: int | None = None,
    report: Report | None = None,
    device: str | Sequence[str] = "cpu",
) -> Demo:
    """Solve the two networks, each from itself and from the other.

    Parameters
    ----------
    terms : int, default 10
        Solutions are taken just before one more term would enter.
    threads : int, optional
        By default one per hardware thread.
    report : callable, optional
        Called as report(title of the direction, targets done, targets in all) about ten times a second.
    device : str or sequence of str, default "cpu"
        As in `covlasso.path`.

    Returns
    -------
    Demo

    Raises
    ------
    TypeError, ValueError
        ``terms`` or ``threads`` is not an integer of at least 1.
    RuntimeError
        As in `covlasso.path`.
    KeyboardInterrupt
        Ctrl-C; the message says how many targets of the direction were done.
    """
    start = time.perf_counter()
    data = load_imagenet_lite()
    load_seconds = time.perf_counter() - start
    options = {"max_terms": terms, "n_threads": threads, "device": device}
    directions = tuple(_solve(data, *direction, options, report) for direction in DIRECTIONS)
    return Demo(terms, threads or os.cpu_count() or 1, load_seconds, data, directions)


def _solve(
    data: ImagenetLite, target: str, source: str, options: dict[str, Any], report: Report | None
) -> Direction:
    """One direction: paths on the fitted half, R^2 on the held-out half."""
    progress = None if report is None else partial(report, _title(target, source))
    moments, other = _problem(data.fit, target, source), _problem(data.held_out, target, source)
    names, source_names = data.fit.class_names[target], data.fit.class_names[source]

    start = time.perf_counter()
    paths = path(
        *moments,
        names=names,
        source_names=source_names,
        progress=progress,
        **options,
    )
    terms = options["max_terms"]
    lasso, refit = paths.at(terms=terms), paths.at(terms=terms, refit=True)
    seconds = time.perf_counter() - start

    energy = np.diagonal(data.held_out.second_moment(target))
    measured = [Measured(found, 1.0 - held_out_error(found, *other) / energy) for found in (lasso, refit)]
    return Direction(target, source, seconds, *measured)


def _title(target: str, source: str) -> str:
    return f"within {target}" if target == source else f"{target} from {source}"


def _problem(moments: Moments, target: str, source: str) -> tuple[Any, ...]:
    """(gram,) within one network, (gram, cross, energy) between two."""
    gram = moments.second_moment(source)
    if target == source:
        return (gram,)
    return gram, moments.second_moment(target, source), np.diagonal(moments.second_moment(target))


def show(demo: Demo, console: Console, top: int = 3) -> None:
    """Print the tables, with ``top`` categories per direction."""
    parts = [
        _heading(demo),
        _summary(demo),
        *(_clearest(direction, top) for direction in demo.directions),
        _independent(demo, top),
        _certificate(demo),
    ]
    for part in parts:
        console.print(part)
        console.print()


def _heading(demo: Demo) -> Text:
    fit, held_out = demo.data
    text = Text()
    threads = f"{demo.threads} thread{'s' if demo.threads > 1 else ''}"
    others = f"{demo.terms} other{'s' if demo.terms > 1 else ''}"
    text.append(f"covlasso {_core.__version__}, {_core.instruction_set()}, {threads}\n", style="bold")
    text.append(
        f"ImageNet-1k logits of EfficientNet-Lite0 and -Lite1, {fit.sizes['lite0']} categories each. Every "
        f"category as a combination of {others}; between the networks, never of the same one. "
        f"Found on {fit.count} crops (fit), checked on {held_out.count} crops of other pictures (held out).\n"
        "R^2 = 1 - E[(logit - equation)^2] / E[logit^2], not centred. Fit flatters: do not quote it alone."
    )
    return text


def _summary(demo: Demo) -> Table:
    """Medians and counts of R^2, one row per direction and method."""
    table = _table("How well categories are explained (R^2)")
    table.add_column("", no_wrap=True)
    table.add_column("")
    for heading in ("median\nfit", "median\nheld out"):
        table.add_column(heading, justify="right")
    for threshold in THRESHOLDS:
        table.add_column(f"held out\n> {threshold}", justify="right")
    for direction in demo.directions:
        for method, measured in direction.methods.items():
            table.add_row(
                direction.title if method == "Lasso" else "",
                method,
                f"{np.median(measured.fit):.2f}",
                f"{np.median(measured.held_out):.2f}",
                *(str(count) for count in _above(measured.held_out).values()),
            )
    return table


def _clearest(direction: Direction, top: int) -> Table:
    """List the categories with the largest R^2 of the refitted equation on the fitted half.

    They are chosen there and not on the held-out half, so that their held-out R^2 stay unselected.
    """
    table = _table(f"Clearest {direction.title}")
    table.add_column("equation", ratio=1)
    table.add_column("")
    table.add_column("R^2\nfit", justify="right")
    table.add_column("R^2\nheld out", justify="right")
    for t in np.argsort(-direction.refit.fit, kind="stable")[:top]:
        for method, measured in direction.methods.items():
            equation = Text(measured.found.equation(int(measured.found.targets[t]), max_terms=_TERMS_SHOWN))
            equation.stylize("bold", 0, equation.plain.index(" = "))
            table.add_row(equation, method, f"{measured.fit[t]:.2f}", f"{measured.held_out[t]:.2f}")
    return table


def _independent(demo: Demo, top: int) -> Table:
    """List the categories with the smallest R^2 of the refitted equation on the fitted half."""
    table = _table("Most independent")
    table.add_column("", no_wrap=True)
    table.add_column("R^2 of the refitted equation, fit / held out", ratio=1)
    for direction in demo.directions:
        names, refit = demo.data.fit.class_names[direction.target], direction.refit
        lowest = np.argsort(refit.fit, kind="stable")[:top]
        table.add_row(
            direction.title,
            ", ".join(f"{names[t]} ({refit.fit[t]:.2f} / {refit.held_out[t]:.2f})" for t in lowest),
        )
    return table


def _certificate(demo: Demo) -> Table:
    """KKT residuals, statuses and times."""
    table = _table("Certificate")
    table.add_column("")
    table.add_column("worst KKT\nresidual", justify="right")
    table.add_column("status", ratio=1)
    table.add_column("solve time", justify="right")
    for direction in demo.directions:
        found = direction.lasso.found
        table.add_row(
            direction.title,
            f"{found.kkt.max():.1e}",
            ", ".join(f"{count} {status}" for status, count in _statuses(found).items()),
            f"{direction.seconds:.3f} s",
        )
    solved = sum(direction.lasso.found.n_targets for direction in demo.directions)
    table.add_section()
    table.add_row("all", f"{demo.worst_kkt:.1e}", f"{solved} paths", f"{demo.seconds:.3f} s")
    return table


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )


def _above(r2: Float64) -> dict[str, int]:
    return {str(threshold): int(np.count_nonzero(r2 > threshold)) for threshold in THRESHOLDS}


def _statuses(found: Dependencies) -> dict[str, int]:
    return dict(Counter(str(status) for status in found.status).most_common())


def write_page(demo: Demo, file: Path, report: Report | None = None) -> None:
    """Write the refitted dependencies of all directions as one page, `covlasso.write_report`.

    Raises
    ------
    FileExistsError
        ``file`` is there and is no report: reports of earlier runs are replaced.
    """
    deps = [
        replace(direction.refit.found, origin=Origin(direction.target, direction.source))
        for direction in demo.directions
    ]
    write_report(
        file,
        deps,
        moments=demo.data,
        title="EfficientNet-Lite0 and -Lite1",
        overwrite=is_report(file),
        progress=report,
    )


def as_json(demo: Demo) -> dict[str, Any]:
    """Everything found, for ``json.dump``.

    ::

        schema            "covlasso-demo-1"
        covlasso          version;  instruction_set, threads, terms
        seconds           load, solve (all directions)
        worst_kkt         largest KKT residual of all solutions, relative to lambda;  certified: within 1e-9
        crops             fit, held_out: number of crops of each half
        class_names       names of the 1000 categories, which both networks share; all categories below are
                          positions in it
        directions        list, one entry per pair of networks:
          target, source  "lite0" or "lite1";  seconds: paths and both solutions
          worst_kkt       of this direction;  statuses: how many targets have which status
          lasso, refit    summary: median_r2 {fit, held_out}, above {"0.5": held-out count, ...}
          categories      list, one entry per category of the target network:
            category      position in class_names
            lam           lambda of the solution, in the paper's scale (no 1/2)
            kkt, status   its KKT residual relative to lambda, and what is known of it
            lasso, refit  r2 {fit, held_out}, sources and coefficients (two lists of one length)
    """
    fit, held_out = demo.data
    return {
        "schema": SCHEMA,
        "covlasso": _core.__version__,
        "instruction_set": _core.instruction_set(),
        "threads": demo.threads,
        "terms": demo.terms,
        "seconds": {"load": demo.load_seconds, "solve": demo.seconds},
        "worst_kkt": demo.worst_kkt,
        "certified": demo.certified,
        "crops": {"fit": fit.count, "held_out": held_out.count},
        "class_names": list(fit.class_names["lite0"]),
        "directions": [_direction_json(direction) for direction in demo.directions],
    }


def _direction_json(direction: Direction) -> dict[str, Any]:
    found = direction.lasso.found
    methods = {"lasso": direction.lasso, "refit": direction.refit}
    return {
        "target": direction.target,
        "source": direction.source,
        "seconds": direction.seconds,
        "worst_kkt": float(found.kkt.max()),
        "statuses": _statuses(found),
        **{
            name: {
                "median_r2": {"fit": float(np.median(m.fit)), "held_out": float(np.median(m.held_out))},
                "above": _above(m.held_out),
            }
            for name, m in methods.items()
        },
        "categories": [
            {
                "category": int(found.targets[t]),
                "lam": float(found.lam[t]),
                "kkt": float(found.kkt[t]),
                "status": str(found.status[t]),
                **{name: _dependency_json(m, t) for name, m in methods.items()},
            }
            for t in range(found.n_targets)
        ],
    }


def _dependency_json(measured: Measured, t: int) -> dict[str, Any]:
    coef = measured.found.coef
    row = slice(coef.indptr[t], coef.indptr[t + 1])
    return {
        "r2": {"fit": float(measured.fit[t]), "held_out": float(measured.held_out[t])},
        "sources": coef.indices[row].tolist(),
        "coefficients": coef.data[row].tolist(),
    }
