"""Which linear layer makes the logits, and its weights on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from torch import nn

from covlasso.moments import LinearHead
from covlasso.torch.arrays import host_array

Factored = Literal["auto", "on", "off"]


def last_layer(name: str, model: nn.Module, factored: Factored | Mapping[str, nn.Linear]) -> nn.Linear | None:
    """Find the layer whose input is to be accumulated, or None for the logits.

    "auto" takes the layer that ``model.get_classifier()`` names where it is linear and has fewer inputs than
    categories: the sums are smaller then. "on" takes it also where it has more.
    """
    if isinstance(factored, Mapping):
        layer = factored.get(name)
        if layer is not None and not isinstance(layer, nn.Linear):
            raise TypeError(f"factored[{name!r}] is {type(layer).__name__}, an nn.Linear is expected")
        return layer
    if factored not in get_args(Factored):
        raise ValueError(
            f"factored is {factored!r}; {', '.join(get_args(Factored))} or layers by name are expected"
        )
    if factored == "off":
        return None
    classifier = _classifier(model)
    if isinstance(classifier, nn.Linear) and (
        factored == "on" or classifier.in_features + 1 < classifier.out_features
    ):
        return classifier
    if factored == "on":
        raise ValueError(
            f"model {name!r} has no linear last layer: get_classifier() gives {type(classifier).__name__}; "
            'use factored="auto", or name the layer'
        )
    return None


def _classifier(model: nn.Module) -> Any:
    """Return what makes the logits by the model's own word: itself, or what ``get_classifier()`` names."""
    return model if isinstance(model, nn.Linear) else getattr(model, "get_classifier", lambda: None)()


def linear_head(layer: nn.Linear) -> LinearHead:
    """Weights of a linear layer, copied to the host."""
    return LinearHead(host_array(layer.weight), None if layer.bias is None else host_array(layer.bias))


def path_of_layer(model: nn.Module, layer: str | None) -> str | None:
    """Where the last layer is; "" where it is the model, None where a wrapper is wanted."""
    if layer is None:
        return None
    if layer == "auto":
        named = _classifier(model)
        if type(named) is not nn.Linear:  # subclasses may compute something else
            return None
        return next((path for path, module in model.named_modules() if module is named), None)
    try:
        found = model.get_submodule(layer)
    except AttributeError as cause:
        raise ValueError(f"layer {layer!r} is not in the model: {cause}") from None
    if type(found) is not nn.Linear:
        raise TypeError(f"layer {layer!r} is {type(found).__name__}; an nn.Linear is expected, or layer=None")
    return layer
