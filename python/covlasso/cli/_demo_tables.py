"""The tables of ``covlasso demo``."""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from covlasso._base.ranking import ends
from covlasso._core import __version__, instruction_set
from covlasso.cli._demo import FEWEST, FOCUS, THRESHOLDS, Demo, Direction, above, statuses
from covlasso.cli._tables import number, table, words

_TERMS_SHOWN = 3  # of an equation: one line at 120 columns


def show(demo: Demo, console: Console, top: int = 3) -> None:
    """Print the tables, decisions first, with ``top`` categories per direction."""
    parts = [
        _heading(demo),
        _decisions(demo),
        _meaning(demo),
        _most_seen(demo, top),
        _summary(demo),
        _random(demo),
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


def _decisions(demo: Demo) -> Table:
    """Recall, false alarms and F1 with logits replaced, one row per direction and method."""
    shown = table(
        "An equation in the place of a category's logit: does the network still decide for it? (held out)",
        words(), words(), "recall", "false\nalarms", "F1", "R^2",
    )  # fmt: skip
    shown.add_row("", "the network itself", "1.00", "0.00", "1.00", "1.00")
    for direction in demo.directions:
        for place, (method, made) in enumerate(direction.focus.methods.items()):
            rates = made.replaced
            shown.add_row(
                "" if place else direction.title,
                Text(method, style="bold" if made is direction.focus.focused else ""),
                *(number(rates.mean(name)) for name in ("recall", "false_alarms", "f1")),
                number(float(np.median(made.r2))),
            )
    return shown


def _meaning(demo: Demo) -> Text:
    """Say what was counted, and what the figures do not say."""
    crops = len(demo.logits.picture)
    fewest = min(len(direction.focus.found.targets) for direction in demo.directions)
    own = [float(np.nanmedian(direction.focus.focused.r2_own)) for direction in demo.directions]
    text = Text()
    text.append(
        f"Means over the {fewest} or more categories that the network decides for on at least {FEWEST[0]} "
        f"crops of fit and {FEWEST[1]} of the {crops} counted here; its own decisions are the labels. False "
        "alarms are per true case. An equation of all samples falls short where its category is; with focus, "
        f"the category has a share of {FOCUS:g} of the samples of its equation. Class mean: no equation, but "
        "the mean logit of the crop's class, which it is told.\n"
    )
    text.append("What this does not say: ", style="bold")
    text.append(
        f"half of these categories are on at most {demo.pictures:g} held-out pictures, which bounds what "
        "equations reach here; these are no figures for ImageNet. And a focused equation says that its "
        "category is there, not how the logit varies then: on the category's own crops, about their mean, "
        f"the median R^2 is {number(max(own))} at best."
    )
    return text


def _most_seen(demo: Demo, top: int) -> Table:
    """List the focused equations of the categories with most crops in the fitted half, chosen there."""
    shown = table(
        f"Equations with focus {FOCUS:g}, of the categories most often seen",
        words("equation", wide=True), "recall", "false\nalarms", "F1", "F1, all\nsamples",
    )  # fmt: skip
    for direction in demo.directions:
        focus, found = direction.focus, direction.focus.found
        seen = demo.data.fit.class_counts(direction.origin.target_model)[found.targets]
        shown.add_row(Text(direction.title, style="italic"))
        for t in np.argsort(-seen, kind="stable")[:top]:
            equation = Text(found.equation(int(found.targets[t]), max_terms=_TERMS_SHOWN))
            equation.stylize("bold", 0, equation.plain.index(" = "))
            rates = focus.focused.replaced
            figures = (rates.recall[t], rates.false_alarms[t], rates.f1[t], focus.all_samples.replaced.f1[t])
            shown.add_row(equation, *(number(float(value)) for value in figures))
    return shown


def _summary(demo: Demo) -> Table:
    """Medians and counts of R^2 of the equations of all samples, beside random terms, and by direction."""
    first, *others = THRESHOLDS
    shown = table(
        "How well logits are explained over all samples (R^2, medians)",
        words(), words(), "fit", "held\nout", "about\nthe\nmean", "beats\nrandom",
        f"held\nout\n> {first}", *(f"> {other}" for other in others),
    )  # fmt: skip
    for direction in demo.directions:
        for method, one in direction.methods.items():
            shown.add_row(
                direction.title if method == "Lasso" else "",
                method,
                *(number(float(np.median(r2))) for r2 in (one.fit, one.held_out, one.held_out_centred)),
                str(one.explained),
                *(str(count) for count in above(one.held_out).values()),
            )
        drawn = direction.refit.random
        figures = (
            drawn.fit.r2,
            direction.refit.random_held_out.r2,
            direction.refit.random_held_out.r2_centred,
        )
        shown.add_row("", "random terms", *(number(float(np.median(r2))) for r2 in figures))
    return shown


def _random(demo: Demo) -> Text:
    """Say what stands beside R^2."""
    draws = demo.directions[0].refit.random.draws
    return Text(
        "About the mean: held out, a level that all crops share not counted. Random terms: as many, least "
        f"squares, means of {draws} draws; an equation beats them if its error is below that of every draw "
        "on the held-out half. Below, the largest and smallest of 1000 held-out figures: being chosen, they "
        "flatter a little."
    )


def _clearest(direction: Direction, top: int) -> Table:
    """List the categories with the largest R^2 of the refitted equation on the held-out half."""
    title = f"Clearest {direction.title}"
    shown = table(title, words("equation", wide=True), words(), "R^2\nfit", "R^2\nheld out")
    refit = direction.refit
    for t in ends(refit.held_out, refit.found.targets, top)[0]:
        for method, measured in direction.methods.items():
            equation = Text(measured.found.equation(int(measured.found.targets[t]), max_terms=_TERMS_SHOWN))
            equation.stylize("bold", 0, equation.plain.index(" = "))
            shown.add_row(equation, method, number(measured.fit[t]), number(measured.held_out[t]))
    return shown


def _independent(demo: Demo, top: int) -> Table:
    """List the categories with the smallest R^2 of the refitted equation on the held-out half."""
    shown = table(
        "Most independent",
        words(whole=True),
        words("R^2 of the refitted equation, fit / held out", wide=True),
    )
    for direction in demo.directions:
        refit = direction.refit
        lowest = ends(refit.held_out, refit.found.targets, top)[1]
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
        found, focused = direction.lasso.found, direction.focus.found
        shown.add_row(
            direction.title,
            f"{max(found.kkt.max(), focused.kkt.max()):.1e}",
            ", ".join(f"{count} {status}" for status, count in statuses(found, focused).items()),
            f"{direction.seconds + direction.focus.seconds:.3f} s",
        )
    solved = sum(d.lasso.found.n_targets + d.focus.found.n_targets for d in demo.directions)
    shown.add_section()
    shown.add_row("all", f"{demo.worst_kkt:.1e}", f"{solved} paths", f"{demo.seconds:.3f} s")
    return shown
