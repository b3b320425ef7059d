"""Blocks of text, and batches of them from any one on: the loader of a pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from covlasso._base.ranks import Group
from covlasso.torch import Batch
from covlasso.transformers.positions import TokenBlocks
from covlasso.transformers.text import Text, TokenizedDocument

_TOKENS = 2048  # of a batch, where nobody says how many blocks


class Block(NamedTuple):
    """A piece of a document.

    Attributes
    ----------
    document : int
        Its number.
    begin, end : mapping from vocabulary to int
        Its tokens.
    places : range
        Those places of the document that are samples of this block.
    """

    document: int
    begin: Mapping[str, int]
    end: Mapping[str, int]
    places: range


def cut(text: Text) -> list[Block]:
    """Cut all documents into blocks, the longest first: such of a length are run together."""
    room = {name: text.max_length - affixes.length for name, affixes in text.affixes.items()}
    blocks = [
        block
        for number, document in enumerate(text.documents)
        for block in _of_document(number, document, room, text.stride)
    ]
    return sorted(blocks, key=lambda block: -_length(block))


def _of_document(
    number: int, document: TokenizedDocument, room: Mapping[str, int], stride: int
) -> Iterator[Block]:
    seen = document.seen
    total = len(next(iter(seen.values())))
    first, begin = 0, dict.fromkeys(seen, 0)
    while first < total:
        last = min(int(np.searchsorted(seen[name], begin[name] + room[name], "right")) for name in seen)
        if last > first:
            end = {name: int(seen[name][last - 1]) for name in seen}
            yield Block(number, dict(begin), end, range(first, last))
            before = min(int(np.searchsorted(seen[name], end[name] - stride, "right")) for name in seen)
            first = last
        else:  # between two places there are more tokens than a block has: it begins at the second
            first += 1
            before = first
        begin = {name: int(seen[name][before - 1]) if before else 0 for name in seen}


def positions_of_rank(text: Text, group: Group) -> int:
    """Count what one of several ranks has to see: samples, and on the first what cannot be read."""
    mine = cut(text)[group.rank :: group.size]
    return sum(len(block.places) for block in mine) + (len(text.skipped) if group.rank == 0 else 0)


class TextLoader:
    """Batches of blocks, from any one on.

    Parameters
    ----------
    text : Text
        The text.
    models : mapping from model name to bool
        Whether each model is masked: the label of a position is then its own token, else the next one.
    keys : sequence of str
        What each document is cut from.
    batch_size : int, optional
        Blocks per batch; as many as have 2048 tokens together, at least one, if not given.
    padding : mapping from vocabulary to int
        Token in the places that no block has.
    group : Group
        Rank r of R takes blocks r, r + R, r + 2 R, ... of those in the order of their lengths.
    """

    def __init__(
        self,
        text: Text,
        models: Mapping[str, bool],
        keys: Sequence[str],
        batch_size: int | None,
        padding: Mapping[str, int],
        group: Group | None = None,
    ):
        group = group or Group()
        blocks = cut(text)
        starts = np.cumsum([0, *(len(block.places) for block in blocks)])
        mine = list(range(group.rank, len(blocks), group.size))
        self._text, self._models, self._keys, self._padding = text, dict(models), keys, padding
        self._blocks, self._starts = blocks, starts
        self._batches = _batches(mine, blocks, batch_size)
        self._skipped = text.skipped if group.rank == 0 else []
        self.blocks = len(blocks)

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        """Give all batches."""
        return iter(self.batches(0))

    def batches(self, start: int) -> Iterator[Batch]:
        """Give all batches but the first ``start``."""
        for number in range(start, len(self._batches)):
            yield self._batch(self._batches[number], self._skipped if number == 0 else ())

    def _batch(self, numbers: Sequence[int], skipped: Sequence[tuple[str, str]]) -> Batch:
        chosen = [self._blocks[k] for k in numbers]
        of_vocabulary = {name: self._tokens(name, chosen) for name in self._text.affixes}
        labels = {
            (name, masked): self._labels(name, masked, chosen)
            for name, masked in {(self._text.vocabulary[m], masked) for m, masked in self._models.items()}
        }
        first, *_ = self._text.affixes
        samples: list[str] = []
        keys: list[str] = []
        positions: list[int] = []
        for k, block in zip(numbers, chosen, strict=True):
            name = self._text.documents[block.document].name
            seen = self._text.documents[block.document].seen[first]
            samples += [f"{name}:{seen[place] - 1}" for place in block.places]
            keys += [self._keys[block.document]] * len(block.places)
            positions += range(int(self._starts[k]), int(self._starts[k + 1]))
        one = len(labels) == 1
        return Batch(
            {model: of_vocabulary[self._text.vocabulary[model]] for model in self._models},
            next(iter(labels.values()))
            if one
            else {m: labels[self._text.vocabulary[m], masked] for m, masked in self._models.items()},
            samples,
            keys,
            positions,
            skipped,
        )

    def _tokens(self, vocabulary: str, chosen: Sequence[Block]) -> TokenBlocks:
        affixes = self._text.affixes[vocabulary]
        lengths = [block.end[vocabulary] - block.begin[vocabulary] + affixes.length for block in chosen]
        longest = max(lengths)
        ids = np.full((len(chosen), longest), self._padding[vocabulary], dtype=np.int64)
        mask = np.zeros_like(ids)
        rows = []
        for r, (block, length) in enumerate(zip(chosen, lengths, strict=True)):
            document = self._text.documents[block.document]
            begin, end = block.begin[vocabulary], block.end[vocabulary]
            ids[r, :length] = (*affixes.before, *document.ids[vocabulary][begin:end], *affixes.after)
            mask[r, :length] = 1
            places = document.seen[vocabulary][block.places.start : block.places.stop]
            rows.append(r * longest + len(affixes.before) + places - 1 - begin)
        padded = None if min(lengths) == longest else torch.from_numpy(mask)
        return TokenBlocks(torch.from_numpy(ids), padded, torch.from_numpy(np.concatenate(rows)))

    def _labels(self, vocabulary: str, masked: bool, chosen: Sequence[Block]) -> torch.Tensor:
        """Next token of every sample, -1 at the end of a document; its own token for masked models."""
        labels = []
        for block in chosen:
            document = self._text.documents[block.document]
            ids = np.append(document.ids[vocabulary], -1).astype(np.int64)
            places = document.seen[vocabulary][block.places.start : block.places.stop]
            labels.append(ids[places - 1 if masked else places])
        return torch.from_numpy(np.concatenate(labels))


def _batches(mine: Sequence[int], blocks: Sequence[Block], size: int | None) -> list[list[int]]:
    """Numbers of the blocks of every batch."""
    if size is not None:
        return [list(mine[k : k + size]) for k in range(0, len(mine), size)]
    batches: list[list[int]] = []
    for k in mine:
        full = not batches or (len(batches[-1]) + 1) * _length(blocks[batches[-1][0]]) > _TOKENS
        batches.append([k]) if full else batches[-1].append(k)
    return batches


def _length(block: Block) -> int:
    """Tokens of a block, of the vocabulary with the most."""
    return max(block.end[name] - block.begin[name] for name in block.end)
