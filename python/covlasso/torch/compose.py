"""Models whose logits are sparse combinations of the logits of a given one, with nothing trained."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
import torch
from torch import nn

from covlasso._base.arrays import Array, Float64
from covlasso.dependencies import Dependencies
from covlasso.evidence import prediction_of
from covlasso.moments import Moments
from covlasso.torch.layers import linear_head, path_of_layer


def compose_head(
    model: nn.Module,
    dependencies: Dependencies,
    names: Sequence[int | str] | None = None,
    *,
    moments: Moments | None = None,
    layer: str | None = "auto",
) -> nn.Module:
    """Give a model new output categories as sparse combinations of those that it has.

    With logits g(x) of the model and dependencies f_i ~ a_i + sum_j b_ij g_j, the result has the logits
    [g(x), a + B g(x)]: the known categories first, unchanged, then the new ones. Nothing is retrained. The
    idea of reaching unseen categories by dependencies is that of Feng et al. (CVPR 2023, arXiv 2211.12339).

    For a linear last layer g = W h + w this is an exact linear layer with weight [W; B W] and bias [w; B w +
    a] in its place. Any other model is wrapped in `CombinedLogits`.

    Dependencies of row-centred logits say what a logit is over the mean of all logits of its sample, so new
    logits are a + B (g - mean g) + mean g: they win where they would win among row-centred ones.

    From a second network f that knows the new categories, without a label: joint moments of both networks on
    samples that show them, with classes by decisions, so that the class of a sample is what f decides; then
    centred dependencies with a focus, refitted::

        joint = extract({"f": f, "model": model}, loader, classes="decisions").moments.fit
        deps = solve_moments(joint, target="f", source="model", kind="covariance", focus=0.3, terms=20,
                             refit=True)
        larger = compose_head(model, deps, names=[...], moments=joint)

    Without a focus, which says where a new logit has to be right, composed logits hardly ever win. A larger
    focus or fewer terms find more of the new categories and lose more of the known ones. The new logits have
    the scale of f's, so the two networks should be trained alike.

    From a few labelled samples: `covlasso.new_category_moments`.

    Parameters
    ----------
    model : Module
        Classifier with logits (batch, p), or an ``nn.Linear``. It is left as it is.
    dependencies : Dependencies
        Between two networks: targets are the new categories, sources the p categories of ``model``. Refit
        them: the Lasso alone shrinks the new logits, so that they win too seldom.
    names : sequence of str or int, optional
        Which targets to add, in this order, by name or number. By default all.
    moments : Moments, optional
        What the dependencies were found on. Needed where they are of covariances or correlations, for the
        intercepts a and the scales. A focus of a share alpha has an intercept of its own: the mean of target
        i is then E[f_i] + alpha (E[f_i | i] - E[f_i]), and so of the sources.
    layer : str or None, default "auto"
        Where the linear last layer is, as a path of attributes ("head.fc"): the logits of the model must be
        its output. "auto": what timm's ``get_classifier()`` names, if that is an ``nn.Linear``, and a wrapper
        where there is none; None: always a wrapper.

    Returns
    -------
    Module
        A copy of ``model`` with a larger layer (an ``nn.Linear`` for an ``nn.Linear``), or `CombinedLogits`
        around ``model`` itself. Works with ``torch.export``, ``torch.jit`` and ONNX where the model does.

    Raises
    ------
    TypeError, ValueError
        The dependencies are within one network, have another number of sources than the layer has outputs, or
        need ``moments``; a name or the layer is not there.
    """
    if _checked(dependencies).intra:
        raise ValueError(
            "dependencies are within one network, so their targets are no new categories; "
            "use replace_logits, or solve with cross"
        )
    return _combine(model, _rows(dependencies, names, moments), None, layer)


def replace_logits(
    model: nn.Module,
    dependencies: Dependencies,
    names: Sequence[int | str] | None = None,
    *,
    moments: Moments | None = None,
    layer: str | None = "auto",
) -> nn.Module:
    """Give a model whose logits of the targets are computed from the other logits.

    Logit i becomes a_i + sum_j b_ij f_j(x) for every target, with all f_j as the given model computes them,
    those that are replaced too; other logits stay. Of dependencies of row-centred logits it becomes
    a_i + sum_j b_ij (f_j(x) - mean f(x)) + mean f(x).

    What the model loses by it shows how far the category is determined by the others. It is recognised by ten
    or twenty terms where the dependencies have a focus, as ``solve_moments(..., focus=0.1)``; without one
    only by many more.

    Parameters
    ----------
    model : Module
        Classifier with logits (batch, n), or an ``nn.Linear``. It is left as it is.
    dependencies : Dependencies
        Within one network, of this model.
    names, moments, layer
        As in `compose_head`: which targets to replace, by default all; for intercepts; the last layer.

    Returns
    -------
    Module
        As `compose_head`, with as many logits as before.

    Raises
    ------
    TypeError, ValueError
        The dependencies are between two networks, or as `compose_head`.
    """
    if not _checked(dependencies).intra:
        raise ValueError("dependencies are between two networks; for new categories use compose_head")
    rows = _rows(dependencies, names, moments)
    return _combine(model, rows, rows.targets, layer)


class CombinedLogits(nn.Module):
    """A model with logits a + B g(x) after its own g(x), or in place of some of them.

    Parameters
    ----------
    model : Module
        Inputs to logits (batch, p).
    coef : (m, p) csr_array
        B.
    intercept : (m,) array
        a.
    targets : (m,) array, optional
        Logits whose place is taken; by default they follow after the p known ones.
    common : (m,) array, optional
        Coefficients of the mean of g(x) over its categories, which is added; by default 0.

    Notes
    -----
    Each of the m combinations reads only its terms, so cost and memory are those of m times the largest
    number of terms.
    """

    def __init__(
        self,
        model: nn.Module,
        coef: scipy.sparse.csr_array,
        intercept: Float64,
        targets: Array | None = None,
        common: Float64 | None = None,
    ):
        super().__init__()
        m, p = coef.shape
        count = np.diff(coef.indptr)
        row = np.repeat(np.arange(m), count)
        column = np.arange(coef.nnz) - coef.indptr[row]
        sources = np.zeros((m, max(1, count.max())), dtype=np.int64)  # padded by terms 0 g_0
        values = np.zeros(sources.shape)
        sources[row, column], values[row, column] = coef.indices, coef.data
        order = np.arange(p if targets is not None else p + m)
        if targets is not None:
            order[targets] = p + np.arange(m)
        weight = next((w for w in model.parameters() if w.is_floating_point()), torch.zeros(()))
        kind = {"dtype": torch.promote_types(weight.dtype, torch.float32), "device": weight.device}
        self.model = model
        self.known = p
        self.num_classes = len(order)
        self.register_buffer("sources", torch.from_numpy(sources).to(weight.device))
        self.register_buffer("values", torch.from_numpy(values).to(**kind))
        self.register_buffer("intercept", torch.from_numpy(intercept).to(**kind))
        self.register_buffer("order", torch.from_numpy(order).to(weight.device))
        self.register_buffer("common", None if common is None else torch.from_numpy(common).to(**kind))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits (batch, p + m), or (batch, p) where they take places.

        Raises
        ------
        ValueError
            The model does not give p logits.
        """
        logits = self.model(inputs)
        if not torch.jit.is_tracing() and (logits.dim() != 2 or logits.size(1) != self.known):
            raise ValueError(f"the model gives {logits.shape}; (batch, {self.known}) is expected")
        made = (logits[:, self.sources] * self.values).sum(dim=2) + self.intercept
        if self.common is not None:
            made = made + logits.to(self.common.dtype).mean(dim=1, keepdim=True) * self.common
        return torch.cat((logits, made.to(logits.dtype)), dim=1).index_select(1, self.order)

    def extra_repr(self) -> str:
        """Say how many logits there are."""
        return f"{len(self.intercept)} combined of {self.known}"


