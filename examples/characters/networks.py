"""Two small timm networks, trained from scratch and kept as safetensors, and their outputs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
import timm
import torch
from pictures import Set
from safetensors.torch import load_file, save_file
from torch import nn

BATCH = 128
RATE, DECAY = 3e-3, 0.05  # AdamW, one cycle
MEAN, DEVIATION = 50.0, 90.0  # of the pixels, about

Term = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # of logits and labels
Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Recipe:
    """What decides about a trained network, beside its data.

    Attributes
    ----------
    architecture : str
        "convnext" (1.5 million weights, 640 features) or "resnet" (1.6 million, 640 features). Both have more
        features than categories, so that no logit is a combination of others by construction.
    categories : int
        Number of logits.
    epochs : int
        Passes over the data.
    seed : int
        Of the first weights and of the order of the data.
    note : str
        What else was done in training; only for the name of the file.
    """

    architecture: str
    categories: int
    epochs: int
    seed: int
    note: str = ""


def build(recipe: Recipe) -> nn.Module:
    """Return the network with its first weights."""
    torch.manual_seed(recipe.seed)
    options = {"in_chans": 1, "num_classes": recipe.categories}
    if recipe.architecture == "resnet":
        model = timm.create_model("resnet14t", channels=(16, 32, 64, 160), stem_width=16, **options)
        return model.to(memory_format=torch.channels_last)
    shape = {"dims": (32, 64, 128, 256), "depths": (1, 1, 1, 1), "conv_mlp": True, "head_hidden_size": 640}
    return timm.create_model("convnext_atto", **shape, **options)


def trained(
    folder: Path,
    recipe: Recipe,
    data: Set,
    device: torch.device,
    term: Callable[[], Term] | None = None,
    weights: Weights | None = None,
) -> nn.Module:
    """Return the trained network, in evaluation mode; from ``folder`` where an equal one was trained before.

    ``term`` makes what is added to the loss, a function of logits and labels; ``recipe.note`` must say what
    it is. ``weights`` of the pictures in the cross entropy; by default all count alike.
    """
    model = build(recipe)
    digest = blake2b(json.dumps(asdict(recipe)).encode(), digest_size=8)
    digest.update(data.pictures.data)
    digest.update(data.labels.data)
    if weights is not None:
        digest.update(weights.data)
    file = folder / "networks" / f"{recipe.architecture}-{digest.hexdigest()}.safetensors"
    if file.exists():
        model.load_state_dict(load_file(file))
        return model.to(device).eval()
    train(model.to(device), recipe, data, device, None if term is None else term(), weights)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, part, {"recipe": json.dumps(asdict(recipe))})
    part.replace(file)
    return model.eval()


def train(
    model: nn.Module,
    recipe: Recipe,
    data: Set,
    device: torch.device,
    term: Term | None,
    weights: Weights | None = None,
) -> None:
    """Minimise cross entropy, plus the term, by AdamW under a rate of one cycle."""
    pictures, labels = (torch.from_numpy(array).to(device) for array in (data.pictures, data.labels))
    steps = len(data) // BATCH or 1
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY)
    total = recipe.epochs * steps
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=total, pct_start=0.2)
    order = torch.Generator().manual_seed(recipe.seed)
    weight = None if weights is None else torch.from_numpy(weights).to(device)
    model.train()
    begin = time.perf_counter()
    for epoch in range(recipe.epochs):
        shuffled = torch.randperm(len(data), generator=order).to(device)
        for step, rows in enumerate(shuffled.split(BATCH)[:steps]):
            logits = model(inputs(pictures[rows]))
            loss = cross_entropy(logits, labels[rows], None if weight is None else weight[rows])
            if term is not None:
                loss = loss + term(logits, labels[rows])
            optimizer.zero_grad(), loss.backward(), optimizer.step(), rate.step()
            if (done := epoch * steps + step + 1) % 50 == 0 or done == total:
                spent = time.perf_counter() - begin
                name = f"{recipe.architecture} {recipe.note.partition(',')[0]}".strip()
                progress(f"{name}: step {done}/{total}, {spent:.0f} s, loss {loss:.3f}")
    progress(None)


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """Mean over the rows, each times its weight."""
    if weight is None:
        return nn.functional.cross_entropy(logits, labels)
    return (weight * nn.functional.cross_entropy(logits, labels, reduction="none")).mean()


def inputs(pictures: torch.Tensor) -> torch.Tensor:
    """Bring bytes (k, height, width) to what the networks take, (k, 1, height, width)."""
    return (pictures[:, None].float() - MEAN) / DEVIATION


def batches(data: Set, size: int = 512) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Inputs and labels, in order."""
    for start in range(0, len(data), size):
        rows = slice(start, start + size)
        yield inputs(torch.from_numpy(data.pictures[rows])), torch.from_numpy(data.labels[rows])


@torch.no_grad()
def outputs(
    model: Callable[[torch.Tensor], torch.Tensor], data: Set, device: torch.device
) -> npt.NDArray[np.float32]:
    """What a function gives for every picture of a set: logits of a model, or features."""
    return np.concatenate([model(x.to(device)).cpu().numpy() for x, _ in batches(data)])


def features(model: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the function from inputs to the inputs of the last layer."""
    return lambda x: model.forward_head(model.forward_features(x), pre_logits=True)


def accuracy(logits: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> float:
    """Share of rows whose largest logit is the label's."""
    return float(np.mean(logits.argmax(axis=1) == labels))


def progress(text: str | None) -> None:
    """Overwrite the line of the terminal; None ends it."""
    print("\n" if text is None else f"\r{text:<100}", end="", file=sys.stderr, flush=True)
