"""``covlasso.plot``: what is drawn is what was solved."""

from __future__ import annotations

import numpy as np
import pytest
from report_reader import small_deps, small_halves

import covlasso

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")

NAMES = ["racer", "$5 note", "<script>", "猫", *(f"category {i}" for i in range(4, 12))]


@pytest.fixture(scope="module")
def halves():
    return small_halves(class_names=NAMES)


@pytest.fixture(scope="module")
def gram(halves):
    return halves.fit.second_moment("a")


@pytest.fixture(scope="module")
def paths(gram):
    return covlasso.path(gram, max_terms=6, names=NAMES)


def test_path_draws_the_coefficients(paths):
    axes = covlasso.plot.path(paths, "racer", named=3)
    knots = paths.knots("racer")
    lam = 0.5 * (knots.lam[2] + knots.lam[3])
    found = paths.at(lam=lam).coef[[0]].toarray()[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) > 2]
    drawn = [np.interp(lam, line.get_xdata()[::-1], line.get_ydata()[::-1]) for line in lines]
    assert np.allclose(sorted(x for x in drawn if x > 0 or x < 0), sorted(found[found != 0]), atol=1e-12)
    assert axes.get_xlim() == (knots.lam[0], paths.lambda_end[0])
    end = paths.at(lam=paths.lambda_end).coef[[0]].toarray()[0]
    largest = np.argsort(-np.abs(end))[:3]
    texts = {text.get_text() for text in axes.texts}
    assert texts == {f"{end[j]:.2f} {NAMES[j]}".replace("$", r"\$") for j in largest}
    assert axes.get_title() == "racer"


def test_path_of_targets_in_another_order(gram):
    some = covlasso.path(gram, targets=[7, 2], max_terms=4)
    axes = covlasso.plot.path(some, 2)
    assert axes.get_title() == "#2"
    assert axes.get_xlim() == (some.lambda_max[1], some.lambda_end[1])


@pytest.mark.parametrize("refit", [False, True])
def test_error_by_terms(paths, halves, refit):
    other = halves.held_out.second_moment("a")
    axes = covlasso.plot.error_by_terms(paths, 5, refit=refit, held_out=(other,))
    fit, held_out = (line.get_ydata() for line in axes.lines)
    for k in (1, 5):
        found = paths.at(terms=k, refit=refit)
        assert fit[k] == pytest.approx(np.median(found.relative_error), rel=1e-14)
        expected = np.median(covlasso.held_out_error(found, other) / other.diagonal())
        assert held_out[k] == pytest.approx(expected, rel=1e-14)
    assert fit[0] == held_out[0] == 1.0


def test_error_by_terms_between_networks(halves):
    def problem(moments):
        return moments.second_moment("b"), moments.second_moment("a", "b"), moments.energy("a")

    paths = covlasso.path(*problem(halves.fit), max_terms=4)
    axes = covlasso.plot.error_by_terms(paths, 4, held_out=problem(halves.held_out))
    expected = covlasso.held_out_error(paths.at(terms=4), *problem(halves.held_out)) / halves.held_out.energy(
        "a"
    )
    assert axes.lines[1].get_ydata()[4] == pytest.approx(np.median(expected), rel=1e-12)


def test_equation(halves):
    deps = small_deps(halves)
    axes = covlasso.plot.equation(deps, 1)
    values = deps.coef[[1]]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    widths = dict(zip(labels, [bar.get_width() for bar in axes.patches], strict=True))
    expected = {NAMES[j].replace("$", r"\$"): b for j, b in zip(values.indices, values.data, strict=True)}
    assert widths == expected


@pytest.mark.filterwarnings("ignore:Glyph .* missing")  # the font of this machine, not the figure
@pytest.mark.parametrize("kind", ["png", "svg"])
def test_figures_are_saved_without_a_warning(paths, halves, kind, tmp_path):
    deps = small_deps(halves)
    figures = [
        covlasso.plot.path(paths, 1),
        covlasso.plot.error_by_terms(paths, 3),
        covlasso.plot.equation(deps, 1),
    ]
    for axes in figures:
        file = tmp_path / f"figure.{kind}"
        axes.figure.savefig(file)
        assert file.stat().st_size > 1000


def test_given_axes_are_used(paths):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    assert covlasso.plot.path(paths, 0, ax=axes) is axes


@pytest.mark.parametrize(
    ("function", "of", "argument", "error"),
    [
        ("path", "paths", "tub", ValueError),
        ("error_by_terms", "paths", 0, ValueError),
        ("equation", "deps", 99, ValueError),
    ],
)
def test_bad_arguments(paths, halves, function, of, argument, error):
    solved = {"paths": paths, "deps": small_deps(halves)}[of]
    with pytest.raises(error):
        getattr(covlasso.plot, function)(solved, argument)


def test_a_pursuit_is_drawn_by_terms_and_not_against_lambda(gram):
    found = covlasso.path(gram, max_terms=4, method="pursuit")
    axes = covlasso.plot.error_by_terms(found, 4)
    assert axes.get_title().startswith("pursuit")
    with pytest.raises(ValueError, match="path is a pursuit, which has no lambda"):
        covlasso.plot.path(found, 0)
