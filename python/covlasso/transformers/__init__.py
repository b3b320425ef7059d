"""Moments of language models of the transformers package on text: ``covlasso extract --text``.

`load_models` loads models and tokenizers, `open_text` reads text and turns it into tokens, and `extract` runs
the pass of `covlasso.torch.extract`. ``import covlasso`` imports neither this nor transformers.
"""

from covlasso.transformers.blocks import positions_of_rank
from covlasso.transformers.documents import Document, Documents, read_documents
from covlasso.transformers.extraction import extract
from covlasso.transformers.models import LanguageModel, ModelOptions, load_models
from covlasso.transformers.text import Text, open_text, text_of_tokens
from covlasso.transformers.token_names import shared_tokens, token_names

__all__ = [
    "Document",
    "Documents",
    "LanguageModel",
    "ModelOptions",
    "Text",
    "extract",
    "load_models",
    "open_text",
    "positions_of_rank",
    "read_documents",
    "shared_tokens",
    "text_of_tokens",
    "token_names",
]
