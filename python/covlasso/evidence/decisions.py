"""What becomes of a network's decisions when logits are replaced by their dependencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from covlasso._base.arrays import Float64, Int32, Int64
from covlasso._base.checks import check_vector
from covlasso._base.digits import r2_text
from covlasso._base.progress import Report
from covlasso.evidence.confusions import Confusions
from covlasso.evidence.network import Network
from covlasso.evidence.prediction import Predictor
from covlasso.evidence.rates import Rates
from covlasso.evidence.replacing import Replacing
from covlasso.logits import Samples

EPS = (0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, eq=False, repr=False)
class Decisions:
    """Tails of the error and decisions, per target; made by `covlasso.evaluate` from logits.

    Top-1 hardly moves whatever the equations are, since one category of many decides few samples: recall,
    false alarms and F1 of the category that is replaced tell more.

    Attributes
    ----------
    count : int
        Number of samples.
    n_labelled : int
        Number of samples that count for the rates and top-1.
    own_labels : bool
        No labels were given: the label of a sample is the network's own decision, and the figures say how far
        replaced logits *agree* with it.
    error : (n_targets,) array
        E[r^2] of the residual r on these samples.
    r2, r2_centred : (n_targets,) arrays
        1 - E[r^2] / E[f_i^2], not centred, and 1 - E[r^2] / Var(f_i), about the mean on these samples; NaN
        for a logit that is always 0, or constant.
    r2_own : (n_targets,) array
        On the samples labelled i alone, about their own mean: 1 - E[r^2 | i] / Var(f_i | i). It says whether
        an equation knows how the logit varies where the category is. NaN with less than two different logits.
    eps : (k,) array
        Thresholds, in units of the logit's root mean square on these samples.
    within : (k, n_targets) array
        P(|f_i - prediction| < eps_k rms_i).
    markov : (k, n_targets) array
        Lower bound of ``within`` from the error alone, max(0, 1 - err_i / (eps_k rms_i)^2): Markov's
        inequality for the squared error.
    changed : (n_targets,) array
        Share of all samples whose decision changes when logit i is replaced.
    top1, replaced_top1, at_once_top1 : float, (n_targets,) array, float
        Share of labelled samples that are decided as labelled: by the network, with logit i replaced, and
        with the logits of all targets replaced together.
    network, replaced, at_once : Rates
        Recall, false alarms, precision and F1 of category i: of the network, with logit i replaced, and with
        the logits of all targets replaced together.
    confusions : Confusions
        With logit i replaced: whose samples are decided as i, and what samples of i are decided as.
    """

    count: int
    n_labelled: int
    own_labels: bool
    error: Float64
    r2: Float64
    r2_centred: Float64
    r2_own: Float64
    eps: Float64
    within: Float64
    markov: Float64
    changed: Float64
    top1: float
    replaced_top1: Float64
    at_once_top1: float
    network: Rates
    replaced: Rates
    at_once: Rates
    confusions: Confusions

    @property
    def support(self) -> Int64:
        """Number of samples labelled i, (n_targets,)."""
        return self.network.support

    @property
    def recall(self) -> Float64:
        """Recall of the network, (n_targets,)."""
        return self.network.recall

    @property
    def precision(self) -> Float64:
        """Precision of the network, (n_targets,)."""
        return self.network.precision

    @property
    def replaced_recall(self) -> Float64:
        """Recall with logit i replaced, (n_targets,)."""
        return self.replaced.recall

    @property
    def replaced_precision(self) -> Float64:
        """Precision with logit i replaced, (n_targets,)."""
        return self.replaced.precision

    def columns(self) -> dict[str, Any]:
        """Every figure per target by name; ``within_0.5`` and ``markov_0.5`` belong to eps = 0.5.

        Rates of the network have no prefix, the others ``replaced_`` and ``at_once_``.
        """
        columns = {
            name: getattr(self, name)
            for name in ("error", "r2", "r2_centred", "r2_own", "changed", "replaced_top1", "support")
        }
        for prefix, rates in (("", self.network), ("replaced_", self.replaced), ("at_once_", self.at_once)):
            columns |= rates.columns(prefix)
        for name in ("within", "markov"):
            rows = zip(self.eps, getattr(self, name), strict=True)
            columns |= {f"{name}_{eps:g}": row for eps, row in rows}
        return columns

    def __repr__(self) -> str:
        """Say how many samples there are, and F1 and top-1 before and after."""
        labels = "own decisions as labels" if self.own_labels else f"{self.n_labelled} labelled"
        before, replaced, at_once = (one.mean("f1") for one in (self.network, self.replaced, self.at_once))
        return (
            f"Decisions({self.count} samples, {labels}, mean F1 {r2_text(before, 3)}, replaced "
            f"{r2_text(replaced, 3)}, all at once {r2_text(at_once, 3)}, top-1 {r2_text(self.top1, 4)}, all "
            f"at once {r2_text(self.at_once_top1, 4)})"
        )


def decisions(
    predictors: Sequence[Predictor],
    targets: Int32,
    samples: Samples,
    eps: Float64,
    progress: Report | None = None,
) -> list[Decisions]:
    """Replace the targets' logits by each predictor's, one target at a time and all at once.

    One pass over the samples for all targets and all predictors, after one for the network itself (its
    decisions, root mean squares, means).

    Report is called as progress(samples done, 2 samples in all).
    """
    total = len(samples)
    report = progress or (lambda _done, _total: None)
    network = Network(samples, targets, report)
    widths = np.outer(eps, np.sqrt(network.mean_square))
    found = [Replacing(network, targets, widths) for _ in predictors]
    spread = _Spread(network)
    done = 0
    for chunk in samples.chunks():
        part = network.rivals.part(slice(done, done + len(chunk.target)))
        source = np.ascontiguousarray(chunk.source.T)
        logit = np.ascontiguousarray(chunk.target[:, targets].T)
        spread.add(logit, *network.labelled(part))
        for one, predictor in zip(found, predictors, strict=True):
            one.add(logit, predictor.of(source, part.label), part)
        done += len(chunk.target)
        report(total + done, 2 * total)
    return [_result(one, network, spread, samples, targets, eps) for one in found]


def checked_eps(eps: Sequence[float]) -> Float64:
    """Positive finite numbers, at least one."""
    values = check_vector(eps, "eps", len(eps))
    if len(values) == 0 or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"eps is {list(eps)}; at least one finite number above 0 is expected")
    return values


class _Spread:
    """Sums of squares of the targets' logits about their means: on all samples, and on their own."""

    def __init__(self, network: Network):
        self._mean, self._own_mean = network.mean[:, np.newaxis], network.own_mean
        self.all, self.own = np.zeros(len(network.mean)), np.zeros(len(network.mean))

    def add(self, logit: Float64, at: Int64, sample: Int64) -> None:
        """Add logits (n_targets, samples); the samples of the targets ``at`` are ``sample``."""
        self.all += np.square(logit - self._mean).sum(axis=1)
        np.add.at(self.own, at, np.square(logit[at, sample] - self._own_mean[at]))


def _result(
    counts: Replacing, network: Network, spread: _Spread, samples: Samples, targets: Int32, eps: Float64
) -> Decisions:
    n, labelled = len(samples), network.n_labelled
    share = _ratio(counts.squares / n, network.mean_square)
    return Decisions(
        count=n,
        n_labelled=labelled,
        own_labels=not samples.labelled,
        error=counts.squares / n,
        r2=1.0 - share,
        r2_centred=1.0 - _ratio(counts.squares, spread.all),
        r2_own=1.0 - _ratio(counts.own_squares, spread.own),
        eps=eps,
        within=counts.within / n,
        markov=np.maximum(0.0, 1.0 - share / eps[:, np.newaxis] ** 2),
        changed=counts.changed / n,
        top1=network.top1,
        replaced_top1=network.top1 + counts.gained / labelled,
        at_once_top1=counts.at_once_correct / labelled,
        network=network.rates(targets),
        replaced=counts.replaced,
        at_once=counts.at_once,
        confusions=counts.confusions,
    )


def _ratio(part: Float64, whole: Float64) -> Float64:
    """NaN where there is nothing to explain."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)
