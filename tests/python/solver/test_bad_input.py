"""One bad thing per case: the error must name the argument, the place and the remedy."""

import re

import numpy as np
import pytest
import scipy.sparse
from oracles import assert_refused, changed, random_cross, random_gram

import covlasso

pytestmark = pytest.mark.usefixtures("device")

N = 8
GRAM = random_gram(N, seed=1)
CROSS_GRAM, CROSS, ENERGY = random_cross(N, 5, seed=2)


def both(array, i, j, value):
    return changed(changed(array, (i, j), value), (j, i), value)


def indefinite_by_pivots(among_sources):
    """|G_ij| <= sqrt(G_ii G_jj) everywhere, yet an eigenvalue of -0.8: only elimination shows it.

    Either it shows in the target's own error, which becomes negative, or among the sources of a fourth.
    """
    gram = np.eye(N)
    gram[:3, :3] = [[1.0, 0.9, 0.9], [0.9, 1.0, -0.9], [0.9, -0.9, 1.0]]
    if among_sources:
        gram[3, :3] = gram[:3, 3] = [0.5, 0.48, 0.46]
    return gram


GRAMS = {
    "nan": (changed(GRAM, (2, 3), np.nan), ValueError, ("gram", "2, 3", "finite")),
    "inf": (both(GRAM, 4, 1, np.inf), ValueError, ("gram", "1, 4", "finite")),
    "nan in float32": (
        changed(GRAM, (2, 3), np.nan).astype(np.float32),
        ValueError,
        ("gram", "2, 3", "finite"),
    ),
    "asymmetric": (changed(GRAM, (5, 2), GRAM[5, 2] + 0.1), ValueError, ("gram", "symmetric", "2", "5")),
    "negative diagonal": (changed(GRAM, (3, 3), -1.0), ValueError, ("gram", "3")),
    "indefinite pair": (
        both(GRAM, 6, 2, 2 * np.sqrt(GRAM[6, 6] * GRAM[2, 2])),
        ValueError,
        ("gram", "2", "6"),
    ),
    "energy 0 but correlated": (changed(GRAM, (3, 3), 0.0), ValueError, ("gram", "3")),
    "indefinite target": (indefinite_by_pivots(False), ValueError, ("gram", "semi-definite", "0", "1", "2")),
    "indefinite sources": (indefinite_by_pivots(True), ValueError, ("gram", "semi-definite")),
    "non-square": (GRAM[:5], ValueError, ("gram", "(5, 8)", "square")),
    "vector": (GRAM[0], ValueError, ("gram", "(8,)", "two dimensions")),
    "empty": (np.empty((0, 0)), ValueError, ("gram", "(0, 0)", "at least one")),
    "integers": (
        np.eye(N, dtype=int),
        TypeError,
        ("gram", "int64", "np.ascontiguousarray(gram, dtype=np.float64)"),
    ),
    "float16": (GRAM.astype(np.float16), TypeError, ("gram", "float16", "np.ascontiguousarray(gram")),
    "complex": (GRAM.astype(complex), TypeError, ("gram", "complex128", "np.ascontiguousarray(gram")),
    "other byte order": (GRAM.astype(">f8"), TypeError, ("gram", ">f8", "np.ascontiguousarray(gram")),
    "list": (GRAM.tolist(), TypeError, ("gram", "list", "np.ascontiguousarray(gram")),
    "none": (None, TypeError, ("gram", "NoneType")),
    "masked": (np.ma.masked_array(GRAM), TypeError, ("gram", "MaskedArray", "filled")),
    "sparse": (scipy.sparse.csr_array(GRAM), TypeError, ("gram", "csr_array", "gram.toarray()", "GB")),
    "column order": (np.asfortranarray(GRAM), ValueError, ("gram", "contiguous", "gram.T")),
    "every second column": (
        np.ascontiguousarray(random_gram(16))[::2, ::2],
        ValueError,
        ("gram", "contiguous"),
    ),
    "backwards": (GRAM[::-1], ValueError, ("gram", "contiguous", "np.ascontiguousarray(gram")),
    "one row for all": (np.broadcast_to(GRAM[0], (N, N)), ValueError, ("gram", "contiguous")),
    "unaligned": (
        np.frombuffer(b"x" + GRAM.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(N, N),
        ValueError,
        ("gram is not aligned", "give a copy"),
    ),
}


@pytest.mark.parametrize("case", GRAMS)
def test_gram(case):
    gram, error, parts = GRAMS[case]
    assert_refused(lambda: covlasso.path(gram), error, parts)
    assert_refused(lambda: covlasso.solve(gram, terms=3), error, parts)


OPTIONS = {
    "targets negative": ({"targets": [0, -1]}, ValueError, ("targets[1]", "-1", "0 to 7")),
    "targets too large": ({"targets": [0, 3, 8]}, ValueError, ("targets[2]", "8", "0 to 7")),
    "targets repeated": ({"targets": [4, 3, 4]}, ValueError, ("targets[2]", "4", "targets[0]")),
    "targets empty": ({"targets": []}, ValueError, ("targets", "non-empty")),
    "targets not integers": ({"targets": [0.0, 1.0]}, TypeError, ("targets", "float64", "integers")),
    "targets a mask": ({"targets": np.ones(N, bool)}, TypeError, ("targets", "bool", "np.flatnonzero")),
    "targets one number": ({"targets": 3}, ValueError, ("targets", "sequence")),
    "targets beyond int32": ({"targets": [2**40]}, ValueError, ("targets[0]", str(2**40))),
    "exclude none": ({"exclude": None}, ValueError, ("exclude=None", "cross")),
    "exclude a word": ({"exclude": "diagonal"}, ValueError, ("exclude", "'diagonal'", "self")),
    "exclude shape": ({"exclude": np.zeros((N, N - 1), bool)}, ValueError, ("exclude", "(8, 7)", "(8, 8)")),
    "exclude dtype": ({"exclude": np.zeros((N, N))}, TypeError, ("exclude", "float64", "boolean")),
    "exclude all": (
        {"exclude": changed(np.zeros((N, N), bool), 3, True)},
        ValueError,
        ("exclude[3]", "target 3"),
    ),
    "exclude all others": (
        {"exclude": changed(changed(np.zeros((N, N), bool), 3, True), (3, 3), False)},
        ValueError,
        ("exclude[3]", "no source", "target 3"),
    ),
    "weights negative": ({"weights": changed(np.ones(N), 5, -1.0)}, ValueError, ("weights", "5", "-1")),
    "weights tiny": (
        {"weights": changed(np.ones(N), 5, 1e-310)},
        ValueError,
        ("weights", "source 5", "1e-100"),
    ),
    "weights huge": (
        {"weights": changed(np.ones(N), 5, 1e101)},
        ValueError,
        ("weights", "source 5", "1e+100"),
    ),
    "weights nan": ({"weights": changed(np.ones(N), 5, np.nan)}, ValueError, ("weights", "5")),
    "weights per edge negative": (
        {"weights": changed(np.ones((N, N)), (2, 6), -1.0)},
        ValueError,
        ("weights", "2", "6"),
    ),
    "weights infinite": ({"weights": np.full(N, np.inf)}, ValueError, ("weights", "no source", "target 0")),
    "weights zero and positive": (
        {"weights": changed(np.ones(N), 5, 0.0), "positive": True},
        ValueError,
        ("weights", "positive"),
    ),
    "weights length": ({"weights": np.ones(N - 1)}, ValueError, ("weights", "(7,)", "(8,)")),
    "weights shape": ({"weights": np.ones((2, N))}, ValueError, ("weights", "(2, 8)", "(8, 8)")),
    "weights of words": ({"weights": ["a"] * N}, TypeError, ("weights", "real numbers")),
    "weights float32 per edge": (
        {"weights": np.ones((N, N), np.float32)},
        TypeError,
        ("weights", "float32", "np.ascontiguousarray(weights"),
    ),
    "weights column order": (
        {"weights": np.asfortranarray(np.ones((N, N)))},
        ValueError,
        ("weights", "contiguous"),
    ),
    "l2 negative": ({"l2": -0.1}, ValueError, ("l2", "-0.1", "at least 0")),
    "l2 nan": ({"l2": np.nan}, ValueError, ("l2", "nan", "finite")),
    "l2 a word": ({"l2": "much"}, TypeError, ("l2", "'much'", "number")),
    "positive a word": ({"positive": "no"}, TypeError, ("positive", "'no'", "True or False")),
    "names too few": ({"names": ["a"]}, ValueError, ("names", "1 entries", "8")),
    "names one word": ({"names": "abcdefgh"}, TypeError, ("names", "sequence of strings")),
    "names of numbers": ({"names": range(N)}, TypeError, ("names", "strings")),
    "source_names too few": ({"source_names": ["a"]}, ValueError, ("source_names", "1 entries", "8")),
    "energy alone": ({"energy": np.ones(N)}, ValueError, ("energy", "cross")),
    "n_threads zero": ({"n_threads": 0}, ValueError, ("n_threads", "0", "at least 1")),
    "n_threads a fraction": ({"n_threads": 1.5}, TypeError, ("n_threads", "1.5", "integer")),
    "progress a number": ({"progress": 3}, TypeError, ("progress", "3", "True, False")),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options(case):
    options, error, parts = OPTIONS[case]
    assert_refused(lambda: covlasso.path(GRAM, **options), error, parts)
    assert_refused(lambda: covlasso.solve(GRAM, lam=0.1, **options), error, parts)


STOPS = {
    "more terms than there are numbers": ({"max_terms": 10**30}, ValueError, ("max_terms", "2147483647")),
    "max_terms zero": ({"max_terms": 0}, ValueError, ("max_terms", "0", "at least 1")),
    "max_terms a fraction": ({"max_terms": 2.5}, TypeError, ("max_terms", "2.5", "integer")),
    "min_lambda negative": ({"min_lambda": -1.0}, ValueError, ("min_lambda", "-1.0", "at least 0")),
    "min_lambda inf": ({"min_lambda": np.inf}, ValueError, ("min_lambda", "inf", "finite")),
    "min_lambda length": ({"min_lambda": np.ones(3)}, ValueError, ("min_lambda", "(3,)", "(8,)")),
    "min_lambda one negative": (
        {"min_lambda": changed(np.ones(N), 6, -2.0)},
        ValueError,
        ("min_lambda[6]", "-2.0", "at least 0"),
    ),
    "relative_error negative": (
        {"relative_error": -0.5},
        ValueError,
        ("relative_error", "-0.5", "at least 0"),
    ),
}


@pytest.mark.parametrize("case", STOPS)
def test_stops_of_a_path(case):
    options, error, parts = STOPS[case]
    assert_refused(lambda: covlasso.path(GRAM, **options), error, parts)


PLACES = {
    "none": ({}, ValueError, ("exactly one of lam, terms and relative_error", "none")),
    "two": ({"lam": 0.1, "terms": 3}, ValueError, ("exactly one", "lam and terms given")),
    "three": (
        {"lam": 0.1, "terms": 3, "relative_error": 0.1},
        ValueError,
        ("lam and terms and relative_error",),
    ),
    "lam negative": ({"lam": -0.1}, ValueError, ("lam", "-0.1", "at least 0")),
    "lam nan": ({"lam": np.nan}, ValueError, ("lam", "nan", "finite")),
    "lam one inf": ({"lam": changed(np.ones(N), 2, np.inf)}, ValueError, ("lam[2]", "inf", "finite")),
    "lam length": ({"lam": np.ones(2)}, ValueError, ("lam", "(2,)", "(8,)")),
    "lam a word": ({"lam": "small"}, TypeError, ("lam", "'small'", "number")),
    "terms zero": ({"terms": 0}, ValueError, ("terms", "0", "at least 1")),
    "terms a fraction": ({"terms": 1.5}, TypeError, ("terms", "1.5", "integer")),
    "terms true": ({"terms": True}, ValueError, ("terms", "True", "integer")),
    "relative_error negative": ({"relative_error": -1}, ValueError, ("relative_error", "-1", "at least 0")),
    "refit a word": ({"terms": 3, "refit": "yes"}, TypeError, ("refit", "'yes'", "True or False")),
}


@pytest.mark.parametrize("case", PLACES)
def test_places(case):
    place, error, parts = PLACES[case]
    path = covlasso.path(GRAM)
    assert_refused(lambda: path.at(**place), error, parts)
    assert_refused(lambda: covlasso.solve(GRAM, **place), error, parts)


CROSSES = {
    "columns": (CROSS[:, :7], ENERGY, {}, ValueError, ("cross", "(5, 7)", "8")),
    "rows": (CROSS[:0], ENERGY[:0], {}, ValueError, ("cross", "(0, 8)")),
    "nan": (changed(CROSS, (4, 0), np.nan), ENERGY, {}, ValueError, ("cross", "4, 0", "finite")),
    "dtype": (
        CROSS.astype(np.float16),
        ENERGY,
        {},
        TypeError,
        ("cross", "float16", "np.ascontiguousarray(cross"),
    ),
    "order": (
        np.asfortranarray(CROSS),
        ENERGY,
        {},
        ValueError,
        ("cross", "contiguous", "np.ascontiguousarray(cross"),
    ),
    "energy missing": (CROSS, None, {}, ValueError, ("cross", "energy", "E[f_i^2]")),
    "energy length": (CROSS, ENERGY[:4], {}, ValueError, ("energy", "(4,)", "(5,)")),
    "energy negative": (CROSS, changed(ENERGY, 2, -1.0), {}, ValueError, ("energy", "2")),
    "energy nan": (CROSS, changed(ENERGY, 2, np.nan), {}, ValueError, ("energy", "2")),
    "energy of words": (CROSS, ["a"] * 5, {}, TypeError, ("energy", "real numbers")),
    "energy below the cross row": (CROSS, changed(ENERGY, 2, 1e-9), {}, ValueError, ("energy", "2")),
    "targets": (CROSS, ENERGY, {"targets": [5]}, ValueError, ("targets[0]", "5", "0 to 4")),
    "mask for all": (
        CROSS,
        ENERGY,
        {"targets": [1], "exclude": np.zeros((5, N), bool)},
        ValueError,
        ("exclude", "(1, 8)"),
    ),
    "mask leaves nothing": (
        CROSS,
        ENERGY,
        {"exclude": changed(np.zeros((5, N), bool), 2, True)},
        ValueError,
        ("exclude[2]", "no source"),
    ),
}


@pytest.mark.parametrize("case", CROSSES)
def test_cross(case):
    cross, energy, options, error, parts = CROSSES[case]
    assert_refused(lambda: covlasso.path(CROSS_GRAM, cross, energy, **options), error, parts)


def test_self_exclusion_needs_shared_categories():
    gram, cross, energy = random_cross(4, 6, seed=3)
    parts = ("exclude=", "target 5", "4 sources", "exclude=None or a mask")
    assert_refused(lambda: covlasso.path(gram, cross, energy), ValueError, parts)
    covlasso.path(gram, cross, energy, targets=[0, 3])
    covlasso.path(gram, cross, energy, exclude=None)


def test_targets_that_a_path_does_not_have():
    path = covlasso.path(GRAM, targets=[1, 2])
    for read in (
        path.knots,
        lambda target: path.error(target, 0.1),
        lambda target: path.l1_norm(target, 0.1),
    ):
        assert_refused(lambda read=read: read(5), ValueError, ("target 5", "2 targets"))
        assert_refused(lambda read=read: read("car"), ValueError, ("'car'", "names"))
        assert_refused(lambda read=read: read(None), TypeError, ("target", "None"))
    assert_refused(lambda: path.error(1, -0.1), ValueError, ("lam[0]", "-0.1"))


def test_held_out_error():
    deps = covlasso.solve(GRAM, terms=2)
    cross = covlasso.solve(CROSS_GRAM, CROSS, ENERGY, terms=2)
    held_out = covlasso.held_out_error
    assert_refused(lambda: held_out(deps, GRAM[:4]), ValueError, ("gram", "(4, 8)", "(8, 8)"))
    assert_refused(lambda: held_out(deps, GRAM.tolist()), TypeError, ("gram", "list"))
    assert_refused(lambda: held_out(deps, GRAM, CROSS, ENERGY), ValueError, ("gram only",))
    assert_refused(lambda: held_out(cross, CROSS_GRAM), ValueError, ("cross and energy",))
    assert_refused(lambda: held_out(cross, CROSS_GRAM, CROSS[:3], ENERGY[:3]), ValueError, ("at least 5, 8",))
    assert_refused(lambda: held_out(cross, CROSS_GRAM, CROSS, ENERGY[:3]), ValueError, ("energy", "(3,)"))


def test_no_message_shows_a_pointer_or_a_type_of_the_core():
    """What the core raises reads like the rest."""
    for gram, _, _ in GRAMS.values():
        with pytest.raises((TypeError, ValueError)) as caught:
            covlasso.path(gram)
        assert not re.search(r"0x[0-9a-f]{6}|std::|incompatible constructor", str(caught.value))


def test_a_matrix_of_numpy_is_an_array():
    wanted = covlasso.solve(GRAM, terms=3)
    found = covlasso.solve(GRAM.view(np.matrix), terms=3)
    assert found.energy.shape == (N,)
    assert np.array_equal(found.coef.toarray(), wanted.coef.toarray())
    chosen = covlasso.solve(GRAM.view(np.matrix), terms=3, targets=[2])
    assert chosen.r2.shape == (1,)


@pytest.mark.parametrize("size", [1e-6, 1e-8, 1e-9])
def test_a_small_asymmetry_shows_in_the_message(size):
    gram = changed(GRAM, (5, 2), GRAM[5, 2] * (1 + size))
    with pytest.raises(ValueError, match="not symmetric") as caught:
        covlasso.solve(gram, terms=1)
    found = re.search(r"symmetric: (\S+) at \[2, 5\] but (\S+) at \[5, 2\]", str(caught.value))
    assert found[1] != found[2]
    assert [float(found[1]), float(found[2])] == pytest.approx([gram[2, 5], gram[5, 2]], rel=size / 2)
