"""Baselines: each is what it says, recomputed from the moments; planted dependencies beat them."""

import numpy as np
import pytest
from oracles import assert_refused

import covlasso
from covlasso import Moments, SplitMoments


def moments_of(**logits):
    moments = Moments(list(logits))
    moments.update(logits)
    return moments


def draw(samples, n, seed, network=0):
    head = np.random.default_rng(network).standard_normal((6, n))
    rng = np.random.default_rng(seed)
    return rng.standard_normal((samples, 6)) @ head + 0.5 * rng.standard_normal((samples, n))


N, TERMS = 20, 3


@pytest.fixture(scope="module")
def halves():
    return SplitMoments(moments_of(net=draw(120, N, 1)), moments_of(net=draw(100, N, 2)))


@pytest.fixture(scope="module")
def deps(halves):
    return covlasso.solve(halves.fit.second_moment("net"), terms=TERMS)


def error_of(moments, target, support):
    """Least squares of one category on some others, on their own moments."""
    gram = moments.second_moment("net")
    b = np.linalg.solve(gram[np.ix_(support, support)], gram[support, target])
    return gram[target, target] - gram[support, target] @ b


def test_lasso_and_refit_are_found_from_each_other(deps, halves):
    refit = covlasso.solve(halves.fit.second_moment("net"), terms=TERMS, refit=True)
    one, other = (covlasso.compare_methods(d, halves, methods=["lasso", "refitted"]) for d in (deps, refit))
    for method, direct in (("lasso", deps), ("refitted", refit)):
        expected = covlasso.evaluate(direct, halves)
        for found in (one[method], other[method]):
            np.testing.assert_allclose(found.held_out.error, expected.held_out.error, rtol=1e-9)
            np.testing.assert_allclose(found.fit.error, expected.fit.error, rtol=1e-9)


def test_largest_correlations(deps, halves):
    found = covlasso.compare_methods(deps, halves, methods=["correlation"])["correlation"]
    gram = halves.fit.second_moment("net")
    for target in range(N):
        size = np.abs(gram[target]) / np.sqrt(gram.diagonal())
        size[target] = 0
        assert found.fit.error[target] == pytest.approx(
            error_of(halves.fit, target, np.argsort(-size)[:TERMS]), rel=1e-9
        )


def test_matching_pursuit_takes_the_source_that_correlates_most_with_what_is_left(deps, halves):
    found = covlasso.compare_methods(deps, halves, methods=["pursuit"])["pursuit"]
    gram = halves.fit.second_moment("net")
    scale = np.sqrt(gram.diagonal())
    for target in range(N):
        support, residual = [], gram[target].copy()
        for _ in range(TERMS):
            size = np.abs(residual) / scale
            size[[target, *support]] = 0
            support.append(int(np.argmax(size)))
            b = np.linalg.solve(gram[np.ix_(support, support)], gram[support, target])
            residual = gram[target] - gram[:, support] @ b
        assert found.fit.error[target] == pytest.approx(error_of(halves.fit, target, support), rel=1e-9)


def test_random_terms_have_a_seed(deps, halves):
    one, again, other = (
        covlasso.compare_methods(deps, halves, methods=["random"], seed=seed)["random"] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one.held_out.error, again.held_out.error)
    assert (one.held_out.error != other.held_out.error).any()
    assert (one.n_terms == TERMS).all()


def test_all_others_are_least_squares(deps, halves):
    found = covlasso.compare_methods(deps, halves, methods=["all"])["all"]
    for target in range(N):
        others = np.delete(np.arange(N), target)
        assert found.fit.error[target] == pytest.approx(error_of(halves.fit, target, others), rel=1e-9)


