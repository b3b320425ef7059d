"""Data that come with the package: real moments to try things on, without a download."""

from covlasso.datasets._imagenet_lite import ImagenetLite, load_imagenet_lite

__all__ = ["ImagenetLite", "load_imagenet_lite"]
