"""Moments against plain numpy on the whole sample, however it was cut into batches and shards."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covlasso import Moments


def logits(rows=300, sizes=(7, 5), seed=0, mean=2.0):
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((rows, 3))
    return {
        name: common @ rng.standard_normal((3, n)) + rng.standard_normal((rows, n)) + mean
        for name, n in zip(("resnet", "vit"), sizes, strict=True)
    }


def filled(batch, cuts=()):
    moments = Moments(list(batch))
    for start, stop in zip((0, *cuts), (*cuts, None), strict=True):
        moments.update({name: rows[start:stop] for name, rows in batch.items()})
    return moments


def assert_moments(moments, batch, tolerance=1e-13):
    count = len(next(iter(batch.values())))
    assert moments.count == count
    for a, x in batch.items():
        np.testing.assert_allclose(moments.mean(a), x.mean(axis=0), rtol=tolerance, atol=tolerance)
        for b, y in batch.items():
            centred = (x - x.mean(axis=0)).T @ (y - y.mean(axis=0)) / count
            scale = np.abs(x).max() * np.abs(y).max()
            np.testing.assert_allclose(moments.second_moment(a, b), x.T @ y / count, atol=tolerance * scale)
            np.testing.assert_allclose(moments.covariance(a, b), centred, atol=tolerance * scale)


@pytest.mark.parametrize("cuts", [(), (1,), (299,), (50, 51, 200)])
def test_batches_add_up_to_the_whole_sample(cuts):
    batch = logits()
    assert_moments(filled(batch, cuts), batch)


@given(seed=st.integers(0, 99), sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)), cut=st.integers(1, 19))
def test_any_sizes_and_cuts(seed, sizes, cut):
    batch = logits(rows=20, sizes=sizes, seed=seed)
    assert_moments(filled(batch, (cut,)), batch)


def test_merged_shards_are_the_whole_sample():
    batch = logits()
    shards = [filled({k: v[part::3] for k, v in batch.items()}) for part in range(3)]
    whole = shards[0] + shards[1] + shards[2]
    assert_moments(whole, batch)
    assert shards[0].count == 100, "adding must leave the shards alone"
    total = Moments(["resnet", "vit"])
    for shard in shards:
        total += shard
    assert_moments(total, batch)
    total += total
    assert_moments(total, {k: np.vstack([v, v]) for k, v in batch.items()})


def test_merging_needs_no_order_of_names():
    batch = logits()
    turned = Moments(["vit", "resnet"])
    turned.update(batch)
    assert_moments(filled(batch) + turned, {k: np.vstack([v, v]) for k, v in batch.items()})


@pytest.mark.parametrize("cuts", [(1,), (1023, 1024, 1025), (2048,), tuple(range(7, 2500, 61))])
def test_the_cuts_into_batches_leave_no_trace(cuts):
    batch = logits(rows=2500)
    whole, cut = filled(batch), filled(batch, cuts)
    for pair in [("resnet",), ("vit",), ("resnet", "vit")]:
        assert np.array_equal(whole.second_moment(*pair), cut.second_moment(*pair))
    assert np.array_equal(whole.mean("vit"), cut.mean("vit"))


def test_reading_between_two_batches_leaves_no_trace():
    batch = logits(rows=1500)
    read = Moments(list(batch))
    for start in range(0, 1500, 100):
        read.update({name: rows[start : start + 100] for name, rows in batch.items()})
        assert read.second_moment("vit").shape == (5, 5)
    assert np.array_equal(read.second_moment("resnet", "vit"), filled(batch).second_moment("resnet", "vit"))


def test_a_copy_is_independent():
    batch = logits()
    moments = filled(batch)
    copy = moments.copy()
    moments.update(batch)
    assert_moments(copy, batch)


def test_merging_is_associative_to_rounding():
    parts = [filled(logits(rows=rows, seed=rows)) for rows in (3, 400, 1100)]
    left, right = (parts[0] + parts[1]) + parts[2], parts[0] + (parts[1] + parts[2])
    for pair in [("resnet",), ("resnet", "vit")]:
        np.testing.assert_allclose(left.covariance(*pair), right.covariance(*pair), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_many_narrow_logits_keep_nine_digits(dtype):
    """Against a float64 product of all rows at once, entry by entry, relative to sqrt(E_ii E_jj)."""
    batch = {name: rows.astype(dtype) for name, rows in logits(rows=30_000, mean=20.0).items()}
    moments = filled(batch, tuple(range(64, 30_000, 64)))
    exact = batch["resnet"].astype(np.longdouble).T @ batch["vit"].astype(np.longdouble) / 30_000
    scale = np.sqrt(np.outer(moments.energy("resnet"), moments.energy("vit")))
    assert np.abs((moments.second_moment("resnet", "vit") - exact) / scale).max() < 1e-13


@pytest.mark.parametrize("rows", [[2, 0, 2], slice(1, 6, 2), slice(-2, None), np.array([6, -1]), []])
def test_some_rows(rows):
    moments = filled(logits())
    for read in (moments.second_moment, moments.covariance, moments.correlation):
        for pair in [("resnet",), ("resnet", "vit")]:
            assert np.array_equal(read(*pair, rows=rows), read(*pair)[rows])


def test_energy_is_the_diagonal():
    moments = filled(logits())
    np.testing.assert_allclose(
        moments.energy("resnet"), np.diagonal(moments.second_moment("resnet")), rtol=1e-15
    )


def test_gram_of_each_kind():
    moments = filled(logits())
    for kind in ("second_moment", "covariance", "correlation"):
        assert np.array_equal(moments.gram("vit", kind), getattr(moments, kind)("vit"))
    with pytest.raises(
        ValueError, match="kind is 'cov'; one of second_moment, covariance, correlation is expected"
    ):
        moments.gram("vit", "cov")


def test_second_moment_is_symmetric_to_the_last_bit_and_contiguous():
    moments = filled(logits(sizes=(601, 5)), (100,))
    for matrix in (
        moments.second_moment("resnet"),
        moments.covariance("resnet"),
        moments.correlation("resnet"),
    ):
        assert np.array_equal(matrix, matrix.T)
        assert matrix.flags.c_contiguous
    cross = moments.second_moment("vit", "resnet")
    assert np.array_equal(cross, moments.second_moment("resnet", "vit").T)
    assert cross.flags.c_contiguous
    assert moments.covariance("vit", "resnet").flags.c_contiguous


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_narrow_logits_are_accumulated_in_double(dtype):
    batch = {name: rows.astype(dtype) for name, rows in logits().items()}
    assert_moments(filled(batch, (120,)), {name: rows.astype(np.float64) for name, rows in batch.items()})


def test_covariance_of_logits_with_a_large_mean_does_not_cancel():
    rows = np.random.default_rng(3).standard_normal((1000, 4))
    shifted = rows + 1e7
    moments = filled({"a": shifted}, (10, 500))
    exact = np.cov((shifted - 1e7).T, bias=True)
    np.testing.assert_allclose(moments.covariance("a"), exact, atol=1e-8)


def test_a_constant_category_has_no_variance_and_no_correlation():
    rows = logits()["resnet"]
    rows[:, 2] = 0.1
    moments = filled({"a": rows}, (7, 100))
    assert not moments.covariance("a")[2].any()
    correlation = moments.correlation("a")
    assert not correlation[2].any()
    others = [0, 1, 3, 4, 5, 6]
    np.testing.assert_allclose(
        correlation[np.ix_(others, others)], np.corrcoef(rows[:, others].T), rtol=1e-12, atol=1e-13
    )


def test_cross_correlation():
    batch = logits()
    expected = np.corrcoef(batch["resnet"].T, batch["vit"].T)[:7, 7:]
    np.testing.assert_allclose(filled(batch).correlation("resnet", "vit"), expected, rtol=1e-12, atol=1e-13)


def test_names_sizes_and_class_names():
    moments = Moments(["a", "b"], class_names={"b": ["x", "y"]})
    assert moments.names == ("a", "b")
    assert moments.class_names == {"b": ("x", "y")}
    assert moments.sizes == {}
    assert "a" in repr(moments)
    moments.update({"a": np.ones((1, 3)), "b": np.ones((1, 2))})
    assert moments.sizes == {"a": 3, "b": 2}
    assert repr(moments) == "Moments({a: 3, b: 2}, count=1)"
    assert Moments(["a", "b"], class_names=["x", "y"]).class_names == {"a": ("x", "y"), "b": ("x", "y")}


def test_an_empty_batch_adds_nothing():
    batch = logits()
    moments = filled(batch)
    moments.update({name: rows[:0] for name, rows in batch.items()})
    assert_moments(moments, batch)


def test_a_refused_batch_adds_nothing():
    batch = logits()
    moments = filled(batch)
    bad = {name: rows.copy() for name, rows in batch.items()}
    bad["vit"][3, 1] = np.nan
    with pytest.raises(ValueError, match="vit"):
        moments.update(bad)
    assert_moments(moments, batch)


def test_from_arrays():
    batch = logits()
    whole = filled(batch)
    pairs = ["resnet", "vit", ("resnet", "vit")]
    again = Moments.from_arrays(
        whole.count,
        {name: whole.mean(name) for name in whole.names},
        {pair: whole.second_moment(*([pair] if isinstance(pair, str) else pair)) for pair in pairs},
    )
    assert_moments(again, batch)
    again += filled(batch)
    assert_moments(again, {k: np.vstack([v, v]) for k, v in batch.items()})


PAIRS = ["resnet", "vit", ("resnet", "vit")]


def exact_sums(batch):
    """Means, and centred sums in extended precision."""
    mean = {name: rows.astype(np.longdouble).mean(axis=0) for name, rows in batch.items()}
    centred = {}
    for pair in PAIRS:
        a, b = (pair, pair) if isinstance(pair, str) else pair
        block = (batch[a] - mean[a]).T @ (batch[b] - mean[b])
        centred[pair] = ((block + block.T) / 2 if a == b else block).astype(np.float64)
    return {name: m.astype(np.float64) for name, m in mean.items()}, centred


def test_centred_sums_keep_the_digits_that_second_moments_lose():
    batch = logits(mean=1e6)
    mean, centred = exact_sums(batch)
    moments = Moments.from_sums(300, mean, centred, class_names={"vit": list("abcde")})
    assert (moments.count, moments.class_names["vit"]) == (300, tuple("abcde"))
    second = {pair: moments.second_moment(*([pair] if isinstance(pair, str) else pair)) for pair in PAIRS}
    for a, b in (("resnet", "resnet"), ("resnet", "vit"), ("vit", "vit")):
        exact = centred[a if a == b else (a, b)] / 300
        np.testing.assert_allclose(moments.covariance(a, b), exact, rtol=1e-15, atol=0)
        lost = Moments.from_arrays(300, mean, second).covariance(a, b)
        assert np.abs(lost - exact).max() > 1e-5  # what they are for
    assert_moments(Moments.from_sums(300, mean, centred), batch, 1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("vit"), r"centred has no block 'vit'"),
        (lambda c: c.update(vit=c["vit"][:3]), r"centred\['vit'\] has shape \(3, 5\)"),
        (lambda c: c["vit"].__setitem__((1, 2), 9.0), r"centred\['vit'\] is not symmetric at \(1, 2\)"),
        (lambda c: c["vit"].__setitem__((3, 3), -1.0), r"centred\['vit'\] is -1.0 at \(3, 3\)"),
        (lambda c: c["vit"].__setitem__((0, 1), np.nan), r"centred\['vit'\]\[0, 1\] is nan"),
    ],
)
def test_bad_centred_sums(change, message):
    mean, centred = exact_sums(logits())
    change(centred)
    with pytest.raises(ValueError, match=message):
        Moments.from_sums(300, mean, centred)
    with pytest.raises(ValueError, match="count"):
        Moments.from_sums(0, mean, centred)


def test_save_and_load_keep_every_bit(tmp_path):
    batch = logits()
    moments = Moments(["resnet", "vit"], class_names={"vit": list("abcde")})
    moments.update(batch)
    file = tmp_path / "moments.safetensors"
    moments.save(file)
    again = Moments.load(file)
    assert again.names == moments.names
    assert again.count == moments.count
    assert again.class_names == moments.class_names
    for pair in [("resnet",), ("vit",), ("resnet", "vit"), ("vit", "resnet")]:
        assert np.array_equal(again.second_moment(*pair), moments.second_moment(*pair))
        assert np.array_equal(again.covariance(*pair), moments.covariance(*pair))
    again.update(batch)
    assert_moments(again, {k: np.vstack([v, v]) for k, v in batch.items()})


def test_saving_leaves_one_file_and_replaces_the_old_one(tmp_path):
    file = tmp_path / "moments.safetensors"
    file.write_bytes(b"old")
    filled(logits()).save(file)
    assert Moments.load(file).count == 300
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_failed_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    file = tmp_path / "moments.safetensors"
    filled(logits(rows=10)).save(file)

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        filled(logits()).save(file)
    assert Moments.load(file).count == 10
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
