"""Small problems on which an exact path is easy to get wrong; found by drawing tens of thousands.

Ties, exact duplicates, rank lost to rounding, bad scales, moments of nothing but noise, and knots that lie
exactly where the solution is asked for.
"""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from oracles import Case, assert_certified, kkt_residual, squared_error

import covlasso

pytestmark = pytest.mark.usefixtures("device")


def within(gram):
    """One network that explains itself."""
    gram = np.array(gram)
    return Case(gram, gram, np.diag(gram), intra=True, options={})


def between(gram, cross, energy):
    """Two networks, nothing excluded."""
    return Case(np.array(gram), np.array(cross), np.array(energy), intra=False, options={"exclude": None})


CASES = {
    "rank 2, badly scaled": between(
        [
            [0.0011611723989151527, -0.019608081591458146, 0.0034040127150640094],
            [-0.019608081591458146, 0.9535994555870222, -0.05748169618714234],
            [0.0034040127150640094, -0.05748169618714234, 0.009978968304054682],
        ],
        [
            [0.01025577980706325, -0.1558653570184089, 0.030065134943576072],
            [-0.0014346526256526994, 0.01938095377773672, -0.004205728437899772],
            [0.03680022011240225, -1.4914203318406547, 0.1078809807198362],
        ],
        [1.1549172192283672, 0.0472678167506134, 12.315953676433733],
    ),
    "integers, collinear, the knot lies at the lambda asked for": between(
        [[2.5, -3.0], [-3.0, 4.5]],
        [[-2.5, 3.0], [-1.0, 1.5]],
        [2.5, 0.5],
    ),
    "ninths, a source enters exactly at the knot asked for": between(
        [[1.3636363636363635, 0.2727272727272727], [0.2727272727272727, 1.6363636363636365]],
        [
            [0.09090909090909091, -0.2727272727272727],
            [0.09090909090909091, 1.1818181818181819],
            [0.18181818181818182, -0.18181818181818182],
        ],
        [1.9090909090909092, 2.3636363636363638, 1.9090909090909092],
    ),
    "tiny, badly scaled, one moment is noise": between(
        [
            [5.71114953280404e-156, 2.7260239044757616e-155],
            [2.7260239044757616e-155, 1.4457502596143975e-154],
        ],
        [
            [1.5014183278247294e-170, -9.284464659808535e-154],
            [1.8125191082230555e-151, 8.651446417144043e-151],
            [-5.416809401579725e-153, -3.44737414184413e-152],
        ],
        [5.962391045478681e-152, 5.752301701791953e-147, 1.027527783137429e-149],
    ),
    "two equal sources": between(
        [
            [4.043390243195552, -3.601847088855696, 4.043390243195552],
            [-3.601847088855696, 3.5632564814572674, -3.601847088855696],
            [4.043390243195552, -3.601847088855696, 4.043390243195552],
        ],
        [
            [3.713115094821806, -4.086432884630843, 3.713115094821806],
            [5.178747799174895, -4.629997053939306, 5.178747799174895],
            [1.856557547410903, -2.0432164423154213, 1.856557547410903],
            [-2.3955405643209677, 2.96528383241554, -2.3955405643209677],
        ],
        [5.1196011323649575, 6.633699590957153, 1.2799002830912394, 3.367540515227842],
    ),
    "the last error is exactly 0.3 of the energy": between(
        [[0.5, 0.0], [0.0, 1.6666666666666667]],
        [[0.0, -1.1666666666666667], [-1.0, -0.5], [0.0, -0.16666666666666666]],
        [1.1666666666666667, 2.8333333333333335, 0.6666666666666666],
    ),
    "two sources leave no error": between(
        [[23.838076763607262, 2.469851815007603], [2.469851815007603, 0.25644916545131613]],
        [
            [2.1791349643922215, 0.22693813315286554],
            [4.320840418951599, 0.45031536749460926],
            [-7.1972149727704835, -0.7458286670730595],
        ],
        [0.20165032698724453, 0.795835193427934, 2.173020182811014],
    ),
    "rank 1, a target of noise": between(
        [[0.0001820193153690375, 0.00092167758993327], [0.00092167758993327, 0.004667029859237147]],
        [
            [-0.0032613743416036647, -0.01651437726235288],
            [-0.0004923469820852499, -0.0024930605795281625],
            [-9.52159296689429e-20, -4.252510162003661e-19],
        ],
        [0.07395863185375968, 0.00299645390997772, 2.5290425539665287],
    ),
    "two sources correlated 0.99996": between(
        [[0.6789098204339322, -1.402738414889237], [-1.402738414889237, 2.898542931813445]],
        [
            [0.28548741701322594, -0.5822376662107472],
            [0.9089499062374147, -1.8529018508962798],
            [-1.7586497870694655, 3.6627005896984595],
        ],
        [0.3466938527911751, 3.6794885809425413, 7.843023057593332],
    ),
    "six integer categories with ties": within(
        [
            [1.4, 0.4, -0.4, 0.0, -0.6, 0.0],
            [0.4, 2.4, -2.4, 0.0, -2.4, 0.0],
            [-0.4, -2.4, 2.4, 0.0, 2.4, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [-0.6, -2.4, 2.4, 0.0, 3.4, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        ]
    ),
    "duplicates and drops": within(
        [
            [0.5896370640649302, -0.5035246546493635, -0.5035246546493635, 1.0142587975703563],
            [-0.5035246546493635, 0.43207912637017004, 0.43207912637017004, -0.8724675312328353],
            [-0.5035246546493635, 0.43207912637017004, 0.43207912637017004, -0.8724675312328353],
            [1.0142587975703563, -0.8724675312328353, -0.8724675312328353, 1.7638582159373597],
        ]
    ),
    "five categories of rank 2": within(
        [
            [
                2.537749707403958e72,
                1.876445090925783e76,
                2.123908342118209e75,
                -4.204039001643601e70,
                7.391944567166448e74,
            ],
            [
                1.876445090925783e76,
                1.4119405352035827e80,
                1.59297550482986e79,
                1.2687076038078855e74,
                5.5606692278626e78,
            ],
            [
                2.123908342118209e75,
                1.59297550482986e79,
                1.7982955216629805e78,
                5.113074869742505e72,
                6.273940531834557e77,
            ],
            [
                -4.204039001643601e70,
                1.2687076038078855e74,
                5.113074869742505e72,
                7.898840454407177e70,
                4.740911068024102e72,
            ],
            [
                7.391944567166448e74,
                5.5606692278626e78,
                6.273940531834557e77,
                4.740911068024102e72,
                2.1899760292665412e77,
            ],
        ]
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    """One hard problem after the other."""
    return CASES[request.param]


@pytest.fixture
def path(case):
    """Its path to the very end."""
    return covlasso.path(*case.arguments(), max_terms=len(case.gram), **case.options)


@pytest.mark.parametrize("fraction", [1.0, 0.9, 0.5, 0.1, 0.01])
def test_every_lambda(case, path, fraction):
    assert_certified(case, path.at(lam=fraction * path.lambda_max))


def test_every_knot(case, path):
    for t in range(path.n_targets):
        for knot in path.knots(t).lam:
            if knot > 1e-6 * path.lambda_max[t]:
                lam = path.lambda_max.copy()
                lam[t] = knot
                assert_certified(case, path.at(lam=lam))


@pytest.mark.parametrize("terms", [1, 2, 3, 4])
def test_every_number_of_terms(case, path, terms):
    deps = path.at(terms=terms)
    one_shot = covlasso.solve(*case.arguments(), terms=terms, **case.options)
    for found in (deps, one_shot):
        assert (found.n_terms <= terms).all()
        assert set(found.status) <= {"certified", "exhausted", "floor"}
        for t, b in enumerate(found.coef.toarray()):
            if not case.is_noise(t):
                assert (
                    kkt_residual(case.gram, case.cross[t], b, found.lam[t], allowed=case.allowed(t)) <= 2e-9
                )
    np.testing.assert_array_equal(one_shot.status, deps.status)
    np.testing.assert_allclose(one_shot.lam, deps.lam, rtol=1e-9, atol=1e-9 * deps.lam.max())


@pytest.mark.parametrize("share", [0.9, 0.5, 0.3])
def test_relative_errors(case, path, share):
    deps = path.at(relative_error=share)
    for t, e in enumerate(case.energy):
        if deps.status[t] == "certified":
            assert abs(deps.error[t] - share * e) <= 1e-9 * e
        else:
            assert deps.status[t] in ("exhausted", "floor")
            assert deps.error[t] > share * e * (1 - 1e-9)


def test_closed_forms(case, path):
    for t, e in enumerate(case.energy):
        assert path.lambda_max[t] == 2 * np.abs(case.cross[t][case.allowed(t)]).max(initial=0.0)
        error = path.error(t, np.linspace(path.lambda_end[t], path.lambda_max[t], 50))
        assert (np.diff(error) >= -1e-9 * e).all()
        assert (error >= -1e-9 * e).all()
        assert (error <= e * (1 + 1e-12)).all()


@pytest.mark.parametrize("weight", [1.0, 2.0])
@pytest.mark.parametrize("mask", [False, True])
def test_a_lone_category_has_nothing_to_explain_it(weight, mask):
    deps = covlasso.solve(
        np.array([[2.0]]), lam=0.5, weights=[weight], exclude=np.zeros((1, 1), dtype=bool) if mask else "self"
    )
    assert deps.coef.nnz == 0
    assert deps.status[0] == "certified"
    assert deps.error[0] == 2.0


@pytest.mark.parametrize("seed", [73, 201, 211, 0])
def test_the_events_give_the_error_of_the_solutions_when_duplicates_meet_a_bad_condition(seed):
    samples = np.random.default_rng(seed).standard_normal((7, 10))
    samples[:, [4, 6, 9]] = samples[:, [2, 5, 7]]
    gram = samples.T @ samples / 7
    gram = np.triu(gram) + np.triu(gram, 1).T
    path = covlasso.path(gram, max_terms=10)
    for fraction in (0.1, 0.01, 0.001):
        deps = path.at(lam=fraction * path.lambda_max)
        for t, b in enumerate(deps.coef.toarray()):
            direct = squared_error(gram, gram[t], gram[t, t], b)
            assert abs(path.error(t, deps.lam[t]) - direct) <= 1e-9 * gram[t, t]


def test_paths_on_a_decaying_spectrum_reach_their_last_term():
    rng = np.random.default_rng(1)
    head = rng.standard_normal((300, 56)) * 0.93 ** np.arange(56)
    gram = head @ head.T
    gram = np.triu(gram) + np.triu(gram, 1).T
    path = covlasso.path(gram)
    assert set(path.status) == {"terms"}
    deps = path.at(lam=path.lambda_end)
    for t, b in enumerate(deps.coef.toarray()):
        assert kkt_residual(gram, gram[t], b, deps.lam[t], allowed=np.arange(300) != t) <= 2e-9, f"target {t}"


def test_descent_reads_no_memory_that_nobody_set(device):
    script = """
        import hashlib, sys, numpy as np, covlasso
        bits = hashlib.sha256()
        for seed in range(6):
            samples = np.random.default_rng(seed).standard_normal((2, 40)) * np.geomspace(1, 1e3, 40)
            gram = samples.T @ samples
            gram = np.triu(gram) + np.triu(gram, 1).T + 1e-4 * np.diag(np.diag(gram))
            path = covlasso.path(gram, max_terms=40, n_threads=1, device=sys.argv[1])
            for fraction in (0.0, 1e-9, 1e-6, 1e-3):
                deps = path.at(lam=fraction * path.lambda_max)
                bits.update(deps.coef.data.tobytes() + deps.kkt.tobytes())
        print(bits.hexdigest())
    """
    found = set()
    for filler in (
        "0",
        "85",
        "255",
    ):  # what glibc puts into fresh memory; elsewhere the runs are equal anyway
        environment = {**os.environ, "MALLOC_PERTURB_": filler}
        command = [sys.executable, "-c", textwrap.dedent(script), device]
        found.add(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert len(found) == 1


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**40])
def test_weights_and_lambda_scaled_against_each_other_are_one_problem(scale):
    gram = 1.0 / (np.arange(30)[:, None] + np.arange(30) + 1.0)  # Hilbert: the last digits matter
    plain = covlasso.path(gram, max_terms=30, weights=np.ones(30))
    scaled = covlasso.path(gram, max_terms=30, weights=np.full(30, scale))
    np.testing.assert_array_equal(scaled.status, plain.status)
    np.testing.assert_array_equal(scaled.lambda_end * scale, plain.lambda_end)
    for fraction in (1e-2, 1e-4, 1e-6):
        a, b = plain.at(lam=fraction * plain.lambda_max), scaled.at(lam=fraction * scaled.lambda_max)
        np.testing.assert_array_equal(b.status, a.status)
        np.testing.assert_array_equal(b.kkt, a.kkt)
        np.testing.assert_array_equal(b.coef.toarray(), a.coef.toarray())


def test_relative_error_is_found_where_a_ridge_makes_the_error_rise_again():
    found = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        samples = rng.standard_normal((12, 4)) @ rng.standard_normal((4, 4))
        gram = samples.T @ samples / 12
        gram = np.triu(gram) + np.triu(gram, 1).T
        l2 = 0.1 * gram.diagonal().max() * rng.random()
        path = covlasso.path(gram, targets=[0], max_terms=4, l2=l2)
        grid = np.linspace(0.0, path.lambda_max[0], 400)
        error = path.error(0, grid) / gram[0, 0]
        lowest = int(np.argmin(error))
        if lowest > 0 and error[lowest] < error[0] * (1 - 1e-3):
            found += 1
            asked = 0.5 * (error[lowest] + error[0])
            deps = path.at(relative_error=asked)
            assert deps.status[0] == "certified"
            assert deps.lam[0] >= grid[error <= asked].max() * (1 - 1e-12)
            assert abs(deps.relative_error[0] - asked) <= 1e-9
    assert found > 0


def test_no_path_ends_at_an_error_that_nobody_asked_for():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal(9)
        columns = [
            x,
            x * rng.uniform(0.5, 2),
            *(x * a + 1e-3 * rng.standard_normal(9) for a in rng.standard_normal(3)),
        ]
        samples = np.stack(columns, axis=1)
        gram = samples.T @ samples / 9
        gram = np.triu(gram) + np.triu(gram, 1).T
        path = covlasso.path(gram, targets=[0], weights=np.array([1.0, 0.0, 1.0, 1.0, 1.0]), l2=1e-10)
        assert path.status[0] != "error"
