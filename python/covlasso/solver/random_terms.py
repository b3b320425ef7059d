"""What as many terms at random explain: the least that an equation has to beat.

A draw is one order of the sources, for all targets: each takes the first that it may have. With L L' = G on
these sources and L y = c, least squares on the first k of them explains y_1^2 + ... + y_k^2, so that one
elimination, with a column per target, answers for every k. Two things set a target apart, and both are one
more column of the same elimination:

- its own row v, in G + v v' (Sherman and Morrison 1950): with w = L^-1 v products become
  <a, b> = a'b - (a'w)(b'w) / (1 + w'w), and <y, y> is explained;
- a source r among them that it does without: with l = L^-1 e_r, <l, y>^2 / <l, l> is not.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Bool, Float64, Int32, Int64, Places
from covlasso.gram import Gram
from covlasso.solver.direction import Blocks

DRAWS = 20
"""Draws of a mean: what beats all of them does so by chance in less than 5 % of cases."""

_DEPENDENT = 1e-13  # share of its energy that those before leave of a source that adds nothing to them
_BLOCK = 1 << 20  # entries of blocks that are held at a time
_KEPT = 1 << 28  # bytes of rows of the Gram that are kept


def random_error(
    blocks: Blocks, n_terms: Int64, draws: int = DRAWS, seed: int = 0, rows: DrawnRows | None = None
) -> Float64:
    """Mean error of as many terms as each target has, (n_targets,): the same whatever targets are beside.

    Parameters
    ----------
    blocks : Blocks
        Moments of the targets.
    n_terms : (n_targets,) array
        Terms of each.
    draws, seed
        How many orders of the sources, and which.
    rows : DrawnRows, optional
        Kept from call to call where targets of one Gram come in several.
    """
    explained = np.zeros(len(n_terms))
    for draw in _draws(blocks, n_terms, draws, seed, rows):
        explained += draw.explained()
    return np.maximum(blocks.energy - explained / draws, 0.0)


def random_error_by_terms(blocks: Blocks, terms: int, draws: int = DRAWS, seed: int = 0) -> Float64:
    """Mean error of 0, 1, ..., ``terms`` terms, (terms + 1, n_targets)."""
    every = np.full(len(blocks.targets), terms)
    explained = np.zeros((terms + 1, len(every)))
    for draw in _draws(blocks, every, draws, seed):
        explained += draw.explained_by_terms()
    return np.maximum(blocks.energy - explained / draws, 0.0)


def random_coefficients(
    blocks: Blocks, n_terms: Int64, draws: int = DRAWS, seed: int = 0
) -> Iterator[scipy.sparse.csr_array]:
    """Least squares on as many terms as each target has, (n_targets, p) for every draw."""
    for draw in _draws(blocks, n_terms, draws, seed):
        yield draw.coefficients()


class DrawnRows:
    """Rows of a Gram in the order of a draw, kept for further targets where all draws take 256 MB at most."""

    def __init__(self) -> None:
        self._kept: dict[int, Float64] = {}

    def of(self, gram: Gram, draw: int, draws: int, order: Places) -> Float64:
        """G on the sources of ``order``, (m, p)."""
        kept = self._kept.get(draw)
        if kept is None or len(kept) < len(order):
            kept = gram.rows(order)
            if draws * kept.nbytes <= _KEPT:
                self._kept[draw] = kept
        return kept[: len(order)]


def _draws(
    blocks: Blocks, n_terms: Int64, draws: int, seed: int, kept: DrawnRows | None = None
) -> Iterator[_Draw]:
    rng = np.random.default_rng(seed)
    kept = kept or DrawnRows()
    where, left_out = _left_out(blocks)
    most = int(np.bincount(where, minlength=1).max())
    length = int(n_terms.max(initial=0)) + most
    for draw in range(draws):
        order = rng.permutation(blocks.gram.shape[0])[:length]
        rows = kept.of(blocks.gram, draw, draws, order)
        yield _Draw(blocks, n_terms, order, rows, where, left_out)


def _left_out(blocks: Blocks) -> tuple[Places, Int32]:
    """Return pairs of a target's position and a source that it does without, target by target."""
    if blocks.intra:
        return np.arange(len(blocks.targets)), blocks.targets
    if blocks.exclude is None:
        return np.arange(0), np.arange(0, dtype=np.int32)
    rows = np.repeat(np.arange(len(blocks.targets)), np.diff(blocks.exclude.indptr))
    return rows, blocks.exclude.indices


