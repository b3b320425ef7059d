"""Bytes that a kernel moved, by the counters that Nsight Compute wrote."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_SECTOR = 32  # bytes
METRICS = {
    "memory": ("dram__bytes_read.sum", "dram__bytes_write.sum"),  # device memory, read and written
    "l2": ("lts__t_sectors_srcunit_tex.sum",),  # sectors that the multiprocessors asked the L2 cache for
    "time": ("gpu__time_duration.sum",),
}
"""Metrics of `ncu --metrics`; `python -m benchmarks.gpu metrics` prints them for it."""


@dataclass(frozen=True)
class Traffic:
    """Of the kernel that took longest."""

    kernel: str
    seconds: float
    memory_bytes: float
    l2_bytes: float

    def __str__(self) -> str:
        """In gigabytes."""
        memory, l2 = 1e-9 * self.memory_bytes, 1e-9 * self.l2_bytes
        return f"{self.kernel}: {memory:.3g} GB of device memory, {l2:.3g} GB of L2 in {self.seconds:.3g} s"


def read_traffic(file: Path) -> Traffic | None:
    """What `ncu --csv --print-units base --log-file FILE` wrote; None where it counted nothing."""
    if not file.exists():
        return None
    table = [line for line in file.read_text().splitlines() if line.startswith('"')]
    launches: dict[str, dict[str, float]] = defaultdict(dict)
    names = {}
    for row in csv.DictReader(table):
        if row["Metric Name"]:
            launches[row["ID"]][row["Metric Name"]] = float(row["Metric Value"].replace(",", ""))
            names[row["ID"]] = row["Kernel Name"]
    if not launches:
        return None
    longest = max(launches, key=lambda launch: launches[launch][METRICS["time"][0]])
    found = launches[longest]
    return Traffic(
        names[longest],
        1e-9 * found[METRICS["time"][0]],
        sum(found[metric] for metric in METRICS["memory"]),
        _SECTOR * sum(found[metric] for metric in METRICS["l2"]),
    )
