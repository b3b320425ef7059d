r"""Names of tokens as one reads them, the same for tokenizers of every make.

A name is the text of the token: " child", with its blank, is both "Ġchild" of a byte-level vocabulary and
"▁child" of a SentencePiece one. What cannot be seen is written as in ``\n``, a byte that is no character on
its own as ``<0xE2>``, as SentencePiece does. Where names begin or end with blanks, tables and pages show them
in quotes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from covlasso.dependencies import on_one_line

_BLANK = "▁"  # what SentencePiece writes for a blank


def token_names(tokenizer: Any, size: int | None = None) -> list[str]:
    r"""Name of every token, each once.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerBase
        Of the transformers package.
    size : int, optional
        Number of rows of the model's output embeddings; that of the tokenizer's tokens, if not given.

    Returns
    -------
    list of size str
        " child" with its blank, ``\n`` for a line break, ``<0xE2><0x80>`` for bytes that are no character,
        special tokens and WordPiece's ``##ren`` as they are; ``child #4711``, with the id, where several
        tokens would be called so; ``<padding 50260>`` for rows beyond the tokenizer's last token, ``<unused
        17>`` for ids before it that have none.
    """
    tokens = {number: token for token, number in tokenizer.get_vocab().items()}
    last = max(tokens, default=-1)
    as_written = set(getattr(tokenizer, "added_tokens_decoder", {}))
    from_bytes = _bytes_by_letter() if _is_byte_level(tokenizer) else None
    names = []
    for number in range(last + 1 if size is None else size):
        if number in tokens:
            names.append(_readable(tokens[number], None if number in as_written else from_bytes))
        else:
            names.append(f"<{'padding' if number > last else 'unused'} {number}>")
    return _unique(names)


def shared_tokens(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """Names that both vocabularies have, in the order of the first."""
    known = set(others)
    return [name for name in names if name in known and not name.startswith(("<padding ", "<unused "))]


def _readable(token: str, from_bytes: dict[str, int] | None) -> str:
    text = token.replace(_BLANK, " ") if from_bytes is None else _decoded(token, from_bytes)
    return on_one_line(text) or "<empty>"


def _unique(names: list[str]) -> list[str]:
    """Add the id where it takes one to tell tokens apart."""
    uses = Counter(names)
    named = [f"{name} #{k}" if uses[name] > 1 else name for k, name in enumerate(names)]
    return named if len(set(named)) == len(named) else _unique(named)


def _decoded(token: str, from_bytes: dict[str, int]) -> str:
    """Text of a byte-level token; bytes that are no character are written ``<0xE2>``."""
    try:
        content = bytes(from_bytes[letter] for letter in token)
    except KeyError:  # a token that somebody added to the vocabulary as it is
        return token
    text = content.decode("utf-8", "surrogateescape")
    return "".join(
        f"<0x{ord(letter) - 0xDC00:02X}>" if 0xDC80 <= ord(letter) <= 0xDCFF else letter for letter in text
    )


def _is_byte_level(tokenizer: Any) -> bool:
    """Whether letters of tokens stand for bytes, as GPT-2 began it."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return hasattr(tokenizer, "byte_decoder")
    return _has_type(json.loads(backend.to_str()).get("decoder"), "ByteLevel")


def _has_type(part: Any, wanted: str) -> bool:
    """Whether a part of a tokenizer, or one in it, is of a type."""
    if isinstance(part, dict):
        return part.get("type") == wanted or any(_has_type(inner, wanted) for inner in part.values())
    return isinstance(part, list) and any(_has_type(inner, wanted) for inner in part)


def _bytes_by_letter() -> dict[str, int]:
    """Byte of every letter: printable ones of Latin 1 are themselves, others count from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {
        **{chr(byte): byte for byte in printable},
        **{chr(256 + k): byte for k, byte in enumerate(others)},
    }
