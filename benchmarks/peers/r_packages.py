"""R's huge and glmnet, through Rscript: raw doubles go in, coefficients come back as Matrix Market."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache, partial
from pathlib import Path

import numpy as np
from scipy import io, sparse

from benchmarks.peers.base import Job, Peer
from benchmarks.problems import Problem
from benchmarks.tasks import Grid, Solutions

_HERE = Path(__file__).parent


@cache
def _version(package: str) -> str | None:
    if shutil.which("Rscript") is None:
        return None
    command = ["Rscript", "-e", f"cat(as.character(packageVersion('{package}')))"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _rscript(
    script: str, inputs: dict[str, np.ndarray], *arguments: object
) -> tuple[float, sparse.csc_array]:
    """Run a script of this folder: its own seconds (without reading and writing) and its coefficients."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for key, array in inputs.items():
            array.astype(np.float64).ravel(order="F").tofile(folder / f"{key}.bin")
        command = ["Rscript", "--vanilla", _HERE / script, folder, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{script} failed:\n{done.stderr}")
        return float((folder / "seconds.txt").read_text()), sparse.csc_array(io.mmread(folder / "coef.mtx"))


def huge(problem: Problem, task: Grid, targets: np.ndarray) -> Job:
    """huge.mb minimises 1/2 b'Sb - s'b + mu |b|_1 on the correlation matrix S: mu = lambda / 2."""
    if not task.common or len(targets) != problem.n:
        raise ValueError("huge.mb solves all targets on one common grid")
    inputs = {"gram": problem.gram, "mu": task.lam[:, 0] / 2}

    def read(out: tuple[float, sparse.csc_array]) -> Solutions:
        n = problem.n  # column k * n + i: target i at point k
        return [(lam, sparse.csr_array(out[1][:, k * n : (k + 1) * n].T)) for k, lam in enumerate(task.lam)]

    return Job(partial(_rscript, "huge.R", inputs, problem.n), read, seconds=lambda out: out[0])


def glmnet(problem: Problem, task: Grid, targets: np.ndarray, *, thresh: float) -> Job:
    """Glmnet minimises 1/(2 r) |y - Xb|^2 + mu |b|_1 over r rows: mu = lambda / (2 r).

    It takes no Gram: its X is the factor with r <= n rows, kinder than the logits themselves would be.
    """
    lam = task.lam[:, targets]
    factor = problem.factor
    inputs = {"factor": factor, "lambda": lam / (2 * len(factor)), "targets": targets + 1.0}
    arguments = (*factor.shape, *lam.shape, thresh)

    def read(out: tuple[float, sparse.csc_array]) -> Solutions:
        points = len(lam)  # column t * points + k: the t-th target at point k
        return [(lam_k, sparse.csr_array(out[1][:, k::points].T)) for k, lam_k in enumerate(lam)]

    return Job(partial(_rscript, "glmnet.R", inputs, *arguments), read, seconds=lambda out: out[0])


_HUGE = Peer(
    "R huge.mb",
    "apt install r-cran-huge",
    partial(_version, "huge"),
    huge,
    Grid,
    whole=True,
    common=True,
)

PEERS = [
    _HUGE,
    *(
        Peer(
            f"R glmnet, thresh {thresh:g}",
            "apt install r-cran-glmnet",
            partial(_version, "glmnet"),
            partial(glmnet, thresh=thresh),
            Grid,
        )
        for thresh in (1e-7, 1e-14)
    ),
]
