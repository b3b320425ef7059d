"""Peak memory of one solve, in a process of its own:  python -m benchmarks.memory GRAM.npy TERMS."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

_ROOT = Path(__file__).parents[1]


def peak(gram: np.ndarray, terms: int = 50) -> dict[str, float]:
    """What the paths of all targets need at their peak, in bytes.

    Returns
    -------
    dict
        ``gram``: size of C; ``process``: peak resident memory of the whole process; ``total``: the same less
        the interpreter with its modules, so at least the Gram; ``over``: total / gram - 1.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gram.npy"
        np.save(file, gram)
        command = [sys.executable, "-m", "benchmarks.memory", str(file), str(terms)]
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _peak_resident() -> int:
    """Peak resident bytes of this process.

    Linux hands ru_maxrss of the parent down to a child, VmHWM starts anew: it is read where it exists.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _main(file: str, terms: str) -> None:
    import covlasso

    # What is loaded on the first solve belongs to the interpreter, and not to the solve that is measured.
    covlasso.path(np.eye(3) + 0.5, max_terms=1).at(terms=1)
    before = _peak_resident()
    gram = np.load(file)
    covlasso.path(gram, max_terms=int(terms))
    process = _peak_resident()
    total = process - before
    figures = {"gram": gram.nbytes, "process": process, "total": total, "over": total / gram.nbytes - 1}
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    _main(*sys.argv[1:])
