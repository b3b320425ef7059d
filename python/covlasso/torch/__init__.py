"""Moments of any ``torch.nn.Module``: one pass over a loader, nothing but sums kept.

`extract` runs one or several models over the same batches and returns the joint moments of their logits,
split into samples to fit on and samples to check on. ``import covlasso`` imports neither this nor torch.
"""

from covlasso._distributed import Group, GroupError, process_group
from covlasso.torch.batches import Batch, Resumable
from covlasso.torch.extraction import extract
from covlasso.torch.logit_files import LogitFiles
from covlasso.torch.merging import Extraction
from covlasso.torch.passes import Progress

__all__ = [
    "Batch",
    "Extraction",
    "Group",
    "GroupError",
    "LogitFiles",
    "Progress",
    "Resumable",
    "extract",
    "process_group",
]
