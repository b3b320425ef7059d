"""What people do with the dependencies of a vocabulary: kinds of tokens, a small head, a transplant."""

from covlasso.vocabulary.agreement import Agreement, agreement
from covlasso.vocabulary.equations import equations_on
from covlasso.vocabulary.kinds import TokenKinds, kinds_of_tokens
from covlasso.vocabulary.small_head import SmallHead, kept_tokens, small_heads
from covlasso.vocabulary.transplant import RowsAgreement, rows_agreement, shared_tokens, transplant
from covlasso.vocabulary.untrained import equal_rows, untrained_distance

__all__ = [
    "Agreement",
    "RowsAgreement",
    "SmallHead",
    "TokenKinds",
    "agreement",
    "equal_rows",
    "equations_on",
    "kept_tokens",
    "kinds_of_tokens",
    "rows_agreement",
    "shared_tokens",
    "small_heads",
    "transplant",
    "untrained_distance",
]
