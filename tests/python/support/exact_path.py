"""The Lasso path of small problems in fractions, ties and degenerate steps included.

On a piece b(lambda) = b(top) + (top - lambda) d. At its top let A be the sources with a coefficient and T
those at their bound without one, with signs s of the gradient g = 2 (c - G b). The direction d is the one
solution of the linear complementarity problem

    2 (G d)_j = s_j w_j on A;   on T: s_j d_j >= 0 and 2 s_j (G d)_j >= w_j, with equality where d_j is not 0,

found by trying which of T take part.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations


class NotUnique(Exception):
    """Several solutions: sources depend on each other exactly."""


@dataclass
class ExactPiece:
    """From lambda = top down to bottom; coefficients at the top, their directions, and who has any."""

    top: Fraction
    bottom: Fraction
    start: dict
    direction: dict

    @property
    def support(self):
        return sorted(set(self.start) | set(self.direction))

    def at(self, lam):
        found = {j: self.start.get(j, 0) + (self.top - lam) * self.direction.get(j, 0) for j in self.support}
        return {j: value for j, value in found.items() if value != 0}


def exact_path(gram, cross, *, weights=None, l2=0, positive=False):
    """All pieces from lambda_max to 0; ``gram`` and ``cross`` are integers."""
    p = len(cross)
    weights = weights or [1] * p
    gram = [[Fraction(int(gram[i][j])) + (l2 if i == j else 0) for j in range(p)] for i in range(p)]
    cross = [Fraction(int(c)) for c in cross]

    def product(j, b):
        return sum(gram[j][k] * value for k, value in b.items())

    def size(g):
        return g if positive else abs(g)

    lam = max(size(2 * c) / w for c, w in zip(cross, weights, strict=True))
    b, pieces = {}, []
    while lam > 0:
        g = [2 * (cross[j] - product(j, b)) for j in range(p)]
        tied = [j for j in range(p) if j not in b and size(g[j]) == lam * weights[j]]
        sign = {j: 1 if g[j] > 0 else -1 for j in [*b, *tied]}
        d = _direction(gram, sorted(b), tied, sign, weights)
        bottom = lam - _length(lam, b, d, g, [-2 * product(j, d) for j in range(p)], weights, positive)
        pieces.append(ExactPiece(lam, bottom, b, d))
        b, lam = pieces[-1].at(bottom), bottom
    return pieces


def before_terms(pieces, terms):
    """(lambda, b) just before there are more than ``terms`` terms, or at the end of the path."""
    for piece in pieces:
        if len(piece.support) > terms:
            return piece.top, piece.start
    return (pieces[-1].bottom, pieces[-1].at(pieces[-1].bottom)) if pieces else (Fraction(0), {})


def _direction(gram, active, tied, sign, weights):
    found = []
    for count in range(len(tied) + 1):
        for chosen in combinations(tied, count):
            d = _solved(gram, [*active, *chosen], sign, weights)
            if d is None or any(sign[j] * d[j] < 0 for j in chosen):
                continue
            outside = [j for j in tied if j not in chosen]
            slack = [2 * sign[j] * sum(gram[j][k] * v for k, v in d.items()) - weights[j] for j in outside]
            d = {j: value for j, value in d.items() if value != 0}
            if all(s >= 0 for s in slack) and d not in found:
                found.append(d)
    if len(found) != 1:
        raise NotUnique
    return found[0]


def _solved(gram, members, sign, weights):
    """Gauss; None where singular."""
    rows = [[gram[i][j] for j in members] + [Fraction(sign[i] * weights[i]) / 2] for i in members]
    for c in range(len(rows)):
        pivot = next((r for r in range(c, len(rows)) if rows[r][c] != 0), None)
        if pivot is None:
            return None
        rows[c], rows[pivot] = rows[pivot], rows[c]
        rows[c] = [x / rows[c][c] for x in rows[c]]
        for r in range(len(rows)):
            if r != c and rows[r][c] != 0:
                rows[r] = [x - rows[r][c] * y for x, y in zip(rows[r], rows[c], strict=True)]
    return {j: row[-1] for j, row in zip(members, rows, strict=True)}


def _length(lam, b, d, g, change, weights, positive):
    """How far lambda falls before a coefficient meets zero or another gradient its bound."""
    length = lam
    for j, value in b.items():
        if value * d.get(j, 0) < 0:
            length = min(length, -value / d[j])
    for j in range(len(g)):
        if j in b or j in d:
            continue
        for s in (1,) if positive else (1, -1):
            gain, room = s * change[j] + weights[j], lam * weights[j] - s * g[j]
            if gain > 0 and room > 0:
                length = min(length, room / gain)
    return length
