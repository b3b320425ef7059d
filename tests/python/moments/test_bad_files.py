"""Bad logits, bad moments and bad files, one bad thing per case: the error names the place and the remedy."""

import numpy as np
import pytest
from oracles import assert_refused, changed, random_gram

import covlasso


def moments():
    filled = covlasso.Moments(["a", "b"])
    filled.update({"a": np.ones((4, 3)), "b": np.ones((4, 2))})
    return filled


BATCHES = {
    "nan": (
        {"a": changed(np.ones((4, 3)), (2, 1), np.nan), "b": np.ones((4, 2))},
        ValueError,
        ("'a'", "row 2, column 1"),
    ),
    "inf": (
        {"a": np.ones((4, 3)), "b": changed(np.ones((4, 2)), (3, 0), -np.inf)},
        ValueError,
        ("'b'", "row 3, column 0"),
    ),
    "too large": (
        {"a": np.full((1, 3), 1e200), "b": np.ones((1, 2))},
        ValueError,
        ("'a'", "row 0, column 0", "1e+200"),
    ),
    "rows differ": ({"a": np.ones((4, 3)), "b": np.ones((5, 2))}, ValueError, ("'a': 4", "'b': 5", "rows")),
    "other size": (
        {"a": np.ones((4, 4)), "b": np.ones((4, 2))},
        ValueError,
        ("'a'", "4 categories", "3 before"),
    ),
    "missing model": ({"a": np.ones((4, 3))}, ValueError, ("['a']", "['a', 'b']")),
    "unknown model": (
        {"a": np.ones((4, 3)), "b": np.ones((4, 2)), "c": np.ones((4, 2))},
        ValueError,
        ("'c'",),
    ),
    "integers": ({"a": np.ones((4, 3), int), "b": np.ones((4, 2))}, TypeError, ("'a'", "int64", "astype")),
    "complex": ({"a": np.ones((4, 3), complex), "b": np.ones((4, 2))}, TypeError, ("'a'", "complex128")),
    "booleans": ({"a": np.ones((4, 3), bool), "b": np.ones((4, 2))}, TypeError, ("'a'", "bool")),
    "objects": ({"a": np.ones((4, 3), object), "b": np.ones((4, 2))}, TypeError, ("'a'", "object")),
    "masked": (
        {"a": np.ma.masked_equal(changed(np.ones((4, 3)), (2, 1), 5.0), 5.0), "b": np.ones((4, 2))},
        ValueError,
        ("'a'", "[2, 1]", "masked"),
    ),
    "vector": ({"a": np.ones(3), "b": np.ones((4, 2))}, ValueError, ("'a'", "(3,)", "(batch, categories)")),
    "array": (np.ones((4, 3)), TypeError, ("batch", "ndarray")),
}


@pytest.mark.parametrize("case", BATCHES)
def test_batches(case):
    batch, error, parts = BATCHES[case]
    assert_refused(lambda: moments().update(batch), error, parts)


def test_tensors_of_torch_are_logits():
    torch = pytest.importorskip("torch", reason="its tensors are given")
    rows = torch.from_numpy(np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32))
    for given in (rows, rows.clone().requires_grad_(), rows.bfloat16(), rows.half()):
        found, wanted = covlasso.Moments(["a"]), covlasso.Moments(["a"])
        found.update({"a": given})
        wanted.update({"a": given.detach().float().numpy()})
        assert np.array_equal(found.second_moment("a"), wanted.second_moment("a"))
    assert_refused(lambda: found.update({"a": rows.int()}), TypeError, ("'a'", "int32", "astype"))


def test_moments_names():
    assert_refused(lambda: covlasso.Moments([]), ValueError, ("names", "at least one"))
    assert_refused(lambda: covlasso.Moments(["a", "a"]), ValueError, ("names", "once"))
    assert_refused(lambda: covlasso.Moments("resnet"), TypeError, ("names", "'resnet'"))
    assert_refused(lambda: covlasso.Moments(["a"], {"b": ["x"]}), ValueError, ("class_names", "'b'"))
    assert_refused(lambda: covlasso.Moments(["a"], [1, 2]), TypeError, ("class_names", "'a'", "strings"))
    named = covlasso.Moments(["a"], ["x", "y"])
    assert_refused(
        lambda: named.update({"a": np.ones((2, 3))}), ValueError, ("'a'", "3 categories", "2 class_names")
    )
    assert_refused(lambda: moments().mean("c"), ValueError, ("'c'", "['a', 'b']"))


def test_moments_of_no_sample():
    empty = covlasso.Moments(["a", "b"])
    for read in (empty.mean, empty.second_moment, empty.covariance, empty.correlation):
        assert_refused(lambda read=read: read("a"), ValueError, ("no sample", "update()"))
    assert_refused(lambda: empty.second_moment("a", "b"), ValueError, ("no sample", "update()"))
    assert_refused(lambda: empty.save("nothing"), ValueError, ("no sample", "update()"))


