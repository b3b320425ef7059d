"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import numpy as np

from benchmarks.peers import PEERS

_GIB = 2**30


def describe() -> dict[str, str]:
    """Processor, memory, load, systems and versions, as the report prints them."""
    facts = {
        "processor": f"{_processor()}, {os.cpu_count()} threads seen",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / _GIB:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "system": platform.platform(),
        "Python": platform.python_version(),
        "numpy": f"{np.__version__}, BLAS: {_blas()}",
        "covlasso": _covlasso(),
    }
    return facts | {peer.package: peer.find_version() or f"missing: {peer.install}" for peer in PEERS}


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return platform.processor() or platform.machine()


def _blas() -> str:
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "unknown (pip install threadpoolctl)"
    pools = {
        " ".join(
            str(pool[key])
            for key in ("internal_api", "version", "architecture", "num_threads")
            if key in pool
        )
        + " threads"
        for pool in threadpool_info()
        if pool["user_api"] == "blas" and "numpy" in pool["filepath"]
    }
    return ", ".join(sorted(pools)) or "unknown"


def _covlasso() -> str:
    try:
        version = metadata.version("covlasso")
    except metadata.PackageNotFoundError:
        return "missing: pip install '.[bench]'"
    from covlasso import _core

    return f"{version}, instruction set {_core.instruction_set()}"
