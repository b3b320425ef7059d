"""The pass itself: batch by batch through the models, into the sums, with a state from time to time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from covlasso._base.arrays import Array, Int64
from covlasso._base.checks import check_labels
from covlasso.logits import LogitWriter, TopOne
from covlasso.moments import Accumulator, ClassChoice, Split, WantedClasses, choose_classes
from covlasso.torch.extraction.batches import Batch, Inputs
from covlasso.torch.extraction.head_check import HeadCheck
from covlasso.torch.extraction.reading import batches
from covlasso.torch.extraction.run_state import RunState
from covlasso.torch.extraction.sums import Sums, sums_for
from covlasso.torch.extraction.taps import Tap
from covlasso.torch.extraction.trail import Trail

_WRITING = 20.0  # least time between two states, in that of writing one, where nobody said how often

ClassNames = Mapping[str, Sequence[str]] | Sequence[str] | None


@dataclass(frozen=True)
class PassProgress:
    """How far a pass is, on this rank.

    Attributes
    ----------
    done : int
        Samples seen, those included that could not be read.
    skipped : int
        Samples that could not be read.
    before : int
        Samples that an earlier run, whose state was found, had seen.
    batches : int
        Batches seen.
    seconds : float
        Time since this run began.
    """

    done: int
    skipped: int
    before: int
    batches: int
    seconds: float

    @property
    def rate(self) -> float:
        """Samples per second of this run."""
        return (self.done - self.before) / max(self.seconds, 1e-9)


@dataclass(frozen=True)
class Running:
    """How models are run.

    Attributes
    ----------
    device : torch.device
        Where inputs go.
    amp_dtype : torch.dtype, optional
        Type of autocast.
    channels_last : bool
        Memory format of images.
    strict : bool
        Whether a sample that cannot be read ends the pass.
    """

    device: torch.device
    amp_dtype: torch.dtype | None = None
    channels_last: bool = False
    strict: bool = False

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context of mixed precision, if wanted."""
        if self.amp_dtype is None:
            return nullcontext()
        context: AbstractContextManager[Any] = torch.autocast(self.device.type, dtype=self.amp_dtype)
        return context

    def moved(self, inputs: torch.Tensor | Inputs, dtype: torch.dtype) -> torch.Tensor | Inputs:
        """Return inputs as the model wants them."""
        if not isinstance(inputs, torch.Tensor):
            return inputs.to(self.device)
        dtype = dtype if inputs.is_floating_point() else inputs.dtype
        if self.channels_last and inputs.ndim == 4:
            return inputs.to(self.device, dtype, non_blocking=True, memory_format=torch.channels_last)
        return inputs.to(self.device, dtype, non_blocking=True)