class _Draw:
    """One order, eliminated for all targets at once; `_Apart` has those for which that is not possible.

    Parameters
    ----------
    blocks : Blocks
        Moments of the targets.
    n_terms : (n_targets,) array
        Terms of each.
    order : (m,) array
        Sources, as many as the largest number of terms, and some in the place of those left out.
    rows : (m, p) array
        G on these.
    where, left_out : arrays
        Of `_left_out`.
    """

    def __init__(
        self,
        blocks: Blocks,
        n_terms: Int64,
        order: Places,
        rows: Float64,
        where: Places,
        left_out: Int32,
    ):
        self._n_terms, self._order, self._p = n_terms, order, blocks.gram.shape[0]
        counts, self._rank = self._gaps(where, left_out)
        dependent = self._eliminate(rows, blocks)
        last = n_terms + counts  # items that a target takes, those that it does without included
        apart = counts > 1
        if blocks.own_rows is not None:
            apart |= (blocks.own_rows.counts != 1) | (dependent < last)
        apart |= (counts > 0) & (dependent < last)
        self._apart = _Apart(blocks, n_terms, order, rows, np.flatnonzero(apart), (where, left_out))

    def _gaps(self, where: Places, left_out: Int32) -> tuple[Int64, Int64]:
        """How many of the items that it would take each target does without, and the first of them.

        It is m, none, where the first is none of these: no target then depends on how long the order is.
        """
        m = len(self._order)
        rank = np.full(self._p, m)
        rank[self._order] = np.arange(m)
        gone = np.flatnonzero(rank[left_out] < m)
        gone = gone[np.lexsort((rank[left_out[gone]], where[gone]))]
        target, item = where[gone], rank[left_out[gone]]
        before = np.arange(len(gone)) - np.searchsorted(target, target)  # gaps of the same target
        taken = item < self._n_terms[target] + before
        counts = np.bincount(target[taken], minlength=len(self._n_terms))
        first = np.full(len(self._n_terms), m)
        inside = taken & (before == 0)
        first[target[inside]] = item[inside]
        return counts, first

    def explained(self) -> Float64:
        """Return what all terms of every target explain, (n_targets,)."""
        y, w, _, without, here = self._wanted()
        found = _product(y, y, w)
        found[here] -= _lost(without, y[:, here], None if w is None else w[:, here])[0]
        found[self._apart.here] = self._apart.explained_in_all()
        return found

    def explained_by_terms(self) -> Float64:
        """Return what the first 0, 1, ... terms of every target explain, (K + 1, n_targets)."""
        k = int(self._n_terms.max(initial=0))
        items = np.zeros((len(self._order) + 1, len(self._n_terms)))
        items[1:] = self._summed(self._y, self._y)
        found = items[: k + 1].copy()
        here = np.flatnonzero(self._rank < len(self._order))
        without, y = self._inverse[:, self._rank[here]], self._y[:, here]
        lost = self._summed(without, y, here) ** 2
        size = self._summed(without, without, here)
        rest = items[1:, here] - np.divide(lost, size, out=np.zeros_like(lost), where=size > 0.0)
        beyond = np.arange(len(rest))[:, np.newaxis] > self._rank[here]  # item m, of m terms without it
        found[: len(rest), here] = np.where(beyond[: k + 1], rest[: k + 1], found[: len(rest), here])
        found[:, self._apart.here] = self._apart.explained()
        return found

    def coefficients(self) -> scipy.sparse.csr_array:
        """Solve for the terms of every target, (n_targets, p)."""
        item = np.arange(len(self._order))[:, np.newaxis]
        y, w, wanted, without, here = self._wanted()
        y[:, here] -= without * _lost(without, y[:, here], None if w is None else w[:, here])[1]
        if w is not None:
            y -= w * (_summed_over(y, w) / (1.0 + _summed_over(w, w)))
        values = _substituted(self._lower[np.newaxis], y[np.newaxis])[0]
        wanted &= item != self._rank
        values[:, self._apart.here] = self._apart.coefficients(len(self._order))
        wanted[:, self._apart.here] = values[:, self._apart.here] != 0.0
        return self._sparse(values.T, wanted.T)

    def _wanted(self) -> tuple[Float64, Float64 | None, Bool, Float64, Places]:
        """Return y and w on the items that each target takes, which these are, and l of those with a gap."""
        gap = self._rank < self._n_terms
        wanted = np.arange(len(self._order))[:, np.newaxis] < self._n_terms + gap
        here = np.flatnonzero(gap)
        without = self._inverse[:, self._rank[here]] * wanted[:, here]
        return self._y * wanted, None if self._w is None else self._w * wanted, wanted, without, here

    def _eliminate(self, rows: Float64, blocks: Blocks) -> int:
        """Make L, L^-1 and what it makes of all columns; the first item that depends on those before."""
        m, n, own = len(self._order), len(self._n_terms), blocks.own_rows
        single = np.zeros((m, 0))
        if blocks.cross is None:
            cross = rows[:, blocks.targets]
        else:
            cross = np.asarray(blocks.cross[:, self._order], dtype=np.float64).T
        if own is not None:
            # those with several rows, or none, are solved apart
            first = np.minimum(own.firsts, len(own.rows) - 1)
            single = own.rows[first[:, np.newaxis], self._order].T
            response = own.responses(blocks.targets)
            cross = cross + single * response[np.minimum(own.offsets[:-1], len(response) - 1)]
        columns = np.concatenate([cross, single, np.eye(m)], axis=1)[np.newaxis]
        self._lower = _eliminate(rows[np.newaxis][:, :, self._order], columns)[0]
        self._y = columns[0, :, :n]
        self._w = None if own is None else columns[0, :, n : 2 * n]
        self._inverse = columns[0, :, -m:]
        zero = np.flatnonzero(np.diagonal(self._lower) == 0.0)
        return int(zero[0]) if zero.size else m

    def _summed(self, a: Float64, b: Float64, here: Places | slice = slice(None)) -> Float64:
        """Return <a, b> of the first 1, 2, ... items, (m, targets)."""
        total: Float64 = np.cumsum(a * b, axis=0)
        if self._w is not None:
            w = self._w[:, here]
            with_w = np.cumsum(a * w, axis=0) * np.cumsum(b * w, axis=0)
            total -= with_w / (1.0 + np.cumsum(w**2, axis=0))
        return total

    def _sparse(self, values: Float64, wanted: Bool) -> scipy.sparse.csr_array:
        source = np.broadcast_to(self._order.astype(np.int32), values.shape)
        offset = np.concatenate([[0], np.cumsum(wanted.sum(axis=1))])
        shape = (len(values), self._p)
        found = scipy.sparse.csr_array((values[wanted], source[wanted], offset), shape=shape)
        found.sort_indices()
        return found


