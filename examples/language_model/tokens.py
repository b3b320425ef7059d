"""Kinds of tokens of a vocabulary: others' combinations, those that stand alone, never-trained ones, bytes.

    python examples/language_model/tokens.py moments.safetensors --sample 1000

``moments.safetensors`` is what ``covlasso extract`` writes for a language model, or ``covlasso moments`` for
hidden states with a head. Without --sample all tokens are asked.
"""

import argparse

import numpy as np

import covlasso
from covlasso import Dependencies, SplitMoments
from covlasso.vocabulary import kinds_of_tokens


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("moments", help="file of moments with a held-out part")
    parser.add_argument("--terms", type=int, default=3, help="terms of an equation, 3 by default")
    parser.add_argument("--sample", type=int, help="ask so many tokens, chosen at random")
    parser.add_argument("--untrained", type=int, nargs="+", help="numbers of tokens known to be untrained")
    parser.add_argument("--top", type=int, default=12, help="lines of each list, 12 by default")
    parser.add_argument("--draws", type=int, default=5, help="draws of random terms, 5 by default")
    parser.add_argument("--out", help="keep the equations in this file")
    parser.add_argument("--dependencies", help="take the equations of such a file")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    moments = SplitMoments.load(given.moments)
    if given.dependencies:
        deps = Dependencies.load(given.dependencies)
    else:
        tokens = moments.fit.sizes[moments.fit.names[0]]
        chosen = None
        if given.sample:
            chosen = np.sort(np.random.default_rng(0).choice(tokens, given.sample, replace=False)).tolist()
        deps = covlasso.solve_moments(
            moments.fit,
            kind="correlation",
            row_centred=True,
            method="pursuit",
            terms=given.terms,
            targets=chosen,
            draws=0,
        )
    if given.out:
        deps.save(given.out)
    known = given.untrained or "equal rows"
    kinds = kinds_of_tokens(deps, moments, known_untrained=known, draws=given.draws)
    print(kinds, kinds.table(given.top), sep="\n\n")


if __name__ == "__main__":
    main()
