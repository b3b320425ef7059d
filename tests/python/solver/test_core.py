"""The border of the extension: what it refuses (one bad thing per test), keeps alive, and hands out."""

import gc
import re

import numpy as np
import pytest

from covlasso import _core


def gram(p=5):
    """Give a well-conditioned Gram."""
    return np.eye(p) + 0.1


def paths(
    matrix=None, cross=None, energy=None, targets=None, offset=None, index=None, weights=None, **options
):
    """Call _core.Paths, which has no defaults."""
    settings = {
        "max_terms": 5,
        "min_lambda": 0.0,
        "relative_error": 0.0,
        "l2": 0.0,
        "positive": False,
        "n_threads": 1,
        "devices": [],
        "stream": 0,
        "progress": None,
    }
    matrix = gram() if matrix is None else matrix
    return _core.Paths(
        matrix, cross, energy, targets, True, offset, index, weights, **{**settings, **options}
    )


def on_device(rows, cols, stride=5, is_float64=True):
    """A matrix at an address that nobody reads."""
    return _core.DeviceMatrix(4096, rows, cols, stride, is_float64, 0, None)


def misaligned():
    return np.frombuffer(bytes(201), dtype=np.uint8)[1:].view(np.float64).reshape(5, 5)


WRONG_TYPES = {
    "gram: list": (
        lambda: paths([[1.0]]),
        "gram: expected a numpy array of dtype float32 or float64, given list",
    ),
    "gram: int64": (lambda: paths(np.eye(3, dtype=np.int64)), "gram: .* given dtype int64"),
    "gram: byte order": (
        lambda: paths(gram().astype(gram().dtype.newbyteorder())),
        "gram: .* given dtype [<>]f8",
    ),
    "cross: complex": (
        lambda: paths(cross=np.ones((5, 5), dtype=complex), energy=np.ones(5)),
        "cross: .* given dtype complex128",
    ),
    "energy: float32": (
        lambda: paths(cross=np.zeros((5, 5)), energy=np.ones(5, dtype=np.float32)),
        "energy: expected a numpy array of dtype float64, given dtype float32",
    ),
    "targets: int64": (lambda: paths(targets=np.arange(3)), "targets: expected .* int32, given dtype int64"),
    "targets: list": (lambda: paths(targets=[1]), "targets: expected .* int32, given list"),
    "weights: float32": (
        lambda: paths(weights=np.ones(5, dtype=np.float32)),
        "weights: .* float64, given dtype float32",
    ),
    "min_lambda: text": (lambda: paths(min_lambda="0.1"), "min_lambda: .* given str"),
    "max_terms: float": (lambda: paths(max_terms=2.5), "max_terms"),
    "progress: number": (lambda: paths(progress=3), "progress"),
    "at_lambda: list": (lambda: paths().at_lambda([0.1] * 5, False), "lam: .* given list"),
    "profile: list": (lambda: paths().profile(0, [0.1]), "lam: .* given list"),
}

WRONG_VALUES = {
    "gram: not square": (lambda: paths(np.ones((3, 4))), r"gram: expected shape \(p, p\) .* given \(3, 4\)"),
    "gram: empty": (lambda: paths(np.zeros((0, 0))), r"gram: .* given \(0, 0\)"),
    "gram: one dimension": (lambda: paths(np.ones(4)), r"gram: .* given \(4,\)"),
    "gram: columns apart": (lambda: paths(gram(10)[:, ::2][:5]), "gram: .*pass numpy.ascontiguousarray"),
    "gram: rows that overlap": (lambda: paths(np.broadcast_to(np.ones(5), (5, 5))), "gram: .* strides"),
    "gram: rows backwards": (lambda: paths(gram()[::-1]), "gram: .* strides"),
    "gram: misaligned": (lambda: paths(misaligned()), "gram: expected an aligned array"),
    "cross: columns": (
        lambda: paths(cross=np.ones((3, 4)), energy=np.ones(3)),
        r"cross: expected shape \(n, 5\) .* given \(3, 4\)",
    ),
    "cross without energy": (lambda: paths(cross=np.ones((3, 5))), "cross and energy: give both or neither"),
    "gram: on a device, for none": (
        lambda: paths(on_device(5, 5)),
        "in the memory of a CUDA device; name it",
    ),
    "gram: on a device, not square": (
        lambda: paths(on_device(4, 5), devices=[0]),
        r"gram: expected shape \(p, p\) .* given \(4, 5\)",
    ),
    "cross: on a device, columns": (
        lambda: paths(on_device(5, 5), on_device(3, 4), np.ones(3), devices=[0]),
        r"cross: expected shape \(n, 5\) .* given \(3, 4\)",
    ),
    "cross: on a device, gram not": (
        lambda: paths(cross=on_device(3, 5), energy=np.ones(3)),
        "gram and cross: give both in host memory or both",
    ),
    "gram: on a device, cross not": (
        lambda: paths(on_device(5, 5), np.ones((3, 5)), np.ones(3), devices=[0]),
        "gram and cross: give both in host memory or both",
    ),
    "energy: on a device, gram not": (
        lambda: paths(cross=np.ones((3, 5)), energy=on_device(1, 3)),
        "energy: expected an array in host memory",
    ),
    "energy: on a device, float32": (
        lambda: paths(on_device(5, 5), on_device(3, 5), on_device(1, 3, 3, False), devices=[0]),
        r"energy: expected shape \(1, 3\) in float64",
    ),
    "device matrix: rows that overlap": (
        lambda: on_device(3, 5, 4),
        "stride: expected at least 5 .* given 4",
    ),
    "device matrix: no shape": (lambda: on_device(-1, 5), r"shape: .* given \(-1, 5\)"),
    "energy without cross": (lambda: paths(energy=np.ones(5)), "cross and energy: give both or neither"),
    "energy: length": (
        lambda: paths(cross=np.ones((3, 5)), energy=np.ones(4)),
        r"energy: .*\(3,\), given \(4,\)",
    ),
    "targets: two dimensions": (
        lambda: paths(targets=np.zeros((1, 1), dtype=np.int32)),
        r"targets: .* given \(1, 1\)",
    ),
    "targets: out of range": (lambda: paths(targets=np.array([5], dtype=np.int32)), "targets: .*5"),
    "exclusions: half": (lambda: paths(offset=np.zeros(6, dtype=np.int64)), "give both or neither"),
    "exclusions: offsets too long": (
        lambda: paths(offset=np.zeros(7, dtype=np.int64), index=np.zeros(0, dtype=np.int32)),
        r"exclusion_offset: .*\(6,\), given \(7,\)",
    ),
    "exclusions: beyond the indices": (
        lambda: paths(offset=np.array([0, 1, 1, 1, 1, 2]), index=np.zeros(1, dtype=np.int32)),
        "from 0 to len.* = 1, given 0 to 2",
    ),
    "exclusions: not from 0": (
        lambda: paths(offset=np.array([-1, 1, 1, 1, 1, 1]), index=np.zeros(1, dtype=np.int32)),
        "given -1 to 1",
    ),
    "exclusions: backwards": (
        lambda: paths(offset=np.array([0, 1, 0, 1, 1, 1]), index=np.zeros(1, dtype=np.int32)),
        "exclusion_offset: entry 2",
    ),
    "weights: shape": (
        lambda: paths(weights=np.ones((4, 5))),
        r"weights: expected shape \(5,\) or \(5, 5\), given \(4, 5\)",
    ),
    "min_lambda: length": (lambda: paths(min_lambda=np.ones(4)), r"min_lambda: .*\(5,\), given \(4,\)"),
    "at_lambda: length": (lambda: paths().at_lambda(np.ones(4), False), r"lam: .*\(5,\), given \(4,\)"),
}


