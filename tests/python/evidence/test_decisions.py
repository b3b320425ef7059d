"""Decisions with logits replaced against plain loops over samples: rates, confusions, ties."""

import numpy as np
import pytest
import scipy.sparse

from covlasso.evidence.decisions import decisions
from covlasso.evidence.prediction import ClassMeans, Prediction
from covlasso.logits import Samples

N, SAMPLES = 9, 300


def whole_numbers(seed, n=N, samples=SAMPLES):
    """Logits, coefficients and intercepts of whole numbers: many ties, and nothing is rounded."""
    rng = np.random.default_rng(seed)
    logits = rng.integers(-2, 3, (samples, n)).astype(float)
    coef = rng.integers(-1, 2, (n, n)) * (rng.random((n, n)) < 0.3)
    np.fill_diagonal(coef, 0)
    return logits, coef.astype(float), rng.integers(-1, 2, n).astype(float)


def predictor(coef, intercept, targets):
    return Prediction(scipy.sparse.csr_array(coef[targets]), intercept[targets], targets, None)


def measured(logits, coef, intercept, targets, labels=None, keep=None, source=None):
    targets = np.asarray(targets, dtype=np.int32)
    samples = Samples(logits, source, labels, keep)
    return decisions([predictor(coef, intercept, targets)], targets, samples, np.array([0.5]))[0]


def first_of_largest(row):
    best = 0
    for k, value in enumerate(row):
        if value > row[best]:
            best = k
    return best


def looped(logits, guess, targets, labels):
    """Rates and confusions, sample by sample, with each target replaced in turn and with all of them."""
    found = {"replaced": [], "false": [], "miss": []}
    alone = [[first_of_largest(row) for row in logits]]
    everything = logits.copy()
    everything[:, targets] = guess
    alone.append([first_of_largest(row) for row in everything])
    network, at_once = ([rates(decided, labels, i) for i in targets] for decided in alone)
    for t, target in enumerate(targets):
        replaced = logits.copy()
        replaced[:, target] = guess[:, t]
        decided = [first_of_largest(row) for row in replaced]
        found["replaced"].append(rates(decided, labels, target))
        false, miss = {}, {}
        for label, made in zip(labels, decided, strict=True):
            if label >= 0 and made == target != label:
                false[label] = false.get(label, 0) + 1
            if label == target != made:
                miss[made] = miss.get(made, 0) + 1
        found["false"].append(false)
        found["miss"].append(miss)
    right = sum(a == b for a, b in zip(alone[1], labels, strict=True))
    return found | {"network": network, "at_once": at_once, "right at once": right}


def rates(decided, labels, target):
    """(recall, false alarms, precision, F1) by their words."""
    cases = sum(label == target for label in labels)
    hits = sum(label == target == made for label, made in zip(labels, decided, strict=True))
    false = sum(made == target != label and label >= 0 for label, made in zip(labels, decided, strict=True))
    recall = hits / cases if cases else np.nan
    precision = hits / (hits + false) if hits + false else np.nan
    if not cases:
        f1 = np.nan
    elif hits == 0:
        f1 = 0.0
    else:
        f1 = 2 / (1 / recall + 1 / precision)
    return recall, false / cases if cases else np.nan, precision, f1


def assert_as_looped(found, logits, guess, targets, labels):
    expected = looped(logits, guess, targets, labels)
    for name in ("network", "replaced", "at_once"):
        one = getattr(found, name)
        got = np.transpose([one.recall, one.false_alarms, one.precision, one.f1])
        np.testing.assert_allclose(got, expected[name], rtol=1e-12, err_msg=name)
    assert found.at_once_top1 == pytest.approx(expected["right at once"] / np.sum(np.array(labels) >= 0))
    for counts, direct in (
        (found.confusions.false_alarms, expected["false"]),
        (found.confusions.misses, expected["miss"]),
    ):
        for row, dense in zip(direct, counts.toarray(), strict=True):
            assert {k: count for k, count in enumerate(dense) if count} == row


@pytest.mark.parametrize("targets", [range(N), [3, 4, 8], [7, 0, 5]], ids=["all", "some", "unordered"])
@pytest.mark.parametrize("labelled", ["all", "some", "none"])
def test_rates_and_confusions_are_those_of_plain_loops(targets, labelled):
    logits, coef, intercept = whole_numbers(1)
    targets = list(targets)
    labels = np.random.default_rng(2).integers(0, N, SAMPLES)
    labels[labels == 4] = 5  # a category without a case
    if labelled == "some":
        labels[::3] = -1
    given = None if labelled == "none" else labels
    guess = logits @ coef[targets].T + intercept[targets]
    found = measured(logits, coef, intercept, targets, given)
    labels = logits.argmax(axis=1) if given is None else labels
    top = np.sort(logits, axis=1)
    assert np.mean(top[:, -1] == top[:, -2]) > 0.3  # there are ties
    assert_as_looped(found, logits, guess, targets, labels.tolist())


def test_a_category_without_a_case_has_no_rates():
    logits, coef, intercept = whole_numbers(3)
    found = measured(logits, coef, intercept, range(N), np.full(SAMPLES, 2))
    for one in (found.network, found.replaced, found.at_once):
        for name in ("recall", "false_alarms", "f1"):
            values = getattr(one, name)
            assert np.isnan(np.delete(values, 2)).all()
            assert np.isfinite(values[2])
            assert one.mean(name) == values[2]
    assert np.isnan(np.delete(found.r2_own, 2)).all()


