"""The graph of categories: planted dependencies found exactly, and every question against its definition."""

from itertools import combinations

import numpy as np
import pytest
from oracles import random_cross, random_gram

import covlasso
from covlasso.graph import dependents, mutual_pairs, out_degree, symmetrise
from covlasso.graph.relations import independent_categories

DERIVED, TERMS = 8, 3
BASES = DERIVED * TERMS


def planted(seed=0, samples=4000):
    """Logits of 24 independent categories, and of 8 more, each a known combination of three of its own."""
    rng = np.random.default_rng(seed)
    bases = rng.standard_normal((samples, BASES))
    weights = np.zeros((DERIVED, BASES))
    for row, own in zip(weights, rng.permutation(BASES).reshape(DERIVED, TERMS), strict=True):
        row[own] = rng.choice([-1.0, 1.0], TERMS) * rng.uniform(0.5, 1.5, TERMS)
    return np.hstack([bases, bases @ weights.T + 0.01 * rng.standard_normal((samples, DERIVED))]), weights


def dense(graph, n):
    """Coefficients by target and source, from the edges."""
    found = np.zeros((n, n))
    for source, target, weight in graph.edges(data="weight"):
        found[target, source] = weight
    return found


@pytest.fixture
def deps():
    return covlasso.solve(random_gram(30, 12, seed=5), terms=4)


@pytest.fixture
def between():
    return covlasso.solve(*random_cross(9, 14, seed=3), terms=3, exclude=None)


@pytest.mark.parametrize("seed", range(5))
def test_planted_dependencies_are_found_with_precision_and_recall_1(seed):
    logits, weights = planted(seed)
    found = covlasso.solve(logits.T @ logits / len(logits), terms=TERMS, refit=True)
    coef = dense(found.to_networkx(), BASES + DERIVED)[BASES:]
    np.testing.assert_array_equal(coef[:, :BASES] != 0, weights != 0)
    np.testing.assert_allclose(coef[:, :BASES], weights, atol=2e-3)
    assert not coef[:, BASES:].any()


def test_planted_bases_are_what_nothing_explains():
    rng = np.random.default_rng(1)
    bases = rng.standard_normal((5000, 30))
    copies = bases[:, :5] + 0.3 * rng.standard_normal((5000, 5))
    logits = np.hstack([bases, copies])
    found = covlasso.solve(logits.T @ logits / 5000, terms=2)
    assert set(independent_categories(found).tolist()) == set(range(5, 30))
    r2 = found.r2[independent_categories(found)]
    assert (np.diff(r2) >= 0).all()
    assert independent_categories(found, below=-1.0).size == 0


def test_independent_categories_take_held_out_values_and_leave_out_nan(deps):
    r2 = np.linspace(0.0, 1.0, 30)[::-1].copy()
    r2[29] = np.nan
    assert independent_categories(deps, below=0.1, r2=r2).tolist() == [28, 27]
    with pytest.raises(ValueError, match=r"r2 has shape \(3,\); \(30,\) is expected"):
        independent_categories(deps, r2=np.zeros(3))


@pytest.mark.parametrize("rule", ["and", "or"])
def test_symmetrised_graph_is_its_definition(deps, rule):
    b = deps.coef.toarray()
    graph = symmetrise(deps, rule)
    assert sorted(graph) == list(range(30))
    for i, j in combinations(range(30), 2):
        joined = (b[i, j] and b[j, i]) if rule == "and" else (b[i, j] or b[j, i])
        assert graph.has_edge(i, j) == bool(joined)
        if joined:
            sizes = sorted([b[i, j], b[j, i]], key=abs)
            assert graph.edges[i, j]["weight"] == (sizes[0] if rule == "and" else sizes[1])


def test_and_needs_one_network(between):
    with pytest.raises(ValueError, match='rule="and" needs dependencies within one network'):
        symmetrise(between, "and")
    with pytest.raises(ValueError, match="mutual pairs need dependencies within one network"):
        mutual_pairs(between)
    with pytest.raises(ValueError, match="rule is 'xor'"):
        symmetrise(between, "xor")
    assert symmetrise(between).number_of_edges() == between.coef.nnz


def test_mutual_pairs_are_those_of_the_matrix_strongest_first(deps):
    b = deps.coef.toarray()
    pairs = mutual_pairs(deps)
    assert {(p.first, p.second) for p in pairs} == {
        (i, j) for i, j in zip(*np.nonzero(b * b.T), strict=True) if i < j
    }
    assert all(
        (p.first_from_second, p.second_from_first) == (b[p.first, p.second], b[p.second, p.first])
        for p in pairs
    )
    strength = [abs(p.first_from_second * p.second_from_first) for p in pairs]
    assert strength == sorted(strength, reverse=True)


def test_strength_of_a_pair_is_the_squared_partial_correlation():
    gram = random_gram(6, seed=7)
    deps = covlasso.solve(gram, terms=5, refit=True)
    inverse = np.linalg.inv(gram)
    pairs = mutual_pairs(deps)
    assert len(pairs) == 15
    for i, j, one, other in pairs:
        np.testing.assert_allclose(one * other, inverse[i, j] ** 2 / inverse[i, i] / inverse[j, j], rtol=1e-8)


def test_degrees_and_dependents_count_the_nonzeros(deps, between):
    for found in (deps, between):
        b = found.coef.toarray()
        np.testing.assert_array_equal(out_degree(found), np.count_nonzero(b, axis=0))
        for source in range(found.n_sources):
            rows, coefficients = dependents(found, source)
            assert set(rows.tolist()) == set(np.flatnonzero(b[:, source]).tolist())
            np.testing.assert_array_equal(coefficients, b[rows, source])
            assert (np.diff(np.abs(coefficients)) <= 0).all()
    with pytest.raises(ValueError, match="source is 30; it must be from 0 to 29"):
        dependents(deps, 30)
