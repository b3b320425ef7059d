"""What the dependencies of a vocabulary are good for: kinds of tokens, a smaller head, tokens of another model."""

from covlasso.vocabulary.kinds import TokenKinds, kinds_of_tokens
from covlasso.vocabulary.untrained import equal_rows, untrained_distance

__all__ = [
    "TokenKinds",
    "equal_rows",
    "kinds_of_tokens",
    "untrained_distance",
]
