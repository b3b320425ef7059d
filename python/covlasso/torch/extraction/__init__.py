"""One pass of models over a loader: from batches to joint moments, resumed after any end, on any ranks."""

from covlasso._base.commands import digest
from covlasso.torch.extraction.batches import Batch, Resumable
from covlasso.torch.extraction.merging import Extraction
from covlasso.torch.extraction.passes import PassProgress
from covlasso.torch.extraction.run import extract

__all__ = ["Batch", "Extraction", "PassProgress", "Resumable", "digest", "extract"]
