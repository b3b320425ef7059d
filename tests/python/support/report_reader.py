"""Reads back what a report carries, from the page alone; and small moments to make reports of."""

import base64
import json
import re
import zlib

import numpy as np

import covlasso

DTYPES = {"float32": "<f4", "int32": "<i4", "uint8": "u1"}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror="window.hurt=1">',
    "</script><b>bold</b>",
    "{{ 7 * 7 }} ${window.hurt = 1}",
    "a & b <!-- comment",
    "'; DROP TABLE categories; --",
    "\u2028line\u2029 separators \U0001f431 猫",
    "__proto__",
)


class Data:
    """The record of a report; `array` finds a typed array by name."""

    def __init__(self, html):
        (packed,) = re.findall(r'<script type="text/plain" id="data">([A-Za-z0-9+/=\s]*)</script>', html)
        content = zlib.decompress(base64.b64decode(packed))
        length = int.from_bytes(content[:4], "little")
        self.record = json.loads(content[4 : 4 + length])
        self._arrays = content[4 + length :]

    def array(self, name):
        place = self.record["arrays"][name]
        dtype, length = np.dtype(DTYPES[place["dtype"]]), place["length"]
        planes = np.frombuffer(self._arrays, "u1", length * dtype.itemsize, place["offset"])
        values = np.ascontiguousarray(planes.reshape(dtype.itemsize, length).T).view(dtype).ravel()
        return np.cumsum(values, dtype=dtype) if place["steps"] else values

    def has(self, name):
        return name in self.record["arrays"]

    def coefficients(self, k=0):
        """(n_targets, p) of set k."""
        offset, source, coef = (self.array(f"{k}.{name}") for name in ("offset", "source", "coef"))
        dense = np.zeros((len(offset) - 1, self.record["sets"][k]["nSources"]))
        row = np.repeat(np.arange(len(offset) - 1), np.diff(offset))
        dense[row, source] = coef
        return dense


def read(file):
    return Data(file.read_text(encoding="utf-8"))


def small_halves(n=12, silent=(), class_names=None, seed=0, silent_later=()):
    """Moments of two related models a and b on 300 and 200 samples; logits ``silent`` are always 0.

    Those of ``silent_later`` are 0 in the held-out part only.
    """
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n, n))
    parts = []
    for count in (300, 200):
        hidden = rng.normal(size=(count, n)) @ mixing
        logits = {name: hidden + rng.normal(size=hidden.shape) + 0.5 for name in ("a", "b")}
        for rows in logits.values():
            rows[:, [*silent, *(silent_later if count == 200 else ())]] = 0.0
        moments = covlasso.Moments(["a", "b"], class_names)
        moments.update(logits)
        parts.append(moments)
    return covlasso.SplitMoments(*parts)


def small_deps(halves, target="a", source="a", **options):
    options = {"terms": 3, "refit": True} | options
    return covlasso.solve_moments(halves.fit, target=target, source=source, **options)
