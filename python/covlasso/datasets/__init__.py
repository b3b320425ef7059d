"""Data that come with the package: real moments and logits to try things on, without a download."""

from covlasso.datasets._imagenet_lite import (
    ImagenetLite,
    ImagenetLiteLogits,
    load_imagenet_lite,
    load_imagenet_lite_logits,
)

__all__ = ["ImagenetLite", "ImagenetLiteLogits", "load_imagenet_lite", "load_imagenet_lite_logits"]
