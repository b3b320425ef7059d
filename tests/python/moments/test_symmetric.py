"""The half-stored symmetric sum against dense matrices, with panels narrow enough to need many."""

import numpy as np
import pytest

from covlasso.gram import products
from covlasso.gram.products import product
from covlasso.moments import symmetric
from covlasso.moments.symmetric import SymmetricSum, root


@pytest.fixture(params=[1, 3, 4, 2048])
def panel(request, monkeypatch):
    for module in (products, symmetric):
        monkeypatch.setattr(module, "PANEL", request.param)
    return request.param


def summed(rows):
    total = SymmetricSum(rows.shape[1])
    half = len(rows) // 2
    total.add_products(np.ascontiguousarray(rows[:half]))
    total.add_products(np.ascontiguousarray(rows[half:]))
    total.mirror()
    return total


@pytest.mark.usefixtures("panel")
@pytest.mark.parametrize("n", [1, 2, 3, 7, 12, 300])
def test_every_part_is_that_of_the_dense_matrix(n):
    rng = np.random.default_rng(n)
    rows = rng.standard_normal((9, n))
    total = summed(rows)
    full = total.part(slice(0, n), slice(0, n))
    np.testing.assert_allclose(full, rows.T @ rows, atol=1e-13)
    assert np.array_equal(full, full.T)
    assert np.array_equal(total.diagonal(), np.diagonal(full))
    for _ in range(30):
        start, stop = np.sort(rng.integers(0, n + 1, 2))
        first, last = np.sort(rng.integers(0, n + 1, 2))
        some = rng.integers(0, n, rng.integers(0, 5))
        columns = slice(start, stop)
        assert np.array_equal(total.part(slice(first, last), columns), full[first:last, columns])
        assert np.array_equal(total.part(some, columns), full[some, columns])


@pytest.mark.usefixtures("panel")
@pytest.mark.parametrize("n", [1, 5, 12])
def test_triangle_and_dense_forms_give_it_back(n):
    total = summed(np.random.default_rng(n).standard_normal((9, n)))
    full = total.part(slice(0, n), slice(0, n))
    triangle = total.to_triangle()
    assert np.array_equal(triangle, full[np.tril_indices(n)])
    for again in (SymmetricSum.from_triangle(triangle, n), SymmetricSum.from_dense(full), total.copy()):
        again.mirror()
        assert np.array_equal(again.part(slice(0, n), slice(0, n)), full)
        again.add(total)
        assert np.array_equal(again.part(slice(0, n), slice(0, n)), 2.0 * full)


@pytest.mark.parametrize(("n", "rank"), [(1, 1), (8, 8), (300, 300), (300, 20), (20, 1)])
def test_root(n, rank):
    factor = np.random.default_rng(n).standard_normal((n, rank)) * np.logspace(-6, 6, n)[:, np.newaxis]
    matrix = product(factor)
    assert np.array_equal(matrix, matrix.T)
    np.testing.assert_allclose(matrix, factor @ factor.T, rtol=1e-10, atol=1e-20)
    lower = root(matrix.copy())
    assert lower.shape == (n, rank)
    length = np.sqrt(np.diagonal(matrix))
    error = np.abs(lower @ lower.T - matrix) / np.outer(length, length)
    assert error.max() < 1e-12


def test_root_of_columns_that_are_constant():
    assert not root(np.zeros((3, 3))).any()
    matrix = np.diag([4.0, 0.0, 9.0])
    lower = root(matrix.copy())
    assert lower.shape == (3, 2)
    np.testing.assert_allclose(lower @ lower.T, matrix, atol=1e-15)


@pytest.mark.parametrize("panel", [1, 7, 30, 64])
def test_a_product_does_not_depend_on_its_panels(panel, monkeypatch):
    monkeypatch.setattr("covlasso.moments.symmetric.PANEL", panel)
    factor = np.random.default_rng(4).standard_normal((30, 5))
    found = product(factor)
    np.testing.assert_allclose(found, factor @ factor.T, rtol=1e-14, atol=1e-14)
    np.testing.assert_array_equal(found, found.T)
