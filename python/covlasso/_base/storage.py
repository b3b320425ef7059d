"""Named arrays in one safetensors file, written atomically and checked when read."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Array

VERSION = 1
_LOGITS = (".npy", ".npz", ".parquet", ".pq", ".csv")
_BEFORE = {  # what makes a file of this kind of logits
    "Moments": "run `covlasso moments` first (`Moments.update` in Python)",
    "Dependencies": "run `covlasso moments` first, then `covlasso solve`",
    "Accumulator": "run `covlasso moments` first",
}
_WHAT = {  # where a file of another kind is wanted
    "Moments": "these are moments; run `covlasso solve` first (`solve_moments` in Python)",
    "Dependencies": "these are dependencies; give the moments that they were found on",
    "Accumulator": "this is the state of a run that has not ended; run the same command again",
}
_HEADER = "covlasso"  # key of the file's metadata that holds our JSON header
_LONGEST = (
    100_000_000 - 1_000_000
)  # bytes of it that readers of safetensors take, less what describes tensors


def save_tensors(
    path: str | os.PathLike[str], kind: str, tensors: Mapping[str, Array], header: Mapping[str, Any]
) -> None:
    """Write ``tensors`` and ``header`` (JSON) so that ``path`` holds the old file or the whole new one.

    Raises
    ------
    OSError
        The file cannot be written.
    ValueError
        The header is longer than readers of safetensors take; nothing is written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    target = Path(path)
    # safetensors makes a file of its own beside the one it writes; one folder holds both.
    folder = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    metadata = {
        _HEADER: check_header(f"{target} is not written", {"kind": kind, "version": VERSION, **header})
    }
    try:
        folder.mkdir(exist_ok=True)
        temporary = folder / "new"
        temporary.touch()
        usual = temporary.stat().st_mode  # safetensors makes files that only their owner can read
        # safetensors writes through a mapping, which needs a file system entry, not a descriptor.
        arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        try:
            save_file(arrays, temporary, metadata)
        except SafetensorError as cause:  # a full disk
            raise OSError(f"{target} cannot be written: {cause}") from cause
        temporary.chmod(usual)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_header(what: str, header: Mapping[str, Any]) -> str:
    """Return the JSON of a header; refuse one that could be written to ``what`` and not be read again."""
    text = json.dumps(header)
    length = len(text) + text.count('"') + text.count("\\")  # it is a string in the file's own JSON
    if length > _LONGEST:
        longest = max(header, key=lambda field: len(json.dumps(header[field])))
        raise ValueError(
            f"{what}: {longest} would take {length / 1e6:.0f} MB of a header of which readers of safetensors "
            f"take {_LONGEST / 1e6:.0f}; shorten {longest}"
        )
    return text


def refuse_own_file(path: Path, metadata: Mapping[str, str] | None) -> None:
    """Refuse a file of ours where a safetensors file of somebody's arrays is wanted, by its metadata."""
    kinds = {"Moments": "moments; `covlasso solve` takes them", "Dependencies": "dependencies"}
    text = (metadata or {}).get(_HEADER)
    for kind, what in kinds.items():
        if text is not None and f'"kind": "{kind}"' in text:
            raise ValueError(f"{path}: these are {what}, and logits are expected")


class StoredTensors:
    """What ``load_tensors`` opened; every access checks, and every error names the file and the remedy."""

    def __init__(self, path: Path, kind: str, file: Any, header: dict[str, Any]):
        self._path, self._kind, self._file, self._header = path, kind, file, header
        self._present = set(file.keys()) if file is not None else set()

    def __contains__(self, name: str) -> bool:
        """Whether there is a tensor ``name``."""
        return name in self._present

    def error(self, reason: str) -> ValueError:
        """Make the one error for a file that is not what it should be."""
        return ValueError(
            f"{self._path}: not a readable covlasso {self._kind} file ({reason}); "
            f"write it again with {self._kind}.save()"
        )

    def field(self, name: str, kind: type) -> Any:
        """Entry ``name`` of the header, which must be of type ``kind``."""
        value = self._header.get(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(f"header field {name!r} is missing or not of type {kind.__name__}")
        return value

    def optional(self, name: str, kind: type) -> Any:
        """Entry ``name`` of the header, or None where the file has none."""
        return None if self._header.get(name) is None else self.field(name, kind)

    def strings(self, name: str) -> tuple[str, ...]:
        """Entry ``name`` of the header, a list of strings."""
        value = self.field(name, list)
        if not all(isinstance(item, str) for item in value):
            raise self.error(f"header field {name!r} holds something that is not a string")
        return tuple(value)

    def names(self, name: str, length: int) -> tuple[str, ...] | None:
        """Entry ``name`` of the header: ``length`` strings, or null."""
        if self._header.get(name) is None:
            return None
        found = self.strings(name)
        if len(found) != length:
            raise self.error(f"header field {name!r} has {len(found)} entries, expected {length}")
        return found

    def tensor(self, name: str, dtype: npt.DTypeLike | Sequence[type], shape: Sequence[int | None]) -> Array:
        """Tensor ``name``, read now, of the given dtype or one of several, and shape (None: any length)."""
        if name not in self._present:
            raise self.error(f"tensor {name!r} is missing")
        tensor: Array = self._file.get_tensor(name)
        allowed = [np.dtype(one) for one in (dtype if isinstance(dtype, tuple) else (dtype,))]
        fits = tensor.ndim == len(shape) and all(
            want is None or want == have for want, have in zip(shape, tensor.shape, strict=True)
        )
        if tensor.dtype not in allowed or not fits:
            expected = " or ".join(map(str, allowed))
            raise self.error(
                f"tensor {name!r} is {tensor.dtype} {tensor.shape}, expected {expected} {tuple(shape)}"
            )
        return tensor


def load_tensors(path: str | os.PathLike[str], kind: str) -> StoredTensors:
    """Open a file of ``save_tensors``; its tensors are read when they are asked for.

    Raises
    ------
    OSError
        There is no such file, or it is a folder.
    ValueError
        The file is truncated, no safetensors file, of another kind, or of a newer version.
    """
    from safetensors import SafetensorError, safe_open

    source = Path(path)
    if source.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(source))
    stored = StoredTensors(source, kind, None, {})
    try:
        file = safe_open(source, framework="numpy")
        metadata: dict[str, str] = file.metadata() or {}  # type: ignore[no-untyped-call]
    except SafetensorError as cause:
        if source.suffix.lower() in _LOGITS:
            raise ValueError(f"{source}: these are logits; {_BEFORE[kind]}") from cause
        raise stored.error(f"truncated or not safetensors: {cause}") from cause
    if _HEADER not in metadata:
        raise stored.error(f"the file has no covlasso header; if it holds logits, {_BEFORE[kind]}")
    try:
        header = json.loads(metadata[_HEADER])
    except json.JSONDecodeError as cause:
        raise stored.error(f"the header is not JSON: {cause}") from cause
    if not isinstance(header, dict) or header.get("kind") != kind:
        found = header.get("kind") if isinstance(header, dict) else header
        if isinstance(found, str) and found in _WHAT and kind in _WHAT:
            raise ValueError(f"{source}: {_WHAT[found]}")
        raise stored.error(f"it holds {found!r}")
    if header.get("version") != VERSION:
        raise stored.error(f"format version {header.get('version')!r}, this covlasso reads version {VERSION}")
    return StoredTensors(source, kind, file, header)
