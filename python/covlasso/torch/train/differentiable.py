"""CovLasso as a differentiable function: solved by the core, differentiated implicitly on the active set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse
import torch
from torch.autograd.function import once_differentiable

from covlasso._base.arrays import Array
from covlasso._base.devices import cuda_available
from covlasso.dependencies import Dependencies
from covlasso.solver import solve
from covlasso.torch.train.determined import Solved


def cov_lasso(
    gram: torch.Tensor,
    cross: torch.Tensor | None = None,
    lam: float | torch.Tensor | None = None,
    *,
    energy: npt.ArrayLike | torch.Tensor | None = None,
    targets: npt.ArrayLike | None = None,
    exclude: Any = "self",
    l2: float | torch.Tensor = 0.0,
    positive: bool = False,
    n_threads: int | None = None,
    device: str | Sequence[str] | None = None,
) -> torch.Tensor:
    """Coefficients of all targets at one lambda, with gradients to the moments, lambda and l2.

    For every target i::

        b_i = argmin over b of   b'Gb - 2 c_i'b + l2 |b|^2 + lambda |b|_1

    solved exactly by the core, to a KKT residual of 1e-9. On the active set A of the solution, with signs s,
    b_A = H^-1 (c_A - lambda/2 s) with H = G_AA + l2 I, and all other coefficients are 0 around it. Hence::

        db_A = H^-1 (dc_A - dG_AA b_A - dl2 b_A - dlambda/2 s)

    and, for an upstream gradient v and u = H^-1 v_A, the gradients are u to c_A, -(u b_A' + b_A u')/2 to
    G_AA, -s'u/2 to lambda and -b_A'u to l2; zero elsewhere. So a source without a coefficient gets no
    gradient, however close it is to entering.

    *Symmetry.* G is read as a symmetric matrix, and its gradient is the symmetric one, as that of
    ``torch.linalg.cholesky``: dL = sum_ij grad_ij dG_ij for symmetric dG. In ``gradcheck`` build G from free
    entries, for example as X'X.

    *Kinks.* b is piecewise smooth. Where a coefficient just becomes or ceases to be zero, the derivative is
    that of the side on which it stays zero: A are the coefficients that are not zero.

    Parameters
    ----------
    gram : (p, p) tensor
        G = E[g g'], float32 or float64.
    cross : (n, p) tensor, optional
        Rows c_i = E[f_i g]. By default the network explains itself: c_i is row i of ``gram`` and b_i = 0; the
        gradient to ``gram`` then has the part of c_i in it.
    lam : float or tensor, () or (n_targets,)
        lambda, in the paper's scale (no 1/2).
    energy : (n,) array or tensor, optional
        e_i = E[f_i^2], with ``cross`` only. It moves no coefficient; the core checks the moments by it. By
        default the least that ``gram`` and ``cross`` allow, c_i' G^+ c_i, which costs an eigendecomposition.
    targets, exclude, positive, n_threads
        As in `covlasso.path`.
    l2 : float or tensor, (), default 0
        Ridge term, in the paper's scale (no 1/2).
    device : str or sequence of str, optional
        Where to solve, as in `covlasso.path`. By default where ``gram`` is, which is then read in place; on
        the CPU, from a copy, where covlasso cannot use that device.

    Returns
    -------
    (n_targets, p) tensor
        Coefficients, dense, in dtype and on the device of ``gram``.

    Raises
    ------
    TypeError, ValueError
        An argument is wrong, or the Gram not positive semi-definite; in the backward pass: the
        terms of a target nearly depend on each other, or a source beside them on these, so that no digit of
        the derivative would be right.
    RuntimeError
        A solution is not certified, or covlasso cannot use the device.

    Notes
    -----
    The active-set formula is that of Dossal et al., "The degrees of freedom of the Lasso for general design
    matrix", *Statistica Sinica* 23, 2013; as a derivative for training see Bertrand et al., "Implicit
    differentiation of Lasso-type models for hyperparameter optimization", ICML 2020. It is differentiable
    once.

    Examples
    --------
    >>> gram = torch.tensor([[2.0, 1.0], [1.0, 2.0]], requires_grad=True)
    >>> b = cov_lasso(gram, lam=1.0)
    >>> b[0, 1].item()
    0.25
    >>> b[0, 1].backward()
    >>> gram.grad
    tensor([[ 0.0000,  0.2500],
            [ 0.2500, -0.1250]])
    """
    _check_tensors(gram, cross, lam, l2)
    if device is None:
        device = "cuda" if gram.is_cuda and cuda_available() else "cpu"
    options = {"targets": targets, "exclude": exclude, "positive": positive, "n_threads": n_threads}
    options["device"] = device
    if cross is not None:
        options["energy"] = _least_energy(gram, cross) if energy is None else _array(energy)
    elif energy is not None:
        raise ValueError("energy is for the cross form; give cross too, or leave energy out")
    b: torch.Tensor = _CovLasso.apply(gram, cross, lam, l2, options)
    return b


class _Terms(NamedTuple):
    """The terms of each target, padded to the longest: (n_targets, k)."""

    source: torch.Tensor  # 0 where there is no term
    coef: torch.Tensor  # float64, 0 where there is no term

    @classmethod
    def of(cls, coef: scipy.sparse.csr_array, device: torch.device) -> _Terms:
        coef.eliminate_zeros()
        count = np.diff(coef.indptr)
        row = np.repeat(np.arange(len(count)), count)
        column = np.arange(coef.nnz) - coef.indptr[row]
        source = np.zeros((len(count), count.max(initial=0)), dtype=np.int64)
        value = np.zeros(source.shape)
        source[row, column], value[row, column] = coef.indices, coef.data
        return cls(torch.from_numpy(source).to(device), torch.from_numpy(value).to(device))


class _CovLasso(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        gram: torch.Tensor,
        cross: torch.Tensor | None,
        lam: float | torch.Tensor,
        l2: float | torch.Tensor,
        options: dict[str, Any],
    ) -> torch.Tensor:
        read = _array if options["device"] == "cpu" else _in_place
        found = solve(
            read(gram),
            None if cross is None else read(cross),
            lam=_array(lam)[()] if isinstance(lam, torch.Tensor) else lam,
            l2=l2.item() if isinstance(l2, torch.Tensor) else l2,
            **options,
        )
        _check_certified(found)
        terms = _Terms.of(found.coef, gram.device)
        rows = torch.from_numpy(found.targets.astype(np.int64)).to(gram.device)
        level = torch.from_numpy(0.5 * found.lam).to(gram.device)
        ctx.save_for_backward(gram, cross, level, rows, *terms)
        ctx.barred, ctx.positive = options["exclude"], options["positive"]
        ctx.l2 = float(l2)
        ctx.cross_shape = None if cross is None else cross.shape
        ctx.per_target = isinstance(lam, torch.Tensor) and lam.ndim == 1
        ctx.lam_device = lam.device if isinstance(lam, torch.Tensor) else gram.device
        return torch.from_numpy(found.coef.toarray()).to(device=gram.device, dtype=gram.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        gram, cross, level, rows, *terms = ctx.saved_tensors
        source, coef = _Terms(*terms)
        barred = _barred(ctx.barred, rows, len(gram), intra=cross is None)
        of_targets = (gram if cross is None else cross).detach()[rows].double()
        solved = Solved(
            gram.detach(), of_targets, level, ctx.l2, source, coef, barred, ctx.positive, targets=rows
        )
        u = adjoint(gram, source, coef != 0.0, upstream.double().gather(1, source), ctx.l2, solved.check)
        wanted = ctx.needs_input_grad
        to_gram = to_cross = to_lam = to_l2 = None
        if wanted[0]:
            intra = rows if ctx.cross_shape is None else None
            to_gram = _gram_gradient(gram, source, coef, u, intra)
        if wanted[1]:
            to_cross = u.new_zeros(ctx.cross_shape)
            to_cross.index_put_((rows[:, None].expand_as(source), source), u, accumulate=True)
            to_cross = to_cross.to(gram.dtype)
        if wanted[2]:
            each = -0.5 * (coef.sign() * u).sum(dim=1)
            to_lam = (each if ctx.per_target else each.sum()).to(ctx.lam_device)
        if wanted[3]:
            to_l2 = -(coef * u).sum()
        return to_gram, to_cross, to_lam, to_l2, None


def adjoint(
    gram: torch.Tensor,
    source: torch.Tensor,
    active: torch.Tensor,
    upstream: torch.Tensor,
    l2: float,
    check: Callable[[torch.Tensor], None] | None = None,
) -> torch.Tensor:
    """Solve for u = (G_AA + l2 I)^-1 v of every target, 0 where there is no term; (n_targets, k) in float64.

    ``check`` is called with the Cholesky factors, where there is a term.

    Raises
    ------
    ValueError
        G_AA + l2 I is singular to working precision.
    """
    pairs = active[:, :, None] & active[:, None, :]
    identity = torch.eye(source.shape[1], dtype=torch.float64, device=gram.device)
    block = gram.detach()[source[:, :, None], source[:, None, :]].double() + l2 * identity
    factor, info = torch.linalg.cholesky_ex(torch.where(pairs, block, identity))
    if bool(info.any()):
        row = int(info.nonzero()[0, 0])
        raise ValueError(
            f"the Gram of the terms of target row {row} is singular, so its coefficients have no derivative; "
            "take a larger lam, or l2 > 0"
        )
    if check is not None and source.shape[1]:
        check(factor)
    right = torch.where(active, upstream, 0.0)
    return torch.cholesky_solve(right[:, :, None], factor)[:, :, 0]


def _barred(exclude: Any, rows: torch.Tensor, p: int, *, intra: bool) -> torch.Tensor:
    """Mark the sources that each target does without, (n_targets, p)."""
    barred = torch.zeros(len(rows), p, dtype=torch.bool, device=rows.device)
    if intra or isinstance(exclude, str):
        barred.scatter_(1, rows[:, None], True)
    if exclude is None or isinstance(exclude, str):
        return barred
    dense = exclude.toarray() if scipy.sparse.issparse(exclude) else exclude
    return barred | torch.from_numpy(np.asarray(dense, dtype=np.bool_)).to(rows.device)


def _gram_gradient(
    gram: torch.Tensor,
    source: torch.Tensor,
    coef: torch.Tensor,
    u: torch.Tensor,
    targets: torch.Tensor | None,
) -> torch.Tensor:
    """Sum over targets of -(u b' + b u')/2 on their terms; ``targets``: and of row i being c_i."""
    total = torch.zeros(gram.shape, dtype=torch.float64, device=gram.device)
    outer = -u[:, :, None] * coef[:, None, :]
    place = (source[:, :, None].expand_as(outer), source[:, None, :].expand_as(outer))
    total.index_put_(place, outer, accumulate=True)
    if targets is not None:
        total.index_put_((targets[:, None].expand_as(source), source), u, accumulate=True)
    return (0.5 * (total + total.T)).to(gram.dtype)


def _check_tensors(gram: Any, cross: Any, lam: float | torch.Tensor | None, l2: float | torch.Tensor) -> None:
    for name, value in (("gram", gram), ("cross", cross)):
        if name == "cross" and value is None:
            continue
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} is {type(value).__name__}; a torch.Tensor is expected")
        if value.dtype not in (torch.float32, torch.float64):
            raise TypeError(f"{name} is {value.dtype}; give {name}.double(): moments need the precision")
        if value.dtype != gram.dtype or value.device != gram.device:
            raise TypeError(
                f"cross is {value.dtype} on {value.device} and gram {gram.dtype} on {gram.device}; "
                "give both alike"
            )
    if lam is None:
        raise TypeError("lam is missing; give lambda, in the paper's scale (no 1/2)")
    if isinstance(l2, torch.Tensor) and l2.ndim:
        raise ValueError(f"l2 has shape {tuple(l2.shape)}; one number is expected")


def _check_certified(found: Dependencies) -> None:
    bad = np.flatnonzero(found.status != "certified")
    if len(bad):
        raise RuntimeError(
            f"the solution of target {found.targets[bad[0]]} is not certified: {found.status[bad[0]]}, KKT "
            f"residual {found.kkt[bad[0]]:.1e}; take a larger lam, or l2 > 0"
        )


def _least_energy(gram: torch.Tensor, cross: torch.Tensor) -> Array:
    """Return c' G^+ c of every row, but not below what one source alone explains, rounded up."""
    if gram.ndim != 2 or cross.ndim != 2 or gram.shape != (cross.shape[1],) * 2:
        return np.zeros(len(cross))  # the shapes are wrong, and `solve` says how
    g, c = _array(gram).astype(np.float64), _array(cross).astype(np.float64)
    if not (np.isfinite(g).all() and np.isfinite(c).all()):
        return np.zeros(len(c))  # `solve` says where
    whole = np.einsum("ij,ij->i", c @ np.linalg.pinv(g, hermitian=True), c)
    diagonal = np.diag(g)
    alone = np.divide(c**2, diagonal, out=np.zeros_like(c), where=diagonal > 0).max(axis=1, initial=0.0)
    energy: Array = np.maximum(whole, alone) * (1.0 + 1e-5)
    return energy


def _in_place(value: torch.Tensor) -> torch.Tensor:
    """Give the core a tensor where it is."""
    return value.detach().contiguous()


def _array(value: Any) -> Any:
    """Give the core a tensor's memory; what is no tensor passes through."""
    return value.detach().cpu().contiguous().numpy() if isinstance(value, torch.Tensor) else value
