"""Figures of dependencies against direct computation on raw logits: closed forms, tails and decisions."""

import numpy as np
import pytest
from oracles import assert_refused

import covlasso
from covlasso import Moments, SplitMoments
from covlasso.evidence import EPS


def draw(samples, n, seed, *, network=0, features=7, noise=0.5):
    """Logits with large means; equal ``network``: of one network."""
    head = np.random.default_rng(network).standard_normal((features + 1, n)) * 2
    rng = np.random.default_rng(seed)
    inputs = np.column_stack([rng.standard_normal((samples, features)), np.ones(samples)])
    return inputs @ head + noise * rng.standard_normal((samples, n))


def moments_of(**logits):
    moments = Moments(list(logits))
    moments.update(logits)
    return moments


N = 17


@pytest.fixture(scope="module")
def logits():
    return draw(90, N, 1), draw(70, N, 2)


@pytest.fixture(scope="module")
def halves(logits):
    return SplitMoments(*(moments_of(net=half) for half in logits))


@pytest.fixture(scope="module")
def deps(halves):
    return covlasso.solve(halves.fit.second_moment("net"), terms=4, refit=True)


def predicted(deps, source):
    return source @ deps.coef.toarray().T


def assert_quality(quality, true, guess):
    """Every figure, from the samples."""
    error = np.mean((true - guess) ** 2, axis=0)
    assert quality.count == len(true)
    np.testing.assert_allclose(quality.error, error, rtol=1e-9)
    np.testing.assert_allclose(quality.r2, 1 - error / np.mean(true**2, axis=0), rtol=1e-9)
    np.testing.assert_allclose(quality.r2_centred, 1 - error / np.var(true, axis=0), rtol=1e-8, atol=1e-9)
    pearson = [np.corrcoef(a, b)[0, 1] for a, b in zip(true.T, guess.T, strict=True)]
    np.testing.assert_allclose(quality.correlation, pearson, rtol=1e-9)


def test_figures_of_one_network(deps, halves, logits):
    found = covlasso.evaluate(deps, halves)
    for quality, rows in zip((found.fit, found.held_out), logits, strict=True):
        assert_quality(quality, rows, predicted(deps, rows))
    np.testing.assert_allclose(found.fit.error, deps.error, rtol=1e-9)
    np.testing.assert_allclose(found.optimism, found.fit.r2 - found.held_out.r2)
    assert np.median(found.optimism) > 0
    assert covlasso.evaluate(deps, halves.held_out).fit is None


def test_figures_between_networks_with_some_targets():
    a, b = draw(60, N, 3), draw(60, 23, 3, network=1)
    moments = moments_of(a=a, b=b)
    deps = covlasso.solve(
        moments.second_moment("b"),
        moments.second_moment("a", "b"),
        moments.energy("a"),
        targets=[9, 4],
        terms=3,
    )
    found = covlasso.evaluate(deps, moments, target="a", source="b", logits=a, source_logits=b)
    assert_quality(found.fit, a[:, [9, 4]], predicted(deps, b))  # they were found on these
    assert found.held_out is None
    np.testing.assert_allclose(found.decisions.error, found.fit.error, rtol=1e-9)


@pytest.mark.parametrize("moment", ["covariance", "correlation"])
def test_equations_of_centred_or_standardised_logits_predict_logits_as_they_are(halves, logits, moment):
    fit, held_out = logits
    deps = covlasso.solve_moments(halves.fit, kind=moment, terms=3)
    mean, scale = fit.mean(axis=0), fit.std(axis=0) if moment == "correlation" else 1.0
    guess = predicted(deps, (held_out - mean) / scale) * scale + mean
    found = covlasso.evaluate(deps, halves, logits=held_out)
    assert_quality(found.held_out, held_out, guess)
    np.testing.assert_allclose(found.decisions.error, found.held_out.error, rtol=1e-9)
    assert_refused(lambda: covlasso.evaluate(deps, halves.held_out), ValueError, [moment, "fit part"])


