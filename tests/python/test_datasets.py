"""The moments that come with the package: what they hold, and that they are stored as their module says."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

import covlasso
from covlasso.datasets import _imagenet_lite, load_imagenet_lite, load_imagenet_lite_logits
from covlasso.datasets._coded import (
    LOGIT_STEP,
    MEAN_STEP,
    decode_logits,
    decode_means,
    encode_logits,
    encode_means,
)
from covlasso.datasets._factor import factor, pack, product, unpack

HALVES = ("fit", "held_out")

# Read off the float16 logits themselves, in float64: count; traces of E[f f'] of lite0, of lite1 and between
# them; mean of "sports car" (817) in lite0, its moments with itself in lite1 and with "convertible" (511).
FACTS = {
    "fit": (7100, 1797.6136572, 1394.7877369, 1085.0918728, 0.2240494598, 1.0512131713, 0.9664837153),
    "held_out": (7120, 1787.4826560, 1375.0918999, 1065.8590437, 0.1535074708, 1.0056585714, 1.0425501863),
}


# Decisions, counted on the logits themselves: categories that are decided for at all, and at least ten times;
# the category decided most often, how often, and the mean of its own logit over these crops.
DECIDED = {
    ("fit", "lite0"): (528, 177, 908, 220, 6.633327),
    ("fit", "lite1"): (493, 166, 417, 303, 7.198632),
    ("held_out", "lite0"): (501, 179, 417, 277, 6.907308),
    ("held_out", "lite1"): (500, 160, 417, 371, 6.910988),
}


@pytest.fixture(scope="module")
def logits():
    return load_imagenet_lite_logits()


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


@pytest.mark.parametrize(
    ("file", "load"), [("_FILE", load_imagenet_lite), ("_LOGITS", load_imagenet_lite_logits)]
)
def test_a_damaged_file_is_refused(monkeypatch, file, load):
    name = getattr(_imagenet_lite, file)
    monkeypatch.setitem(_imagenet_lite._SHA256, name, "0" * 64)
    with pytest.raises(RuntimeError, match=rf"{name} is damaged .*install covlasso again"):
        load()


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("model", ["lite0", "lite1"])
def test_facts_of_the_decisions(data, half, model):
    moments = getattr(data, half)
    counts = moments.class_counts(model)
    decided, common, most, crops, own = DECIDED[half, model]
    assert moments.classes == "decisions"
    assert counts.sum() == moments.count
    assert (np.count_nonzero(counts), np.count_nonzero(counts >= 10)) == (decided, common)
    assert (counts.argmax(), counts.max()) == (most, crops)
    deviation = np.sqrt(moments.covariance(model)[most, most])
    assert moments.class_means(model, by=model)[most, most] == pytest.approx(
        own, abs=0.2 * deviation / crops**0.5
    )


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("by", ["lite0", "lite1"])
def test_class_means_and_moments_agree(data, half, by):
    """Weighed by their shares they are the means, and what is left within the classes is a moment."""
    moments = getattr(data, half)
    share = moments.class_counts(by) / moments.count
    means = np.hstack([moments.class_means(name, by) for name in moments.names])
    mean = np.concatenate([moments.mean(name) for name in moments.names])
    cross = moments.covariance("lite0", "lite1")
    covariance = np.block([[moments.covariance("lite0"), cross], [cross.T, moments.covariance("lite1")]])
    assert np.abs((share @ means - mean) / np.sqrt(covariance.diagonal())).max() < 0.004
    assert not means[share == 0.0].any()
    apart = np.sqrt(share)[:, np.newaxis] * (means - mean)
    assert np.linalg.eigvalsh(covariance - apart.T @ apart)[0] > 1e-5


@pytest.mark.parametrize("model", ["lite0", "lite1"])
def test_class_means_are_those_of_the_crops_where_these_are_all_there(data, logits, model):
    """Where a category is decided on few crops, the six of each picture are often all of them."""
    rows = getattr(logits, model).astype(np.float64)
    decided, counts = rows.argmax(axis=1), data.held_out.class_counts(model)
    whole = np.flatnonzero((np.bincount(decided, minlength=1000) == counts) & (counts >= 2))
    means = np.array([rows[decided == k].mean(axis=0) for k in whole])
    deviation = np.sqrt(data.held_out.covariance(model).diagonal())
    error = (data.held_out.class_means(model, by=model)[whole] - means) / deviation
    assert len(whole) >= 8
    assert np.median(np.sqrt(np.mean(error**2, axis=1))) < 0.1  # rounding: of both


def test_logits_are_held_out_crops(data, logits):
    assert logits.lite0.shape == logits.lite1.shape == (2520, 1000)
    assert logits.lite0.dtype == logits.lite1.dtype == np.float32
    pictures, crops = np.unique(logits.picture, return_counts=True)
    assert (len(pictures), set(crops)) == (420, {6})
    assert (pictures % 2 == 1).all()
    for name in data.held_out.names:
        energy = np.mean(getattr(logits, name).astype(np.float64) ** 2, axis=0)
        ratio = energy / data.held_out.energy(name)  # the wallpapers have more crops there
        assert 0.9 < np.median(ratio) < 1.1


def test_equations_with_focus_hold_where_those_of_all_samples_fail(data, logits):
    counts = np.bincount(logits.lite0.argmax(axis=1), minlength=1000)
    targets = np.flatnonzero((data.fit.class_counts("lite0") >= 10) & (counts >= 5)).astype(np.int32)
    recall = []
    for focus in (None, 0.3):
        found = covlasso.solve_moments(
            data.fit, target="lite0", terms=10, refit=True, targets=targets, focus=focus
        )
        made = covlasso.evaluate(found, data, logits=logits.lite0, rows=np.ones(2520, dtype=bool)).decisions
        recall.append(made.replaced.mean("recall"))
    assert recall == [pytest.approx(0.041, abs=0.02), pytest.approx(0.549, abs=0.03)]


def test_class_means_round_trip():
    rng = np.random.default_rng(3)
    z, counts = _correlated(rng, 300, 12), np.array([1, 4, 9, 100])
    upper = np.linalg.cholesky(z.T @ z / len(z)).T
    means = np.array([z[:k].mean(axis=0) for k in counts])
    restored = decode_means(encode_means(means, counts, upper), counts, upper)
    error = np.linalg.solve(upper.T, (restored - means).T) * np.sqrt(counts)
    assert np.all(restored[:, 0] == 1.0)
    assert np.abs(error).max() <= MEAN_STEP / 2 * (1 + 1e-9)
    assert np.abs(error).max() > MEAN_STEP / 4


@pytest.mark.parametrize("columns", [2, 65, 200])  # more than one block
def test_logits_round_trip(columns):
    z = _correlated(np.random.default_rng(columns), 500, columns)
    upper = np.linalg.cholesky(z.T @ z / len(z)).T
    error = decode_logits(encode_logits(z[:40], upper), upper) - z[:40]
    assert np.abs(error).max() <= LOGIT_STEP / 2 * (1 + 1e-4)
    assert np.abs(error).max() > LOGIT_STEP / 4


def test_large_integers_take_a_second_plane_and_no_third():
    upper = np.eye(2)
    rows = np.array([[1.0, 1000.0], [1.0, -3.0]])
    coded = encode_logits(rows, upper)
    assert coded.shape == (2, 1, 2)
    assert np.array_equal(decode_logits(coded, upper), rows.astype(np.float32))
    with pytest.raises(ValueError, match="does not fit 16 bits"):
        encode_logits(np.array([[1.0, 1e5]]), upper)


def _correlated(rng, rows, columns):
    """Rows that begin with 1, the others correlated."""
    z = rng.normal(size=(rows, columns)) @ rng.normal(size=(columns, columns)) + 2 * rng.normal(size=columns)
    return np.column_stack([np.ones(rows), z])


def test_the_wheel_stays_below_16_mb():
    package = Path(covlasso.__file__).parent
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file in package.rglob("*"):
            if file.is_file() and file.suffix not in (".pyc", ".so"):
                wheel.write(file, file.relative_to(package))
    compiled = 600_000  # what it took compressed, and some more
    assert stream.tell() + compiled < 16_000_000


@pytest.mark.parametrize("n", [5, 600])
def test_square_of_the_factor_is_the_product(n):
    rng = np.random.default_rng(n)
    planes, exponents = (
        pack(np.tril(rng.integers(-(2**16), 2**16, (n, n)))),
        rng.integers(-9, 3, n).astype(np.int8),
    )
    upper = factor(planes, exponents)
    assert np.array_equal(upper, np.triu(upper))
    assert np.array_equal(product(planes, exponents), upper.T @ upper)


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


def test_rebuilding_keeps_the_classes(rebuild):
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(400, 8)) @ rng.normal(size=(8, 8)) + rng.normal(size=8)
    tensors = rebuild.encode(logits)
    upper = factor(tensors["planes"], tensors["exponents"])
    classes = rebuild.encode_classes(logits, logits[:, :5], upper)
    decided = logits[:, :5].argmax(axis=1)
    counts = np.bincount(decided, minlength=5)
    here = np.flatnonzero(counts)
    assert np.array_equal(classes["counts"], counts)
    expected = np.array([logits[decided == k].mean(axis=0) for k in here])
    error = (decode_means(classes["planes"], counts[here], upper)[:, 1:] - expected) / logits.std(axis=0)
    assert np.all(np.abs(error) <= np.sqrt(9 / counts[here])[:, np.newaxis] * MEAN_STEP)


def test_rebuilding_takes_six_crops_of_each_held_out_picture(rebuild):
    picture = np.repeat([0, 3, 2, 1], [5, 7, 9, 6])
    assert rebuild.first_crops(picture).tolist() == [*range(5, 11), *range(21, 27)]


def test_rebuilding_refuses_what_it_cannot_store(rebuild):
    with pytest.raises(ValueError, match="not positive definite at row 4; there are too few crops"):
        rebuild.encode(np.random.default_rng(0).normal(size=(4, 9)))
    with pytest.raises(ValueError, match="use a coarser GRID"):
        rebuild.encode(np.full((4, 2), 2.0**9))