def test_planted_dependencies_beat_every_choice_of_as_many_terms():
    rng = np.random.default_rng(5)
    sources = rng.standard_normal((4000, 20))
    weight = np.zeros((5, 20))
    for i, support in enumerate(rng.permutation(20)[:15].reshape(5, 3)):
        weight[i, support] = [1.0, -0.8, 0.6]
    logits = np.hstack([sources, sources @ weight.T + 0.05 * rng.standard_normal((4000, 5))])
    halves = SplitMoments(moments_of(net=logits[:2000]), moments_of(net=logits[2000:]))
    deps = covlasso.solve_moments(
        halves.fit, target="net", source="net", terms=3, targets=np.arange(20, 25, dtype=np.int32)
    )
    np.testing.assert_array_equal(deps.coef.toarray()[:, :20] != 0, weight != 0)  # precision and recall 1
    found = covlasso.compare_methods(deps, halves, methods=["refitted", "random"])
    assert (found["refitted"].held_out.r2 > 0.99).all()
    assert (found["random"].held_out.r2 < 0.8).all()


def test_between_networks_the_twin_stays_out():
    a, b = draw(200, N, 6), draw(200, N, 6, network=1)
    halves = SplitMoments(moments_of(a=a[:100], b=b[:100]), moments_of(a=a[100:], b=b[100:]))
    deps = covlasso.solve_moments(halves.fit, target="a", source="b", terms=TERMS, refit=True)
    found = covlasso.compare_methods(
        deps, halves, methods=["lasso", "refitted", "correlation", "random", "all"]
    )
    gram, cross = halves.fit.second_moment("b"), halves.fit.second_moment("a", "b")
    for target in range(N):
        others = np.delete(np.arange(N), target)
        c = cross[target, others]
        error = halves.fit.energy("a")[target] - c @ np.linalg.solve(gram[np.ix_(others, others)], c)
        assert found["all"].fit.error[target] == pytest.approx(error, rel=1e-8)
    lasso = covlasso.solve_moments(halves.fit, target="a", source="b", terms=TERMS)
    direct = covlasso.evaluate(lasso, halves)
    np.testing.assert_allclose(found["lasso"].held_out.error, direct.held_out.error, rtol=1e-9)


def test_duplicates_share_their_coefficient():
    rows = draw(100, 10, 7)
    rows = np.hstack([rows, rows[:, :2]])
    halves = SplitMoments(moments_of(net=rows), moments_of(net=draw(50, 12, 8)))
    deps = covlasso.solve(halves.fit.second_moment("net"), terms=4)
    found = covlasso.compare_methods(deps, halves, methods=["correlation", "all"])
    for one in found.values():
        assert np.isfinite(one.held_out.error).all()
    assert found["all"].fit.error[[0, 1, 10, 11]].max() < 1e-9


@pytest.mark.parametrize("classes", ["labels", "decisions"])
@pytest.mark.parametrize("given", [True, False])
def test_the_class_mean_stands_for_every_logit(classes, given):
    """By the label of a sample, or its decision; the mean of all where the class had no fitted sample."""
    a, b = draw(300, N, 9), draw(300, N, 9, network=1)
    rng = np.random.default_rng(10)
    labels = rng.integers(-1, N - 1, 300)  # the last category is never a label
    fit, later = slice(None, 150), slice(150, None)
    moments = Moments(["a", "b"], classes=classes)
    moments.update({"a": a[fit], "b": b[fit]}, labels[fit] if classes == "labels" else None)
    deps = covlasso.solve_moments(moments, target="a", source="b", terms=TERMS, refit=True)
    found = covlasso.compare_methods(
        deps,
        SplitMoments(moments, None),
        methods=["refitted", "class mean"],
        logits=a[later],
        source_logits=b[later],
        labels=labels[later] if given else None,
    )
    by = labels[fit] if classes == "labels" else a[fit].argmax(axis=1)
    overall = a[fit].mean(axis=0)
    means = [a[fit][by == k].mean(axis=0) if (by == k).any() else overall for k in range(N)]
    of = labels[later] if given else a[later].argmax(axis=1)
    guess = np.array([means[k] if k >= 0 else overall for k in of])
    one = found["class mean"].decisions
    np.testing.assert_allclose(one.error, ((a[later] - guess) ** 2).mean(axis=0), rtol=1e-10)
    for t in range(N):
        replaced = a[later].copy()
        replaced[:, t] = guess[:, t]
        cases = of == t
        if cases.any():
            assert one.replaced.recall[t] == np.mean(replaced.argmax(axis=1)[cases] == t)
    assert found["class mean"].fit is None
    assert (found["class mean"].n_terms == 0).all()
    np.testing.assert_array_equal(
        found["refitted"].decisions.error,
        covlasso.evaluate(deps, logits=a[later], source_logits=b[later]).decisions.error,
    )