def test_factored_moments_give_the_same_figures():
    rng = np.random.default_rng(4)
    head = covlasso.LinearHead(rng.standard_normal((N, 5)), rng.standard_normal(N))
    inputs = [rng.standard_normal((50, 5)) + 1 for _ in range(2)]
    parts = []
    for h in inputs:
        parts.append(Moments(["net"], heads={"net": head}))
        parts[-1].update({"net": h})
    deps = covlasso.solve(parts[0].gram("net"), terms=3)
    found = covlasso.evaluate(deps, SplitMoments(*parts))
    rows = inputs[1] @ head.weight.T + head.bias
    assert_quality(found.held_out, rows, predicted(deps, rows))


def brute_force(true, guess, targets, labels):
    """Decisions with each target replaced in turn: a pass over all samples for every one."""
    known = labels >= 0
    result = {name: [] for name in ("changed", "replaced_top1", "replaced_precision", "replaced_recall")}
    for t, target in enumerate(targets):
        replaced = true.copy()
        replaced[:, target] = guess[:, t]
        decided = replaced.argmax(axis=1)
        result["changed"].append(np.mean(decided != true.argmax(axis=1)))
        decided, label = decided[known], labels[known]
        hits = np.sum((decided == target) & (label == target))
        result["replaced_top1"].append(np.mean(decided == label))
        with np.errstate(invalid="ignore", divide="ignore"):
            result["replaced_precision"].append(hits / np.sum(decided == target))
            result["replaced_recall"].append(hits / np.sum(label == target))
    return result


@pytest.mark.parametrize("labelled", ["all", "some", "none"])
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_decisions_are_those_of_one_pass_per_category(deps, logits, labelled, dtype, monkeypatch):
    monkeypatch.setattr("covlasso.logits.samples._CHUNK", 5 * N)  # many chunks, the last one short
    rows = logits[1].astype(dtype)
    rng = np.random.default_rng(5)
    labels = np.where(rng.random(70) < 0.6, rows.argmax(axis=1), rng.integers(0, N, 70))
    if labelled == "some":
        labels[rng.random(70) < 0.4] = -1
    given = None if labelled == "none" else labels
    found = covlasso.evaluate(deps, logits=rows, labels=given).decisions
    true = rows.astype(float)
    labels = true.argmax(axis=1) if given is None else labels
    with np.errstate(invalid="ignore"):
        expected = brute_force(true, predicted(deps, true), deps.targets, labels)
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(found, name), values, rtol=1e-12, err_msg=name)
    known = labels >= 0
    decided = true.argmax(axis=1)
    assert found.own_labels == (given is None)
    assert found.n_labelled == known.sum()
    assert found.top1 == pytest.approx(np.mean(decided[known] == labels[known]))
    np.testing.assert_array_equal(found.support, [np.sum(labels == t) for t in deps.targets])


def test_ties_are_decided_for_the_lower_number():
    """Replaced logits that equal the largest other one; whole numbers, so that ties are exact."""
    rng = np.random.default_rng(6)
    rows = rng.integers(-1, 2, (300, 6)).astype(float)
    gram = rows.T @ rows / len(rows)
    deps = covlasso.solve(gram, terms=2)
    coef = deps.coef.copy()
    coef.data = np.sign(coef.data)
    whole = covlasso.Dependencies(**{**deps.__dict__, "coef": coef})
    labels = rng.integers(0, 6, 300)
    found = covlasso.evaluate(whole, logits=rows, labels=labels).decisions
    expected = brute_force(rows, predicted(whole, rows), whole.targets, labels)
    assert np.mean(predicted(whole, rows) == rows.max(axis=1, keepdims=True)) > 0.05
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(found, name), values, rtol=1e-12, err_msg=name)


def test_tails_beside_markov(deps, logits):
    rows = logits[1]
    found = covlasso.evaluate(deps, logits=rows).decisions
    size = np.abs(rows - predicted(deps, rows)) / np.sqrt(np.mean(rows**2, axis=0))
    for k, eps in enumerate(EPS):
        np.testing.assert_allclose(found.within[k], np.mean(size < eps, axis=0))
        np.testing.assert_allclose(found.markov[k], np.maximum(0, 1 - np.mean(size**2, axis=0) / eps**2))
    assert (found.within >= found.markov - 1e-12).all()


