"""What errors of other libraries say, for messages of one line."""

from __future__ import annotations


def one_line(cause: BaseException, place: int = 0) -> str:
    """Return the first line of an error, or that at ``place``; its type where it says nothing."""
    return (str(cause).strip().splitlines() or [type(cause).__name__])[place]
