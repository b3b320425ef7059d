"""Edges by strength, and those that a shift of the inputs does not confirm; no torch is needed."""

import numpy as np
import pytest
import scipy.sparse
from oracles import random_gram

import covlasso
from covlasso.graph import spurious_edges, strongest_edges


def test_strongest_edges():
    deps = covlasso.solve(random_gram(9, seed=9), terms=3)
    dense = np.abs(deps.coef.toarray())
    edges = strongest_edges(deps, 5)
    found = [dense[edge] for edge in edges]
    assert found == sorted(dense[dense > 0], reverse=True)[:5]
    assert len(strongest_edges(deps, 1000)) == deps.coef.nnz


def test_spurious_edges_are_those_that_the_shift_does_not_confirm():
    def dependencies(rows):
        coef = scipy.sparse.csr_array(np.array(rows))
        base = covlasso.solve(np.eye(3) + 0.5, terms=1)
        return covlasso.Dependencies(**{**vars(base), "coef": coef})

    here = dependencies([[0, 0.5, 0.4], [-0.3, 0, 0], [0.1, 0.2, 0]])
    there = dependencies([[0, 0.6, 0.1], [0.9, 0, 0.7], [0, 0.15, 0]])
    #  losses: (0, 1): 0, stronger;  (0, 2): 0.3;  (1, 0): 0.3, turned around;  (2, 0): 0.1;  (2, 1): 0.05
    assert spurious_edges(here, there, 10) == [(0, 2), (1, 0), (2, 0), (2, 1)]
    assert spurious_edges(here, there, 10, at_least=0.07) == [(0, 2), (1, 0), (2, 0)]
    assert spurious_edges(here, there, 1) == [(0, 2)]
    assert spurious_edges(here, here, 4) == []


def test_bad_dependencies_for_edges():
    deps = covlasso.solve(random_gram(4, seed=10), terms=2)
    between = covlasso.solve(np.eye(4), np.eye(4) * 0.5, np.ones(4), terms=1, exclude=None)
    with pytest.raises(ValueError, match="dependencies are between two networks"):
        strongest_edges(between, 3)
    with pytest.raises(TypeError, match="shifted is int; Dependencies are expected"):
        spurious_edges(deps, 3, 3)
    with pytest.raises(ValueError, match="shifted has other targets or sources"):
        spurious_edges(deps, covlasso.solve(random_gram(4, seed=10), terms=2, targets=[1, 2]), 3)
    with pytest.raises(ValueError, match="k is 0"):
        strongest_edges(deps, 0)
