"""What people do with the dependencies of a vocabulary: kinds of tokens, a small head, a transplant."""

from covlasso.vocabulary.kinds import TokenKinds, kinds_of_tokens
from covlasso.vocabulary.untrained import equal_rows, untrained_distance

__all__ = [
    "TokenKinds",
    "equal_rows",
    "kinds_of_tokens",
    "untrained_distance",
]
