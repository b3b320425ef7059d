"""One pass of several models over a loader, into the joint moments of their logits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from covlasso._base.checks import check_flag
from covlasso._base.commands import digest
from covlasso._base.ranks import Group
from covlasso.logits import LogitWriter, Precision, Saved
from covlasso.moments import ClassChoice, Split, WantedClasses, check_wanted_classes
from covlasso.torch.extraction.after_head import AfterHead
from covlasso.torch.extraction.merging import Extraction, merge
from covlasso.torch.extraction.passes import Pass, PassProgress, Running
from covlasso.torch.extraction.run_state import RunState, weights_digest
from covlasso.torch.extraction.taps import Tap
from covlasso.torch.layers import Factored, last_layer


def extract(
    models: Mapping[str, nn.Module],
    loader: Iterable[Any],
    *,
    class_names: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
    split: Split | None = None,
    factored: Factored | Mapping[str, nn.Linear] = "auto",
    after_head: Mapping[str, AfterHead] | None = None,
    device: torch.device | str | None = None,
    amp_dtype: torch.dtype | None = None,
    channels_last: bool = False,
    out: str | Path | None = None,
    force: bool = False,
    save_every: int | None = None,
    save_logits: Precision | None = None,
    save_states: Precision | None = None,
    strict: bool = False,
    classes: WantedClasses = "auto",
    on_classes: Callable[[ClassChoice], object] | None = None,
    row_centred: bool = False,
    command: Mapping[str, Any] | None = None,
    group: Group | None = None,
    progress: Callable[[PassProgress], object] | None = None,
) -> Extraction | None:
    """Joint moments of the logits of several models on the samples of a loader, in one pass.

    For logits f_a(x) of model a: E[f_a], E[f_a f_a'] and E[f_a f_b'] of all pairs, accumulated in float64
    whatever the type in which the models run, see `covlasso.Moments`. On a GPU the sums are kept there and
    nothing waits for the host between two saves, as long as they fit into a quarter of its free memory.

    Parameters
    ----------
    models : mapping from name to Module
        Classifiers: (k, ...) to (k, n) logits. They are run in evaluation mode, on ``device``.
    loader : iterable
        Yields inputs, ``(inputs, targets)`` or a `Batch`; a run goes on only where that is in the same order
        each time, not shuffled, which is checked by the samples' names, or else by their inputs.
    class_names
        As of `covlasso.Moments`.
    split : Split, optional
        Which samples are held out, and how many folds there are; nothing is held out by default.
    factored : {"auto", "on", "off"} or mapping from name to Linear, default "auto"
        Accumulate the input of a last linear layer instead of its output: (d + 1)(d + 2) / 2 sums instead of
        n (n + 1) / 2, and the same moments to rounding. "auto" does so where ``model.get_classifier()`` is
        such a layer, d + 1 < n, and the logits of the first batch are W h + b. Every batch is checked; of a
        layer of more than 2^22 weights 512 outputs, in turn, and the others against what it returned.
    after_head : mapping from name to AfterHead, optional
        What models do to the output of their last layer, which is accumulated in the place of the logits: a
        scale, which goes into W and b, or a soft cap, before which the logits are taken.
    device : torch.device or str, default: where the first model is
        Models and inputs are moved to it.
    amp_dtype : torch.dtype, optional
        Run under ``torch.autocast`` in this type.
    channels_last : bool, default False
        Give models and images this memory format.
    out : path, optional
        Write the result here. ``OUT.state`` then holds the sums so far: after any end of the process the same
        call goes on from there, with the same result to the last bit.
    force : bool, default False
        Replace ``out`` where it exists.
    save_every : int, default 10 on a CPU, 500 on a GPU
        Batches between two saves. By default one is left out where it would take more than a twentieth of
        the time.
    save_logits : {"float16", "float32"}, optional
        Also keep logits and labels, see `LogitWriter`. Needs ``out``.
    save_states : {"float16", "float32"}, optional
        Also keep the inputs h of last layers, and labels, likewise: W h + b has the logits, in a fraction of
        their room. Needs ``out``, and models whose last layer is taken out (``factored``).
    strict : bool, default False
        End at the first sample that the loader could not read, instead of counting it.
    classes : {"auto", "labels", "decisions"} or None, default "auto"
        Sums by class that are kept beside, as of `covlasso.Moments`: by the targets, or by each model's own
        decisions; "auto": by decisions where they take at most 256 MB in all parts of the split together, or
        at most a quarter of the joint sums.
    on_classes : callable, optional
        Called with the `covlasso.moments.ClassChoice` before their memory is taken.
    row_centred : bool, default False
        Return moments of logits less their mean over the categories of their model: by algebra, at the end,
        `covlasso.Moments.as_row_centred`, which costs nothing that the rounding of float32 logits left.
    command : mapping of JSON values, optional
        What else decides about the result; a state of another command is refused.
    group : Group, optional
        Ranks that each read a part of the samples, see `process_group`.
    progress : callable, optional
        Called with a `PassProgress` after each batch.

    Returns
    -------
    Extraction
        The moments over the samples of all ranks, and what could not be read, on rank 0; None on other ranks.

    Raises
    ------
    FileExistsError
        ``out`` exists, and ``force`` is not given.
    HeadError
        A logit is not W h + b of a last layer that was taken out; the message names sample and model.
    TypeError, ValueError
        An argument; a logit that is not finite (the message names sample and model); a state of another run;
        a sample that could not be read, with ``strict``; a batch without targets, with ``classes="labels"``.
    GroupError
        Another rank ended.
    """
    if not models:
        raise ValueError("models is empty; give at least one")
    check_wanted_classes(classes)
    group, split = group or Group(), split or Split()
    wanted: dict[Saved, Precision | None] = {"logits": save_logits, "states": save_states}
    saved = {rows: precision for rows, precision in wanted.items() if precision is not None}
    target = _checked_out(out, force, list(saved))
    where = torch.device(device) if device is not None else _device_of(next(iter(models.values())))
    every = _checked_interval(save_every, where)
    state = files = None
    if target is not None:
        settings = {
            "split": split.as_dict(),
            "factored": factored if isinstance(factored, str) else sorted(factored),
            "amp_dtype": str(amp_dtype),
            "channels_last": channels_last,
            "device": where.type,
            "save_every": every,
            "save_logits": save_logits,
            "save_states": save_states,
            "classes": classes,
            "row_centred": check_flag(row_centred, "row_centred"),
            "weights": {name: weights_digest(model) for name, model in models.items()},
            "class_names": _digests(class_names),
        }
        state = RunState(target, group, {**(command or {}), **settings})
        if after_head:
            state.command["after_head"] = {name: [f.scale, f.softcap] for name, f in after_head.items()}
        files = LogitWriter(target, list(models), group, saved) if saved else None
    with _prepared(models, where, channels_last), _tapped(models, factored, after_head or {}) as taps:
        running = Running(where, amp_dtype, channels_last, strict)
        work = Pass(taps, class_names, split, running, files, classes, on_classes)
        _resume(work, state)
        try:
            work.run(loader, state, every, progress, always=save_every is not None)
        finally:
            if files is not None:
                files.close()
    result = merge(work, group)
    if result is not None and row_centred:
        result = replace(result, moments=result.moments.as_row_centred())
    if result is not None and target is not None:
        if files is not None:
            heads = result.moments.fit.heads
            features = {name: head.features for name, head in heads.items()}
            files.finish({"logits": result.moments.fit.sizes, "states": features}, split)
        result.moments.save(target)
    group.barrier()
    if state is not None:
        state.remove()
    if files is not None:
        files.remove_parts()
    return result


def _checked_out(out: str | Path | None, force: bool, saved: Sequence[Saved]) -> Path | None:
    """Return where the result goes, if that is free."""
    if out is None:
        if saved:
            raise ValueError(f"save_{saved[0]} needs out: the {saved[0]} are written beside it")
        return None
    target = Path(out)
    if target.exists() and not force:
        raise FileExistsError(f"{target} exists; give another name, or force to replace it")
    return target


def _checked_interval(save_every: int | None, device: torch.device) -> int:
    """Return the number of batches between two saves."""
    if save_every is None:
        return 500 if device.type == "cuda" else 10
    if save_every < 1:
        raise ValueError(f"save_every is {save_every}; at least 1 batch is expected")
    return save_every


def _resume(work: Pass, state: RunState | None) -> None:
    """Take up what an earlier run left, if it left something."""
    found = state.load() if state is not None else None
    if found is not None:
        work.restore(*found)
    if work.files is not None:
        work.files.begin(found[1]["files"] if found is not None else None)


def _digests(class_names: Mapping[str, Sequence[str]] | Sequence[str] | None) -> Any:
    """Return hashes of the names of categories, which a state carries, too."""
    if isinstance(class_names, Mapping):
        return {model: digest(names) for model, names in class_names.items()}
    return None if class_names is None else digest(class_names)


def _device_of(model: nn.Module) -> torch.device:
    for parameter in model.parameters():
        return parameter.device
    return torch.device("cpu")


@contextmanager
def _prepared(models: Mapping[str, nn.Module], device: torch.device, channels_last: bool) -> Iterator[None]:
    """Models on the device and in evaluation mode; their modes are restored."""
    modes = {module: module.training for model in models.values() for module in model.modules()}
    for model in models.values():
        model.to(device)
        if channels_last:
            model.to(memory_format=torch.channels_last)
        model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def _tapped(
    models: Mapping[str, nn.Module],
    factored: Factored | Mapping[str, nn.Linear],
    after_head: Mapping[str, AfterHead],
) -> Iterator[dict[str, Tap]]:
    """Hooks on the last layers, taken off at the end."""
    taps: dict[str, Tap] = {}
    try:
        for name, model in models.items():
            layer = last_layer(name, model, factored)
            taps[name] = Tap(name, model, layer, factored != "auto", after_head.get(name))
        yield taps
    finally:
        for tap in taps.values():
            tap.close()