def test_only_the_rows_asked_for_count(deps, logits):
    rows = np.vstack(logits)
    keep = np.arange(len(rows)) >= len(logits[0])
    some = covlasso.evaluate(deps, logits=rows, rows=keep).decisions
    alone = covlasso.evaluate(deps, logits=logits[1]).decisions
    assert some.count == alone.count == 70
    np.testing.assert_array_equal(some.replaced_top1, alone.replaced_top1)


def test_files_of_logits_are_read_in_pieces(deps, logits, tmp_path):
    np.save(tmp_path / "rows.npy", logits[1])
    from covlasso.logits import open_logits

    whole = covlasso.evaluate(deps, logits=logits[1]).decisions
    mapped = covlasso.evaluate(deps, logits=np.load(tmp_path / "rows.npy", mmap_mode="r")).decisions
    opened = covlasso.evaluate(deps, logits=open_logits(tmp_path / "rows.npy")).decisions
    for other in (mapped, opened):
        np.testing.assert_array_equal(whole.replaced_top1, other.replaced_top1)
        np.testing.assert_array_equal(whole.error, other.error)


def test_frame_has_a_row_per_target(deps, halves, logits):
    pytest.importorskip("pandas", reason="to_frame needs pandas")
    frame = covlasso.evaluate(deps, halves, logits=logits[1], eps=[0.5]).to_frame()
    assert len(frame) == N
    assert {"held_out_r2", "fit_correlation", "optimism", "logits_within_0.5"} <= set(frame.columns)


def bad_logits(rows):
    broken = rows.copy()
    broken[3, 2] = np.nan
    return broken


@pytest.mark.parametrize(
    ("arguments", "error", "parts"),
    [
        (lambda *_: {}, ValueError, ["moments", "logits"]),
        (lambda *_: {"labels": [1]}, ValueError, ["moments", "logits"]),
        (lambda _, m: {"moments": m, "labels": [1]}, ValueError, ["labels", "logits"]),
        (lambda r, _: {"logits": bad_logits(r)}, ValueError, ["logits[3, 2]", "nan", "finite"]),
        (lambda r, _: {"logits": r[:, :5]}, ValueError, ["5 categories", "17 sources"]),
        (lambda r, _: {"logits": r.astype(int)}, TypeError, ["logits", "int64", "floating numbers"]),
        (lambda r, _: {"logits": r[0]}, ValueError, ["logits", "(17,)"]),
        (lambda r, _: {"logits": r, "source_logits": r}, ValueError, ["source_logits", "one network"]),
        (lambda r, _: {"logits": r, "labels": np.arange(70)}, ValueError, ["labels[17]", "0 to 16"]),
        (lambda r, _: {"logits": r, "labels": np.zeros(3, int)}, ValueError, ["labels", "(3,)", "(70,)"]),
        (lambda r, _: {"logits": r, "labels": np.zeros(70)}, TypeError, ["labels", "integers"]),
        (lambda r, _: {"logits": r, "labels": -np.ones(70, int)}, ValueError, ["labels", "-1"]),
        (lambda r, _: {"logits": r, "eps": [0.0]}, ValueError, ["eps", "above 0"]),
        (lambda r, _: {"logits": r, "rows": np.zeros(70, bool)}, ValueError, ["rows", "no row"]),
        (lambda r, _: {"moments": moments_of(net=r[:, :9])}, ValueError, ["17 sources", "9 categories"]),
        (lambda r, _: {"moments": moments_of(a=r, b=r)}, ValueError, ["a, b", "target"]),
        (lambda _, m: {"moments": m, "target": "vit"}, ValueError, ["target", "vit", "net"]),
        (lambda r, _: {"moments": r}, TypeError, ["moments", "ndarray"]),
    ],
)
def test_bad_input_is_refused(deps, halves, logits, arguments, error, parts):
    assert_refused(lambda: covlasso.evaluate(deps, **arguments(logits[1], halves)), error, parts)
