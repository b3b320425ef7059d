"""The figures of the report with matplotlib: every function draws into axes and returns them.

axes = covlasso.plot.path(paths, "sports car")
axes.figure.savefig("path.svg")
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covlasso._optional import needed
from covlasso._problem import check_count, check_vector
from covlasso.dependencies import Dependencies, find_target
from covlasso.evaluation import held_out_error
from covlasso.solution_path import Path
from covlasso.theory import spectrum as _spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Float64 = npt.NDArray[np.float64]

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
        No such target, or several of that name.
    ImportError
        matplotlib is not installed.
    """
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
    found = [path.at(terms=k, refit=refit) for k in range(1, check_count(terms, "terms") + 1)]
    curves = {"fit": (FIT, "--", [one.relative_error for one in found])}
    if held_out is not None:
        gram = held_out[0]
        diagonal = np.diagonal(gram) if isinstance(gram, np.ndarray) else gram.diagonal()
        energy = (diagonal if len(held_out) == 1 else np.asarray(held_out[2]))[path.targets]
        with np.errstate(invalid="ignore", divide="ignore"):
            errors = [held_out_error(one, *held_out) / energy for one in found]
        curves["held out"] = (HELD_OUT, "-", errors)
    for label, (colour, style, rows) in curves.items():
        start = np.where(np.isnan(rows[0]), np.nan, 1.0)
        low, median, high = np.nanquantile([start, *rows], _QUARTILES, axis=1)
        axes.fill_between(range(terms + 1), low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(range(terms + 1), median, style, color=colour, label=label)
    method = "refitted" if refit else "Lasso"
    axes.set(xlabel="terms in the equation", ylabel=r"error / energy $= 1 - R^2$", xlim=(0, terms))
    axes.set(ylim=(0, None), title=f"{method}: median and middle half of {path.n_targets} targets")
    axes.legend(frameon=False)
    return axes


def spectrum(gram: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the positive eigenvalues of a Gram, largest first, on logarithmic axes.

    Parameters
    ----------
    gram : (p, p) array, or FactoredGram
        As `covlasso.path` takes it.
    ax : Axes, optional
        By default those of a new figure.

    Raises
    ------
    TypeError, ValueError
        ``gram`` is no such matrix, or has an eigenvalue below 0.
    ImportError
        matplotlib is not installed.
    """
    axes = _axes(ax)
    values = _spectrum(gram).eigenvalues
    positive = values > 0
    axes.loglog(np.arange(1, len(values) + 1)[positive], values[positive], color=HELD_OUT)
    axes.set(xlabel="number of the eigenvalue", ylabel="eigenvalue", title="Spectrum")
    return axes


def r2_histogram(
    deps: Dependencies, held_out_r2: npt.ArrayLike | None = None, *, bins: int = 25, ax: Axes | None = None
) -> Axes:
    """Draw how many targets have which R^2, on the fit part and on other samples.

    Parameters
    ----------
    deps : Dependencies
        Their `Dependencies.r2` is the fit part; targets without energy are left out.
    held_out_r2 : (n_targets,) array, optional
        R^2 on other samples, ``evaluate(deps, moments).held_out.r2``. Values below 0 count in the first bin.
    bins : int, default 25
        Number of bins from 0 to 1.
    ax : Axes, optional
        By default those of a new figure.

    Raises
    ------
    TypeError, ValueError
        ``held_out_r2`` has not one number per target.
    ImportError
        matplotlib is not installed.
    """
    axes = _axes(ax)
    parts = {"fit": (FIT, deps.r2)}
    if held_out_r2 is not None:
        parts["held out"] = (HELD_OUT, check_vector(held_out_r2, "held_out_r2", deps.n_targets))
    edges = np.linspace(0.0, 1.0, check_count(bins, "bins") + 1)
    for label, (colour, r2) in parts.items():
        known = np.clip(r2[~np.isnan(r2)], 0.0, 1.0)
        axes.hist(known, edges, color=colour, alpha=0.65, label=label)
    axes.set(xlabel="$R^2$, not centred", ylabel="categories", xlim=(0, 1))
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
    axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    axes.set_yticks(np.arange(len(order)), [_plain(name) for name in names])
    axes.axvline(0.0, color="0.5", linewidth=0.8)
    axes.margins(x=0.15)
    axes.set(xlabel="coefficient", title=_plain(_target_name(deps, t)))
    return axes


def graph(
    deps: Dependencies, edges: int = 60, *, around: int | str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the strongest edges as a graph: an arrow from a source to what it explains, blue adds.

    Parameters
    ----------
    deps : Dependencies
        Their terms are the edges.
    edges : int, default 60
        How many edges are drawn, by the size of the coefficient; the title says of how many.
    around : int or str, optional
        Only edges to and from this target, given by number or name.
    ax : Axes, optional
        By default those of a new figure.

    Raises
    ------
    TypeError, ValueError
        ``edges`` is no integer of at least 1, or there is no such target.
    ImportError
        matplotlib or networkx is not installed.
    """
    nx = needed("networkx")
    whole = deps.to_networkx()
    possible = list(whole.edges(data="weight"))
    if around is not None:
        category = int(deps.targets[deps.position(around)])
        middle = category if deps.intra else ("target", category)
        possible = [edge for edge in possible if middle in edge[:2]]
    shown = sorted(possible, key=lambda edge: -abs(edge[2]))[: check_count(edges, "edges")]
    part = nx.DiGraph()
    part.add_weighted_edges_from(shown)
    place = _side_by_side(nx, part)
    names = {node: _plain(whole.nodes[node].get("name", f"#{node}")) for node in part}
    colours = [PLUS if weight > 0 else MINUS for _, _, weight in part.edges(data="weight")]
    axes = _axes(ax)
    nx.draw_networkx_nodes(part, place, ax=axes, node_size=18, node_color=HELD_OUT)
    nx.draw_networkx_edges(part, place, ax=axes, edge_color=colours, alpha=0.6, node_size=18, arrowsize=7)
    nx.draw_networkx_labels(part, place, names, ax=axes, font_size=6.5, verticalalignment="bottom")
    axes.set(title=f"{len(shown)} strongest of {len(possible)} edges")
    axes.margins(0.08)
    axes.set_axis_off()
    return axes


def _side_by_side(nx: Any, graph: Any) -> dict[Any, Float64]:
    """Positions in which connected parts stand beside each other in rows, the largest first."""
    parts = sorted(nx.weakly_connected_components(graph), key=lambda part: (-len(part), min(map(str, part))))
    place: dict[Any, Float64] = {}
    width = 1.6 * math.sqrt(len(graph))
    x = y = row = 0.0
    for part in parts:
        size = math.sqrt(len(part))
        if x and x + size > width:
            x, y, row = 0.0, y - row - 0.6, 0.0
        inside = nx.kamada_kawai_layout(nx.Graph(graph.subgraph(sorted(part, key=str))), weight=None)
        for node, (across, up) in inside.items():  # turned, so that a pair leaves room for its names
            place[node] = np.array([x + 0.5 * size * (1.0 + up), y - 0.5 * size * (1.0 - across)])
        x, row = x + size + 0.8, max(row, size)
    return place


def _axes(ax: Axes | None) -> Axes:
    """Return ``ax``, or the axes of a new figure that no window manager knows of."""
    if ax is None:
        needed("matplotlib")
        from matplotlib.figure import Figure

        ax = Figure(figsize=(8.0, 4.5), layout="constrained").subplots()
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _name_lines(
    axes: Axes, path: Path, lam: float, end: Float64, sources: npt.NDArray[np.int32], colours: Any
) -> None:
    """Write the names of ``sources`` beside the ends of their lines, apart from each other."""
    heights = _spread(end[sources], gap=0.045 * np.ptp(axes.dataLim.intervaly))
    for source, colour, height in zip(sources, colours, heights, strict=True):
        axes.annotate(
            _plain(f"{end[source]:.2f} {_source_name(path, int(source))}"),
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
    return f"#{solved.targets[t]}" if solved.target_names is None else solved.target_names[t]


def _source_name(solved: Path | Dependencies, j: int) -> str:
    return f"#{j}" if solved.source_names is None else solved.source_names[j]


def _plain(name: str) -> str:
    """Return a name in which matplotlib sees no formula."""
    return name.replace("$", r"\$")