def test_all_that_can_be_found_is_the_default(deps, halves):
    assert "class mean" not in covlasso.compare_methods(deps, halves)
    known = Moments(["net"], classes="decisions")
    known.update({"net": draw(120, N, 1)})
    split = SplitMoments(known, halves.held_out)
    rows = draw(50, N, 3)
    found = covlasso.compare_methods(deps, split, logits=rows)
    assert tuple(found) == tuple(one for one in covlasso.evidence.METHODS if one != "all samples")
    assert found["lasso"].decisions.count == 50


def test_the_class_mean_needs_classes_and_logits(deps, halves):
    options = {"methods": ["class mean"]}
    assert_refused(lambda: covlasso.compare_methods(deps, halves, **options), ValueError, ["logits"])
    options["logits"] = draw(30, N, 3)
    assert_refused(lambda: covlasso.compare_methods(deps, halves, **options), ValueError, ["classes"])


def test_bad_input_is_refused(deps, halves):
    assert_refused(
        lambda: covlasso.compare_methods(deps, halves, methods=["lars"]), ValueError, ["lars", "lasso"]
    )
    assert_refused(lambda: covlasso.compare_methods(deps, halves.held_out), ValueError, ["fit part"])


def test_a_pursuit_is_compared_as_it_is(halves):
    gram = halves.fit.second_moment("net")
    deps = covlasso.solve(gram, terms=TERMS, method="pursuit")
    found = covlasso.compare_methods(deps, halves, methods=["lasso", "refitted", "pursuit", "random"])
    expected = covlasso.evaluate(deps, halves)
    np.testing.assert_array_equal(found["pursuit"].held_out.error, expected.held_out.error)
    for method, refit in (("lasso", False), ("refitted", True)):  # as many terms
        lasso = covlasso.solve(gram, terms=TERMS, refit=refit)
        expected = covlasso.evaluate(lasso, halves)
        np.testing.assert_array_equal(found[method].held_out.error, expected.held_out.error)


def draw_classes(samples, seed, network=0):
    """Logits of classes that a network recognises mostly, and the classes."""
    head = np.random.default_rng(network).standard_normal((6, N))
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, N, samples)
    hidden = 3.0 * (head / np.linalg.norm(head, axis=0)).T[classes] + 0.7 * rng.standard_normal((samples, 6))
    return hidden @ head + 0.5 * rng.standard_normal((samples, N)), classes


def focused_parts(f, g, classes, target, alpha):
    """Second moments of sources, cross and energy where the target's class has the share alpha, in full."""
    both = np.column_stack([g, f[:, target]])
    second = both.T @ both / len(g)
    inside = np.zeros_like(second)
    for k in np.unique(classes):
        own = both[classes == k]
        apart = own - own.mean(axis=0)
        inside += apart.T @ apart / len(g)
    mean = both[classes == target].mean(axis=0)
    whole = (1 - alpha) * second + alpha * (inside + np.outer(mean, mean))
    return whole[:-1, :-1], whole[-1, :-1], whole[-1, -1]


@pytest.mark.parametrize("between", [False, True])
def test_baselines_have_the_same_focus(between):
    """Least squares of each choice in the focused moments, written out."""
    f, classes = draw_classes(600, 11)
    g = draw(600, N, 12, network=1) + 0.5 * f if between else f
    moments = Moments(["a", "b"], classes="labels")
    moments.update({"a": f, "b": g}, classes)
    source = "b" if between else "a"
    options = {"target": "a", "source": source, "terms": TERMS, "focus": 0.3}
    deps = covlasso.solve_moments(moments, refit=True, **options)
    found = covlasso.compare_methods(
        deps, SplitMoments(moments, None), methods=["random", "correlation", "all"], seed=2,
        logits=f, source_logits=g if between else None, labels=classes,
    )  # fmt: skip
    rng = np.random.default_rng(2)
    guess = {method: np.empty((600, N)) for method in found}
    for i in range(N):
        gram, c, _ = focused_parts(f, g, classes, i, 0.3)
        others = np.delete(np.arange(N), i)
        largest = np.argsort(-np.abs(c[others]) / np.sqrt(gram.diagonal()[others]), kind="stable")
        chosen = {
            "random": np.sort(rng.choice(others, TERMS, replace=False)),
            "correlation": np.sort(others[largest[:TERMS]]),
            "all": others,
        }
        for method, support in chosen.items():
            b = np.linalg.solve(gram[np.ix_(support, support)], c[support])
            guess[method][:, i] = g[:, support] @ b
    for method, one in found.items():
        error = ((f - guess[method]) ** 2).mean(axis=0)
        np.testing.assert_allclose(one.decisions.error, error, rtol=1e-7, err_msg=method)