class Pass:
    """Sums over the batches seen so far.

    Attributes
    ----------
    accumulator : Accumulator or None
        Made by the first sample: only then is known which last layers can be taken out.
    skipped : list of (sample, reason)
        What could not be read.
    top1 : TopOne
        Right answers at labelled samples.
    files : LogitWriter or None
        Where logits or hidden states are kept, if they are.
    """

    def __init__(
        self,
        taps: Mapping[str, Tap],
        class_names: ClassNames,
        split: Split,
        running: Running,
        files: LogitWriter | None = None,
        classes: WantedClasses = "auto",
        on_classes: Callable[[ClassChoice], object] | None = None,
    ):
        self.taps, self.split = dict(taps), split
        self.accumulator: Accumulator | None = None
        self.skipped: list[tuple[str, str]] = []
        self.top1 = TopOne()
        self.files = files
        self._class_names, self._running = class_names, running
        self._classes, self._on_classes = classes, on_classes
        self._sums: Sums | None = None
        self._heads = HeadCheck({})
        self._dtypes = {name: _float_type(tap) for name, tap in self.taps.items()}
        self._batches = self._seen = 0
        self._trail = Trail()

    def restore(self, accumulator: Accumulator, header: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.accumulator = accumulator
        self._batches, self._seen = header["batches"], header["seen"]
        self.skipped = [(sample, reason) for sample, reason in header["skipped"]]
        self.top1 = TopOne(header["correct"], header["labelled"])
        self._trail = Trail(header["trail"])

    def save(self, state: RunState) -> None:
        """Write a state; logits first, so that they are never behind it."""
        if self.accumulator is None:
            return
        self._flush()
        state.save(
            self.accumulator,
            files=self.files.sizes() if self.files else None,
            batches=self._batches,
            seen=self._seen,
            trail=self._trail.marks(),
            skipped=self.skipped,
            correct=self.top1.correct,
            labelled=self.top1.labelled,
        )

    def run(
        self,
        loader: Iterable[Any],
        state: RunState | None,
        save_every: int,
        progress: Callable[[PassProgress], object] | None,
        always: bool = True,
    ) -> None:
        """See all batches that were not seen yet; unless ``always``, saves take a twentieth of the time."""
        began, before, pace = time.monotonic(), self._seen, _Pace()
        trail, place = (self._trail, str(state.path)) if state is not None else (None, "")
        for batch in batches(loader, self._batches, list(self.taps), trail, place):
            with torch.inference_mode():
                self._see(batch)
            if self._batches % save_every == 0:
                if state is not None and (always or pace.due()):
                    with pace.saving():
                        self.save(state)
                else:
                    self._flush()
            if progress is not None:
                seconds = time.monotonic() - began
                progress(PassProgress(self._seen, len(self.skipped), before, self._batches, seconds))
        self._flush()
        if state is not None:
            self.save(state)

    def _flush(self) -> None:
        """Bring everything into the accumulator, if it may be there."""
        if self._sums is not None:
            self._heads.settle()
            self._sums.flush()

    def _see(self, batch: Batch) -> None:
        samples, keys, positions = batch.samples or (), batch.keys or (), batch.positions or ()
        if batch.skipped and self._running.strict:
            sample, reason = batch.skipped[0]
            raise ValueError(f"{sample} cannot be read: {reason}")
        if samples:
            logits, rows = self._compute(batch)
            sums = self._begun(logits, rows)
            self._heads.add(logits, rows, samples)
            sums.update(rows, keys, samples, self._labels(batch, logits))
            self._count(logits, batch)
            if self.files is not None:
                targets = batch.targets_of(_largest(logits))
                labels = [-1] * len(samples) if targets is None else targets.tolist()
                kept = {"logits": logits, "states": rows}
                arrays = {kind: _arrays(kept[kind]) for kind in self.files.wanted}
                self.files.update(arrays, positions, labels, samples, keys)
        self.skipped.extend((sample, reason) for sample, reason in batch.skipped)
        self._batches += 1
        self._seen += len(samples) + len(batch.skipped)

    def _labels(self, batch: Batch, logits: Mapping[str, torch.Tensor]) -> Int64 | None:
        """Targets of a batch, where the classes of samples are labels."""
        if self.accumulator is None or self.accumulator.classes != "labels":
            return None
        largest = _largest(logits)
        targets = batch.targets_of(largest)
        if targets is None:
            raise ValueError('classes="labels" needs targets, and the loader yields a batch without')
        sizes = {f"model {largest!r}": logits[largest].shape[1]}
        return check_labels(targets.cpu().numpy(), len(targets), sizes)

    def _count(self, logits: Mapping[str, torch.Tensor], batch: Batch) -> None:
        """Count right answers, where targets are labels."""
        labels: dict[str, Any] = {}
        arrays: dict[str, Any] = dict(logits)
        for name, rows in logits.items():
            targets = batch.targets_of(name)
            if targets is None or targets.ndim != 1 or targets.is_floating_point():
                return
            labels[name] = targets.to(rows.device, non_blocking=True)
            if rows.device.type == "cpu" and rows.dtype in (torch.float32, torch.float64):
                # numpy's argmax is three times as fast
                arrays[name], labels[name] = rows.numpy(), labels[name].numpy()
        self.top1.update(arrays, labels)

    def _compute(self, batch: Batch) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Logits of all models, and the rows to accumulate."""
        logits, rows = {}, {}
        for name, tap in self.taps.items():
            inputs = batch.inputs[name] if isinstance(batch.inputs, Mapping) else batch.inputs
            with self._running.autocast():
                logits[name], rows[name] = tap(self._running.moved(inputs, self._dtypes[name]))
        return logits, rows

    def _begun(self, logits: Mapping[str, torch.Tensor], rows: dict[str, torch.Tensor]) -> Sums:
        """Return the sums to add to; the first batch, or the state, decides which layers are taken out."""
        if self._sums is not None:
            return self._sums
        known = None if self.accumulator is None else next(iter(self.accumulator.parts.values())).heads
        for name, tap in self.taps.items():
            wanted = tap.layer is not None and (known is None or name in known)
            if wanted and known is not None:
                tap.take_out(known[name])
            elif wanted and not tap.required:
                wanted = not bool(tap.departures(logits[name], rows[name]).any())
            if not wanted:
                tap.use_logits()
                rows[name] = logits[name]
        if self.files is not None and "states" in self.files.wanted:
            self._check_states()
        self._heads = HeadCheck(self.taps)
        choice = self._class_choice(logits, rows)
        if self.accumulator is None:
            heads = {name: head for name, tap in self.taps.items() if (head := tap.head()) is not None}
            names = list(self.taps)
            self.accumulator = Accumulator(names, self._class_names, heads, self.split, choice.kind)
        by_class = choice.size if choice.kind is not None else 0
        self._sums = sums_for(self.accumulator, rows, self._running.device, by_class)
        return self._sums

    def _check_states(self) -> None:
        """Refuse to keep hidden states of a model whose logits are accumulated."""
        for name, tap in self.taps.items():
            if tap.layer is None:
                raise ValueError(
                    f"model {name!r} has no last layer that is taken out, so there are no states to save; "
                    "save its logits"
                )

    def _class_choice(
        self, logits: Mapping[str, torch.Tensor], rows: Mapping[str, torch.Tensor]
    ) -> ClassChoice:
        """Return which sums by class are kept, those of the state if there is one, and say so."""
        wanted = self._classes if self.accumulator is None else self.accumulator.classes
        sizes, columns = ({name: x.shape[1] for name, x in of.items()} for of in (logits, rows))
        choice = choose_classes(wanted, sizes, columns, self.split)
        if self._on_classes is not None:
            self._on_classes(choice)
        return choice


class _Pace:
    """When a state may be written: after twenty times the time that the last one took."""

    def __init__(self) -> None:
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._next

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Take the time of a state."""
        began = time.monotonic()
        yield
        ended = time.monotonic()
        self._next = ended + _WRITING * (ended - began)


def _largest(logits: Mapping[str, torch.Tensor]) -> str:
    """Return the model with the most categories: labels are by these."""
    return max(logits, key=lambda name: logits[name].shape[1])


def _arrays(tensors: Mapping[str, torch.Tensor]) -> dict[str, Array]:
    return {name: x.float().cpu().numpy() for name, x in tensors.items()}


def _float_type(tap: Tap) -> torch.dtype:
    """Type in which a model takes its inputs: that of its first weights."""
    for parameter in tap.model.parameters():
        if parameter.is_floating_point():
            return parameter.dtype
    return torch.float32
