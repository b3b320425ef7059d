"""Focus: the moments it stands for written out, classes of every size, what is said where there are none."""

import dataclasses

import numpy as np
import pytest

import covlasso
from covlasso.evidence import is_fit
from covlasso.moments import Focus
from covlasso.solver import Blocks

KINDS = ("second_moment", "covariance", "correlation")


class Case:
    """Logits of two models, perhaps from features, with labels or own decisions; the last class is empty."""

    def __init__(self, f_head=False, g_head=False, labels=False, seed=0, count=400):
        rng = np.random.default_rng(seed)
        self.sizes = {"f": 8, "g": 9}
        heads, batch, self.logits = {}, {}, {}
        for name, head in (("f", f_head), ("g", g_head)):
            n = self.sizes[name]
            if head:
                weight, bias = rng.normal(size=(n, 6)), rng.normal(size=n) * 2.0
                features = rng.normal(size=(count, 6)) + 0.5
                heads[name], batch[name] = covlasso.LinearHead(weight, bias), features
                self.logits[name] = features @ weight.T + bias
            else:
                batch[name] = rng.normal(size=(count, n)) @ rng.normal(size=(n, n)) + 3.0
                self.logits[name] = batch[name]
        self.labels = rng.integers(-1, 6, size=count) if labels else None  # 7 is empty
        if labels:
            self.labels[5] = 6  # a class of one sample
        self.moments = covlasso.Moments(["f", "g"], heads=heads, classes="labels" if labels else "decisions")
        self.moments.update(batch, **({"labels": self.labels} if labels else {}))

    def classes(self, target):
        return self.logits[target].argmax(axis=1) if self.labels is None else self.labels

    def expected(self, target, source, kind, alpha, i):
        """G, c and e of target i, from the samples."""
        f, g, label = self.logits[target][:, i], self.logits[source], self.classes(target)
        own = label == i
        base_f, base_g = (0.0, 0.0 * g[0]) if kind == "second_moment" else (f.mean(), g.mean(axis=0))
        z = np.column_stack([g - base_g, f - base_f])
        whole = z.T @ z / len(z)
        if own.any():
            within, mean = z.copy(), z[own].mean(axis=0)
            for k in np.unique(label[label >= 0]):
                within[label == k] -= z[label == k].mean(axis=0)
            share = alpha if kind == "second_moment" else alpha * (1.0 - alpha)
            whole = (1.0 - alpha) * whole + alpha * within.T @ within / len(z) + share * np.outer(mean, mean)
        if kind == "correlation":
            deviation = np.append(g.std(axis=0), f.std())
            whole = whole / np.outer(deviation, deviation)
        return whole[:-1, :-1], whole[-1, :-1], whole[-1, -1]


