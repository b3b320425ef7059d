"""The matrices are what their names say, and the tools around them give back what they took."""

import numpy as np
import pytest

from benchmarks.peers import Job
from benchmarks.problems import correlations, from_gram, from_head, invertible, synthetic_head
from benchmarks.report import Report, Row, Section, exponent
from benchmarks.tasks import common_grid, lambda_max, own_grid, spread, without_self
from benchmarks.timing import Contender, race


@pytest.mark.parametrize(("n", "rank"), [(30, 64), (64, 20)])
def test_synthetic_head_has_its_rank_and_factor(n, rank):
    problem = synthetic_head(n, rank)
    assert np.linalg.matrix_rank(problem.gram) == min(n, rank)
    assert problem.singular == (n > rank)
    assert (problem.gram == problem.gram.T).all()
    np.testing.assert_allclose(problem.factor.T @ problem.factor, problem.gram, atol=1e-12)


def test_synthetic_head_is_determined_by_its_seed():
    same, other = synthetic_head(20, 8), synthetic_head(20, 8, seed=1)
    assert (synthetic_head(20, 8).gram == same.gram).all()
    assert not np.allclose(same.gram, other.gram)


def test_factors_of_a_given_gram_and_head():
    rng = np.random.default_rng(0)
    head, rows = rng.standard_normal((40, 6)), rng.standard_normal((100, 6))
    moments = rows.T @ rows / 100
    wide = from_head("wide", head, moments, "")
    np.testing.assert_allclose(wide.gram, head @ moments @ head.T, atol=1e-12)
    np.testing.assert_allclose(wide.factor.T @ wide.factor, wide.gram, atol=1e-12)
    square = from_gram("square", moments, "")
    np.testing.assert_allclose(square.factor.T @ square.factor, moments, atol=1e-12)


def test_correlations_have_ones_on_the_diagonal():
    scaled = correlations(synthetic_head(30, 64))
    assert (np.diag(scaled.gram) == 1).all()
    assert np.abs(scaled.gram).max() <= 1
    np.testing.assert_allclose(scaled.factor.T @ scaled.factor, scaled.gram, atol=1e-12)


def test_what_stands_in_for_a_singular_matrix_is_regular():
    regular, singular = synthetic_head(30, 64), synthetic_head(300, 20)
    assert invertible(regular) is regular.gram
    values = np.linalg.eigvalsh(invertible(singular))
    assert values.min() > 0.1
    assert len(values) == 300


def test_grids_fall_from_lambda_max():
    gram = synthetic_head(30, 64).gram
    top = lambda_max(gram)
    assert top[7] == 2 * np.abs(np.delete(gram[7], 7)).max()
    own, common = own_grid(gram, points=5), common_grid(gram, points=5)
    np.testing.assert_allclose(own.lam[0], top)
    np.testing.assert_allclose(own.lam[-1], 0.1 * top)
    assert common.common
    assert not own.common
    np.testing.assert_allclose(common.lam[[0, -1], 3], [top.max(), 0.1 * top.max()])


def test_without_self_gives_the_gram_back():
    gram = synthetic_head(20, 8).gram
    before = gram.copy()
    for i, c in without_self(gram, np.array([0, 7, 19])):
        others = np.arange(20) != i
        assert c[i] == 0
        assert (c[others] == before[i, others]).all()
        assert (gram[i, others] == 0).all()
        assert (gram[others, i] == 0).all()
        assert gram[i, i] == before[i, i]
    assert (gram == before).all()


def test_spread_is_even_and_complete():
    assert (spread(1000, 3) == [0, 500, 999]).all()
    assert (spread(5, 50) == range(5)).all()


def test_race_counts_rounds_and_takes_ratios_within_them():
    log = []

    def job(name, seconds):
        return Job(lambda: log.append(name), lambda _: [], seconds=lambda _: next(seconds))

    slow, fast = Contender(job("a", iter([9, 2, 8, 2])), factor=10), Contender(job("b", iter([9, 1, 2, 1])))
    race([slow, fast], budget=1000, most=3)
    assert log == ["a", "b"] * 4  # one round to warm up
    assert slow.times == [20, 80, 20]
    assert slow.seconds == 20
    assert slow.over(fast) == 20


def test_exponent_of_a_power():
    assert exponent([10, 20, 40], [3e-5, 12e-5, 48e-5]) == pytest.approx(2)


def test_report_names_what_is_missing(tmp_path):
    report = Report({"processor": "P"})
    rows = [Row("solver", "1", "5", 0.25, 2.0, 3.0, 1e-12, 50), Row("peer", note="missing: pip install peer")]
    report.sections.append(Section("Title", "note", rows))
    markdown, data = report.write(tmp_path / "a.b")
    assert markdown.name == "a.b.md"
    text = markdown.read_text()
    assert "| solver | 1 | 5 | 250 ms | 2 | 3 | 1e-12 | 50 |" in text
    assert "| peer |  | missing: pip install peer |" in text
    assert '"seconds": 0.25' in data.read_text()
