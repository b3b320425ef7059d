"""Tokens of another vocabulary: rows of a head by equations found elsewhere, judged where the truth is known.

    python examples/language_model/transplant.py moments.safetensors \\
        --donor embeddings.safetensors --donor-tokenizer tokenizer.json

Some words that both vocabularies have play the new tokens. The donor's rows give equations on the other
shared tokens; these make rows of the receiver, which stand in the place of the true ones on held-out states:
error of the logit relative to its variance (1 - R^2 about the mean), that with a right level, how many
decisions for the tokens stay, and false decisions for each true one. Without a donor the model is its own:
what equations could reach.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from heldout import HeldOut, add_arguments
from safetensors.numpy import load_file

from covlasso import FactoredGram, LinearHead
from covlasso.vocabulary import equations_on, rows_agreement, shared_tokens, transplant

Rows = npt.NDArray[np.float64]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--donor", help="safetensors file with one array, (tokens, width)")
    parser.add_argument("--donor-tokenizer", help="its tokenizer.json, of SentencePiece's kind")
    parser.add_argument("--new", type=int, default=200, help="words that play the new tokens, 200 by default")
    parser.add_argument(
        "--seen", type=int, default=5, help="how often they are labels at least, 5 by default"
    )
    parser.add_argument("--terms", type=int, nargs="+", default=[5, 20, 64], help="terms of an equation")
    return parser.parse_args()


def donor_of(given: argparse.Namespace) -> tuple[Rows, list[str]]:
    (rows,) = load_file(given.donor).values()
    tokenizer = json.loads(Path(given.donor_tokenizer).read_text(encoding="utf-8"))
    names = [f"<no name {i}>" for i in range(len(rows))]
    for name, number in tokenizer["model"]["vocab"].items():
        names[number] = name.replace("▁", " ")
    return rows.astype(np.float64), names


def pieces(word: str, known: dict[str, int]) -> list[int]:
    """Cut a word into the longest known tokens from its left."""
    found, start = [], 0
    while start < len(word):
        stop = next((k for k in range(len(word), start, -1) if word[start:k] in known), None)
        if stop is not None:
            found.append(known[word[start:stop]])
        start = stop or start + 1
    return found


def made_rows(
    factor: Rows,
    names: list[str],
    receiver: LinearHead,
    own_names: list[str],
    lists: tuple[list[int], list[int]],
    terms: list[int],
    *,
    less_mean: bool,
) -> Iterator[tuple[str, LinearHead]]:
    """Rows of the receiver by equations of both methods and every number of terms."""
    shared, new = lists
    gram = FactoredGram(np.ascontiguousarray(factor))
    for method in ("pursuit", "lasso"):
        found = equations_on(gram, shared, new, terms=terms, method=method, names=names)
        for k, one in zip(terms, found, strict=True):
            yield f"{method}, {k} terms", transplant(one, receiver, own_names, less_mean=less_mean)


def main() -> None:
    given = arguments()
    data = HeldOut(given)
    own_names = [name.replace("▁", " ") for name in data.moments.fit.class_names[data.model]]
    weight = data.head.weight.astype(np.float64)
    donor, names = donor_of(given) if given.donor else (weight, own_names)
    theirs, ours = shared_tokens(names, own_names)
    words = [k for k, i in enumerate(ours) if own_names[i].startswith(" ") and own_names[i][1:].isalpha()]
    words = [k for k in words if len(own_names[ours[k]]) > 4 and data.counts[ours[k]] >= given.seen]
    chosen = np.sort(np.random.default_rng(0).permutation(words)[: given.new])
    rest = np.delete(np.arange(len(ours)), chosen)
    new, known = (
        ours[chosen],
        {name: i for i, name in enumerate(own_names) if i not in set(ours[chosen].tolist())},
    )

    rows = {"the true rows": LinearHead(weight[new])}
    rows["mean of the pieces"] = LinearHead(
        np.array([weight[pieces(own_names[i], known)].mean(axis=0) for i in new])
    )
    lists = theirs[rest].tolist(), theirs[chosen].tolist()
    plain = LinearHead(weight)
    whose = "donor's" if given.donor else "own"
    for name, one in made_rows(donor, names, plain, own_names, lists, given.terms, less_mean=False):
        rows[f"{whose} rows as they are, {name}"] = one
    for name, one in made_rows(
        donor - donor.mean(axis=0), names, plain, own_names, lists, given.terms, less_mean=True
    ):
        rows[f"{whose} rows less mean, {name}"] = one
    own = ours[rest].tolist(), new.tolist()
    covariance = data.moments.fit.as_row_centred().gram(data.model, "covariance").factor
    for name, one in made_rows(covariance, own_names, plain, own_names, own, given.terms, less_mean=True):
        rows[f"own covariance, {name}"] = one

    found = rows_agreement(data.head, new, rows, data.states)
    decided = int(found["the true rows"].decided.sum())
    print(
        f"{len(new)} new tokens of {len(ours)} shared, {len(data.states)} held-out samples, {decided} decided"
    )
    print(f"{'':44}{'error':>8}{'level right':>13}{'recall':>8}{'false':>8}")
    for name, one in found.items():
        print(
            f"{name:44}{np.median(one.error):8.3f}{np.median(one.error_centred):13.3f}"
            f"{one.recall:8.3f}{one.false_alarms:8.3f}"
        )


if __name__ == "__main__":
    main()
