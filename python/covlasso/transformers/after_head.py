"""What a model does to the output of its head: seen from how it behaves, and named by its configuration."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from covlasso.torch import AfterHead
from covlasso.transformers.models import LanguageModel
from covlasso.transformers.positions import output_embeddings

_CAP = re.compile(r"soft_?cap|logits?_cap")
_SCALE = re.compile(r"logit|head|scal|mult|temperature|mup")
_TOKENS = 16  # of the probe
_STEPS = 4.0  # roundings between the output of the head and the logits


def find_after_head(model: LanguageModel, before_softcap: bool = False) -> tuple[AfterHead, list[str]]:
    """Run a few tokens, compare the logits with the output of the head, and say what lies between.

    Parameters
    ----------
    model : LanguageModel
        A causal or masked language model.
    before_softcap : bool, default False
        Whether moments of the logits before a soft cap are wanted.

    Returns
    -------
    (AfterHead, list of str)
        What the model does, and a line for each thing that should be known.

    Raises
    ------
    ValueError
        The logits are capped and ``before_softcap`` is not given; or they are neither W h + b nor that scaled
        or capped.
    """
    outputs, logits = _probe(model)
    if logits.shape == outputs.shape:
        if torch.equal(logits.to(outputs.dtype), outputs):
            return AfterHead(), []
        for after, words in _candidates(model, outputs, logits):
            if _fits(after, outputs, logits):
                if after.softcap is not None and not before_softcap:
                    raise ValueError(
                        f"model {model.name!r} caps its logits: they are {words}, not W h + b; give "
                        "before_softcap=True (--before-softcap) for the moments of the logits before the "
                        "cap, which keeps their order"
                    )
                which = "; moments are of the logits before the cap" if after.softcap is not None else ""
                return after, [f"{model.name}: logits are {words}{which}"]
    raise ValueError(not_of_embeddings(model.name))


def not_of_embeddings(name: str, sample: str | None = None) -> str:
    """Say that a model does something else to its logits."""
    where = "" if sample is None else f" at {sample}"
    return (
        f"the logits of model {name!r}{where} are not W h + b of its output embeddings, nor that scaled or "
        "capped as its configuration says; covlasso.torch.extract takes logits of any make, as they are"
    )


def _probe(model: LanguageModel) -> tuple[torch.Tensor, torch.Tensor]:
    """Output of the head, and the logits, (tokens, p) each, for some random tokens."""
    kept: list[torch.Tensor] = []
    head = output_embeddings(model.name, model.module)
    hook = head.register_forward_hook(lambda _module, _inputs, output: kept.append(output.clone()))
    few = min(head.out_features, model.module.get_input_embeddings().num_embeddings)
    ids = torch.randint(few, (1, _TOKENS), generator=torch.Generator().manual_seed(0)).to(head.weight.device)
    training = model.module.training
    try:
        with torch.inference_mode():
            logits = model.module.eval()(input_ids=ids).logits
    finally:
        hook.remove()
        model.module.train(training)
    if len(kept) != 1:
        raise ValueError(
            f"model {model.name!r} runs its output embeddings {len(kept)} times for one block of tokens; "
            "once is expected"
        )
    return kept[0].flatten(0, -2), logits.flatten(0, -2)


def _candidates(
    model: LanguageModel, outputs: torch.Tensor, logits: torch.Tensor
) -> Iterator[tuple[AfterHead, str]]:
    """Scales that the configuration names, one that is measured, and caps, the likeliest first."""
    fields = dict(_numbers(model.module.config.to_dict()))
    x, y = outputs.double(), logits.double()
    scale = float((x * y).sum() / (x * x).sum())
    near = 4.0 * torch.finfo(outputs.dtype).eps
    for field, value in fields.items():
        for factor, form in ((value, field), (1.0 / value, f"1 / {field}")):
            if _SCALE.search(field) and math.isclose(factor, scale, rel_tol=near):
                yield AfterHead(factor), f"{factor:g} (W h + b): {form} in its configuration"
    yield AfterHead(scale), f"{scale:.9g} (W h + b), as it was measured"
    caps = {field: value for field, value in fields.items() if _CAP.search(field) and value > 0.0}
    for field in sorted(caps, key=lambda field: _gap(AfterHead(1.0, caps[field]), outputs, logits)):
        words = f"c tanh((W h + b) / c) with c = {caps[field]:g}, {field} in its configuration"
        yield AfterHead(1.0, caps[field]), words


def _numbers(config: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Numbers other than 0 of a configuration, and of those in it, that of the text first."""
    for field, value in config.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and value != 0:
            yield field, float(value)
    for value in config.values():
        if isinstance(value, Mapping):
            yield from _numbers({str(field): inner for field, inner in value.items()})


def _gap(after: AfterHead, outputs: torch.Tensor, logits: torch.Tensor) -> float:
    return float((after(outputs.double()) - logits.double()).abs().max())


def _fits(after: AfterHead, outputs: torch.Tensor, logits: torch.Tensor) -> bool:
    """Whether logits differ from what is expected by their rounding only."""
    scaled = outputs.double() * after.scale
    bound = _STEPS * torch.finfo(outputs.dtype).eps * scaled.abs()
    return bool(((after.capped(scaled) - logits.double()).abs() <= bound).all())
