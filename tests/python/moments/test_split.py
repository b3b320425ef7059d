"""Splits by the hash of a group, and the moments of their parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import assert_refused

from covlasso import Accumulator, LinearHead, Moments, Split, SplitMoments
from covlasso.moments import by_folder, by_pattern, held_out, read_keys
from covlasso.moments.split import fold

ROWS, PER_GROUP = 1800, 12
KEYS = [f"picture {row // PER_GROUP}" for row in range(ROWS)]


def batch(seed=0):
    rng = np.random.default_rng(seed)
    return {"a": rng.standard_normal((ROWS, 5)) + 1.0, "b": rng.standard_normal((ROWS, 3)).astype(np.float32)}


def accumulated(split, size=100, heads=None):
    total = Accumulator(["a", "b"], heads=heads, split=split)
    feed(total, 0, ROWS, size)
    return total


def feed(total, start, stop, size=100):
    samples = batch()
    for first in range(start, stop, size):
        rows = slice(first, min(first + size, stop))
        total.update({name: array[rows] for name, array in samples.items()}, KEYS[rows])


def assert_moments_of(moments, rows):
    samples = {name: array[rows].astype(np.float64) for name, array in batch().items()}
    assert moments.count == rows.sum()
    for a, x in samples.items():
        for b, y in samples.items():
            np.testing.assert_allclose(moments.second_moment(a, b), x.T @ y / rows.sum(), atol=1e-13)


def assert_same_bits(left, right):
    assert list(left.parts) == list(right.parts)
    for part, moments in left.parts.items():
        other = right.parts[part]
        assert moments.count == other.count
        for pair in [("a",), ("b",), ("a", "b")]:
            assert np.array_equal(moments.second_moment(*pair), other.second_moment(*pair))


@given(fraction=st.floats(0.0, 0.999), names=st.lists(st.text(), min_size=1, max_size=30))
def test_the_side_of_a_key_depends_on_nothing_else(fraction, names):
    sides = held_out(names, fraction)
    for name, side in zip(names, sides, strict=True):
        assert held_out([name, "other"], fraction)[0] == side
    assert not (sides & ~held_out(names, min(0.9999, fraction + 0.1))).any(), (
        "a larger share holds a smaller one"
    )


def test_shares_are_those_asked_for():
    keys = [str(k) for k in range(20_000)]
    for fraction in (0.0, 0.1, 0.5, 0.9):
        assert abs(held_out(keys, fraction).mean() - fraction) < 4 * np.sqrt(0.25 / 20_000)
    counts = np.bincount(fold(keys, 10))
    assert len(counts) == 10
    assert np.abs(counts - 2000).max() < 4 * np.sqrt(2000)


def test_folds_and_halves_are_independent():
    keys = [str(k) for k in range(20_000)]
    inside = held_out(keys, 0.5)
    shares = [inside[fold(keys, 4) == k].mean() for k in range(4)]
    assert np.abs(np.array(shares) - 0.5).max() < 4 * np.sqrt(0.25 / 5000)


def test_the_hash_is_fixed():
    """BLAKE2b by its definition, so that files of different versions and machines agree."""
    from hashlib import blake2b

    digest = blake2b(b"n01440764/a.jpg", digest_size=8, person=b"covlasso half").digest()
    value = int.from_bytes(digest, "little") / 2**64
    assert held_out(["n01440764/a.jpg"], value + 1e-6)[0]
    assert not held_out(["n01440764/a.jpg"], value - 1e-6)[0]


def test_groups_from_paths():
    paths = ["a/b/1.png", "a/b/2.png", "c.png"]
    assert by_folder(paths) == ["a/b", "a/b", "."]
    assert by_pattern(["clip7_f001.png", "clip8_f001.png"], r"clip(\d+)") == ["7", "8"]
    assert by_pattern(["clip7_f001.png"], r"^[^_]+") == ["clip7"]
    assert_refused(lambda: by_pattern(paths, "("), ValueError, ("'('", "regular expression"))
    assert_refused(lambda: by_pattern(paths, r"(\d)"), ValueError, ("'c.png'", "does not match"))


def test_keys_from_files(tmp_path):
    np.save(tmp_path / "ids.npy", np.array([3, 3, -1], dtype=np.int16))
    assert read_keys(tmp_path / "ids.npy") == ["3", "3", "-1"]
    (tmp_path / "keys.txt").write_bytes("a b\né\x0b\n\n".encode())
    assert read_keys(tmp_path / "keys.txt") == ["a b", "é\x0b", ""]
    (tmp_path / "bytes.txt").write_bytes(b"\xff.png\nend")
    assert len(held_out(read_keys(tmp_path / "bytes.txt"), 0.5)) == 2
    np.save(tmp_path / "float.npy", np.ones(3))
    assert_refused(
        lambda: read_keys(tmp_path / "float.npy"), ValueError, ("float.npy", "float64", "integers")
    )
    np.save(tmp_path / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert_refused(lambda: read_keys(tmp_path / "object.npy"), ValueError, ("object.npy", "not a readable"))


@pytest.mark.parametrize("split", [Split(), Split(0.4), Split(0.4, 3), Split(folds=2)])
def test_parts_are_the_moments_of_their_rows(split, tmp_path):
    found = accumulated(split).result()
    outside = held_out(KEYS, split.held_out)
    assert_moments_of(found.fit, ~outside)
    assert (found.held_out is None) == (split.held_out == 0.0)
    if found.held_out is not None:
        assert_moments_of(found.held_out, outside)
    assert len(found.folds) == split.folds
    for k, part in enumerate(found.folds):
        assert_moments_of(part, ~outside & (fold(KEYS, split.folds) == k))
    found.save(tmp_path / "m.safetensors")
    again = SplitMoments.load(tmp_path / "m.safetensors")
    assert again.split == split
    assert_same_bits(found, again)


def test_a_file_of_either_class_is_read_by_both(tmp_path):
    found = accumulated(Split(0.4, 3)).result()
    found.save(tmp_path / "split.safetensors")
    fit = Moments.load(tmp_path / "split.safetensors")
    assert np.array_equal(fit.second_moment("a", "b"), found.fit.second_moment("a", "b"))
    fit.save(tmp_path / "plain.safetensors")
    plain = SplitMoments.load(tmp_path / "plain.safetensors")
    assert (plain.held_out, plain.folds, plain.skipped) == (None, (), 0)
    assert np.array_equal(plain.fit.second_moment("b"), fit.second_moment("b"))


@pytest.mark.parametrize("stop", [0, 1, 700, 1023, 1024, 1799])
def test_a_state_goes_on_with_the_same_bits(stop, tmp_path):
    heads = {"a": LinearHead(np.arange(20.0).reshape(4, 5))}
    split = Split(0.4, 3, "pictures")
    whole = accumulated(split, heads=heads)
    first = Accumulator(["a", "b"], heads=heads, split=split)
    feed(first, 0, stop, 37)
    first.skip(2)
    first.save_state(tmp_path / "state", position=stop, names=["x"])
    second, extra = Accumulator.load_state(tmp_path / "state")
    assert extra == {"position": stop, "names": ["x"]}
    assert (second.count, second.skipped, second.split) == (stop, 2, split)
    feed(second, stop, ROWS, 53)
    assert_same_bits(second.result(), whole.result())


def test_a_result_is_not_changed_by_later_samples():
    total = accumulated(Split(0.4))
    found, again = total.result(), total.result()
    feed(total, 0, ROWS)
    assert_same_bits(found, again)


def test_split_moments_add_up():
    split = Split(0.4, 3)
    halves = [Accumulator(["a", "b"], split=split) for _ in range(2)]
    feed(halves[0], 0, 900)
    feed(halves[1], 900, ROWS)
    halves[1].skip(3)
    total = halves[0].result() + halves[1].result()
    assert total.skipped == 3
    outside = held_out(KEYS, 0.4)
    assert_moments_of(total.fit, ~outside)
    assert_moments_of(total.held_out, outside)
    assert_moments_of(total.folds[1], ~outside & (fold(KEYS, 3) == 1))
    assert_refused(lambda: total + accumulated(Split(0.4)).result(), ValueError, ("cannot add", "folds=3"))


def test_a_refused_batch_reaches_no_part():
    total = accumulated(Split(0.4, 3))
    expected = total.result()
    bad = {name: array[:50].copy() for name, array in batch().items()}
    bad["b"][49, 2] = np.nan
    assert_refused(lambda: total.update(bad, KEYS[:50]), ValueError, ("'b'", "row 49, column 2"))
    wide = {"a": np.ones((2, 6)), "b": np.ones((2, 3))}
    assert_refused(lambda: total.update(wide, ["x", "y"]), ValueError, ("'a'", "6 categories", "5 before"))
    good = {name: array[:2] for name, array in batch().items()}
    assert_refused(lambda: total.update(good, ["x"]), ValueError, ("1 keys for 2 samples",))
    assert_same_bits(total.result(), expected)


def test_bad_splits():
    assert_refused(lambda: Split(1.0), ValueError, ("held_out", "1.0"))
    assert_refused(lambda: Split(float("nan")), ValueError, ("held_out", "nan"))
    assert_refused(lambda: Split(folds=1), ValueError, ("folds", "1"))
    few = Accumulator(["a"], split=Split(0.5, 4))
    few.update({"a": np.ones((3, 2))}, ["x", "x", "x"])
    assert_refused(few.result, ValueError, ("has no sample", "more groups"))


@pytest.mark.parametrize(("old", "new", "part"), [
    (b'\\"held_out\\": 0.4', b'\\"held_out\\": 4.0', "held_out must be at least 0"),
    (b'\\"skipped\\": 0', b'\\"skipped\\": []', "'skipped' is missing or not of type int"),
    (b'\\"folds\\": 3', b'\\"holds\\": 3', "holds"),
])  # fmt: skip
def test_files_with_a_wrong_header(old, new, part, tmp_path):
    file = tmp_path / "some.safetensors"
    accumulated(Split(0.4, 3)).result().save(file)
    data = file.read_bytes()
    assert data.count(old) == 1
    changed = data.replace(old, new)
    size = int.from_bytes(data[:8], "little") + len(changed) - len(data)
    file.write_bytes(size.to_bytes(8, "little") + changed[8:])
    assert_refused(lambda: SplitMoments.load(file), ValueError, (str(file), part, "Moments.save()"))
