"""Problems, and what their solutions must satisfy, computed from the raw data only.

Everywhere  min over b of  b'Gb - 2c'b + e + l2 |b|^2 + lam sum_j w_j |b_j|,  lam in the paper's scale (no
1/2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest


def random_gram(n, rank=None, *, seed=0, noise=0.0):
    """Second moment of n logits that a linear head draws from ``rank`` features."""
    rng = np.random.default_rng(seed)
    head = rng.standard_normal((n, rank or n))
    features = rng.standard_normal((3 * (rank or n) + 5, rank or n))
    logits = features @ head.T + 0.3 * rng.standard_normal(n) * (rank is None)
    gram = logits.T @ logits / len(logits)
    return gram + noise * np.eye(n)


def random_cross(p, n, *, seed=0, samples=400):
    """(gram, cross, energy) of n targets on p sources, from logits that have common features."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((samples, 6))
    sources = features @ rng.standard_normal((6, p)) + rng.standard_normal((samples, p))
    targets = features @ rng.standard_normal((6, n)) + rng.standard_normal((samples, n))
    return (
        sources.T @ sources / samples,
        np.ascontiguousarray(targets.T @ sources / samples),
        np.mean(targets**2, axis=0),
    )


def allowed_sources(p, target=None, mask=None):
    """Sources that may have a coefficient."""
    allowed = np.ones(p, dtype=bool)
    if target is not None:
        allowed[target] = False
    if mask is not None:
        allowed &= ~mask
    return allowed


def squared_error(gram, c, e, b):
    """b'Gb - 2c'b + e."""
    return float(b @ gram @ b - 2.0 * c @ b + e)


def objective(gram, c, e, b, lam, *, weights=None, l2=0.0):
    """What is minimised."""
    w = np.ones(len(c)) if weights is None else np.where(b == 0, 0.0, weights)
    return squared_error(gram, c, e, b) + l2 * b @ b + lam * float(w @ np.abs(b))


def kkt_residual(gram, c, b, lam, *, allowed=None, weights=None, l2=0.0, positive=False):
    """Largest violation of the optimality conditions, relative to lam (at lam 0: to lambda_max).

    With g = 2 (c - G b - l2 b):  g_j = lam w_j sign(b_j) where b_j is not 0,  |g_j| <= lam w_j (positive: g_j
    <=) else.
    """
    p = len(c)
    w = np.ones(p) if weights is None else np.asarray(weights, dtype=float).copy()
    if allowed is not None:
        w[~allowed] = np.inf
    free = np.isfinite(w)
    assert not b[~free].any(), "an excluded source has a coefficient"
    if positive:
        assert (b >= 0).all(), "a coefficient is negative"
    used = np.flatnonzero(b)
    g = 2.0 * (c - gram[:, used] @ b[used] - l2 * b)
    limit = lam * np.where(free, w, 0.0)
    idle = np.maximum(g if positive else np.abs(g), 0.0) - limit
    violation = np.where(b != 0, np.abs(g - limit * np.sign(b)), np.maximum(idle, 0.0))
    scale = lam if lam > 0 else 2.0 * np.abs(c[free]).max(initial=0.0)
    worst = violation[free].max(initial=0.0)
    return worst / scale if scale > 0 else worst


def coordinate_descent(
    gram, c, lam, *, allowed=None, weights=None, l2=0.0, positive=False, tolerance=1e-15, sweeps=200_000
):
    """The minimiser by plain cyclic coordinate descent, until no step moves the fit beyond the tolerance."""
    p = len(c)
    w = np.ones(p) if weights is None else np.asarray(weights, dtype=float)
    usable = np.isfinite(w) & (np.diag(gram) + l2 > 0)
    if allowed is not None:
        usable &= allowed
    b, g = np.zeros(p), c.astype(np.float64).copy()
    root = np.sqrt(np.diag(gram) + l2)
    scale = np.abs(c[usable] / root[usable]).max(initial=0.0)
    for _ in range(sweeps):
        change = 0.0
        for j in np.flatnonzero(usable):
            r = g[j] + gram[j, j] * b[j]
            size = (r if positive else abs(r)) - lam * w[j] / 2.0
            new = np.sign(r) * max(size, 0.0) / (gram[j, j] + l2)
            if new != b[j]:
                change = max(change, abs(new - b[j]) * root[j])
                g -= gram[:, j] * (new - b[j])
                b[j] = new
        if change <= tolerance * scale:
            return b
    raise AssertionError(f"coordinate descent did not converge in {sweeps} sweeps")


