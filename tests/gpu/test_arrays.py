"""Arrays of torch and CuPy: read in place, after the work of their stream, refused as on the host."""

import gc
import weakref

import numpy as np
import pytest

import covlasso

LIBRARIES = ["torch", "cupy"]


@pytest.fixture(params=LIBRARIES)
def put(request):
    """Copy an array to the device, as an array of the library."""
    library = pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    if request.param == "cupy":
        return library.asarray
    if not library.cuda.is_available():
        pytest.skip("this build of torch has no CUDA")
    return lambda array: library.from_numpy(np.ascontiguousarray(array)).cuda()


def free_memory():
    torch = pytest.importorskip("torch", reason="free memory is read by torch")
    return torch.cuda.mem_get_info()[0]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_result_has_the_bits_of_that_from_the_host(head, put, dtype):
    gram = head(500, 200).astype(dtype)
    a, b = covlasso.path(put(gram), device="cuda"), covlasso.path(gram, device="cuda")
    np.testing.assert_array_equal(a.energy, b.energy)
    for place in ({"terms": 20}, {"relative_error": 0.5}):
        x, y = a.at(**place), b.at(**place)
        np.testing.assert_array_equal(x.coef.toarray(), y.coef.toarray())
        np.testing.assert_array_equal(x.error, y.error)


def test_rows_may_be_apart(head, put):
    wide = np.full((200, 333), np.nan)
    wide[:, :200] = head(200, 80)
    a, b = (covlasso.solve(gram, terms=8, device="cuda") for gram in (put(wide)[:, :200], head(200, 80)))
    np.testing.assert_array_equal(a.coef.toarray(), b.coef.toarray())


def test_two_networks_weights_and_energies(head, put):
    gram = head(300, 300)
    cross, energy = np.ascontiguousarray(gram[:100]), np.diag(gram)[:100].copy()
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 300)
    options = {"exclude": "self", "max_terms": 10, "device": "cuda"}
    a = covlasso.path(put(gram), put(cross), put(energy), weights=put(weights), **options)
    b = covlasso.path(gram, cross, energy, weights=weights, **options)
    np.testing.assert_array_equal(a.at(terms=10).coef.toarray(), b.at(terms=10).coef.toarray())
    np.testing.assert_array_equal(a.energy, b.energy)


def test_the_path_reads_the_callers_memory(head, put):
    gram = put(head(200, 80))
    path = covlasso.path(gram, device="cuda")
    before = path.at(terms=3).error
    gram *= 2.0
    assert not np.array_equal(path.at(terms=3).error, before)


def test_no_copy_of_the_gram_is_made(put):
    """While a Gram of 800 MB is solved, the free memory of the device falls by less than half of that."""
    gram = put(np.eye(10_000))
    covlasso.path(gram, targets=range(10), device="cuda")  # what is loaded once is loaded
    before, least = free_memory(), []
    covlasso.path(gram, targets=range(2000), device="cuda", progress=lambda *_: least.append(free_memory()))
    assert least
    assert before - min(least) < 0.5 * 8e8


def test_the_path_keeps_the_array(head, put):
    gram = put(head(100, 50))
    alive = weakref.ref(gram)
    path = covlasso.path(gram, device="cuda")
    del gram
    gc.collect()
    assert alive() is not None
    assert (path.at(terms=3).status == "certified").all()
    del path
    gc.collect()
    assert alive() is None


def test_the_work_of_the_stream_comes_first_torch(head):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if not torch.cuda.is_available():
        pytest.skip("this build of torch has no CUDA")
    gram = head(1000, 300)
    expected = covlasso.solve(gram, terms=5, device="cuda")
    stream = torch.cuda.Stream()
    late = torch.zeros((1000, 1000), dtype=torch.float64, device="cuda")
    source = torch.from_numpy(gram).cuda()
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(200_000_000)  # a tenth of a second
        late.copy_(source)
        found = covlasso.solve(late, terms=5, device="cuda")
    np.testing.assert_array_equal(found.coef.toarray(), expected.coef.toarray())


def test_the_work_of_the_stream_comes_first_cupy(head):
    cupy = pytest.importorskip("cupy", reason="cupy is not installed")
    gram = head(1000, 300)
    expected = covlasso.solve(gram, terms=5, device="cuda")
    source, late = cupy.asarray(gram), cupy.zeros((1000, 1000))
    noise = cupy.ones((4000, 4000))
    cupy.cuda.Device().synchronize()
    with cupy.cuda.Stream(non_blocking=True):
        for _ in range(10):
            noise = noise @ noise
            noise /= noise.max()
        cupy.copyto(late, source)
        found = covlasso.solve(late, terms=5, device="cuda")
    np.testing.assert_array_equal(found.coef.toarray(), expected.coef.toarray())


def spoilt(array, place, value):
    array = array.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("place", "value"),
    [((2, 3), np.nan), ((5, 2), np.inf), ((7, 1), 50.0), ((3, 3), -1.0), ((3, 3), 0.0)],
    ids=["nan", "inf", "asymmetric", "negative diagonal", "no energy"],
)
def test_bad_moments_are_refused_in_the_words_for_the_host(head, put, place, value):
    gram = spoilt(head(40, 20), place, value)
    with pytest.raises(ValueError, match="gram") as on_host:
        covlasso.path(gram)
    with pytest.raises(ValueError, match="gram") as on_device:
        covlasso.path(put(gram), device="cuda")
    assert str(on_device.value) == str(on_host.value)
    assert (covlasso.solve(put(head(40, 20)), lam=1.0, device="cuda").status == "certified").all()


@pytest.mark.parametrize("where", ["cross", "energy"])
def test_bad_companions_are_refused_in_the_words_for_the_host(head, put, where):
    gram = head(40, 40)
    arrays = {"cross": gram[:5].copy(), "energy": np.diag(gram)[:5].copy()}
    arrays[where].flat[3] = np.nan
    messages = []
    for give, device in ((np.asarray, "cpu"), (put, "cuda")):
        with pytest.raises(ValueError, match=where) as caught:
            covlasso.path(give(gram), give(arrays["cross"]), give(arrays["energy"]), device=device)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_what_the_host_array_would_be_refused_for(head, put):
    gram = put(head(40, 20))
    with pytest.raises(ValueError, match='device is "cpu"; give device="cuda"'):
        covlasso.path(gram)
    with pytest.raises(ValueError, match="rows of gram are not contiguous"):
        covlasso.path(gram[:20, ::2], device="cuda")
    with pytest.raises(TypeError, match="gram is float16"):
        covlasso.path(put(head(40, 20).astype(np.float16)), device="cuda")
    with pytest.raises(ValueError, match="cross in host memory"):
        covlasso.path(gram, head(40, 20)[:5], np.ones(5), device="cuda")


def test_gradients_of_cov_lasso_on_the_device(head):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if not torch.cuda.is_available():
        pytest.skip("this build of torch has no CUDA")
    from covlasso.torch import cov_lasso

    found = []
    for device in ("cpu", "cuda"):
        gram = torch.from_numpy(head(60, 60)).to(device).requires_grad_()
        b = cov_lasso(gram, lam=0.3)
        b.square().sum().backward()
        assert b.device.type == device
        found.append((b.detach().cpu(), gram.grad.cpu()))
    torch.testing.assert_close(found[0], found[1], rtol=1e-9, atol=1e-9)
