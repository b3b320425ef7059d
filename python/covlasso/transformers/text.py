"""Text as tokens of every vocabulary, and the places at which all models have seen the same of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from covlasso._base.arrays import Int32, Places
from covlasso.torch import digest
from covlasso.transformers.documents import read_documents
from covlasso.transformers.models import LanguageModel

_LONGEST = 1024  # tokens of a block, where nobody says more or less


class Affixes(NamedTuple):
    """Special tokens that a tokenizer puts around every block."""

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    @property
    def length(self) -> int:
        """How many these are."""
        return len(self.before) + len(self.after)


@dataclass(frozen=True, eq=False)
class TokenizedDocument:
    """A document in the tokens of each vocabulary.

    Attributes
    ----------
    name : str
        Its name.
    ids : mapping from vocabulary to (n,) int32
        Its tokens.
    seen : mapping from vocabulary to (places,) integers
        How many tokens end at each place that is a sample: all of one vocabulary, those at which tokens of
        all vocabularies end where there are several.
    """

    name: str
    ids: Mapping[str, Int32]
    seen: Mapping[str, Places]


@dataclass(frozen=True, eq=False)
class Text:
    """Documents as tokens, and how they are cut into blocks.

    Attributes
    ----------
    documents : list of TokenizedDocument
        Those with a token at least.
    vocabulary : mapping from model name to str
        The first model with the same vocabulary, by which it is called.
    affixes : mapping from vocabulary to Affixes
        Special tokens around a block.
    max_length : int
        Number of tokens of the longest block, special ones included.
    stride : int
        Tokens of the block before that a block begins with, as context.
    skipped : list of (name, reason)
        What has no token, or could not be opened.
    notes : list of str
        What should be known before the pass.
    source : mapping
        What decides about the tokens, besides the documents.
    """

    documents: list[TokenizedDocument]
    vocabulary: Mapping[str, str]
    affixes: Mapping[str, Affixes]
    max_length: int
    stride: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of samples."""
        return sum(len(next(iter(document.seen.values()))) for document in self.documents)

    def fingerprint(self) -> str:
        """Hash of all tokens and names."""
        return digest(
            text
            for document in self.documents
            for text in (document.name, *(ids.tobytes().hex() for ids in document.ids.values()))
        )


def open_text(
    sources: Sequence[str | os.PathLike[str]] | str | os.PathLike[str],
    models: Sequence[LanguageModel],
    *,
    max_length: int | None = None,
    stride: int = 0,
    field: str = "text",
    separator: str | None = None,
    encoding: str = "utf-8",
) -> Text:
    """Read text and turn it into tokens, once for each vocabulary.

    Each document is tokenized as a whole, without special tokens, and cut into blocks of ``max_length``; each
    block gets the special tokens that the tokenizer adds. These are context, and no samples.

    Parameters
    ----------
    sources : path or sequence of path
        Files, folders, or "-": standard input, as of `read_documents`.
    models : sequence of LanguageModel
        Of `load_models`. Where their vocabularies differ, samples are the places at which a token of each of
        them ends, so that all have seen the same text.
    max_length : int, default 1024, or what the models have positions for if that is less
        Tokens of a block, special ones included.
    stride : int, default 0
        Tokens that a block repeats of the one before. They are context there, and samples once.
    field, separator, encoding
        As of `read_documents`.

    Raises
    ------
    FileNotFoundError, ValueError
        As of `read_documents`; a model without a tokenizer; a length that is too long or too short.
    """
    paths = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    vocabulary = _vocabularies(models)
    length = _checked_length(models, max_length)
    leaders = {model.name: model for model in models if vocabulary[model.name] == model.name}
    for model in leaders.values():
        if model.tokenizer is None:
            raise ValueError(f"model {model.name!r} has no tokenizer; give blocks of tokens instead of text")
    affixes = {name: _affixes(model.tokenizer) for name, model in leaders.items()}
    _check_room(length, stride, affixes)
    read = read_documents(paths, field, separator, encoding)
    documents, skipped = [], list(read.skipped)
    for document in _tokenized(read.found, leaders):
        if len(next(iter(document.seen.values()))):
            documents.append(document)
        else:
            skipped.append((document.name, "it has no token"))
    source = {"stride": stride, "max_length": length}
    return Text(documents, vocabulary, affixes, length, stride, skipped, read.notes, source)


