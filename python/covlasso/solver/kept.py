"""Finished slices of a long solve, kept beside its file until that is written.

``FILE.parts`` is a folder. ``command.json`` has what decides about the result: the version, digests of
moments and targets, and all options but the number of threads. ``RANK-NUMBER.safetensors`` are dependencies
of some targets, as `Dependencies.save` writes them, but without names. Each file is there as a whole or not
at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

from covlasso._base.commands import difference, short
from covlasso.dependencies import Dependencies

_COMMAND = "command.json"
_PARTS = "[0-9]*-[0-9]*.safetensors"


class Kept:
    """The folder of one solve.

    Parameters
    ----------
    folder : Path
        Where slices are kept; made with the first one.
    command : callable
        Returns what decides about the result, as JSON values; called where there is something to compare it
        with, or to keep.
    rank : int, default 0
        Of this process; the others have the same folder, or one of their own.

    Raises
    ------
    ValueError
        The folder has slices of another command; the message says what differs.
    """

    def __init__(self, folder: Path, command: Callable[[], Mapping[str, Any]], rank: int = 0):
        self.folder, self._rank = folder, rank
        self.count = 0  # targets that are kept
        self._make_command = command
        self._command: str | None = None
        if (folder / _COMMAND).exists():
            self._check(folder / _COMMAND)

    def load(self) -> list[Dependencies]:
        """Read the slices that there are, in order of their names.

        Raises
        ------
        ValueError
            A file is damaged.
        """
        return [_part(file) for file in self._files()] if self._command is not None else []

    def add(self, part: Dependencies) -> None:
        """Write one more slice."""
        if self._command is None:
            self._begin()
        numbers = [
            int(file.stem.partition("-")[2]) for file in self.folder.glob(f"{self._rank}-*.safetensors")
        ]
        part.save(self.folder / f"{self._rank}-{max(numbers, default=-1) + 1:05d}.safetensors")
        self.count += part.n_targets

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(_PARTS))

    def _check(self, file: Path) -> None:
        self._command = json.dumps(self._make_command())
        try:
            was = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as cause:
            raise ValueError(f"{file} is damaged; delete {self.folder} to begin anew") from cause
        found = difference(was, json.loads(self._command))
        if found is not None:
            field, old, new = found
            raise ValueError(
                f"{self.folder} has slices of another solve: {field} was {short(old)} and is {short(new)}; "
                "repeat that one, give another --out, or delete the folder to begin anew"
            )

    def _begin(self) -> None:
        self._command = json.dumps(self._make_command())
        self.folder.mkdir(exist_ok=True)
        new = self.folder / f".{_COMMAND}.{os.getpid()}.tmp"
        with new.open("w", encoding="utf-8") as file:
            file.write(self._command)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.folder / _COMMAND)


def forget(folder: Path) -> None:
    """Remove the slices of a solve whose file is written, and what was being written when it was killed."""
    for file in [*folder.glob(_PARTS), folder / _COMMAND]:
        file.unlink(missing_ok=True)
    for unfinished in folder.glob(".*.tmp"):
        if unfinished.is_dir():
            rmtree(unfinished, ignore_errors=True)
        else:
            unfinished.unlink(missing_ok=True)
    with suppress(OSError):  # it was never made, or another rank is at it, or somebody keeps something there
        folder.rmdir()


def _part(file: Path) -> Dependencies:
    try:
        return Dependencies.load(file)
    except ValueError as cause:
        raise ValueError(
            f"{file} is damaged; delete it, and its targets are solved again ({cause})"
        ) from cause
