"""Kinds of tokens of a vocabulary: others' combinations, those that stand alone, never-trained ones, bytes.

    python examples/language_model/tokens.py moments.safetensors --sample 1000

``moments.safetensors`` is what ``covlasso extract`` writes for a language model, or ``covlasso moments`` for
hidden states with a head. Without --sample all tokens are asked; with it so many, and those whose rows look
untrained.
"""

import argparse

import numpy as np

import covlasso
from covlasso import Dependencies, SplitMoments
from covlasso.vocabulary import equal_rows, kinds_of_tokens, untrained_distance


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("moments", help="file of moments with a held-out part")
    parser.add_argument("--terms", type=int, default=3, help="terms of an equation, 3 by default")
    parser.add_argument("--sample", type=int, help="ask so many tokens, chosen at random")
    parser.add_argument(
        "--combination", type=float, default=0.99, help="R^2 of a combination, 0.99 by default"
    )
    parser.add_argument("--untrained", type=int, nargs="+", help="numbers of tokens known to be untrained")
    parser.add_argument("--top", type=int, default=12, help="lines of each list, 12 by default")
    parser.add_argument("--draws", type=int, default=5, help="draws of random terms, 5 by default")
    parser.add_argument("--out", help="keep the equations in this file")
    parser.add_argument("--dependencies", help="take the equations of such a file")
    return parser.parse_args()


def asked(moments: SplitMoments, given: argparse.Namespace) -> list[int] | None:
    """Tokens to ask; None: all."""
    if not given.sample:
        return None
    weight = moments.fit.heads[moments.fit.names[0]].weight.astype(np.float64)
    sample = np.random.default_rng(0).choice(len(weight), given.sample, replace=False)
    known = np.array(given.untrained or equal_rows(weight))
    near = np.flatnonzero(untrained_distance(weight, known) <= 0.1) if known.size else known
    return np.union1d(sample, near).tolist()


def main() -> None:
    given = arguments()
    moments = SplitMoments.load(given.moments)
    if given.dependencies:
        deps = Dependencies.load(given.dependencies)
    else:
        deps = covlasso.solve_moments(
            moments.fit,
            kind="correlation",
            row_centred=True,
            method="pursuit",
            terms=given.terms,
            targets=asked(moments, given),
            draws=0,
        )
    if given.out:
        deps.save(given.out)
    known = given.untrained or "equal rows"
    kinds = kinds_of_tokens(
        deps, moments, known_untrained=known, combination=given.combination, draws=given.draws
    )
    print(kinds, kinds.table(given.top), sep="\n\n")


if __name__ == "__main__":
    main()
