"""Samples on a category's page: where its equation holds, and where it fails worst."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from covlasso._base.arrays import Int32, Int64, Places
from covlasso._base.progress import Report
from covlasso.evidence import Listed, SingleSamples, prediction_of, single_samples
from covlasso.logits import Samples
from covlasso.report.entry import Entry, Measured
from covlasso.report.payload import Payload, rounded

SHOWN = 5  # of each kind, on a category's page
_LONGEST = 400  # letters of a text that the page carries
_SIDE = 112  # pixels of a thumbnail


@dataclass
class SampleNames:
    """What the samples are: paths of pictures, or texts; and which of them the page shows.

    Parameters
    ----------
    names : sequence of str
        One for each row of the logits.
    folder : Path, optional
        Where paths begin that are not absolute.
    picture_bytes : int
        Most bytes of thumbnails in the page; 0: none are made.
    """

    names: Sequence[str]
    folder: Path | None = None
    picture_bytes: int = 0
    _shown: dict[int, int] = field(default_factory=dict)

    def numbers(self, rows: Int64) -> Int32:
        """Numbers under which the page knows these rows; -1 stays -1."""
        known = [-1 if row < 0 else self._shown.setdefault(int(row), len(self._shown)) for row in rows.flat]
        return np.array(known, dtype=np.int32).reshape(rows.shape)

    def record(self) -> dict[str, Any]:
        """Return what the page carries of the rows that it shows: ``names`` and ``pictures``.

        ``pictures`` has a data URI per name, "" where there is none; ``missing`` counts those that look like
        pictures and cannot be read, ``beyond`` those for which there is no room.
        """
        names = [self.names[row] for row in self._shown]
        pictures = _Thumbnails(self.folder, self.picture_bytes)
        made = [pictures.of(name) for name in names]
        return {
            "names": [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…" for name in names],
            "pictures": made if any(made) else None,
            "missing": pictures.missing,
            "beyond": pictures.beyond,
        }


def has_pillow() -> bool:
    """Whether pictures can be made small."""
    return find_spec("PIL") is not None


def add_samples(
    payload: Payload,
    prefix: str,
    entry: Entry,
    samples: Samples,
    rows: Int64,
    names: SampleNames,
    shown: Places,
    report: Report | None,
) -> dict[str, Any]:
    """Append the samples of the targets at the positions ``shown``.

    Parameters
    ----------
    payload, prefix
        Where they go.
    entry : Entry
        The set.
    samples : Samples
        Logits of its networks.
    rows : (samples,) int64 array
        Rows of the logits that these samples are.
    names : SampleNames
        What they are.
    shown : (k,) array
        Positions of the targets that carry them.
    report : callable, optional
        Called as report(samples done, samples in all).
    """
    deps = entry.deps
    part = deps.take(shown)
    fit = entry.fit if isinstance(entry, Measured) else None
    predictor = prediction_of(part, fit, fit, None, None)
    samples = samples.in_gauge(predictor.origin.row_centred)
    found = single_samples(predictor, part.targets, samples, SHOWN, report)
    for name, listed in (("holds", found.holds), ("fails", found.fails)):
        _add(payload, f"{prefix}{name}", listed, found, rows, names)
    return {"shown": SHOWN, "labelled": found.label is not None, "looked": len(samples)}


def _add(
    payload: Payload, name: str, listed: Listed, found: SingleSamples, rows: Int64, names: SampleNames
) -> None:
    there = listed.sample >= 0
    row = np.where(there, rows[listed.sample], -1)
    payload.add(f"{name}.sample", names.numbers(row), "int32")
    payload.add(f"{name}.logit", rounded(listed.logit), "float32")
    payload.add(f"{name}.predicted", rounded(listed.predicted), "float32")
    payload.add(f"{name}.changes", listed.decided, "uint8")
    payload.add(f"{name}.decision", np.where(there, found.decision[listed.sample], -1), "int32")
    if found.label is not None:
        payload.add(f"{name}.label", np.where(there, found.label[listed.sample], -1), "int32")


class _Thumbnails:
    """Small pictures as data URIs, as long as there is room; what is no picture has none."""

    def __init__(self, folder: Path | None, room: int):
        self._folder, self._room = folder, room
        self.missing = self.beyond = 0

    def of(self, name: str) -> str:
        """Return the picture of a path, or ""."""
        if self._room <= 0 and self.beyond == 0:
            return ""
        path = self._path(name)
        if path is None:
            return ""
        content = _thumbnail(path)
        if content is None:
            self.missing += 1
            return ""
        if len(content) > self._room:
            self.beyond += 1
            return ""
        self._room -= len(content)
        return content

    def _path(self, name: str) -> Path | None:
        """Return the file that a name says, if it is the path of a picture."""
        if len(name) > 1000 or Path(name).suffix.lower() not in _PICTURES:
            return None
        path = Path(name)
        return path if path.is_absolute() or self._folder is None else self._folder / path


_PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


def _thumbnail(path: Path) -> str | None:
    """Return a small JPEG of a picture as a data URI, or None where it cannot be read."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            picture.draft("RGB", (_SIDE, _SIDE))
            small = picture.convert("RGB")
            small.thumbnail((_SIDE, _SIDE))
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    content = io.BytesIO()
    small.save(content, "JPEG", quality=70)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
