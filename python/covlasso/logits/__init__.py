"""Logits on disk and in memory: read a few rows at a time, written beside moments, turned into moments."""

from covlasso.logits.files import open_logits
from covlasso.logits.head_files import read_head
from covlasso.logits.labels import TopOne, read_labels
from covlasso.logits.logit_file import LogitFile
from covlasso.logits.samples import Rows, Samples
from covlasso.logits.suspicions import suspicions
from covlasso.logits.to_moments import FileMoments, model_names, moments_of_files
from covlasso.logits.writer import LogitWriter, Precision, Saved

__all__ = [
    "FileMoments",
    "LogitFile",
    "LogitWriter",
    "Precision",
    "Rows",
    "Samples",
    "Saved",
    "TopOne",
    "model_names",
    "moments_of_files",
    "open_logits",
    "read_head",
    "read_labels",
    "suspicions",
]
