"""Every solution of many small problems, the awkward ones above all, carries its proof.

Drawn: rank-deficient and exactly duplicated categories (equal, opposite, scaled), categories without energy,
integer logits (ties), scales from 1e-150 to 1e150, a wide spread of sizes; one network and two, with and
without options.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import Case, assert_certified, duality_gap, kkt_residual, objective

import covlasso

pytestmark = pytest.mark.usefixtures("device")

FRACTIONS = (1.0, 0.9, 0.5, 0.1, 0.01)


@st.composite
def logits(draw):
    """A few samples of a few categories, spoilt on purpose."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    samples, n = draw(st.integers(1, 14)), draw(st.integers(1, 10))
    kind = draw(st.sampled_from(["normal", "integer", "low rank"]))
    if kind == "integer":
        x = rng.integers(-2, 3, (samples, n)).astype(float)
    elif kind == "low rank":
        rank = draw(st.integers(1, 3))
        x = rng.standard_normal((samples, rank)) @ rng.standard_normal((rank, n))
    else:
        x = rng.standard_normal((samples, n))
    for _ in range(draw(st.integers(0, 3))):
        source, copy = rng.integers(0, n, 2)
        x[:, copy] = draw(st.sampled_from([1.0, -1.0, 0.5, -4.0, 3.0, 0.0])) * x[:, source]
    if draw(st.booleans()):
        x *= 10.0 ** rng.uniform(-3, 3, n)
    return x


@st.composite
def problems(draw, options=False):
    x = draw(logits())
    scale = 2.0 ** np.round(np.log2(10.0 ** draw(st.sampled_from([0, 0, 0, -150, -75, 75, 150]))))
    n = x.shape[1]
    intra = draw(st.booleans())
    split = n if intra else max(1, n // 2)
    gram = x.T @ x / len(x) * scale
    gram = np.triu(gram) + np.triu(gram, 1).T
    chosen = {} if intra else {"exclude": None}
    if options:
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        chosen["positive"] = draw(st.booleans())
        chosen["l2"] = draw(st.sampled_from([0.0, 0.1])) * np.diag(gram).max()
        chosen["weights"] = rng.choice([0.5, 1.0, 2.0], split)
        if split > 2:  # every target keeps a source
            chosen["weights"][rng.integers(split)] = np.inf
    rows = slice(split, None) if split < n else slice(None)
    return Case(
        gram=np.ascontiguousarray(gram[:split, :split]),
        cross=np.ascontiguousarray(gram[rows, :split]),
        energy=np.diag(gram)[rows].copy(),
        intra=intra,
        options=chosen,
    )


@given(problems())
def test_every_solution_is_optimal(problem):
    path = covlasso.path(*problem.arguments(), max_terms=len(problem.gram), **problem.options)
    for fraction in FRACTIONS:
        lam = fraction * path.lambda_max
        deps = path.at(lam=lam)
        assert_certified(problem, deps)
        for t, b in enumerate(deps.coef.toarray()):
            c, e = problem.cross[t], problem.energy[t]
            gap = duality_gap(problem.gram, c, e, b, lam[t], allowed=problem.allowed(t))
            assert gap <= 1e-8 * abs(e)


@given(problems(options=True))
def test_every_solution_with_options_is_optimal(problem):
    path = covlasso.path(*problem.arguments(), max_terms=len(problem.gram), **problem.options)
    for fraction in FRACTIONS:
        assert_certified(problem, path.at(lam=fraction * path.lambda_max))


@given(problems())
def test_lambda_max_is_in_closed_form(problem):
    path = covlasso.path(*problem.arguments(), **problem.options)
    for t, c in enumerate(problem.cross):
        assert path.lambda_max[t] == 2 * np.abs(c[problem.allowed(t)]).max(initial=0.0)


@given(problems())
def test_the_error_falls_along_the_path(problem):
    path = covlasso.path(*problem.arguments(), max_terms=len(problem.gram), **problem.options)
    for t, e in enumerate(problem.energy):
        lam = np.linspace(path.lambda_end[t], path.lambda_max[t], 40)
        error = path.error(t, lam)
        assert (np.diff(error) >= -1e-9 * abs(e)).all()
        assert (error >= -1e-9 * abs(e)).all()
        assert (error <= e * (1 + 1e-12)).all()


@given(problems(), st.integers(1, 5))
def test_no_more_terms_than_asked_for(problem, terms):
    deps = covlasso.solve(*problem.arguments(), terms=terms, **problem.options)
    assert (deps.n_terms <= terms).all()
    certified = deps.status == "certified"
    assert set(deps.status[~certified]) <= {"exhausted", "floor"}
    for t, b in enumerate(deps.coef.toarray()):
        found = kkt_residual(problem.gram, problem.cross[t], b, deps.lam[t], allowed=problem.allowed(t))
        assert found <= 2e-9, f"target {t}: KKT residual {found}, reported {deps.kkt[t]}, {deps.status[t]}"


@given(problems(), st.floats(0.05, 0.95))
def test_the_error_asked_for_is_the_error_given(problem, share):
    deps = covlasso.solve(*problem.arguments(), relative_error=share, **problem.options)
    for t, e in enumerate(problem.energy):
        if deps.status[t] == "certified":
            assert abs(deps.error[t] - share * e) <= 1e-9 * e
        else:
            assert deps.error[t] > share * e * (1 - 1e-9)
            assert deps.status[t] in ("exhausted", "floor")


@given(problems())
def test_the_bits_are_the_same_for_two_threads_and_a_second_run(problem):
    one, two, again = (
        covlasso.solve(*problem.arguments(), terms=4, n_threads=threads, **problem.options)
        for threads in (1, 2, 1)
    )
    for other in (two, again):
        assert np.array_equal(one.coef.toarray(), other.coef.toarray())
        assert np.array_equal(one.lam, other.lam)
        assert np.array_equal(one.status, other.status)


@given(logits(), st.sampled_from([1.0, -1.0, 2.0, -0.5]))
def test_a_copy_of_a_category_explains_it_alone(x, factor):
    """With an exact copy among the sources no other term is needed, whatever else is there."""
    pair = np.hstack([x, factor * x[:, :1]])
    gram = pair.T @ pair / len(pair)
    gram = np.triu(gram) + np.triu(gram, 1).T
    n = len(gram)
    alone = np.zeros(n)
    alone[n - 1] = 1 / factor
    path = covlasso.path(gram, targets=[0], max_terms=n)
    lam = 0.1 * path.lambda_max[0]
    deps = path.at(lam=lam)
    best = min(objective(gram, gram[0], gram[0, 0], share * alone, lam) for share in np.linspace(0, 1, 101))
    ours = objective(gram, gram[0], gram[0, 0], deps.coef.toarray()[0], lam)
    assert ours <= best + 1e-9 * gram[0, 0]