def duality_gap(gram, c, e, b, lam, *, allowed):
    """An upper bound of objective(b) - minimum: the residual, shrunk until dual feasible, bounds it below."""
    error = max(squared_error(gram, c, e, b), 0.0)
    slack = 2.0 * np.abs(c - gram @ b)[allowed].max(initial=0.0)
    shrink = 1.0 if slack == 0.0 else min(1.0, lam / slack)
    dual = 2.0 * shrink * (e - c @ b) - shrink**2 * error
    return objective(gram, c, e, b, lam) - dual


def assert_solution(
    deps, gram, lam=None, *, cross=None, energy=None, mask=None, self_excluded=True, **options
):
    """Every row of ``deps`` is certified, satisfies the optimality conditions, and reports its own error."""
    dense = deps.coef.toarray()
    options = dict(options)
    weights = options.pop("weights", None)
    for t, target in enumerate(deps.targets):
        c = gram[target] if cross is None else cross[target]
        e = gram[target, target] if cross is None else energy[target]
        if lam is not None:
            assert deps.lam[t] == np.broadcast_to(lam, deps.lam.shape)[t]
        row_weights = weights[t] if weights is not None and np.ndim(weights) == 2 else weights
        allowed = allowed_sources(
            len(c), target if self_excluded else None, None if mask is None else mask[t]
        )
        found = kkt_residual(
            gram.astype(float),
            c.astype(float),
            dense[t],
            deps.lam[t],
            allowed=allowed,
            weights=row_weights,
            **options,
        )
        assert deps.status[t] == "certified", f"target {target}: {deps.status[t]}"
        assert deps.kkt[t] <= 1e-9
        assert found <= 2e-9, f"target {target}: KKT residual {found}"
        error = squared_error(gram.astype(float), c.astype(float), float(e), dense[t])
        assert abs(deps.error[t] - error) <= 1e-9 * abs(e)


@dataclass
class Case:
    """One problem for covlasso.path; within one network cross and energy are those of gram."""

    gram: np.ndarray
    cross: np.ndarray
    energy: np.ndarray
    intra: bool
    options: dict

    def arguments(self):
        """What covlasso.path takes by position."""
        return (self.gram,) if self.intra else (self.gram, self.cross, self.energy)

    def allowed(self, target):
        """Sources of one target."""
        return allowed_sources(len(self.gram), target if self.intra else None)

    def is_noise(self, target):
        """Whether all moments that could bring a source in are rounding: then no lambda is certain."""
        size = np.sqrt(self.energy[target]) * np.sqrt(np.diag(self.gram).max())
        weights = self.options.get("weights", np.ones(len(self.gram)))
        moments = self.cross[target][self.allowed(target) & np.isfinite(weights)]
        if not self.options.get("positive", False):
            moments = np.abs(moments)  # else only positive ones can bring a source in
        return moments.max(initial=0.0) <= 1e-13 * size


def assert_certified(case, deps):
    """The certificate of every row, recomputed: residuals from the Gram, and the error reported."""
    options = {key: value for key, value in case.options.items() if key != "exclude"}
    for t, b in enumerate(deps.coef.toarray()):
        assert np.isfinite(b).all()
        if case.is_noise(t) and deps.status[t] == "floor":
            continue
        assert deps.status[t] == "certified", f"target {t}: {deps.status[t]}, KKT residual {deps.kkt[t]}"
        c, e = case.cross[t], case.energy[t]
        found = kkt_residual(case.gram, c, b, deps.lam[t], allowed=case.allowed(t), **options)
        assert found <= 2e-9, f"target {t}: KKT residual {found}, reported {deps.kkt[t]}"
        assert abs(deps.error[t] - squared_error(case.gram, c, e, b)) <= 1e-9 * abs(e)


def changed(array, place, value):
    """A copy with one entry changed."""
    result = array.copy()
    result[place] = value
    return result


def assert_refused(call, error, parts):
    """The call raises exactly this error, whose message has all the parts."""
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    for part in parts:
        assert part in str(caught.value), f"{part!r} is not in {caught.value}"
