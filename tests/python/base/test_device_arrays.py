"""Arrays of other libraries: what is read in place and what refused, whose stream counts, who keeps them.

The device is a fake in host memory (`fake_device.py`), behind which the real core solves.
"""

import functools
import gc
import sys
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from fake_device import NO_CODE, Machine, Packed
from oracles import assert_refused, assert_solution, random_cross, random_gram

import covlasso
from covlasso._base.device_arrays import in_place

GRAM = random_gram(12, seed=1)
WIDE = np.zeros((12, 20))
WIDE[:, :12] = GRAM


@pytest.fixture
def machine(monkeypatch):
    """Two devices, in host memory."""
    return Machine(2).install(monkeypatch)


def coefficients(*arguments, **options):
    return covlasso.solve(*arguments, terms=4, **options).coef.toarray()


@pytest.mark.parametrize(
    "values", [GRAM, GRAM.astype(np.float32), WIDE[:, :12]], ids=["float64", "float32", "rows apart"]
)
def test_a_matrix_is_read_where_it_is(machine, values):
    path = covlasso.path(machine.array(values), device="cuda")
    call = machine.calls[0]
    assert call["devices"] == [0]
    assert np.shares_memory(call["gram"].view, values)
    np.testing.assert_array_equal(call["gram"].view, values)
    np.testing.assert_array_equal(path.energy, np.diag(values))
    found, expected = path.at(terms=4), covlasso.path(values).at(terms=4)
    np.testing.assert_array_equal(found.coef.toarray(), expected.coef.toarray())
    np.testing.assert_array_equal(found.relative_error, expected.relative_error)


@pytest.mark.parametrize("shape", [(12, 12), (144,)], ids=str)
def test_an_interface_without_strides_has_no_gaps(machine, shape):
    """Versions 0 to 2 of the interface may leave them out; they are of rows in order."""
    values = GRAM.reshape(shape)
    array = in_place(machine.array(values, strides=None), "gram")
    np.testing.assert_array_equal(array.to_host(), values)


def test_two_networks_on_a_device(machine):
    gram, cross, energy = random_cross(12, 7, seed=2)
    arrays = [machine.array(values) for values in (gram, cross, energy)]
    found = covlasso.solve(*arrays, exclude=None, lam=0.1, device="cuda")
    call = machine.calls[0]
    for name, values in (("gram", gram), ("cross", cross), ("energy", energy)):
        assert np.shares_memory(call[name].view, values), name
    assert_solution(found, gram, 0.1, cross=cross, energy=energy, self_excluded=False)
    np.testing.assert_array_equal(found.energy, energy)


@pytest.mark.parametrize("form", ["float32", "strided", "on the host", "a list"])
def test_an_energy_of_another_form_is_converted(machine, form):
    gram, cross, energy = random_cross(12, 7, seed=2)
    energy = energy.astype(np.float32).astype(np.float64)
    given = {
        "float32": machine.array(energy.astype(np.float32)),
        "strided": machine.array(np.repeat(energy, 3)[::3]),
        "on the host": energy,
        "a list": energy.tolist(),
    }[form]
    covlasso.path(machine.array(gram), machine.array(cross), given, device="cuda")
    np.testing.assert_array_equal(machine.calls[0]["energy"], energy)


@pytest.mark.parametrize("shape", [(12,), (12, 12)], ids=str)
def test_weights_come_to_the_host(machine, shape):
    weights = np.random.default_rng(0).uniform(0.5, 2.0, shape)
    covlasso.path(GRAM, weights=machine.array(weights), device="cpu")
    np.testing.assert_array_equal(machine.calls[0]["weights"], weights)


def test_host_arrays_of_other_libraries_are_read_in_place(machine):
    gram, cross, energy = random_cross(12, 7, seed=2)
    arrays = [Packed(values, kind) for values, kind in ((gram, 1), (cross, 3), (energy, 1))]
    covlasso.path(*arrays, exclude=None)
    call = machine.calls[0]
    assert np.shares_memory(call["gram"], gram)
    assert np.shares_memory(call["cross"], cross)
    np.testing.assert_array_equal(call["energy"], energy)


def test_tensors_of_torch_in_host_memory():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    tensor = torch.from_numpy(GRAM)
    np.testing.assert_array_equal(coefficients(tensor), coefficients(GRAM))
    with pytest.raises(TypeError, match=r"gram does not give its memory: .*grad"):
        covlasso.path(tensor.clone().requires_grad_())
    with pytest.raises(ValueError, match="the rows of gram are not contiguous"):
        covlasso.path(torch.from_numpy(WIDE.T[:12, :]))


@pytest.mark.parametrize("kind", [2, 13], ids=["device", "managed"])
def test_dlpack_alone(machine, kind):
    given = Packed(GRAM, kind, machine)
    found = covlasso.solve(given, terms=4, device="cuda")
    assert given.options == {"stream": 1}
    assert machine.calls[0]["stream"] == 0
    assert np.shares_memory(machine.calls[0]["gram"].view, GRAM)
    np.testing.assert_array_equal(found.coef.toarray(), coefficients(GRAM))


