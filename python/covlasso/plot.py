"""The figures of the report with matplotlib: every function draws into axes and returns them.

axes = covlasso.plot.path(paths, "sports car")
axes.figure.savefig("path.svg")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covlasso._base.arrays import Float64, Int32
from covlasso._base.checks import check_count
from covlasso._base.digits import coefficient_text
from covlasso._base.optional import needed
from covlasso.dependencies import Dependencies, find_target, labels
from covlasso.evidence import checked_blocks, r2_by_terms
from covlasso.solver import Path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIT, HELD_OUT, PLUS, MINUS = "#8a94a6", "#0b6e75", "#2563b8", "#c2570c"
_QUARTILES = (0.25, 0.5, 0.75)


def path(path: Path, target: int | str, *, named: int = 10, ax: Axes | None = None) -> Axes:
    """Draw the coefficients of one target against lambda, one line per source.

    Parameters
    ----------
    path : Path
        Solved paths.
    target : int or str
        Category number or name.
    named : int, default 10
        How many lines have a name: the largest at the end of the path.
    ax : Axes, optional
        By default those of a new figure.

    Returns
    -------
    Axes
        lambda (in the paper's scale, no 1/2) falls from left to right.

    Raises
    ------
    TypeError, ValueError
        No such target, or several of that name; or the path is a pursuit, which has no lambda.
    ImportError
        matplotlib is not installed.
    """
    if path.method == "pursuit":
        raise ValueError("path is a pursuit, which has no lambda to draw against; plot.error_by_terms does")
    axes = _axes(ax)
    place = find_target(target, path.targets, path.target_names)
    knots = path.knots(target)
    end = path.at(lam=path.lambda_end).coef[[place]].toarray()
    finite = np.isfinite(knots.lam)  # unpenalised sources enter at infinity
    lam = np.append(knots.lam[finite], path.lambda_end[place])
    coefficients = np.vstack([knots.coef.toarray()[finite], end])
    sources = np.unique(knots.category)
    sources = sources[np.argsort(-coefficients[-1, sources], kind="stable")]
    colours = needed("matplotlib").colormaps["viridis"](np.linspace(0.0, 0.75, max(1, len(sources))))
    for source, colour in zip(sources, colours, strict=False):
        line = coefficients[:, source]
        # From the knot where it enters to the one where it leaves; ends count as outside.
        there = np.convolve(line != 0, [True, True, True])[1:-1]
        axes.plot(lam, np.where(there, line, np.nan), color=colour)
    largest = np.sort(np.argsort(-np.abs(coefficients[-1, sources]), kind="stable")[:named])
    _name_lines(axes, path, lam[-1], coefficients[-1], sources[largest], colours[largest])
    axes.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
    axes.set(
        xlabel=r"$\lambda$ (scale of the paper)",
        ylabel="coefficient",
        title=_plain(_target_name(path, place)),
    )
    if len(lam) > 1:
        axes.set_xlim(lam[0], lam[-1])
    return axes


def error_by_terms(
    path: Path,
    terms: int = 20,
    *,
    refit: bool = False,
    held_out: tuple[Any, ...] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw error / energy against the number of terms: the median target, and the middle half as a band.

    Parameters
    ----------
    path : Path
        Solved paths, with ``max_terms`` of at least ``terms``.
    terms : int, default 20
        The largest number of terms.
    refit : bool, default False
        Least squares on the terms found, instead of the Lasso.
    held_out : (gram,) or (gram, cross, energy), optional
        Moments of other samples, as `covlasso.held_out_error` takes them: a second curve.
    ax : Axes, optional
        By default those of a new figure.

    Raises
    ------
    TypeError, ValueError
        ``terms`` is no integer of at least 1, or the moments do not fit.
    ImportError
        matplotlib is not installed.
    """
    axes = _axes(ax)
    measure = None
    if held_out is not None:
        gram, cross, energy = (*held_out, None, None)[:3]
        measure = checked_blocks(gram, cross, energy, path.n_sources, path.targets, path.intra).r2
    found = r2_by_terms(path, check_count(terms, "terms"), refit=refit, measure=measure)
    curves = {"fit": (FIT, "--", 1.0 - found.fit)}
    if found.held_out is not None:
        curves["held out"] = (HELD_OUT, "-", 1.0 - found.held_out)
    for label, (colour, style, rows) in curves.items():
        low, median, high = np.nanquantile(rows, _QUARTILES, axis=1)
        axes.fill_between(range(terms + 1), low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(range(terms + 1), median, style, color=colour, label=label)
    method = "pursuit" if path.method == "pursuit" else "refitted" if refit else "Lasso"
    axes.set(xlabel="terms in the equation", ylabel=r"error / energy $= 1 - R^2$", xlim=(0, terms))
    axes.set(ylim=(0, None), title=f"{method}: median and middle half of {path.n_targets} targets")
    axes.legend(frameon=False)
    return axes


def equation(deps: Dependencies, target: int | str, *, ax: Axes | None = None) -> Axes:
    """Draw the coefficients of one target as signed bars, the largest on top.

    Parameters
    ----------
    deps : Dependencies
        Dependencies of the target.
    target : int or str
        Category number or name.
    ax : Axes, optional
        By default those of a new figure.

    Raises
    ------
    TypeError, ValueError
        No such target, or several of that name.
    ImportError
        matplotlib is not installed.
    """
    t = deps.position(target)
    row = slice(deps.coef.indptr[t], deps.coef.indptr[t + 1])
    source, value = deps.coef.indices[row], deps.coef.data[row]
    order = np.argsort(np.abs(value), kind="stable")
    names = [_source_name(deps, int(j)) for j in source[order]]
    axes = _axes(ax)
    bars = axes.barh(np.arange(len(order)), value[order], color=np.where(value[order] > 0, PLUS, MINUS))
    axes.bar_label(bars, fmt=coefficient_text, padding=3, fontsize=8)
    axes.set_yticks(np.arange(len(order)), [_plain(name) for name in names])
    axes.axvline(0.0, color="0.5", linewidth=0.8)
    axes.margins(x=0.15)
    axes.set(xlabel="coefficient", title=_plain(_target_name(deps, t)))
    return axes


def _axes(ax: Axes | None) -> Axes:
    """Return ``ax``, or the axes of a new figure that no window manager knows of."""
    if ax is None:
        needed("matplotlib")
        from matplotlib.figure import Figure

        ax = Figure(figsize=(8.0, 4.5), layout="constrained").subplots()
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _name_lines(axes: Axes, path: Path, lam: float, end: Float64, sources: Int32, colours: Any) -> None:
    """Write the names of ``sources`` beside the ends of their lines, apart from each other."""
    heights = _spread(end[sources], gap=0.045 * np.ptp(axes.dataLim.intervaly))
    for source, colour, height in zip(sources, colours, heights, strict=True):
        axes.annotate(
            _plain(f"{coefficient_text(end[source])} {_source_name(path, int(source))}"),
            xy=(lam, end[source]),
            xytext=(1.03, height),
            textcoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            color=colour,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "relpos": (0, 0.5)},
        )


def _spread(heights: Float64, gap: float) -> Float64:
    """Move falling heights apart to at least ``gap``, from the top and from the bottom alike."""
    steps = gap * np.arange(len(heights))
    down = np.minimum.accumulate(heights + steps) - steps
    up = np.maximum.accumulate((heights + steps)[::-1])[::-1] - steps
    return np.asarray((down + up) / 2)


def _target_name(solved: Path | Dependencies, t: int) -> str:
    names = solved.target_names
    return f"#{solved.targets[t]}" if names is None else labels(names, solved.targets.tolist())[t]


def _source_name(solved: Path | Dependencies, j: int) -> str:
    names = solved.source_names
    return f"#{j}" if names is None else labels(names, range(len(names)))[j]


def _plain(name: str) -> str:
    """Return a name in which matplotlib sees no formula."""
    return name.replace("$", r"\$")
