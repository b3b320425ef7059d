"""Moments of any ``torch.nn.Module`` in one pass, and dependencies in training and in models.

`extract` runs one or several models over the same batches and returns the joint moments of their logits,
split into samples to fit on and samples to check on. `cov_lasso`, `MovingMoments` and `DependencyRegularizer`
take part in training; `compose_head` and `replace_logits` make models of combined logits. ``import covlasso``
imports neither this nor torch.
"""

from covlasso._distributed import Group, GroupError, process_group
from covlasso.torch.batches import Batch, Resumable
from covlasso.torch.composition import CombinedLogits, compose_head, replace_logits
from covlasso.torch.edges import spurious_edges, strongest_edges
from covlasso.torch.extraction import extract
from covlasso.torch.implicit import cov_lasso
from covlasso.torch.logit_files import LogitFiles
from covlasso.torch.merging import Extraction
from covlasso.torch.moving_moments import MovingMoments
from covlasso.torch.passes import Progress
from covlasso.torch.regularizer import DependencyRegularizer

__all__ = [
    "Batch",
    "CombinedLogits",
    "DependencyRegularizer",
    "Extraction",
    "Group",
    "GroupError",
    "LogitFiles",
    "MovingMoments",
    "Progress",
    "Resumable",
    "compose_head",
    "cov_lasso",
    "extract",
    "process_group",
    "replace_logits",
    "spurious_edges",
    "strongest_edges",
]