@pytest.mark.parametrize("rows", [1, 7, 128, 255, 300])
def test_counts_do_not_depend_on_how_samples_are_cut(rows, monkeypatch):
    logits, coef, intercept = whole_numbers(4)
    whole = measured(logits, coef, intercept, [7, 0, 5])
    monkeypatch.setattr("covlasso.logits.samples._ROWS", rows)
    cut = measured(logits, coef, intercept, [7, 0, 5])
    for name, values in whole.columns().items():
        np.testing.assert_allclose(values, cut.columns()[name], rtol=1e-13, err_msg=name)
    assert (whole.confusions.misses != cut.confusions.misses).nnz == 0


def test_rows_among_others_have_the_bits_of_those_alone(monkeypatch):
    """Sums are over the same samples together, whatever lies between them."""
    rng = np.random.default_rng(5)
    logits, coef = rng.standard_normal((900, N)), rng.standard_normal((N, N))
    np.fill_diagonal(coef, 0)
    keep = rng.random(900) < 0.4
    labels = rng.integers(-1, N, 900)
    monkeypatch.setattr("covlasso.logits.samples._ROWS", 32)
    some = measured(logits, coef, np.zeros(N), range(N), labels, keep)
    alone = measured(logits[keep], coef, np.zeros(N), range(N), labels[keep])
    for name, values in some.columns().items():
        np.testing.assert_array_equal(values, alone.columns()[name], err_msg=name)


def test_explained_variance_about_the_mean_on_all_and_on_own_samples():
    rng = np.random.default_rng(6)
    logits, coef = rng.standard_normal((SAMPLES, N)) + 50.0, rng.standard_normal((N, N)) / N
    np.fill_diagonal(coef, 0)
    labels = rng.integers(0, N, SAMPLES)
    labels[labels == 3] = -1
    labels[0] = 3  # one case: nothing varies
    found = measured(logits, coef, np.ones(N), range(N), labels)
    error = (logits - logits @ coef.T - 1) ** 2
    np.testing.assert_allclose(found.r2_centred, 1 - error.mean(axis=0) / logits.var(axis=0), rtol=1e-10)
    for i in range(N):
        own = labels == i
        expected = 1 - error[own, i].mean() / logits[own, i].var() if i != 3 else np.nan
        np.testing.assert_allclose(found.r2_own[i], expected, rtol=1e-9)


def test_several_predictors_have_the_figures_of_each_alone():
    logits, coef, intercept = whole_numbers(7)
    _, other, _ = whole_numbers(8)
    targets = np.arange(N, dtype=np.int32)
    pair = [predictor(one, intercept, targets) for one in (coef, other)]
    together = decisions(pair, targets, Samples(logits), np.array([0.5, 1.0]))
    for one, found in zip(pair, together, strict=True):
        alone = decisions([one], targets, Samples(logits), np.array([0.5, 1.0]))[0]
        for name, values in alone.columns().items():
            np.testing.assert_array_equal(values, found.columns()[name], err_msg=name)


def test_class_means_stand_for_logits_by_label():
    """A label that is not known has the mean of all."""
    logits, _, _ = whole_numbers(9)
    labels = np.random.default_rng(10).integers(-1, N, SAMPLES)
    means = np.random.default_rng(11).integers(-3, 4, (N, N)).astype(float)
    overall = np.arange(N) / 4.0
    targets = np.arange(N, dtype=np.int32)
    samples = Samples(logits, None, labels)
    found = decisions([ClassMeans(means, overall)], targets, samples, np.array([0.5]))[0]
    guess = np.array([overall if label < 0 else means[label] for label in labels])
    assert_as_looped(found, logits, guess, targets, labels.tolist())
    np.testing.assert_allclose(found.error, ((logits - guess) ** 2).mean(axis=0))


def test_most_frequent_confusions_come_first_and_equal_ones_by_number():
    logits = np.tile(np.eye(5), (1, 1))[[0, 1, 1, 2, 2, 3, 3, 3]]
    coef = np.zeros((5, 5))
    found = measured(logits, coef, np.array([9.0, 0, 0, -1, 0]), range(5))
    assert found.confusions.most(0).false_alarms == [(3, 3), (1, 2), (2, 2)]
    assert found.confusions.most(0, top=1).false_alarms == [(3, 3)]
    assert found.confusions.most(0).misses == []
    assert found.confusions.most(3) == ([], [(0, 3)])


def test_many_pairs_are_counted_in_little_memory(monkeypatch):
    monkeypatch.setattr("covlasso.evidence.confusions._WAITING", 10)
    logits, coef, intercept = whole_numbers(12)
    guess = logits @ coef.T + intercept
    found = measured(logits, coef, intercept, range(N))
    assert_as_looped(found, logits, guess, list(range(N)), logits.argmax(axis=1).tolist())


def test_between_networks_the_sources_are_those_of_the_other():
    logits, coef, intercept = whole_numbers(13)
    source, _, _ = whole_numbers(14)
    found = measured(logits, coef, intercept, range(N), source=source)
    assert_as_looped(
        found, logits, source @ coef.T + intercept, list(range(N)), logits.argmax(axis=1).tolist()
    )