@dataclass(frozen=True, eq=False)
class _Rows:
    """Combinations that were asked for: a + B g, and of row-centred logits + (1 - B 1) mean(g)."""

    coef: scipy.sparse.csr_array
    intercept: Float64
    targets: Array
    common: Float64 | None


def _rows(dependencies: Dependencies, names: Sequence[int | str] | None, moments: Moments | None) -> _Rows:
    prediction = prediction_of(dependencies, moments, moments, None, None)
    if names is None:
        rows = np.arange(dependencies.n_targets)
    elif isinstance(names, str) or len(names) == 0:
        raise TypeError(f"names is {names!r}; a sequence of at least one name or category number is expected")
    else:
        rows = np.array([dependencies.position(name) for name in names])
    if len(np.unique(rows)) < len(rows):
        raise ValueError("names has a category twice; give each once")
    if len(rows) == 0:
        raise ValueError("dependencies have no target")
    coef = prediction.coef[rows]
    common = 1.0 - np.asarray(coef.sum(axis=1)) if prediction.origin.row_centred else None
    return _Rows(coef, prediction.intercept[rows], prediction.targets[rows], common)


def _combine(model: nn.Module, rows: _Rows, targets: Array | None, layer: str | None) -> nn.Module:
    """Append the combinations, or put them at ``targets``: in the last layer, or around the model."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is {type(model).__name__}; a torch.nn.Module is expected")
    path = path_of_layer(model, layer)
    if path is None:
        return CombinedLogits(model, rows.coef, rows.intercept, targets, rows.common)
    if path == "":
        return _combined_layer(model, rows, targets)
    made = _combined_layer(model.get_submodule(path), rows, targets)
    result = copy.deepcopy(model)
    parent, _, name = path.rpartition(".")
    setattr(result.get_submodule(parent), name, made)
    if isinstance(getattr(result, "num_classes", None), int):  # timm's
        result.num_classes = made.out_features
    return result


def _combined_layer(layer: nn.Linear, rows: _Rows, targets: Array | None) -> nn.Linear:
    if rows.coef.shape[1] != layer.out_features:
        raise ValueError(
            f"dependencies have {rows.coef.shape[1]} sources and the last layer has {layer.out_features} "
            "outputs; the sources must be the categories of the model"
        )
    old = linear_head(layer)
    intercept = rows.intercept if rows.intercept.any() else None
    if rows.common is None:
        made = old.combined(rows.coef, intercept)
    else:
        coef = scipy.sparse.hstack([rows.coef, rows.common[:, np.newaxis]])
        made = old.with_mean().combined(coef, intercept)
    biased = made.bias is not None
    parts = {
        "weight": (old.weight, made.weight),
        "bias": (np.zeros(old.categories) if old.bias is None else old.bias, made.bias),
    }
    size = old.categories + (len(made.weight) if targets is None else 0)
    result = nn.Linear(
        old.features, size, bias=biased, device=layer.weight.device, dtype=layer.weight.dtype
    ).train(layer.training)
    with torch.no_grad():
        for name, parameter in result.named_parameters():
            ours, new = parts[name]
            parameter.copy_(torch.from_numpy(_placed(ours, new, targets)))
            parameter.requires_grad_(layer.weight.requires_grad)
    return result


def _placed(old: Array, new: Array | None, targets: Array | None) -> Array:
    if targets is None:
        return np.concatenate([old, new])
    result = old.copy()
    result[targets] = new
    return result


def _checked(dependencies: Any) -> Dependencies:
    if not isinstance(dependencies, Dependencies):
        raise TypeError(f"dependencies is {type(dependencies).__name__}; Dependencies are expected")
    return dependencies
