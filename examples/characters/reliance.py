"""What a network makes of the marks: accuracy of the groups, errors that follow a mark, ties it leaves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from marks import AGREE, Groups, Marked
from networks import accuracy, outputs
from pictures import Set
from terms import FocusedTerm
from torch import nn

import covlasso
from covlasso import Dependencies, Moments
from covlasso.graph import strongest_edges

LAM = 0.3  # of dependencies and regulariser, for logits scaled to E[f^2] = 1
FOCUS = FocusedTerm.focus  # share of a category in its own equation, where there is one
Logits = npt.NDArray[np.floating]
Numbers = dict[str, float]


def scaled(logits: Logits) -> npt.NDArray[np.float64]:
    """Logits with E[f^2] = 1."""
    wide = logits.astype(np.float64)
    return wide / np.sqrt(np.square(wide).mean(axis=0))


def dependencies(logits: Logits, labels: npt.NDArray[np.int64], focus: float = 0.0) -> Dependencies:
    """Solve for the CovLasso of the scaled logits; without focus it is what the regulariser looks at."""
    moments = Moments(["model"], classes="labels")
    moments.update({"model": scaled(logits)}, labels)
    return covlasso.solve_moments(moments, lam=LAM, focus=focus)


class Reliance:
    """The sets of a run, rendered once, and what a network gives on them.

    Parameters
    ----------
    marked : Marked
        Pictures with marks.
    device : torch.device
        Where networks are.
    """

    def __init__(self, marked: Marked, device: torch.device):
        self._marks, self._device = marked.marks, device
        self._test, self._validation = marked.groups("clean"), marked.groups("validation")
        self._free = [marked.free("clean", draw) for draw in range(2)]

    def numbers(self, model: nn.Module, seen: Set) -> Numbers:
        """Everything that the tables show of a network; ``seen``: the pictures it was trained on."""
        found = self._accuracies(model, self._test)
        validation = self._accuracies(model, self._validation)
        found |= {f"validation {name}": validation[name] for name in ("average", "worst")}
        training = self._logits(model, seen)
        found["training top-1"] = accuracy(training, seen.labels)
        for name, focus in (("training", 0.0), ("focused", FOCUS)):
            tie = self.tie(training, seen.labels, focus)
            found |= {f"{name} {number}": value for number, value in tie.items()}
        free = [self._logits(model, pictures) for pictures in self._free]
        labels = np.concatenate([pictures.labels for pictures in self._free])
        found["independent b"] = self.tie(np.concatenate(free), labels)["b"]
        found["moved by the mark"] = moved(*free)
        found |= product(*free, self._marks.partner)
        return found

    def tie(self, logits: Logits, labels: npt.NDArray[np.int64], focus: float = 0.0) -> Numbers:
        """What the equations say of partners.

        Mean coefficient (b), share of the targets whose largest term it is (first), and share of the partners
        among as many strongest ties (among).
        """
        found, partner = dependencies(logits, labels, focus), self._marks.partner
        coef, each = found.coef.toarray(), np.arange(len(partner))
        strongest = strongest_edges(found, len(partner))
        return {
            "b": float(coef[each, partner].mean()),
            "first": float((np.abs(coef).argmax(axis=1) == partner).mean()),
            "among": sum(partner[target] == source for target, source in strongest) / len(partner),
        }

    def _accuracies(self, model: nn.Module, groups: Groups) -> Numbers:
        labels = groups.agree.labels
        agree, disagree = (self._logits(model, one) for one in (groups.agree, groups.disagree))
        each = [by_category(logits, labels) for logits in (agree, disagree)]
        found = {"agree": accuracy(agree, labels), "disagree": accuracy(disagree, labels)}
        found["average"] = AGREE * found["agree"] + (1.0 - AGREE) * found["disagree"]
        found["worst"] = min(found["agree"], found["disagree"])
        found["worst by category"] = float(np.nanmean(np.minimum(*each)))
        found["follow"] = float(np.mean(self._marks.own(disagree.argmax(axis=1)) == groups.other))
        return found

    def _logits(self, model: nn.Module, data: Set) -> Logits:
        return outputs(model, data, self._device)


def by_category(logits: Logits, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Accuracy of each category, (n,); NaN where a category has no picture."""
    count = np.bincount(labels, minlength=logits.shape[1])
    right = np.bincount(labels[logits.argmax(axis=1) == labels], minlength=logits.shape[1])
    with np.errstate(invalid="ignore"):
        return right / count


def moved(first: Logits, second: Logits) -> float:
    """Share of the variance of a logit that goes with the mark alone, mean over the logits.

    Both are of the same pictures x, with marks m drawn twice, so E (f(x, m) - f(x, m'))^2 / 2 is the mean
    over pictures of the variance over marks.
    """
    by_mark = 0.5 * np.square(first - second, dtype=np.float64).mean(axis=0)
    whole = np.concatenate([first, second]).astype(np.float64).var(axis=0)
    return float((by_mark / whole).mean())


def product(first: Logits, second: Logits, partner: npt.NDArray[np.int64]) -> Numbers:
    """E f_i f_j of partners, logits scaled to E[f^2] = 1, as a sum of three; mean over the logits.

    Of the means ("by the mean"); of what goes with the mark alone ("by the mark"), as of `moved`; the rest.
    """
    both = scaled(np.concatenate([first, second]))
    step = both[: len(first)] - both[len(first) :]
    mean = both.mean(axis=0)
    parts = {
        "by the mean": float((mean * mean[partner]).mean()),
        "by the mark": float(0.5 * (step * step[:, partner]).mean()),
    }
    whole = float((both * both[:, partner]).mean())
    return {"partners": whole, **parts, "by the rest": whole - sum(parts.values())}