class _Apart:
    """Targets that are eliminated each for itself, their own rows in the block.

    They have several own rows, do without several of the sources drawn, or these depend on each other.
    """

    def __init__(
        self,
        blocks: Blocks,
        n_terms: Int64,
        order: Places,
        rows: Float64,
        here: Places,
        left_out: tuple[Places, Int32],
    ):
        self.here = here
        self._n_terms = n_terms[here]
        where, gone = left_out
        self._parts: list[tuple[Float64, Float64, list[Places]]] = []
        k = self._k = int(n_terms.max(initial=0))
        step = max(1, _BLOCK // max(1, k * k))
        for start in range(0, len(here), step):
            chosen = here[start : start + step]
            places = []
            for t in chosen.tolist():
                first, last = np.searchsorted(where, [t, t + 1])
                places.append(np.flatnonzero(~np.isin(order, gone[first:last]))[:k])
            block, columns = np.zeros((len(chosen), k, k)), np.zeros((len(chosen), k, 1))
            for row, (t, place) in enumerate(zip(chosen.tolist(), places, strict=True)):
                sources = order[place]
                block[row, : len(place), : len(place)] = rows[np.ix_(place, sources)]
                columns[row, : len(place), 0] = blocks.entries(t, sources)
                if blocks.own_rows is not None:
                    own = blocks.own_rows.of(t)[:, sources]
                    block[row, : len(place), : len(place)] += own.T @ own
            lower = _eliminate(block, columns)
            self._parts.append((lower, columns, places))

    def explained(self) -> Float64:
        """Return what the first 0, 1, ... terms explain, (K + 1, here)."""
        found = np.zeros((self._k + 1, len(self.here)))
        if self._parts:
            y = np.concatenate([columns[:, :, 0] for _, columns, _ in self._parts])
            found[1:] = np.cumsum(y**2, axis=1).T
        return found

    def explained_in_all(self) -> Float64:
        """Return what all terms explain, (here,)."""
        return np.asarray(self.explained()[self._n_terms, np.arange(len(self.here))])

    def coefficients(self, m: int) -> Float64:
        """Coefficients on the order, (m, here)."""
        found = np.zeros((m, len(self.here)))
        start = 0
        for lower, columns, places in self._parts:
            stop = start + len(places)
            wanted = np.arange(columns.shape[1]) < self._n_terms[start:stop, np.newaxis]
            solved = _substituted(lower, columns * wanted[:, :, np.newaxis])[:, :, 0]
            for row, place in enumerate(places):
                found[place, start + row] = solved[row, : len(place)]
            start = stop
        return found


def _product(a: Float64, b: Float64, w: Float64 | None) -> Float64:
    """Return <a, b> of every column."""
    total = _summed_over(a, b)
    if w is not None:
        with_w = _summed_over(a, w)
        total -= with_w * (with_w if b is a else _summed_over(b, w)) / (1.0 + _summed_over(w, w))
    return total


def _lost(without: Float64, y: Float64, w: Float64 | None) -> tuple[Float64, Float64]:
    """Return <l, y>^2 / <l, l>, what a source explains beside the others, and <l, y> / <l, l>; 0 if l is."""
    size, both = _product(without, without, w), _product(without, y, w)
    ratio = np.divide(both, size, out=np.zeros_like(both), where=size > 0.0)
    return both * ratio, ratio


def _summed_over(a: Float64, b: Float64) -> Float64:
    """Sum of the products in every column, row after row: the bits of numpy's sums depend on the columns."""
    total = np.zeros(a.shape[1])
    for row, other in zip(a, b, strict=True):
        total += row * other
    return total


def _eliminate(block: Float64, columns: Float64) -> Float64:
    """L with L L' = block, (b, k, k); ``columns`` (b, k, m) become L^-1 columns, ``block`` is used up.

    A source that depends on those before it gets a row and column of zeros. Element by element, not by BLAS:
    bits do not depend on how many targets there are.
    """
    lower, size = np.zeros_like(block), np.einsum("bkk->bk", block).copy()
    products = np.empty_like(columns)
    for j in range(block.shape[1]):
        pivot = block[:, j, j]
        kept = pivot > _DEPENDENT * size[:, j]
        scale = np.where(kept, 1.0 / np.sqrt(np.where(kept, pivot, 1.0)), 0.0)[:, np.newaxis]
        lower[:, j:, j] = block[:, j:, j] * scale
        columns[:, j] *= scale
        below = lower[:, j + 1 :, j, np.newaxis]
        block[:, j + 1 :, j + 1 :] -= below * lower[:, np.newaxis, j + 1 :, j]
        columns[:, j + 1 :] -= np.multiply(below, columns[:, np.newaxis, j], out=products[:, j + 1 :])
    return lower


def _substituted(lower: Float64, y: Float64) -> Float64:
    """Solve L'b = y, (b, k, m); 0 for sources without a pivot."""
    rest, solved = y.copy(), np.zeros_like(y)
    for j in reversed(range(lower.shape[1])):
        pivot = lower[:, j, j, np.newaxis]
        solved[:, j] = np.where(pivot > 0.0, rest[:, j] / np.where(pivot > 0.0, pivot, 1.0), 0.0)
        rest[:, :j] -= lower[:, j, :j, np.newaxis] * solved[:, np.newaxis, j]
    return solved
