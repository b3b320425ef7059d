"""Moments of any ``torch.nn.Module`` in one pass, and dependencies in training and in models.

`extract` runs one or several models over the same batches and returns the joint moments of their logits,
split into samples to fit on and samples to check on. `cov_lasso`, `MovingMoments` and `DependencyRegularizer`
take part in training; `compose_head` and `replace_logits` make models of combined logits. ``import covlasso``
imports neither this nor torch.
"""

from covlasso._base.ranks import Group, GroupError, process_group
from covlasso.torch.compose import CombinedLogits, compose_head, replace_logits
from covlasso.torch.devices import float_type, rank_device
from covlasso.torch.extraction import (
    AfterHead,
    Batch,
    Extraction,
    HeadError,
    Inputs,
    PassProgress,
    Resumable,
    digest,
    extract,
)
from covlasso.torch.train import DependencyRegularizer, MovingMoments, NotFiniteError, cov_lasso

__all__ = [
    "AfterHead",
    "Batch",
    "CombinedLogits",
    "DependencyRegularizer",
    "Extraction",
    "Group",
    "GroupError",
    "HeadError",
    "Inputs",
    "MovingMoments",
    "NotFiniteError",
    "PassProgress",
    "Resumable",
    "compose_head",
    "cov_lasso",
    "digest",
    "extract",
    "float_type",
    "process_group",
    "rank_device",
    "replace_logits",
]