def test_other_focuses_stand_beside_and_targets_may_have_different_ones():
    f, classes = draw_classes(500, 13)
    moments = Moments(["net"], classes="labels")
    moments.update({"net": f}, classes)
    split = SplitMoments(moments, None)
    shares = np.where(np.arange(N) % 2, 0.1, 0.3)
    deps = covlasso.solve_moments(moments, terms=TERMS, refit=True, focus=shares)
    found = covlasso.compare_methods(deps, split, logits=f, labels=classes)
    assert tuple(found) == covlasso.evidence.METHODS
    for method, focus in (("all samples", None), ("own samples", 1.0), ("refitted", shares)):
        direct = covlasso.solve_moments(moments, terms=TERMS, refit=True, focus=focus)
        expected = covlasso.evaluate(direct, logits=f, labels=classes).decisions
        np.testing.assert_allclose(found[method].decisions.error, expected.error, rtol=1e-9, err_msg=method)
    lasso = covlasso.solve_moments(moments, terms=TERMS, focus=shares)
    np.testing.assert_allclose(
        found["lasso"].decisions.error, covlasso.evaluate(lasso, logits=f).decisions.error, rtol=1e-7
    )
    for i in (4, 7):
        gram, c, _ = focused_parts(f, f, classes, i, shares[i])
        others = np.delete(np.arange(N), i)
        b = np.linalg.solve(gram[np.ix_(others, others)], c[others])
        error = ((f[:, i] - f[:, others] @ b) ** 2).mean()
        assert found["all"].decisions.error[i] == pytest.approx(error, rel=1e-7)


def test_own_samples_only_are_those_given():
    """As in the paper's figure: every equation on the samples of its class alone."""
    f, classes = draw_classes(500, 14)
    moments = Moments(["net"], classes="labels")
    moments.update({"net": f}, classes)
    own = covlasso.logits.Samples(f, None, classes)
    split = SplitMoments(moments, None)
    deps = covlasso.solve_moments(moments, terms=TERMS, refit=True)
    found = covlasso.compare_methods(
        deps, split, methods=["own samples"], logits=f, labels=classes, own_samples=own
    )["own samples"]
    for i in (2, 11):
        rows = f[classes == i]
        direct = covlasso.solve(rows.T @ rows / len(rows), terms=TERMS, refit=True)
        error = ((f[:, i] - f @ direct.coef.toarray()[i]) ** 2).mean()
        assert found.decisions.error[i] == pytest.approx(error, rel=1e-6)


def test_baselines_of_equations_of_own_samples_are_of_own_samples():
    f, classes = draw_classes(500, 15)
    classes[classes == 3] = 4  # a category without samples: its equation is that of all
    moments = Moments(["net"], classes="labels")
    moments.update({"net": f}, classes)
    own = covlasso.logits.Samples(f, None, classes)
    split = SplitMoments(moments, None)
    deps = covlasso.solve_moments(moments, terms=TERMS, refit=True, focus=0.3, samples=own)
    options = {"logits": f, "labels": classes}
    found = covlasso.compare_methods(deps, split, methods=["all", "refitted"], own_samples=own, **options)
    for i in (3, 8):
        gram = f.T @ f / len(f)
        if i == 8:
            rows = f[classes == i]
            gram = 0.7 * gram + 0.3 * rows.T @ rows / len(rows)
        others = np.delete(np.arange(N), i)
        b = np.linalg.solve(gram[np.ix_(others, others)], gram[others, i])
        error = ((f[:, i] - f[:, others] @ b) ** 2).mean()
        assert found["all"].decisions.error[i] == pytest.approx(error, rel=1e-6)
    assert tuple(covlasso.compare_methods(deps, split, **options)) == (
        "refitted", "all samples", "own samples", "class mean",
    )  # fmt: skip
    assert_refused(
        lambda: covlasso.compare_methods(deps, split, methods=["random"], **options),
        ValueError,
        ["own samples", "own_samples="],
    )