def test_a_dlpack_of_rows_apart(machine):
    np.testing.assert_array_equal(
        coefficients(Packed(WIDE[:, :12], 2, machine), device="cuda"), coefficients(GRAM)
    )


def test_the_path_keeps_the_array(machine):
    values = GRAM.copy()
    given = machine.array(values)
    alive = weakref.ref(given)
    path = covlasso.path(given, device="cuda")
    del given
    gc.collect()
    assert alive() is not None
    del path
    machine.calls.clear()
    gc.collect()
    assert alive() is None


def test_the_path_keeps_a_dlpack_capsule(machine):
    values = GRAM.copy()
    count = sys.getrefcount(values)
    path = covlasso.path(Packed(values, 2, machine), device="cuda")
    gc.collect()
    assert sys.getrefcount(values) > count
    del path
    machine.calls.clear()
    gc.collect()
    assert sys.getrefcount(values) == count


# ---- where ----


def test_cuda_is_where_the_arrays_are(machine):
    covlasso.path(machine.array(GRAM, device=1), device="cuda")
    covlasso.path(machine.array(GRAM, device=1), device=["cuda:1", "cuda:0"])
    assert [call["devices"] for call in machine.calls] == [[1], [1, 0]]


def on(*devices):
    """Arguments of two networks, with gram and cross on these devices (None: the host)."""

    def make(machine):
        values = random_cross(12, 7, seed=2)[:2]
        placed = [a if d is None else machine.array(a, d) for a, d in zip(values, devices, strict=True)]
        return (*placed, np.ones(7))

    return make


@pytest.mark.parametrize(
    ("make", "asked", "parts"),
    [
        (on(0, 0), "cpu", ("gram is in the memory of cuda:0", 'device is "cpu"', 'device="cuda"', "host")),
        (
            on(1, 1),
            "cuda:0",
            ("gram is in the memory of cuda:1", "the first device is cuda:0", "begin with cuda:1"),
        ),
        (on(1, 1), ["cuda:0", "cuda:1"], ("gram is in the memory of cuda:1", "the first device is cuda:0")),
        (on(0, 1), "cuda", ("cross is in the memory of cuda:1", "gram in that of cuda:0", "one device")),
        (on(0, None), "cuda", ("gram is in device memory", "cross in host memory", "both alike")),
        (on(None, 0), "cuda", ("gram is in host memory", "cross in device memory", "both alike")),
    ],
    ids=["cpu", "other device", "not the first", "two devices", "cross on the host", "gram on the host"],
)
def test_arrays_elsewhere(machine, make, asked, parts):
    assert_refused(lambda: covlasso.path(*make(machine), device=asked), ValueError, parts)
    assert not machine.calls


def test_a_factor_on_the_host_with_cross_rows_on_a_device(machine):
    gram = covlasso.FactoredGram(np.random.default_rng(0).standard_normal((12, 3)))
    cross = machine.array(np.zeros((7, 12)))
    parts = ("gram is in host memory", "cross in device memory")
    assert_refused(lambda: covlasso.path(gram, cross, np.ones(7), device="cuda"), ValueError, parts)


@pytest.mark.parametrize("count", [None, 0], ids=["no code", "no device"])
def test_an_array_of_a_device_that_cannot_be_used(monkeypatch, count):
    machine = Machine(count or 0)
    if count is None:
        monkeypatch.setattr("covlasso._base.devices.reason_of_the_core", lambda: NO_CODE)
    else:
        machine.install(monkeypatch)
    parts = ("gram is in the memory of a CUDA device", "no CUDA", "host memory")
    assert_refused(lambda: covlasso.path(machine.array(GRAM)), RuntimeError, parts)
    assert_refused(lambda: covlasso.path(Packed(GRAM, 2)), RuntimeError, parts)


# ---- streams ----


def streams(machine):
    """Stream of the last solve, and those that the host waited for before it."""
    return machine.calls[-1]["stream"], machine.waited


@pytest.mark.parametrize(("said", "meant"), [(1, 0), (2, 2), (0x7F00, 0x7F00), (None, 0)])
def test_the_stream_of_the_interface(machine, said, meant):
    covlasso.path(machine.array(GRAM, stream=said), device="cuda")
    assert streams(machine) == (meant, [])


def test_a_stream_of_zero_is_refused(machine):
    parts = ("stream of gram is 0", "use 1")
    assert_refused(lambda: covlasso.path(machine.array(GRAM, stream=0), device="cuda"), ValueError, parts)


def test_arrays_of_other_streams_are_waited_for(machine):
    gram, cross, energy = random_cross(12, 7, seed=2)
    given = (machine.array(a, stream=s) for a, s in ((gram, 100), (cross, 200), (energy, 100)))
    covlasso.path(*given, device="cuda")
    assert streams(machine) == (100, [200])


