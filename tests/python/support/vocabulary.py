"""Dependencies and moments of heads whose categories lie in groups within groups, named as tokens are."""

import numpy as np
import scipy.sparse

import covlasso
from covlasso.moments import LinearHead

ODD = (
    *(" child", "child", " Child", "children", "</script><script>window.hurt = 1</script>", "\x00\x1b[31m"),
    *(
        "\n\n",
        "   ",
        "'",
        '"',
        "\\n",
        " \u05e9\u05dc\u05d5\u05dd",
        "\u202eabc",
        "+",
        " 5",
        "__proto__",
        "\ufffd",
    ),
    *("#7", "a,b", " &amp;"),
)


def names_of(n):
    """Names as tokens have them: blanks before words, signs, controls, from right to left, markup."""
    return [*ODD, *(f" word{i}" if i % 2 else f"part{i}" for i in range(len(ODD), n))]


def head_moments(n=600, width=20, seed=0):
    """Fit and held-out moments of a head of n categories in 4 groups of 5 groups each."""
    rng = np.random.default_rng(seed)
    outer = rng.normal(size=(4, width))
    inner = outer[np.arange(20) // 5] + 0.7 * rng.normal(size=(20, width))
    weight = inner[np.arange(n) * 20 // n] + 0.4 * rng.normal(size=(n, width))
    parts = []
    for count in (800, 500):
        moments = covlasso.Moments(["lm"], names_of(n), heads={"lm": LinearHead(weight)})
        moments.update({"lm": rng.normal(size=(count, width))})
        parts.append(moments)
    return covlasso.SplitMoments(*parts)


def planted(n, terms=10, seed=0, group=64):
    """Dependencies of any size without a solve: most terms of a category are of its own group, by number."""
    rng = np.random.default_rng(seed)
    first = np.arange(n)[:, None] // group * group
    near = first + rng.integers(1, group, (n, terms))
    far = (first + group * rng.integers(1, 12, (n, terms))) % n
    source = np.where(rng.random((n, terms)) < 0.9, near, far) % n
    source = np.where(source == np.arange(n)[:, None], (source + 1) % n, source)
    row = np.repeat(np.arange(n), terms)
    coef = scipy.sparse.csr_array((rng.laplace(size=n * terms), (row, source.ravel())), shape=(n, n))
    coef.sum_duplicates()
    names = tuple(names_of(n))
    return covlasso.Dependencies(
        coef=coef, lam=np.full(n, 0.1), error=rng.uniform(0.1, 0.9, n), energy=np.ones(n), kkt=np.zeros(n),
        status=np.full(n, "certified"), targets=np.arange(n, dtype=np.int32), intra=True, refit=False,
        target_names=names, source_names=names,
    )  # fmt: skip