DIRECTIONS = [("f", "f"), ("f", "g")]


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("heads", [(False, False), (True, True), (True, False), (False, True)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", [0.1, 0.6, 1.0])
def test_moments_written_out(labels, heads, kind, alpha):
    case = Case(*heads, labels)
    for target, source in DIRECTIONS:
        origin = covlasso.Origin(target, source, kind)
        every = np.arange(case.sizes[target], dtype=np.int32)
        blocks = Blocks.of(case.moments, origin, focus=np.full(len(every), alpha))
        for i in every:
            gram, cross, energy = case.expected(target, source, kind, alpha, i)
            top = np.abs(gram).max()
            sources = np.arange(case.sizes[source])
            np.testing.assert_allclose(blocks.block(i, sources), gram, atol=1e-10 * top)
            np.testing.assert_allclose(blocks.row(i), cross, atol=1e-10 * top)
            assert blocks.energy[i] == pytest.approx(energy, abs=1e-10 * top)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("heads", [False, True])
def test_equations_are_those_of_the_gram_written_out(kind, heads):
    case = Case(heads, heads, labels=True)
    for target, source in DIRECTIONS:
        found = covlasso.solve_moments(
            case.moments, target=target, source=source, kind=kind, focus=0.4, terms=4, refit=True
        )
        for i in range(case.sizes[target]):
            gram, cross, energy = case.expected(target, source, kind, 0.4, i)
            if target == source:
                alone = covlasso.solve(gram, targets=[i], terms=4, refit=True)
            else:
                alone = covlasso.solve(gram, cross[np.newaxis], [energy], exclude=None, terms=4, refit=True)
            np.testing.assert_allclose(found.coef[[i]].toarray(), alone.coef.toarray(), atol=1e-9)
            assert found.error[i] == pytest.approx(alone.error[0], abs=1e-9 * energy)


def test_weighted_samples():
    """With every class of as many samples and W the same in all, a share is a weight of the own samples."""
    rng = np.random.default_rng(5)
    within = rng.normal(size=(50, 6))
    within -= within.mean(axis=0)
    means = rng.normal(size=(6, 6)) * 2.0
    logits = np.concatenate([within + mean for mean in means])
    labels = np.repeat(np.arange(6), 50)
    moments = covlasso.Moments(["m"], classes="labels")
    moments.update({"m": logits}, labels=labels)
    found = covlasso.solve_moments(moments, focus=0.3, terms=5, refit=True)
    for i in range(6):
        weight = (0.7 + 0.3 * 6 * (labels == i)) / 300
        others = np.delete(logits, i, axis=1)
        root = np.sqrt(weight)[:, np.newaxis]
        solution = np.linalg.lstsq(root * others, root[:, 0] * logits[:, i], rcond=None)[0]
        np.testing.assert_allclose(np.delete(found.coef[[i]].toarray()[0], i), solution, atol=1e-10)


def test_without_focus_the_bits_are_those_of_today():
    case = Case()
    plain = covlasso.solve_moments(case.moments, target="f", terms=4)
    for focus in (0.0, 0, None):
        same = covlasso.solve_moments(case.moments, target="f", terms=4, focus=focus)
        np.testing.assert_array_equal(same.coef.data, plain.coef.data)
        assert same.focus is None
        assert same.origin == plain.origin


def test_a_class_without_samples_has_the_equation_without_focus():
    case = Case(labels=True)
    plain = covlasso.solve_moments(case.moments, target="f", terms=4)
    found = covlasso.solve_moments(case.moments, target="f", terms=4, focus=0.3)
    assert found.unfocused.tolist() == [7]
    np.testing.assert_array_equal(found.focus, [0.3] * 7 + [0.0])
    np.testing.assert_array_equal(found.coef[[7]].toarray(), plain.coef[[7]].toarray())
    assert "focus 0.3 by labels, none for 1 targets without samples of theirs" in repr(found)
    assert found.origin.focus == "labels"


def test_all_samples_in_one_class():
    case = Case(labels=True)
    moments = covlasso.Moments(["f"], classes="labels")
    moments.update({"f": case.logits["f"]}, labels=np.full(400, 2))
    plain = covlasso.solve_moments(moments, terms=4)
    found = covlasso.solve_moments(moments, terms=4, focus=0.5)
    np.testing.assert_allclose(found.coef.toarray(), plain.coef.toarray(), atol=1e-12)  # G_2 is G itself


def test_every_sample_a_class_of_its_own():
    """Then nothing is within classes: G_i = (1 - alpha) G + alpha mu_i mu_i'."""
    logits = np.random.default_rng(7).normal(size=(6, 6)) + 2.0 * np.eye(6)
    moments = covlasso.Moments(["m"], classes="labels")
    moments.update({"m": logits}, labels=np.arange(6))
    found = covlasso.solve_moments(moments, terms=3, refit=True, focus=0.5)
    gram = logits.T @ logits / 6
    for i in range(6):
        alone = covlasso.solve(
            0.5 * gram + 0.5 * np.outer(logits[i], logits[i]), targets=[i], terms=3, refit=True
        )
        np.testing.assert_allclose(found.coef[[i]].toarray(), alone.coef.toarray(), atol=1e-9)


def test_one_share_per_target():
    case = Case(labels=True)
    shares = np.array([0.1, 0.3, 0.1, 0.0, 0.3, 0.3, 0.5, 0.2])
    found = covlasso.solve_moments(case.moments, target="f", source="g", terms=4, focus=shares)
    for share in (0.1, 0.3, 0.5):
        one = covlasso.solve_moments(case.moments, target="f", source="g", terms=4, focus=share)
        here = np.flatnonzero(shares == share)
        np.testing.assert_allclose(found.coef[here].toarray(), one.coef[here].toarray(), atol=1e-12)
    assert found.targets.tolist() == list(range(8))
    np.testing.assert_array_equal(found.focus, [0.1, 0.3, 0.1, 0.0, 0.3, 0.3, 0.5, 0.0])
    some = covlasso.solve_moments(
        case.moments,
        target="f",
        source="g",
        terms=4,
        focus=shares[[6, 1]],
        targets=np.array([6, 1], np.int32),
    )
    np.testing.assert_allclose(some.coef.toarray(), found.coef[[6, 1]].toarray(), atol=1e-12)


def test_shares_of_the_whole_direction_at_once():
    """Paths of all targets together: those without samples get back what the shared matrix lacks."""
    case = Case(labels=True)
    for target, source in DIRECTIONS:
        found = covlasso.solve_moments(
            case.moments, target=target, source=source, terms=4, refit=True, focus=0.3
        )
        blocks = Blocks.of(case.moments, found.origin, found.targets, focus=found.focus)
        again = blocks.paths(max_terms=4).at(terms=4, refit=True)
        np.testing.assert_allclose(again.coef.toarray(), found.coef.toarray(), atol=1e-9)
        np.testing.assert_allclose(blocks.error(found.coef), found.error, atol=1e-9 * found.energy.max())
        np.testing.assert_array_equal(again.focus, found.focus)


@pytest.mark.parametrize("between", [False, True])
@pytest.mark.parametrize("focus", ["own", 0.3])
def test_own_samples(between, focus):
    case = Case(labels=False, seed=3)
    f, g = case.logits["f"], case.logits["g"]
    alpha = 1.0 if focus == "own" else focus
    source = g if between else f
    samples = covlasso.logits.Samples(f, g if between else None)
    found = covlasso.solve_moments(
        case.moments, target="f", source="g" if between else "f", focus=focus, samples=samples, terms=3,
        refit=True,
    )  # fmt: skip
    for i in range(8):
        own = f.argmax(axis=1) == i
        if not own.any():
            assert i in found.unfocused
            continue
        gram, cross = source.T @ source / len(f), f[:, i] @ source / len(f)
        gram = (1 - alpha) * gram + alpha * source[own].T @ source[own] / own.sum()
        cross = (1 - alpha) * cross + alpha * f[own, i] @ source[own] / own.sum()
        energy = (1 - alpha) * np.square(f[:, i]).mean() + alpha * np.square(f[own, i]).mean()
        if between:
            alone = covlasso.solve(gram, cross[np.newaxis], [energy], exclude=None, terms=3, refit=True)
        else:
            alone = covlasso.solve(gram, targets=[i], terms=3, refit=True)
        np.testing.assert_allclose(found.coef[[i]].toarray(), alone.coef.toarray(), atol=1e-8)
    assert found.origin.focus == "own samples"


def test_saved_and_joined(tmp_path):
    case = Case(labels=True)
    found = covlasso.solve_moments(case.moments, target="f", terms=4, focus=0.3)
    found.save(tmp_path / "d.safetensors")
    loaded = covlasso.Dependencies.load(tmp_path / "d.safetensors")
    np.testing.assert_array_equal(loaded.focus, found.focus)
    assert loaded.origin == found.origin
    turned = found.take(np.arange(8)[::-1])
    joined = covlasso.Dependencies.concatenate([turned.take(np.arange(3)), turned.take(np.arange(3, 8))])
    np.testing.assert_array_equal(joined.take(np.argsort(joined.targets)).focus, found.focus)


def test_select_on_focused_moments():
    fit, other = Case(seed=1), Case(seed=2)
    found = covlasso.solve_moments(fit.moments, target="f", terms=6, focus=0.3)
    path = Blocks.of(fit.moments, found.origin, found.targets, focus=found.focus).paths(max_terms=6)
    choice = covlasso.select(path, other.moments, target="f")
    held_out = Blocks.of(other.moments, found.origin, found.targets, focus=path.focus)
    np.testing.assert_allclose(choice.held_out_error, held_out.error(choice.dependencies.coef), rtol=1e-9)
    for scale in (0.9, 1.1):  # no place beside it is better
        lam = np.maximum(choice.lam * scale, path.lambda_end)
        assert (held_out.error(path.at(lam=lam).coef) >= choice.held_out_error * (1 - 1e-9)).all()


@pytest.mark.parametrize("kind", ["covariance", "correlation"])
def test_intercepts_are_those_of_the_focused_means(kind):
    case = Case(labels=True)
    found = covlasso.solve_moments(
        case.moments, target="f", source="g", kind=kind, focus=0.4, terms=9, refit=True
    )
    means = Focus(case.moments, "f", "g", kind, 0.4).means(np.array([2]))
    f, g, own = case.logits["f"], case.logits["g"], case.labels == 2
    np.testing.assert_allclose(means[0], 0.4 * (f[own, 2].mean() - f[:, 2].mean()), atol=1e-12)
    np.testing.assert_allclose(means[1][0], 0.4 * (g[own].mean(axis=0) - g.mean(axis=0)), atol=1e-12)
    # At the focused means the equation is met exactly: what is left over there is 0.
    from covlasso.evidence import prediction_of

    prediction = prediction_of(found, case.moments, case.moments, None, None)
    at = g.mean(axis=0) + means[1][0]
    value = prediction.intercept[2] + prediction.coef[[2]].toarray()[0] @ at
    assert value == pytest.approx(f[:, 2].mean() + means[0][0], abs=1e-9)


def test_what_is_wrong_is_said():
    case, bare = Case(), covlasso.Moments(["f"])
    bare.update({"f": case.logits["f"]})
    solve = covlasso.solve_moments
    with pytest.raises(ValueError, match=r'these moments have none; make them with classes="decisions"'):
        solve(bare, terms=3, focus=0.3)
    with pytest.raises(ValueError, match=r"focus is 1\.5; a share from 0"):
        solve(case.moments, target="f", terms=3, focus=1.5)
    with pytest.raises(ValueError, match=r"focus\[2\] is nan"):
        solve(case.moments, target="f", terms=3, focus=[0.1, 0.1, np.nan, 0.1, 0.1, 0.1, 0.1, 0.1])
    with pytest.raises(ValueError, match=r"focus has shape \(3,\)"):
        solve(case.moments, target="f", terms=3, focus=[0.1, 0.1, 0.1])
    with pytest.raises(TypeError, match="a number from 0 to 1 is expected"):
        solve(case.moments, target="f", terms=3, focus="much")
    with pytest.raises(ValueError, match='focus="own" needs the samples'):
        solve(case.moments, target="f", terms=3, focus="own")
    samples = covlasso.logits.Samples(case.logits["f"])
    with pytest.raises(ValueError, match="samples are for a focus"):
        solve(case.moments, target="f", terms=3, samples=samples)
    with pytest.raises(ValueError, match="own samples are for kind second_moment"):
        solve(case.moments, target="f", terms=3, samples=samples, focus=0.3, kind="covariance")
    found = solve(case.moments, target="f", terms=3, focus=np.linspace(0.1, 0.8, 8))
    with pytest.raises(ValueError, match="different shares"):
        Blocks.of(case.moments, found.origin, found.targets, focus=found.focus)
    with pytest.raises(ValueError, match="focus is 'often'"):
        dataclasses.replace(found.origin, focus="often")


@pytest.mark.parametrize("kind", KINDS)
def test_moments_are_known_as_those_of_several_shares(kind):
    case, other = Case(labels=True), Case(labels=True, seed=1)
    shares = np.linspace(0.0, 0.7, 8)
    found = covlasso.solve_moments(case.moments, target="f", terms=3, kind=kind, focus=shares)
    assert is_fit(found, case.moments, None, None)
    assert not is_fit(found, other.moments, None, None)


def test_graphs_and_tables_say_the_share_of_every_target():
    nx = pytest.importorskip("networkx")
    case = Case(labels=True)
    found = covlasso.solve_moments(case.moments, target="f", source="g", terms=3, focus=0.3)
    graph = found.to_networkx()
    assert [graph.nodes["target", i]["focus"] for i in range(8)] == [0.3] * 7 + [0.0]
    assert isinstance(graph, nx.DiGraph)
    plain = covlasso.solve_moments(case.moments, target="f", source="g", terms=3)
    assert "focus" not in plain.to_networkx().nodes["target", 0]
    assert "focus 0.3 by labels" in found._repr_html_()
