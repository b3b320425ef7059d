"""One pass of models over a loader: from batches to joint moments, resumed after any end, on any ranks."""

from covlasso._base.commands import digest
from covlasso.torch.extraction.after_head import AfterHead
from covlasso.torch.extraction.batches import Batch, Inputs, Resumable
from covlasso.torch.extraction.head_check import HeadError
from covlasso.torch.extraction.merging import Extraction
from covlasso.torch.extraction.passes import PassProgress
from covlasso.torch.extraction.run import extract

__all__ = [
    "AfterHead",
    "Batch",
    "Extraction",
    "HeadError",
    "Inputs",
    "PassProgress",
    "Resumable",
    "digest",
    "extract",
]