def test_moments_that_do_not_add_up():
    other = covlasso.Moments(["a", "b"])
    other.update({"a": np.ones((4, 5)), "b": np.ones((4, 2))})
    assert_refused(lambda: moments() + other, ValueError, ("'a'", "5 categories", "3 before"))
    assert_refused(lambda: moments() + covlasso.Moments(["a"]), ValueError, ("('a',)", "('a', 'b')"))
    first, second = covlasso.Moments(["a"], ["x"]), covlasso.Moments(["a"], ["y"])
    assert_refused(lambda: first + second, ValueError, ("class_names", "'a'", "differ"))
    with pytest.raises(TypeError):
        moments() + 1


def test_moments_from_arrays():
    make = covlasso.Moments.from_arrays
    mean, second = {"a": np.zeros(2)}, {"a": np.eye(2)}
    assert_refused(lambda: make(0, mean, second), ValueError, ("count", "0"))
    assert_refused(lambda: make(1, mean, {}), ValueError, ("second_moment", "'a'"))
    assert_refused(
        lambda: make(1, mean, {"a": np.eye(3)}), ValueError, ("second_moment['a']", "(3, 3)", "(2, 2)")
    )
    bad = changed(np.eye(2), (0, 1), 1e-9)
    assert_refused(
        lambda: make(1, mean, {"a": bad}), ValueError, ("second_moment['a']", "(0, 1)", "(S + S.T) / 2")
    )
    bad = changed(np.eye(2), (1, 1), np.nan)
    assert_refused(lambda: make(1, mean, {"a": bad}), ValueError, ("second_moment['a']", "[1, 1]", "finite"))
    assert_refused(
        lambda: make(1, {"a": [0.0, 2.0]}, second), ValueError, ("second_moment['a']", "(1, 1)", "mean")
    )


FILES = {
    "truncated": lambda data: data[: len(data) // 2],
    "header cut": lambda data: data[:20],
    "empty": lambda _: b"",
    "foreign": lambda _: b"\x80\x04\x95" + bytes(200),
    "text": lambda _: b"lam = 0.1\n" * 30,
}


@pytest.mark.parametrize("case", FILES)
@pytest.mark.parametrize("kind", ["Moments", "Dependencies"])
def test_files(kind, case, tmp_path):
    file = tmp_path / "some.safetensors"
    value = moments() if kind == "Moments" else covlasso.solve(random_gram(8), terms=2)
    value.save(file)
    file.write_bytes(FILES[case](file.read_bytes()))
    parts = (str(file), f"not a readable covlasso {kind} file", f"{kind}.save()")
    assert_refused(lambda: getattr(covlasso, kind).load(file), ValueError, parts)


def test_files_of_another_kind(tmp_path):
    from safetensors.numpy import save_file

    file = tmp_path / "some.safetensors"
    moments().save(file)
    assert_refused(
        lambda: covlasso.Dependencies.load(file),
        ValueError,
        (str(file), "these are moments; run `covlasso solve`"),
    )
    save_file({"x": np.ones(3)}, file)
    assert_refused(lambda: covlasso.Moments.load(file), ValueError, (str(file), "no covlasso header"))
    with pytest.raises(FileNotFoundError):
        covlasso.Moments.load(tmp_path / "absent.safetensors")


@pytest.mark.parametrize(("old", "new", "part"), [
    (b'\\"version\\": 1', b'\\"version\\": 9', "format version 9"),
    (b'"fit.mean"', b'"fat.mean"', "'fit.mean' is missing"),
    (b'[3, 2]', b'[3, 0]', "'columns' is [3, 0]"),
    (b'[3, 2]', b'[3, 3]', "'fit.mean' is float64 (5,), expected float64 (6,)"),
    (b'{\\"fit\\": 4}', b'[]', "'parts' is missing or not of type dict"),
    (b'{\\"fit\\": 4}', b'{\\"fit\\": []}', "part 'fit' has [] samples"),
])  # fmt: skip
def test_files_with_a_wrong_header(old, new, part, tmp_path):
    file = tmp_path / "some.safetensors"
    moments().save(file)
    data = file.read_bytes()
    assert data.count(old) == 1
    new_data = data.replace(old, new)
    grown = len(new_data) - len(data)
    size = int.from_bytes(data[:8], "little") + grown
    file.write_bytes(size.to_bytes(8, "little") + new_data[8:])
    assert_refused(lambda: covlasso.Moments.load(file), ValueError, (str(file), part, "Moments.save()"))


def test_files_with_inconsistent_tensors(tmp_path):
    file = tmp_path / "some.safetensors"
    deps = covlasso.solve(random_gram(8), terms=2)
    deps.coef.indices[0] = 99
    deps.save(file)
    assert_refused(lambda: covlasso.Dependencies.load(file), ValueError, (str(file), "Dependencies.save()"))
