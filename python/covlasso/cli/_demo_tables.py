"""The tables of ``covlasso demo``."""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from covlasso._core import __version__, instruction_set
from covlasso.cli._demo import THRESHOLDS, Demo, Direction, above, statuses
from covlasso.cli._tables import number, table, words

_TERMS_SHOWN = 3  # of an equation: one line at 120 columns


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
    text.append(f"covlasso {__version__}, {instruction_set()}, {threads}\n", style="bold")
    text.append(
        f"ImageNet-1k logits of EfficientNet-Lite0 and -Lite1, {fit.sizes['lite0']} categories each. Every "
        f"category as a combination of {others}; between the networks, never of the same one. "
        f"Found on {fit.count} crops (fit), checked on {held_out.count} crops of other pictures (held out).\n"
        "R^2 = 1 - E[(logit - equation)^2] / E[logit^2], not centred. Fit flatters: do not quote it alone."
    )
    return text


def _summary(demo: Demo) -> Table:
    """Medians and counts of R^2, one row per direction and method."""
    counts = [f"held out\n> {threshold}" for threshold in THRESHOLDS]
    shown = table(
        "How well categories are explained (R^2)",
        words(whole=True), words(), "median\nfit", "median\nheld out", *counts,
    )  # fmt: skip
    for direction in demo.directions:
        for method, measured in direction.methods.items():
            shown.add_row(
                direction.title if method == "Lasso" else "",
                method,
                number(float(np.median(measured.fit))),
                number(float(np.median(measured.held_out))),
                *(str(count) for count in above(measured.held_out).values()),
            )
    return shown


def _clearest(direction: Direction, top: int) -> Table:
    """List the categories with the largest R^2 of the refitted equation on the fitted half.

    They are chosen there and not on the held-out half, so that their held-out R^2 stay unselected.
    """
    title = f"Clearest {direction.title}"
    shown = table(title, words("equation", wide=True), words(), "R^2\nfit", "R^2\nheld out")
    for t in np.argsort(-direction.refit.fit, kind="stable")[:top]:
        for method, measured in direction.methods.items():
            equation = Text(measured.found.equation(int(measured.found.targets[t]), max_terms=_TERMS_SHOWN))
            equation.stylize("bold", 0, equation.plain.index(" = "))
            shown.add_row(equation, method, number(measured.fit[t]), number(measured.held_out[t]))
    return shown


def _independent(demo: Demo, top: int) -> Table:
    """List the categories with the smallest R^2 of the refitted equation on the fitted half."""
    shown = table(
        "Most independent",
        words(whole=True),
        words("R^2 of the refitted equation, fit / held out", wide=True),
    )
    for direction in demo.directions:
        refit = direction.refit
        lowest = np.argsort(refit.fit, kind="stable")[:top]
        listed = (
            f"{refit.found.target_label(t)} ({number(refit.fit[t])} / {number(refit.held_out[t])})"
            for t in lowest
        )
        shown.add_row(direction.title, ", ".join(listed))
    return shown


def _certificate(demo: Demo) -> Table:
    """KKT residuals, statuses and times."""
    shown = table(
        "Certificate", words(whole=True), "worst KKT\nresidual", words("status", wide=True), "solve time"
    )
    for direction in demo.directions:
        found = direction.lasso.found
        shown.add_row(
            direction.title,
            f"{found.kkt.max():.1e}",
            ", ".join(f"{count} {status}" for status, count in statuses(found).items()),
            f"{direction.seconds:.3f} s",
        )
    solved = sum(direction.lasso.found.n_targets for direction in demo.directions)
    shown.add_section()
    shown.add_row("all", f"{demo.worst_kkt:.1e}", f"{solved} paths", f"{demo.seconds:.3f} s")
    return shown
