"""Moments of timm's models on pictures, as ``covlasso extract`` computes them.

`load_models` makes the models, `Pictures` reads each picture once for all of them, and `extract` runs the
pass of `covlasso.torch.extract`. ``import covlasso`` imports neither this nor timm.
"""

from covlasso.timm.extraction import extract
from covlasso.timm.keywords import KeywordError, split_data_kwargs
from covlasso.timm.models import LoadedModel, ModelOptions, load_models
from covlasso.timm.pictures import Pictures, open_pictures

__all__ = [
    "KeywordError",
    "LoadedModel",
    "ModelOptions",
    "Pictures",
    "extract",
    "load_models",
    "open_pictures",
    "split_data_kwargs",
]