@pytest.mark.parametrize("case", WRONG_TYPES)
def test_wrong_type(case):
    call, message = WRONG_TYPES[case]
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize("case", WRONG_VALUES)
def test_wrong_value(case):
    call, message = WRONG_VALUES[case]
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.skipif(_core.cuda_device_count() > 0, reason="there is a device")
def test_a_device_that_is_not_there():
    assert _core.cuda_device_count() == 0
    with pytest.raises(RuntimeError, match="device"):
        paths(devices=[0])


@pytest.mark.parametrize("position", [-1, 5])
def test_no_such_target(position):
    with pytest.raises(IndexError, match=re.escape(f"n_targets = 5, given {position}")):
        paths().knots(position)
    with pytest.raises(IndexError, match=re.escape(f"n_targets = 5, given {position}")):
        paths().profile(position, np.ones(1))


def test_inputs_are_kept_alive():
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((60, 30))
    expected = paths(logits.T @ logits).at_terms(5, False)
    kept = paths(logits.T @ logits, weights=np.ones(30), min_lambda=np.zeros(30))
    gc.collect()
    filler = [np.full((30, 30), np.nan) for _ in range(50)]
    solutions = kept.at_terms(5, False)
    assert len(filler) == 50
    np.testing.assert_array_equal(solutions.data, expected.data)


def test_outputs_outlive_their_owner():
    events = paths().event_lambda
    data = paths().at_lambda(np.full(5, 0.1), False).data
    gc.collect()
    assert np.all(events > 0)
    assert data.shape == (20,)
    assert np.all(data > 0)


def test_arrays_of_a_path_are_read_only_and_typed():
    path = paths()
    kinds = {
        "lambda_max": np.float64,
        "lambda_end": np.float64,
        "kkt": np.float64,
        "status": np.uint8,
        "offset": np.int64,
        "event_lambda": np.float64,
        "event_source": np.int32,
        "event_sign": np.int32,
    }
    for name, dtype in kinds.items():
        array = getattr(path, name)
        assert array.dtype == dtype, name
        assert not array.flags.writeable, name
    assert len(path.event_lambda) > 0
    assert path.offset[-1] == len(path.event_lambda) == len(path.event_source) == len(path.event_sign)


def test_rows_may_be_apart():
    padded = np.full((5, 9), np.nan)
    padded[:, :5] = gram()
    np.testing.assert_array_equal(
        paths(padded[:, :5]).at_terms(3, False).data, paths().at_terms(3, False).data
    )


def test_status_names():
    assert [status.name.lower() for status in _core.Status] == [
        "certified",
        "terms",
        "lambda",
        "error",
        "exhausted",
        "floor",
        "uncertified",
        "interrupted",
    ]


def test_ctrl_c_counts_what_was_done():
    calls = []

    def interrupt(*counts):
        calls.append(counts)
        raise KeyboardInterrupt

    logits = np.random.default_rng(1).standard_normal((200, 400))
    with pytest.raises(KeyboardInterrupt, match=r"^interrupted: \d+ of 400 targets were done$"):
        paths(logits.T @ logits, max_terms=100, progress=interrupt)
    assert len(calls) == 1