@pytest.mark.parametrize("library", ["torch", "cupy"])
def test_an_interface_without_stream_is_of_the_librarys_current_one(machine, monkeypatch, library):
    given = machine.array(GRAM, version=2, stream=None)
    given.device = "its device"
    kind = type(given)
    torch = SimpleNamespace(
        Tensor=kind,
        cuda=SimpleNamespace(current_stream=lambda d: SimpleNamespace(cuda_stream={"its device": 77}[d])),
    )
    cupy = SimpleNamespace(
        ndarray=kind, cuda=SimpleNamespace(get_current_stream=lambda: SimpleNamespace(ptr=77))
    )
    monkeypatch.setitem(sys.modules, "torch", torch if library == "torch" else None)
    monkeypatch.setitem(sys.modules, "cupy", cupy if library == "cupy" else None)
    covlasso.path(given, device="cuda")
    assert streams(machine) == (77, [])


# ---- what is refused ----

BAD_INTERFACES = {
    "float16": ({"typestr": "<f2"}, TypeError, ("gram is float16", "float64")),
    "integers": ({"typestr": "<i8"}, TypeError, ("gram is int64", "float64")),
    "byte order": ({"typestr": ">f8"}, TypeError, ("gram is >f8", "float64")),
    "a mask": ({"mask": object()}, TypeError, ("gram has a mask",)),
    "columns apart": (
        {"shape": (6, 6), "strides": (192, 16)},
        ValueError,
        (
            "the rows of gram are not contiguous",
            "(192, 16)",
            "gram.contiguous()",
            "cupy.ascontiguousarray(gram)",
        ),
    ),
    "transposed": ({"strides": (8, 96)}, ValueError, ("not contiguous", "(8, 96)")),
    "rows that overlap": ({"strides": (0, 8)}, ValueError, ("not contiguous", "(0, 8)")),
    "rows backwards": ({"strides": (-96, 8)}, ValueError, ("not contiguous", "(-96, 8)")),
    "odd row stride": ({"strides": (100, 8)}, ValueError, ("not contiguous", "(100, 8)")),
    "one dimension": ({"shape": (12,)}, ValueError, ("gram has shape (12,)", "two dimensions")),
    "three dimensions": ({"shape": (12, 4, 3)}, ValueError, ("gram has shape (12, 4, 3)", "dimensions")),
    "no dimension": ({"shape": ()}, ValueError, ("gram has shape ()", "dimensions")),
    "not square": ({"shape": (12, 5)}, ValueError, ("gram has shape (12, 5)", "square")),
    "empty": ({"shape": (0, 0), "data": (0, False)}, ValueError, ("gram has shape (0, 0)", "at least one")),
    "misaligned": ({"data": (12345, False)}, ValueError, ("gram is not aligned", "give a copy")),
}


@pytest.mark.parametrize("case", BAD_INTERFACES)
def test_a_bad_interface(machine, case):
    changes, error, parts = BAD_INTERFACES[case]
    assert_refused(lambda: covlasso.path(machine.array(GRAM, **changes), device="cuda"), error, parts)
    assert not machine.calls


def test_bad_companions(machine):
    gram = machine.array(GRAM)
    for cross, energy, parts in (
        (machine.array(np.ones((3, 4))), np.ones(3), ("cross has shape (3, 4)", "(targets, 12)")),
        (machine.array(np.ones(12)), np.ones(3), ("cross has shape (12,)", "two dimensions")),
        (machine.array(np.ones((3, 12))), machine.array(np.ones(4)), ("energy has shape (4,)", "(3,)")),
        (machine.array(np.ones((3, 12))), machine.array(np.ones((3, 1))), ("energy has shape (3, 1)",)),
    ):
        call = functools.partial(covlasso.path, gram, cross, energy, device="cuda")
        assert_refused(call, ValueError, parts)


class Reluctant:
    """An array that does not give its memory."""

    def __dlpack_device__(self):
        return 1, 0

    def __dlpack__(self, **_):
        raise BufferError("it is a secret")


def test_an_array_that_does_not_give_its_memory():
    assert_refused(
        lambda: covlasso.path(Reluctant()), TypeError, ("gram does not give its memory", "a secret")
    )


def test_memory_of_another_kind_of_device(machine):
    parts = ("gram", "DLPack type 10", "host memory")
    assert_refused(lambda: covlasso.path(Packed(GRAM, 10, machine), device="cuda"), TypeError, parts)


@pytest.mark.parametrize("dtype", [np.int64, np.float16, np.complex128, np.bool_])
def test_dlpack_of_another_type(machine, dtype):
    given = Packed(GRAM.astype(dtype), 2, machine)
    with pytest.raises(TypeError, match=r"gram.*(float64|DLPack type)"):
        covlasso.path(given, device="cuda")


def test_theory_is_for_arrays_of_the_host(machine):
    with pytest.raises(TypeError, match="gram must be a numpy array"):
        covlasso.theory.least_squares(machine.array(GRAM))
