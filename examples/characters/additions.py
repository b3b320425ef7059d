"""Ways to add characters to a trained network: composed logits, nearest mean, linear probe, retraining."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from networks import Recipe, features, outputs, trained
from pictures import Set
from setting import Setting
from torch import nn

import covlasso
from covlasso import Dependencies, Moments
from covlasso.torch import compose_head

Kind = Literal["second_moment", "covariance"]
Wanted = Literal["step", "margin"]
Logits = npt.NDArray[np.float32]
Predict = Callable[[Set], npt.NDArray[np.floating]]  # scores of all characters, in the order of the task


@dataclass(frozen=True)
class Task:
    """The network that is to know more, and what there is for it.

    Attributes
    ----------
    setting : Setting
        The run.
    order : (n,) array
        Characters in the order of the outputs: the known ones, then the new ones.
    known : int
        How many the network knows.
    network, second : Module
        The network, trained on the known characters; another one, trained on all (outputs as in `Pictures`).
    data : dict from name to Set
        "all": all training pictures; "few": of the new characters only a few. Labels are places in ``order``.
    tests : dict from name to Set
        New glyphs, unseen fonts, and the validation faces that choose a focus; labelled alike.
    """

    setting: Setting
    order: npt.NDArray[np.intp]
    known: int
    network: nn.Module
    second: nn.Module
    data: dict[str, Set]
    tests: dict[str, Set]
    _seen: dict[tuple[str, int], tuple[Set, Logits]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Characters in the order of the outputs."""
        return [self.setting.pictures.names[i] for i in self.order]

    def logits(self, some: Set) -> Logits:
        """Logits of the network, computed once for each set."""
        return self._once("network", some, lambda: outputs(self.network, some, self.setting.device))

    def second_logits(self, some: Set) -> Logits:
        """Logits of the second network in the order of the task, computed once for each set."""
        return self._once(
            "second", some, lambda: outputs(self.second, some, self.setting.device)[:, self.order]
        )

    def predict_reordered(self, model: nn.Module) -> Predict:
        """Logits of a model whose outputs are as in `Pictures`."""
        return lambda test: outputs(model, test, self.setting.device)[:, self.order]

    def composed(self, deps: Dependencies, moments: Moments) -> Predict:
        """Logits of the network with the new characters composed: `compose_head` behind what it says."""
        names = self.names[self.known :]
        head = compose_head(nn.Identity(), deps, names=names, moments=moments, layer=None)
        return lambda test: head(torch.from_numpy(self.logits(test))).numpy()

    def _once(self, name: str, some: Set, compute: Callable[[], Logits]) -> Logits:
        key = (name, id(some))
        if key not in self._seen:
            self._seen[key] = (some, compute())
        return self._seen[key][1]


def joint_moments(task: Task, seen: Set) -> Moments:
    """Joint moments of both networks' logits on pictures, without their labels; classes by decisions."""
    moments = Moments(
        ["second", "network"],
        {"second": task.names, "network": task.names[: task.known]},
        classes="decisions",
    )
    moments.update({"second": task.second_logits(seen), "network": task.logits(seen)})
    return moments


def from_second(
    task: Task, moments: Moments, terms: int, focus: float | None = None, kind: Kind = "covariance"
) -> Predict:
    """Compose the new characters from the second network's logits; the focus is on what it decides."""
    deps = covlasso.solve_moments(
        moments,
        target="second",
        source="network",
        kind=kind,
        focus=focus,
        terms=terms,
        refit=True,
        targets=np.arange(task.known, len(task.order), dtype=np.int32),
    )
    return task.composed(deps, moments)


def label_moments(task: Task, data: Set, target: Wanted = "step") -> Moments:
    """Moments of the logits that the new characters should have on labelled pictures."""
    logits = task.logits(data)
    new = {name: logits[data.labels == task.known + k] for k, name in enumerate(task.names[task.known :])}
    return covlasso.new_category_moments(new, logits[data.labels < task.known], target=target)


def from_labels(task: Task, moments: Moments, terms: int, focus: float | None = None) -> Predict:
    """Compose the new characters from labelled pictures, by their `label_moments`."""
    direction = {"target": "new", "source": "known", "kind": "covariance", "allow_same": True}
    deps = covlasso.solve_moments(moments, **direction, focus=focus, terms=terms, refit=True)
    return task.composed(deps, moments)


def nearest_mean(task: Task, data: Set) -> Predict:
    """Cosine of the network's features with the mean direction of every character."""

    def directions(some: Set) -> npt.NDArray[np.floating]:
        rows = outputs(features(task.network), some, task.setting.device)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    rows = directions(data)
    means = np.stack([rows[data.labels == label].mean(axis=0) for label in range(len(task.order))])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return lambda test: directions(test) @ means.T


def linear_probe(task: Task, data: Set) -> Predict:
    """Fit a new linear layer for all characters to the network's features; each character counts alike."""
    device, data = task.setting.device, balanced(data)
    seen = features(task.network)
    x, y = (torch.from_numpy(one).to(device) for one in (outputs(seen, data, device), data.labels))
    mean, deviation = x.mean(dim=0), x.std(dim=0) + 1e-6
    torch.manual_seed(task.setting.options.seed)
    layer = nn.Linear(x.shape[1], len(task.order), device=device)
    optimizer = torch.optim.AdamW(layer.parameters(), 3e-3, weight_decay=1e-2)
    for _ in range(20):
        for rows in torch.randperm(len(y)).to(device).split(512):
            loss = nn.functional.cross_entropy(layer((x[rows] - mean) / deviation), y[rows])
            optimizer.zero_grad(), loss.backward(), optimizer.step()
    return lambda test: outputs(lambda inputs: layer((seen(inputs) - mean) / deviation), test, device)


def retrained(task: Task, data: Set) -> Predict:
    """Train the network's architecture from scratch on all characters; each counts about alike."""
    options, device = task.setting.options, task.setting.device
    recipe = Recipe("convnext", len(task.order), options.epochs, options.seed)
    if data is task.data["all"]:  # as in findings.py, whose network is taken
        original = Set(data.pictures, task.order[data.labels], data.faces)
        return task.predict_reordered(trained(options.folder, recipe, original, device))
    model = trained(options.folder, recipe, balanced(data), device)
    return lambda test: outputs(model, test, device)


def balanced(data: Set) -> Set:
    """Pictures repeated so that every character has as many as the one with most."""
    groups = [np.flatnonzero(data.labels == label) for label in range(data.labels.max() + 1)]
    most = max(map(len, groups))
    return data[np.concatenate([np.resize(group, most) for group in groups])]
