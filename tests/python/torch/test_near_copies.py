"""`covlasso.torch.cov_lasso` on nearly dependent logits: the derivatives of finite differences, or an error.

The differences are taken in 50 digits, of solutions found by trying all sets of terms and signs.
"""

from itertools import product

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="covlasso.torch needs torch")
mp = pytest.importorskip("mpmath", reason="differences in extended precision")

from covlasso.torch import cov_lasso  # noqa: E402

SAMPLES, P = 12, 4
EPS = [1e-2, 1e-4, 1e-6, 1e-7, 1e-8, 1e-9, 1e-11, 1e-13, 0.0]


def near_copies(kind, eps, seed):
    """Logits of sources, some of which nearly depend on others, and of a target."""
    rng = np.random.default_rng(seed)
    z, noise = rng.standard_normal((2, SAMPLES, P))
    if kind == "pair":
        z[:, 3] = z[:, 2] + eps * noise[:, 3]
    elif kind == "sum":
        z[:, 3] = z[:, 1] - z[:, 2] + eps * noise[:, 3]
    else:
        z = z[:, :1] + eps * noise
    return z, z @ rng.standard_normal(P) + 0.5 * rng.standard_normal(SAMPLES)


def exact(z, f, lam, l2):
    """b by its KKT conditions, in as many digits as mpmath has."""
    n, p = len(z), len(z[0])
    gram = [[mp.fsum(row[i] * row[j] for row in z) / n for j in range(p)] for i in range(p)]
    cross = [mp.fsum(a * row[i] for a, row in zip(f, z, strict=True)) / n for i in range(p)]
    for signs in product((0, 1, -1), repeat=p):
        terms = [i for i in range(p) if signs[i]]
        b = [mp.mpf(0)] * p
        if terms:
            h = mp.matrix([[gram[i][j] + (l2 if i == j else 0) for j in terms] for i in terms])
            try:
                found = mp.lu_solve(h, mp.matrix([cross[i] - lam * signs[i] / 2 for i in terms]))
            except ZeroDivisionError:
                continue
            for i, value in zip(terms, found, strict=True):
                b[i] = value
        left = [cross[i] - mp.fsum(g * x for g, x in zip(gram[i], b, strict=True)) for i in range(p)]
        if all(b[i] * signs[i] > 0 if signs[i] else abs(left[i]) <= lam / 2 for i in range(p)):
            return b
    return None


def difference(z, f, lam, l2, weight, step):
    """Derivative of ``weight . b`` in the direction ``step`` of z, of both sides."""
    lam, l2 = mp.mpf(lam), mp.mpf(l2)
    f = [mp.mpf(x) for x in f.tolist()]

    def value(h):
        moved = [
            [mp.mpf(x) + h * mp.mpf(d) for x, d in zip(*rows, strict=True)]
            for rows in zip(z.tolist(), step.tolist(), strict=True)
        ]
        b = exact(moved, f, lam, l2)
        return mp.fsum(w * x for w, x in zip(weight.tolist(), b, strict=True))

    h = mp.mpf(10) ** -25
    up, here, down = value(h), value(mp.mpf(0)), value(-h)
    return float((up - here) / h), float((here - down) / h)


def derivative(z, f, lam, l2, weight, step, dtype=torch.float64):
    """The same by cov_lasso, or the error that it raises."""
    leaf, target = torch.tensor(z, requires_grad=True), torch.from_numpy(f)[:, None]
    gram, cross = leaf.T @ leaf / SAMPLES, target.T @ leaf / SAMPLES
    try:
        b = cov_lasso(
            gram.to(dtype), cross.to(dtype), lam, l2=l2, exclude=None, energy=[float(f @ f) / SAMPLES]
        )
        (b[0].double() * torch.from_numpy(weight)).sum().backward()
    except (ValueError, RuntimeError) as error:
        return str(error)
    return float((leaf.grad.numpy() * step).sum())


@pytest.mark.parametrize("kind", ["pair", "sum", "common"])
@pytest.mark.parametrize("l2", [0.0, 1e-6])
def test_derivatives_are_those_of_the_exact_solution_or_refused(kind, l2):
    mp.mp.dps = 50
    answered, refused = [], []
    for eps, seed, lam in product(EPS, range(3), (1e-3, 0.1)):
        if kind == "common" and eps == 0.0 and l2 == 0.0:
            continue  # no solution is the only one
        z, f = near_copies(kind, eps, seed)
        rng = np.random.default_rng(100 + seed)
        weight, step = rng.standard_normal(P), rng.standard_normal((SAMPLES, P))
        found = derivative(z, f, lam, l2, weight, step)
        if isinstance(found, str):
            assert "target 0" in found
            assert "l2 > 0" in found
            refused.append(eps)
            continue
        answered.append(eps)
        if eps or l2:
            wanted = difference(z, f, lam, l2, weight, step)
            scale = max(1.0, abs(wanted[0]))
            assert abs(found - wanted[0]) <= 1e-3 * scale, (eps, seed, lam)
            assert abs(found - wanted[1]) <= 1e-3 * scale, (eps, seed, lam)
    assert answered.count(1e-2) == 6
    if l2:
        assert refused == []


@pytest.mark.parametrize("seed", range(3))
def test_exact_copies_have_no_derivative_where_one_of_them_is_a_term(seed):
    z, f = near_copies("pair", 0.0, seed)
    f = f + 2.0 * z[:, 3]
    weight, step = np.ones(P), np.ones_like(z)
    assert "no derivative" in derivative(z, f, 0.1, 0.0, weight, step)
    barred = torch.tensor(z, requires_grad=True)
    mask = np.array([[False, False, False, True]])
    gram, cross = barred.T @ barred / SAMPLES, torch.from_numpy(f)[None] @ barred / SAMPLES
    cov_lasso(gram, cross, 0.1, exclude=mask, energy=[float(f @ f)])[0].sum().backward()
    assert barred.grad.any()


@pytest.mark.parametrize("kind", ["pair", "sum", "common"])
def test_float32_moments_that_leave_no_digit_are_refused(kind):
    mp.mp.dps = 50
    refused = 0
    for eps, seed in product([0.3, 0.1, 1e-2, 1e-3, 3e-4, 1e-4], range(3)):
        z, f = near_copies(kind, eps, seed)
        weight = np.random.default_rng(seed).standard_normal(P)
        found = derivative(z, f, 0.01, 0.0, weight, z, torch.float32)
        if isinstance(found, str):
            refused += 1
            continue
        wanted, _ = difference(z, f, 0.01, 0.0, weight, z)
        assert abs(found - wanted) <= 0.5 * max(1.0, abs(wanted)), (eps, seed)
    assert (kind != "sum") <= refused < 18