def test_all_others_on_own_samples_only_are_least_squares_on_these():
    f, classes = draw_classes(500, 16)
    classes[classes == 3] = 4
    moments = Moments(["net"], classes="labels")
    moments.update({"net": f}, classes)
    own = covlasso.logits.Samples(f, None, classes)
    deps = covlasso.solve_moments(moments, terms=TERMS, refit=True, focus="own", samples=own)
    found = covlasso.compare_methods(
        deps, SplitMoments(moments, None), methods=["all"], own_samples=own, logits=f, labels=classes
    )["all"]
    for i in (3, 8):
        rows = f[classes == i] if i == 8 else f
        others = np.delete(np.arange(N), i)
        b = np.linalg.lstsq(rows[:, others], rows[:, i], rcond=None)[0]
        error = ((f[:, i] - f[:, others] @ b) ** 2).mean()
        assert found.decisions.error[i] == pytest.approx(error, rel=1e-6)


def test_targets_without_samples_of_their_class_are_compared_on_the_moments_of_all(monkeypatch):
    """As they are solved: not with a row for every class there is, which costs time and roundings."""
    f, classes = draw_classes(500, 17)
    classes[classes == 3] = 4
    moments = Moments(["net"], classes="labels")
    moments.update({"net": f}, classes)
    deps = covlasso.solve_moments(moments, terms=TERMS, refit=True, focus=0.3)
    counts, own = [], covlasso.moments.Focus.own

    def counted(*arguments):
        rows = own(*arguments)
        counts.append(rows.counts.max())
        return rows

    monkeypatch.setattr(covlasso.moments.Focus, "own", counted)
    found = covlasso.compare_methods(deps, SplitMoments(moments, None), logits=f, labels=classes)
    assert set(counts) == {1}
    plain = covlasso.solve_moments(moments, terms=TERMS, refit=True)
    np.testing.assert_array_equal(deps.coef[[3]].toarray(), plain.coef[[3]].toarray())
    for method in ("lasso", "refitted", "all samples", "own samples"):
        expected = covlasso.solve_moments(moments, terms=TERMS, refit=method != "lasso")
        error = covlasso.evaluate(expected, logits=f).decisions.error[3]
        assert found[method].decisions.error[3] == pytest.approx(error, rel=1e-9)


def test_class_means_of_a_head_are_those_of_its_logits():
    """They are made of the features' means as they are asked for: a vocabulary's would be n x n numbers."""
    rng = np.random.default_rng(18)
    classes = rng.integers(0, N - 1, 300)  # one category has no sample
    head = covlasso.LinearHead(rng.standard_normal((N, 5)), rng.standard_normal(N))
    features = rng.standard_normal((300, 5)) + head.weight[classes]
    logits = head.logits(features).T
    found = []
    for heads, rows in (({"net": head}, features), ({}, logits)):
        moments = Moments(["net"], heads=heads, classes="labels")
        moments.update({"net": rows}, classes)
        deps = covlasso.solve_moments(moments, terms=2, targets=np.array([3, N - 1], dtype=np.int32))
        labels = np.where(np.arange(300) % 7, classes, -1)
        labels[:5] = N - 1
        one = covlasso.compare_methods(
            deps, SplitMoments(moments, None), methods=["class mean"], logits=logits, labels=labels
        )
        found.append(one["class mean"].decisions)
        known = np.array([logits[classes == k].mean(axis=0) for k in range(N - 1)])
        said = np.where(labels[:, np.newaxis] % N < N - 1, known[labels % (N - 1)], logits.mean(axis=0))
        said[labels < 0] = logits.mean(axis=0)
        np.testing.assert_allclose(
            found[-1].error, ((logits - said)[:, deps.targets] ** 2).mean(axis=0), rtol=1e-10
        )