def text_of_tokens(
    blocks: Iterable[Sequence[int]] | Mapping[str, Sequence[int]],
    models: Sequence[LanguageModel],
    *,
    max_length: int | None = None,
    stride: int = 0,
) -> Text:
    """Take blocks of tokens as they are, without special tokens; each is a document, named by its number.

    Parameters
    ----------
    blocks : iterable of sequences of int, or mapping from name to one
        Token ids.
    models : sequence of LanguageModel
        All of one vocabulary.
    max_length, stride
        As of `open_text`; longer blocks are cut.

    Raises
    ------
    TypeError, ValueError
        Something else than token ids, or ids that a model does not have; models of several vocabularies.
    """
    vocabulary = _vocabularies(models)
    if len(set(vocabulary.values())) > 1:
        raise ValueError(
            f"models {', '.join(set(vocabulary.values()))} have different vocabularies, and blocks of "
            "tokens are of one; give text"
        )
    length = _checked_length(models, max_length)
    leader = models[0].name
    _check_room(length, stride, {leader: Affixes()})
    size = min(model.module.get_input_embeddings().num_embeddings for model in models)
    named = blocks.items() if isinstance(blocks, Mapping) else ((str(k), ids) for k, ids in enumerate(blocks))
    documents, skipped = [], []
    for name, block in named:
        ids = _checked_ids(block, name, size)
        if len(ids):
            documents.append(TokenizedDocument(name, {leader: ids}, {leader: np.arange(1, len(ids) + 1)}))
        else:
            skipped.append((name, "it has no token"))
    if not documents:
        raise ValueError("blocks hold no token; give at least one")
    source = {"stride": stride, "max_length": length}
    return Text(documents, vocabulary, {leader: Affixes()}, length, stride, skipped, [], source)


def _vocabularies(models: Sequence[LanguageModel]) -> dict[str, str]:
    """Name the vocabulary of each model by the first model that has it; of no tokenizer, all have one."""
    first: dict[Any, str] = {}
    found = {}
    for model in models:
        known = None
        if model.tokenizer is not None:
            known = digest(
                f"{token} {number}" for token, number in sorted(model.tokenizer.get_vocab().items())
            )
        found[model.name] = first.setdefault(known, model.name)
    return found


def _checked_length(models: Sequence[LanguageModel], wanted: int | None) -> int:
    """Return the number of tokens of a block."""
    limits = {model.name: model.longest for model in models if model.longest is not None}
    if wanted is None:
        of_tokenizers = [int(getattr(model.tokenizer, "model_max_length", _LONGEST)) for model in models]
        return min([_LONGEST, *limits.values(), *of_tokenizers])
    for name, longest in limits.items():
        if wanted > longest:
            raise ValueError(
                f"max_length is {wanted}, and model {name!r} has {longest} positions; give at most these"
            )
    return wanted


def _check_room(max_length: int, stride: int, affixes: Mapping[str, Affixes]) -> None:
    """Refuse blocks that would hold nothing new."""
    if stride < 0:
        raise ValueError(f"stride is {stride}; at least 0 is expected")
    room = max_length - max(own.length for own in affixes.values())
    if room <= stride:
        raise ValueError(
            f"max_length is {max_length} and stride {stride}: a block has room for {max(room, 0)} tokens "
            "of text, and more than stride are expected"
        )


def _affixes(tokenizer: Any) -> Affixes:
    """Return what the tokenizer puts around a text: what it adds to one letter."""
    bare = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    full = list(tokenizer("a")["input_ids"])
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            return Affixes(tuple(full[:start]), tuple(full[start + len(bare) :]))
    raise ValueError(
        f"tokenizer {type(tokenizer).__name__} does not keep a text together with its special tokens"
    )


def _tokenized(found: Sequence[Any], leaders: Mapping[str, LanguageModel]) -> Iterable[TokenizedDocument]:
    texts = [document.text for document in found]
    several = len(leaders) > 1
    columns: dict[str, Any] = {}
    for name, model in leaders.items():
        if several and not model.tokenizer.is_fast:
            raise ValueError(
                f"model {name!r} has a slow tokenizer, which does not say where in the text its tokens are; "
                "give models of different vocabularies fast ones, or each a command of its own"
            )
        columns[name] = model.tokenizer(
            texts, add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False,
            return_offsets_mapping=several, verbose=False,
        )  # fmt: skip
    for k, document in enumerate(found):
        ids = {name: np.array(column["input_ids"][k], dtype=np.int32) for name, column in columns.items()}
        if several:
            seen = common_places({name: column["offset_mapping"][k] for name, column in columns.items()})
        else:
            seen = {name: np.arange(1, len(tokens) + 1) for name, tokens in ids.items()}
        yield TokenizedDocument(document.name, ids, seen)


def common_places(offsets: Mapping[str, Sequence[tuple[int, int]]]) -> dict[str, Places]:
    """How many tokens of each vocabulary end at each place of a text where tokens of all of them end.

    Parameters
    ----------
    offsets : mapping from vocabulary to sequence of (start, end)
        Where in the text each token is. Of a character in several tokens only the last one ends there.
    """
    ends = {name: np.array([end for _, end in pairs], dtype=np.intp) for name, pairs in offsets.items()}
    common: Places | None = None
    for of_one in ends.values():
        common = np.unique(of_one) if common is None else np.intersect1d(common, of_one)
    places = np.empty(0, dtype=np.intp) if common is None else common[common > 0]
    return {name: np.searchsorted(of_one, places, side="right") for name, of_one in ends.items()}


def _checked_ids(block: Any, name: str, size: int) -> Int32:
    array = np.asarray(block)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise TypeError(
            f"block {name} is {array.dtype} of shape {array.shape}; a sequence of token ids is expected"
        )
    bad = np.flatnonzero((array < 0) | (array >= size))
    if len(bad):
        raise ValueError(
            f"block {name} has token {array[bad[0]]} at {bad[0]}; ids from 0 to {size - 1} are expected"
        )
    return array.astype(np.int32)
