"""The solvers that covlasso is measured beside, one adapter each."""

from benchmarks.peers import descents, r_packages, sklearn_paths, spams_lasso
from benchmarks.peers.base import Job, Peer

PEERS: list[Peer] = [*spams_lasso.PEERS, *sklearn_paths.PEERS, *descents.PEERS, *r_packages.PEERS]

__all__ = ["PEERS", "Job", "Peer"]
