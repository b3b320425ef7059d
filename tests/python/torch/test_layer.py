"""`covlasso.torch.cov_lasso`: values from the core, derivatives against finite differences."""

import numpy as np
import pytest
from oracles import random_cross, random_gram

import covlasso

torch = pytest.importorskip("torch", reason="covlasso.torch needs torch")

from covlasso.torch import cov_lasso  # noqa: E402
from covlasso.torch.train.differentiable import adjoint  # noqa: E402

DOUBLE = {"dtype": torch.float64, "requires_grad": True}


def samples(k, n, seed=0):
    """Logits with common features; their second moment is smooth in them and symmetric."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((k, 4)) @ rng.standard_normal((4, n)) + rng.standard_normal((k, n))
    return torch.tensor(x, **DOUBLE)


def number(value):
    return torch.tensor(value, **DOUBLE)


def test_values_are_those_of_solve():
    gram = random_gram(12, seed=1)
    lam = np.linspace(0.1, 0.6, 12)
    b = cov_lasso(torch.from_numpy(gram), lam=torch.from_numpy(lam), l2=0.2)
    np.testing.assert_array_equal(b.numpy(), covlasso.solve(gram, lam=lam, l2=0.2).coef.toarray())
    cross_form = random_cross(9, 5, seed=2)
    gram, cross, energy = (torch.from_numpy(part) for part in cross_form)
    b = cov_lasso(gram, cross, 0.3, energy=energy, exclude=None, targets=[3, 1], positive=True)
    wanted = covlasso.solve(*cross_form, lam=0.3, exclude=None, targets=[3, 1], positive=True)
    np.testing.assert_array_equal(b.numpy(), wanted.coef.toarray())


def test_energy_moves_no_coefficient():
    gram, cross, energy = (torch.from_numpy(part) for part in random_cross(9, 5, seed=3))
    given = cov_lasso(gram, cross, 0.2, energy=energy, exclude=None)
    torch.testing.assert_close(cov_lasso(gram, cross, 0.2, exclude=None), given, rtol=0, atol=1e-13)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_gradcheck_within_one_network(l2, positive):
    def function(x, lam, l2):
        return cov_lasso(x.T @ x / len(x), lam=lam, l2=l2, positive=positive, targets=[4, 0, 2])

    inputs = samples(20, 6), number([0.4, 0.2, 0.3]), number(l2)
    count = (function(*inputs) != 0).sum(dim=1)
    assert 1 <= count.min() < 5
    assert torch.autograd.gradcheck(lambda x, lam: function(x, lam, l2), inputs[:2])
    if l2:
        assert torch.autograd.gradcheck(function, inputs)


def test_gradcheck_between_two_networks():
    def function(x, y, lam, l2):
        return cov_lasso(x.T @ x / len(x), y.T @ x / len(x), lam, l2=l2, exclude=mask)

    mask = np.zeros((3, 6), dtype=bool)
    mask[0, 2] = mask[2, 5] = True
    inputs = samples(20, 6), samples(20, 3, seed=1), number(0.3), number(0.1)
    assert (function(*inputs) != 0).sum() >= 6
    assert torch.autograd.gradcheck(function, inputs)


def test_gradient_to_gram_is_that_of_a_symmetric_argument():
    gram = torch.tensor(random_gram(7, seed=4), **DOUBLE)
    rng = np.random.default_rng(5)
    weight = torch.from_numpy(rng.standard_normal((7, 7)))
    (cov_lasso(gram, lam=0.2) * weight).sum().backward()
    assert torch.equal(gram.grad, gram.grad.T)
    step = rng.standard_normal((7, 7)) * 1e-6
    step = torch.from_numpy(step + step.T)
    with torch.no_grad():
        change = cov_lasso(gram + step, lam=0.2) - cov_lasso(gram - step, lam=0.2)
    assert (gram.grad * step).sum().item() == pytest.approx((change * weight).sum().item() / 2, rel=1e-5)


def test_nothing_reaches_moments_outside_the_active_set():
    gram, cross, energy = (torch.from_numpy(part) for part in random_cross(10, 1, seed=6))
    gram.requires_grad_()
    cross.requires_grad_()
    b = cov_lasso(gram, cross, 0.8, energy=energy, exclude=None)
    active = b[0] != 0
    assert 0 < active.sum() < 10
    b.sum().backward()
    assert not cross.grad[0, ~active].any()
    assert cross.grad[0, active].all()
    assert not gram.grad[~active].any()
    assert not gram.grad[:, ~active].any()
    upstream = (~active).double()  # only of coefficients that are 0
    assert not torch.autograd.grad(
        cov_lasso(gram, cross, 0.8, energy=energy, exclude=None)[0] @ upstream, gram
    )[0].any()


@pytest.mark.parametrize("side", [-1, 1])
def test_derivatives_beside_a_kink_are_those_of_their_side(side):
    gram = random_gram(8, seed=7)
    knots = covlasso.path(gram, targets=[0]).knots(0)
    events = knots.lam[1:5]
    assert len(events) == 4
    for event in events:
        lam = number(event * (1 + side * 1e-5))
        b = cov_lasso(torch.from_numpy(gram), lam=lam, targets=[0])[0]
        for j in range(8):
            (slope,) = torch.autograd.grad(b[j], lam, retain_graph=True)
            step = event * 1e-6  # does not cross the kink
            up, down = (
                covlasso.solve(gram, lam=lam.item() + sign * step, targets=[0]).coef.toarray()[0, j]
                for sign in (1, -1)
            )
            assert slope.item() == pytest.approx((up - down) / (2 * step), abs=1e-7)


def test_at_a_kink_the_derivative_is_that_of_the_side_where_the_coefficient_stays_zero():
    gram = torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    slopes = []
    for value in (2.0 - 1e-9, 2.0, 2.0 + 1e-9):  # lambda_max is 2
        lam = number(value)
        cov_lasso(gram, lam=lam)[0, 1].backward()
        slopes.append(lam.grad.item())
    assert slopes == [pytest.approx(-0.25), 0.0, 0.0]


def test_float32_moments_give_float32_gradients():
    double = torch.tensor(random_gram(9, seed=8), **DOUBLE)
    single = double.detach().float().requires_grad_()
    weight = torch.from_numpy(np.random.default_rng(9).standard_normal((9, 9)))
    for gram in (double, single):
        (cov_lasso(gram, lam=0.3) * weight.to(gram.dtype)).sum().backward()
    assert single.grad.dtype == torch.float32
    torch.testing.assert_close(single.grad.double(), double.grad, rtol=1e-4, atol=1e-5)


def test_equal_input_gives_equal_bits_and_strides_do_not_matter():
    gram = torch.from_numpy(random_gram(30, seed=10))
    wide = torch.zeros(60, 60, dtype=torch.float64)
    wide[::2, ::2] = gram
    found = []
    for matrix, threads in ((gram, 1), (wide[::2, ::2], 2)):
        leaf = matrix.clone(memory_format=torch.preserve_format).requires_grad_()
        cov_lasso(leaf, lam=0.2, n_threads=threads).square().sum().backward()
        found.append(leaf.grad)
    assert torch.equal(*found)


GRAM = torch.from_numpy(random_gram(4, seed=11))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"gram": GRAM.numpy()}, TypeError, "gram is ndarray; a torch.Tensor is expected"),
        ({"gram": GRAM.half()}, TypeError, r"gram is torch.float16; give gram.double\(\)"),
        ({"gram": GRAM[:3]}, ValueError, r"gram has shape \(3, 4\)"),
        ({"gram": GRAM - 9 * torch.eye(4)}, ValueError, "gram: negative diagonal"),
        ({"gram": GRAM * float("nan")}, ValueError, "gram: not finite"),
        ({"cross": [1.0]}, TypeError, "cross is list; a torch.Tensor is expected"),
        ({"cross": GRAM.float()}, TypeError, "cross is torch.float32 .* give both alike"),
        ({"cross": GRAM[:, :3]}, ValueError, r"cross has shape \(4, 3\)"),
        ({"cross": GRAM * float("inf")}, ValueError, "cross: not finite"),
        ({"energy": torch.ones(4)}, ValueError, "energy is for the cross form"),
        ({"lam": None}, TypeError, "lam is missing"),
        ({"lam": -1.0}, ValueError, "lam is -1.0"),
        ({"lam": torch.ones(3)}, ValueError, r"lam has shape \(3,\); \(4,\) is expected"),
        ({"l2": torch.ones(2)}, ValueError, r"l2 has shape \(2,\); one number is expected"),
        ({"l2": -1.0}, ValueError, "l2 is -1.0"),
        ({"targets": [7]}, ValueError, r"targets\[0\] is 7"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        cov_lasso(**{"gram": GRAM, "lam": 0.1, **arguments})


def test_a_solution_without_certificate_is_refused():
    singular = torch.from_numpy(random_gram(8, rank=3, seed=12))
    with pytest.raises(
        RuntimeError, match=r"target \d is not certified: floor.* take a larger lam, or l2 > 0"
    ):
        cov_lasso(singular, lam=1e-14)


def test_dependent_terms_have_no_derivative():
    gram = torch.ones(2, 2, dtype=torch.float64)
    every = torch.tensor([[0, 1]])
    with pytest.raises(ValueError, match="Gram of the terms of target row 0 is singular"):
        adjoint(gram, every, every >= 0, torch.ones(1, 2, dtype=torch.float64), l2=0.0)
    u = adjoint(gram, every, every >= 0, torch.ones(1, 2, dtype=torch.float64), l2=1.0)
    torch.testing.assert_close(u, torch.full((1, 2), 1 / 3, dtype=torch.float64))
