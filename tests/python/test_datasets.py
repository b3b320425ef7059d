"""The moments that come with the package: what they hold, and that they are stored as their module says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from covlasso.datasets import _imagenet_lite, load_imagenet_lite
from covlasso.datasets._factor import pack, product, unpack

HALVES = ("fit", "held_out")

# Read off the float16 logits themselves, in float64: count; traces of E[f f'] of lite0, of lite1 and between
# them; mean of "sports car" (817) in lite0, its moments with itself in lite1 and with "convertible" (511).
FACTS = {
    "fit": (7100, 1797.6136572, 1394.7877369, 1085.0918728, 0.2240494598, 1.0512131713, 0.9664837153),
    "held_out": (7120, 1787.4826560, 1375.0918999, 1065.8590437, 0.1535074708, 1.0056585714, 1.0425501863),
}


@pytest.fixture(scope="module")
def data():
    return load_imagenet_lite()


@pytest.fixture(scope="module")
def rebuild():
    path = Path(__file__).parents[2] / "examples" / "rebuild_imagenet_lite.py"
    spec = importlib.util.spec_from_file_location("rebuild_imagenet_lite", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("half", HALVES)
def test_facts_of_the_logits(data, half):
    moments = getattr(data, half)
    count, trace0, trace1, trace01, mean, across, convertible = FACTS[half]
    own, cross = moments.second_moment("lite0"), moments.second_moment("lite0", "lite1")
    assert moments.count == count
    assert np.trace(own) == pytest.approx(trace0, rel=1e-7)
    assert np.trace(moments.second_moment("lite1")) == pytest.approx(trace1, rel=1e-7)
    assert np.trace(cross) == pytest.approx(trace01, rel=1e-7)
    norm = np.sqrt(own[817, 817])  # of comparable size for all three
    assert moments.mean("lite0")[817] == pytest.approx(mean, abs=4e-7 * norm)
    assert cross[817, 817] == pytest.approx(across, abs=4e-7 * norm**2)
    assert own[817, 511] == pytest.approx(convertible, abs=4e-7 * norm**2)


@pytest.mark.parametrize("half", HALVES)
def test_joint_matrix_is_a_moment_matrix(data, half):
    moments = getattr(data, half)
    cross = moments.second_moment("lite0", "lite1")
    joint = np.block([[moments.second_moment("lite0"), cross], [cross.T, moments.second_moment("lite1")]])
    bound = np.sqrt(np.outer(joint.diagonal(), joint.diagonal()))
    smallest = {"fit": 3.1193e-4, "held_out": 2.9405e-4}[half]  # of the logits themselves
    assert joint.shape == (2000, 2000)
    assert np.array_equal(joint, joint.T)
    assert np.all(np.abs(joint) <= bound * (1 + 1e-15))
    assert np.linalg.eigvalsh(joint)[0] == pytest.approx(smallest, rel=2e-4)
    assert np.linalg.eigvalsh(moments.covariance("lite0"))[0] > 6e-4


def test_class_names(data):
    names = data.fit.class_names["lite0"]
    assert names == data.fit.class_names["lite1"] == data.held_out.class_names["lite0"]
    assert len(names) == len(set(names)) == 1000
    expected = {
        0: "tench",
        134: "crane (bird)",
        517: "crane (machine)",
        639: "maillot, tank suit",
        817: "sports car",
    }
    assert {index: names[index] for index in expected} == expected


def test_every_load_is_a_copy_of_its_own(data):
    again = load_imagenet_lite().fit
    again.update({name: np.ones((1, 1000)) for name in again.names})
    assert (again.count, data.fit.count) == (7101, 7100)


def test_a_damaged_file_is_refused(monkeypatch):
    monkeypatch.setattr(_imagenet_lite, "_FILE", "imagenet_lite_classes.txt")
    with pytest.raises(RuntimeError, match=r"damaged .*install covlasso again"):
        load_imagenet_lite()


@pytest.mark.parametrize("n", [1, 2, 5, 600])  # 600: more than one strip of the product
def test_factor_round_trip_is_exact(n):
    rng = np.random.default_rng(n)
    factor = np.tril(rng.integers(-(2**16), 2**16, (n, n)))
    exponents = rng.integers(-30, 3, n).astype(np.int8)
    scale = np.array([2.0 ** int(x) for x in exponents])
    assert np.array_equal(unpack(pack(factor), n), factor.T)
    assert np.array_equal(product(pack(factor), exponents), (factor @ factor.T) * np.outer(scale, scale))


@pytest.mark.parametrize("entry", [2**23 - 1, -(2**23)])
def test_largest_entries_fit(entry):
    assert unpack(pack(np.array([[entry]])), 1) == entry


@pytest.mark.parametrize("entry", [2**23, -(2**23) - 1])
def test_an_entry_that_does_not_fit_is_refused(entry):
    with pytest.raises(ValueError, match="does not fit 24 bits"):
        pack(np.array([[entry]]))


def test_rebuilding_keeps_the_moments(rebuild):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(400, 30)) @ rng.normal(size=(30, 30)) * np.logspace(-2, 0, 30) + rng.normal(
        size=30
    )
    z = np.column_stack([np.ones(400), logits])
    expected = z.T @ z / 400
    tensors = rebuild.encode(logits)
    stored = product(tensors["planes"], tensors["exponents"])
    norm = np.sqrt(expected.diagonal())
    assert tensors["count"].tolist() == [400]
    # the grid of the logits moves entries by 2^-19 at most, the factor by 2^-21 of the norms
    assert np.all(
        np.abs(stored - expected) <= 2.0**-20 * np.outer(norm, norm) + 2.0**-19 * (norm + norm[:, None])
    )


def test_rebuilding_refuses_what_it_cannot_store(rebuild):
    with pytest.raises(ValueError, match="not positive definite at row 4; there are too few crops"):
        rebuild.encode(np.random.default_rng(0).normal(size=(4, 9)))
    with pytest.raises(ValueError, match="use a coarser GRID"):
        rebuild.encode(np.full((4, 2), 2.0**9))
