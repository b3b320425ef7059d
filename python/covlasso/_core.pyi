"""
The C++ core behind numpy arrays; use it through the covlasso package.
"""
from __future__ import annotations
import collections.abc
import enum
import numpy
import numpy.typing
import typing
__all__: list[str] = ['DeviceMatrix', 'FactoredGram', 'KKT_TOLERANCE', 'Paths', 'Solutions', 'Status', 'cuda_built', 'cuda_device_count', 'cuda_pointer_device', 'cuda_unavailable_reason', 'instruction_set']
class FactoredGram:
    """
    G = F F' over its factor, which is looked at, never copied.
    """
    def __init__(self, factor: numpy.typing.NDArray[numpy.float64]) -> None:
        """
        factor : (n, r) float64 with contiguous rows, each of length 0 or 1e-75 to 1e75
        """
    def diagonal(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        (n,) G_jj
        """
    def rows(self, index: numpy.typing.NDArray[numpy.int32]) -> numpy.typing.NDArray[numpy.float64]:
        """
        (k, n) rows of G; index : (k,) int32
        """
class DeviceMatrix:
    """
    A matrix in the memory of a CUDA device, kept by its owner.
    """
    def __init__(self, pointer: typing.SupportsInt | typing.SupportsIndex, rows: typing.SupportsInt | typing.SupportsIndex, cols: typing.SupportsInt | typing.SupportsIndex, stride: typing.SupportsInt | typing.SupportsIndex, is_float64: bool, device: typing.SupportsInt | typing.SupportsIndex, owner: typing.Any) -> None:
        """
        stride : from one row to the next, in numbers
        is_float64 : float64, otherwise float32
        """
    def to_host(self, stream: typing.SupportsInt | typing.SupportsIndex) -> numpy.ndarray:
        """
        (rows, cols) numpy array of the numbers, once the work of the stream (a cudaStream_t) is done
        """
class Status(enum.IntEnum):
    """
    What is known about one target's path or solution.
    """
    CERTIFIED = 0
    TERMS = 1
    LAMBDA = 2
    ERROR = 3
    EXHAUSTED = 4
    FLOOR = 5
    UNCERTIFIED = 6
    INTERRUPTED = 7
class Solutions:
    """
    Sparse solutions, one per target, as the arrays of a csr matrix.
    """
    @property
    def data(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        coefficients b
        """
    @property
    def error(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        (n_targets,) b'Gb - 2 c'b + e, of the refitted b after refit
        """
    @property
    def indices(self) -> numpy.typing.NDArray[numpy.int32]:
        """
        sources, ascending within a target
        """
    @property
    def indptr(self) -> numpy.typing.NDArray[numpy.int64]:
        """
        (n_targets + 1,) where each target's entries start
        """
    @property
    def kkt(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        (n_targets,) KKT residual of the Lasso solution, relative to lambda; in a pursuit the violation of
        its normal equations and of the greedy rule, relative to the first score
        """
    @property
    def lam(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        (n_targets,) where on the path, paper's scale (no 1/2); in a pursuit the largest score left
        """
    @property
    def status(self) -> numpy.typing.NDArray[numpy.uint8]:
        """
        (n_targets,) values of Status
        """
class Paths:
    """
    Exact solution paths of all targets.
    
    For each target i: minimise b'Gb - 2 c_i'b + e_i + l2 |b|^2 + lambda sum_j w_ij |b_j| over b, for every lambda
    from lambda_max down to where the path ends. lambda and l2 are on the paper's scale (no 1/2).
    
    Arrays are looked at, never copied, and kept alive. Matrices have contiguous rows; a row stride is allowed.
    
    Parameters
    ----------
    gram : (p, p) float32 or float64, G; or a FactoredGram; a DeviceMatrix if it is in the memory of devices[0]
    cross : (n, p) float32 or float64, rows c_i; None: the intra-network form (c_i = G_i, e_i = G_ii, b_i = 0)
    energy : (n,) float64, e_i; given exactly when cross is; where gram is a DeviceMatrix, cross is one, and energy may be
    targets : (n_targets,) int32, rows to solve, or None for all
    exclude_self : b_i = 0 for target i
    exclusion_offset, exclusion_index : (n_targets + 1,) int64, (nnz,) int32; sources with b_j = 0 per target
    weights : (p,) or (n_targets, p) float64, w_ij >= 0; 0: unpenalised, inf: excluded; None: all 1
    own_rows, own_response, own_offset, own_first : (rows, p), (nnz,) float64, (n_targets + 1,), (n_targets,) int64
        What counts for single targets only: the rows V_i of target t are own_offset[t + 1] - own_offset[t] of own_rows
        from own_first[t] on (None: from own_offset[t], and without own_offset row t). With G + V_i'V_i, c_i + V_i'u_i and
        e_i + u_i'u_i, where u_i is own_response[own_offset[t]] and so on; without cross column i of V_i
    method : "lasso", or "pursuit": terms one after the other, each with the largest |g_j| / w_ij (orthogonal matching
        pursuit), with no solution at a lambda and no b >= 0
    max_terms : a path ends before a term more than these would enter
    min_lambda : float or (n_targets,) float64; a path ends at this lambda
    relative_error : a path ends where its error is at most this times e_i
    l2 : ridge term
    positive : b >= 0
    n_threads : 0 for one per hardware thread
    devices : numbers of the CUDA devices that share the targets; empty: the processors
    stream : cudaStream_t of devices[0] after whose work the arrays are there; 0: the default one
    progress : called as progress(done, total) about ten times a second, or None
    
    Raises
    ------
    TypeError, ValueError
        Naming the argument, what was expected and what was given.
    RuntimeError
        A device cannot be used, or its memory does not suffice.
    KeyboardInterrupt
        "interrupted: 312 of 1000 targets were done". What `progress` raises is raised unchanged.
    """
    def __init__(self, gram: numpy.typing.NDArray[numpy.float32] | numpy.typing.NDArray[numpy.float64] | FactoredGram | DeviceMatrix, cross: numpy.typing.NDArray[numpy.float32] | numpy.typing.NDArray[numpy.float64] | DeviceMatrix | None, energy: numpy.typing.NDArray[numpy.float64] | DeviceMatrix | None, targets: numpy.typing.NDArray[numpy.int32] | None, exclude_self: bool, exclusion_offset: numpy.typing.NDArray[numpy.int64] | None, exclusion_index: numpy.typing.NDArray[numpy.int32] | None, weights: numpy.typing.NDArray[numpy.float64] | None, *, own_rows: numpy.typing.NDArray[numpy.float32] | numpy.typing.NDArray[numpy.float64] | DeviceMatrix | None = None, own_response: numpy.typing.NDArray[numpy.float64] | None = None, own_offset: numpy.typing.NDArray[numpy.int64] | None = None, own_first: numpy.typing.NDArray[numpy.int64] | None = None, method: str = 'lasso', max_terms: typing.SupportsInt | typing.SupportsIndex, min_lambda: typing.SupportsFloat | typing.SupportsIndex | numpy.typing.NDArray[numpy.float64], relative_error: typing.SupportsFloat | typing.SupportsIndex, l2: typing.SupportsFloat | typing.SupportsIndex, positive: bool, n_threads: typing.SupportsInt | typing.SupportsIndex, devices: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], stream: typing.SupportsInt | typing.SupportsIndex, progress: collections.abc.Callable[[int, int], typing.Any] | None) -> None:
        ...
    def at_lambda(self, lam: numpy.typing.NDArray[numpy.float64], refit: bool) -> Solutions:
        """
        Solutions at one lambda per target, (n_targets,) float64, paper's scale (no 1/2).
        """
    def at_relative_error(self, relative_error: typing.SupportsFloat | typing.SupportsIndex, refit: bool) -> Solutions:
        """
        Solutions at the largest lambda with error <= relative_error * e_i.
        """
    def at_terms(self, terms: typing.SupportsInt | typing.SupportsIndex, refit: bool) -> Solutions:
        """
        Solutions just before term `terms` + 1 enters for the first time.
        """
    def knots(self, t: typing.SupportsInt | typing.SupportsIndex) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.int32], numpy.typing.NDArray[numpy.int32], numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.int32], numpy.typing.NDArray[numpy.float64]]:
        """
        lambda, source, sign of each knot of the target at position t, and the coefficients there in csr form
        (indptr, indices, data); lambda on the paper's scale (no 1/2).
        """
    def profile(self, t: typing.SupportsInt | typing.SupportsIndex, lam: numpy.typing.NDArray[numpy.float64]) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.float64]]:
        """
        Error b'Gb - 2 c'b + e and l1 norm of the target at position t, for each lambda (paper's scale, no 1/2).
        """
    @property
    def event_lambda(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        lambda of each event, paper's scale (no 1/2), in a pursuit the score; inf for unpenalised sources
        """
    @property
    def event_sign(self) -> numpy.typing.NDArray[numpy.int32]:
        """
        sign with which it enters, 0 where it leaves
        """
    @property
    def event_source(self) -> numpy.typing.NDArray[numpy.int32]:
        """
        source of each event
        """
    @property
    def kkt(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        (n_targets,) KKT residual at the end of the path, relative to lambda
        """
    @property
    def lambda_end(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        (n_targets,) where the path ends; paper's scale (no 1/2)
        """
    @property
    def lambda_max(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        (n_targets,) the solution is zero iff lambda >= lambda_max; paper's scale (no 1/2)
        """
    @property
    def n_sources(self) -> int:
        ...
    @property
    def n_targets(self) -> int:
        ...
    @property
    def offset(self) -> numpy.typing.NDArray[numpy.int64]:
        """
        (n_targets + 1,) where each target's events start
        """
    @property
    def status(self) -> numpy.typing.NDArray[numpy.uint8]:
        """
        (n_targets,) why the path ended: values of Status
        """
def cuda_built() -> bool:
    """
    Whether the core was built with its CUDA code.
    """
def cuda_device_count() -> int:
    """
    How many CUDA devices it can use: 0 where there is no such code, no driver, or no device.
    """
def cuda_pointer_device(pointer: typing.SupportsInt | typing.SupportsIndex) -> int:
    """
    The device in whose memory the address lies; ValueError: in that of none.
    """
def cuda_unavailable_reason() -> str:
    """
    Why no device can be used, and what to do; empty where one can.
    """
def instruction_set() -> str:
    """
    The code that runs here: avx512, avx2 or baseline.
    """
KKT_TOLERANCE: float = 1e-09
__version__: str
