"""State of an unfinished run, beside the file that it is going to write."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from glob import escape
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import nn

from covlasso._base.commands import difference, short
from covlasso._base.ranks import Group
from covlasso.moments import Accumulator

_FIELDS = ("command", "files", "batches", "seen", "trail", "skipped", "correct", "labelled")


class RunState:
    """``OUT.state``, or ``OUT.state-RANK-of-SIZE``: what has been seen, and which command has seen it.

    Parameters
    ----------
    out : Path
        The file that the finished run writes.
    group : Group
        The ranks of the run; each has a state of its own.
    command : mapping of JSON values
        What decides about the result; a run goes on only under an equal command.
    """

    def __init__(self, out: Path, group: Group, command: Mapping[str, Any]):
        self.command = dict(command)
        self._out = out
        ranks = f"-{group.rank}-of-{group.size}" if group.size > 1 else ""
        self.path = out.with_name(f"{out.name}.state{ranks}")
        siblings = {out.with_name(f"{out.name}.state-{k}-of-{group.size}") for k in range(group.size)}
        found = set(out.parent.glob(f"{escape(out.name)}.state*"))
        strange = sorted(found - ({self.path} if group.size == 1 else siblings))
        if strange:
            raise ValueError(
                f"{strange[0]} is the state of an unfinished run on another number of ranks; go on with as "
                "many, or delete it"
            )

    def load(self) -> tuple[Accumulator, dict[str, Any]] | None:
        """Read what the last `save` wrote; None where there is nothing.

        Raises
        ------
        ValueError
            The state is of another command, or damaged.
        """
        if not self.path.exists():
            return None
        accumulator, header = Accumulator.load_state(self.path)
        missing = [field for field in _FIELDS if field not in header]
        if missing:
            raise ValueError(
                f"{self.path} is not the state of a run, it has no {missing[0]}; delete it to begin anew"
            )
        stored = header["command"]
        found = difference(stored, self.command)
        if found is not None:
            field, was, now = found
            raise ValueError(
                f"{self.path} is the state of another run: {field} was {short(was)} and is {short(now)}; "
                "repeat that run, or delete the file to begin anew"
            )
        return accumulator, header

    def save(self, accumulator: Accumulator, **header: Any) -> None:
        """Write everything, atomically."""
        accumulator.save_state(self.path, command=self.command, **header)

    def remove(self) -> None:
        """Forget the run, which is finished; also what it was writing when it was killed, maybe."""
        self.path.unlink(missing_ok=True)
        for name in (self.path.name, self._out.name):
            for unfinished in self._out.parent.glob(f".{escape(name)}.*.tmp"):
                shutil.rmtree(unfinished, ignore_errors=True)


def weights_digest(model: nn.Module) -> str:
    """Hash of all weights and buffers."""
    total = blake2b(digest_size=16)
    for name, tensor in model.state_dict().items():
        if isinstance(tensor, torch.Tensor):
            host = tensor.detach().cpu().contiguous()
            total.update(f"{name} {host.dtype} {tuple(host.shape)}".encode())
            total.update(host.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
