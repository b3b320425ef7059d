"""Row-centred logits: moments by algebra, and of centred logits, against plain sums of f - mean(f)."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import covlasso
from covlasso import Accumulator, LinearHead, Moments, Split, SplitMoments
from covlasso.logits import Samples

N, M, D = 9, 6, 4
RNG = np.random.default_rng(0)
WEIGHT, BIAS = RNG.normal(size=(M, D)) + 2.0, RNG.normal(size=M)


def centred(logits: Any) -> Any:
    return logits - logits.mean(axis=1, keepdims=True)


def draw(samples: int = 700, seed: int = 1, common: float = 5.0) -> tuple[Any, Any]:
    """Logits of one model, and features of another."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(samples, D)) + 1.0
    logits = features @ rng.normal(size=(D, N)) + rng.normal(size=(samples, N))
    return logits + common * rng.normal(size=(samples, 1)), features


def made(head: bool, *, row_centred: bool, classes: Any = "decisions", samples: Any = None) -> Moments:
    logits, features = draw() if samples is None else samples
    heads = {"b": LinearHead(WEIGHT, BIAS)} if head else None
    moments = Moments(["a", "b"], heads=heads, classes=classes, row_centred=row_centred)
    for start in range(0, len(logits), 300):
        rows = slice(start, start + 300)
        batch = {"a": logits[rows], "b": features[rows] if head else features[rows] @ WEIGHT.T + BIAS}
        moments.update(batch, logits[rows].argmax(axis=1) if classes == "labels" else None)
    return moments


@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize("classes", ["decisions", "labels", None])
@pytest.mark.parametrize("by_algebra", [False, True])
def test_moments_are_those_of_centred_logits(head: bool, classes: Any, by_algebra: bool) -> None:
    moments = made(head, row_centred=not by_algebra, classes=classes)
    moments = moments.as_row_centred() if by_algebra else moments
    logits, features = draw()
    raw = {"a": logits, "b": features @ WEIGHT.T + BIAS}
    f = {name: centred(rows) for name, rows in raw.items()}
    assert moments.row_centred
    close = {"rtol": 1e-10, "atol": 1e-10}
    for a in f:
        np.testing.assert_allclose(moments.mean(a), f[a].mean(axis=0), **close)
        np.testing.assert_allclose(moments.gram(a) if a not in moments.heads else moments.gram(a).dense(),
                                   f[a].T @ f[a] / len(logits), **close)  # fmt: skip
        np.testing.assert_allclose(moments.energy(a, "covariance"), f[a].var(axis=0), **close)
        for b in f:
            np.testing.assert_allclose(moments.second_moment(a, b), f[a].T @ f[b] / len(logits), **close)
        if classes is None:
            continue
        for by in f:
            decided = (raw["a"] if classes == "labels" else raw[by]).argmax(axis=1)
            for k in np.unique(decided[decided < raw[by].shape[1]]):
                mean = f[a][decided == k].mean(axis=0)
                np.testing.assert_allclose(moments.class_means(a, by)[k], mean, **close)
                assert moments.class_counts(by)[k] == np.count_nonzero(decided == k)


def test_a_centred_head_is_that_of_centred_logits_and_holds_no_second_weight() -> None:
    plain = LinearHead(WEIGHT.astype(np.float32), BIAS.astype(np.float32))
    moments = Moments(["b"], heads={"b": plain})
    moments.update({"b": draw()[1]})
    head = moments.as_row_centred().heads["b"]
    weight = plain.weight.astype(np.float64)
    weight -= weight.mean(axis=0)
    features = draw(5)[1]
    expected = features @ weight.T + plain.bias.astype(np.float64) - plain.bias.astype(np.float64).mean()
    assert (head.categories, head.features) == (M, D)
    np.testing.assert_array_equal(head.weight, weight)
    np.testing.assert_allclose(head.logits(features).T, expected, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(
        head.of_rows(features, [4, 1]), features @ weight[[4, 1]].T, rtol=1e-13, atol=1e-14
    )
    np.testing.assert_array_equal(head.decisions(features), expected.argmax(axis=1))
    np.testing.assert_allclose(head.combined(np.eye(M)[:2]).weight, weight[:2])
    assert head == LinearHead(weight, head.bias)
    large = LinearHead(np.ones((20_000, 200), np.float32))
    tracemalloc.start()
    many = Moments(["b"], heads={"b": large}, row_centred=True)
    assert tracemalloc.get_traced_memory()[1] < large.weight.nbytes
    tracemalloc.stop()
    assert many.heads["b"].categories == 20_000


@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize("kind", ["second_moment", "covariance", "correlation"])
@pytest.mark.parametrize("focus", [None, 0.3])
def test_equations_do_not_see_a_constant_per_row(head: bool, kind: Any, focus: float | None) -> None:
    options = {"target": "a", "source": "b", "kind": kind, "terms": 2, "focus": focus, "refit": True}
    without = draw(common=0.0)
    with_common = draw(common=50.0)
    found = [
        covlasso.solve_moments(made(head, row_centred=False, samples=samples), row_centred=True, **options)
        for samples in (without, with_common)
    ]
    direct = covlasso.solve_moments(made(head, row_centred=True, samples=with_common), **options)
    assert found[0].origin.row_centred
    assert direct.origin.row_centred
    for other in (found[1], direct):
        np.testing.assert_array_equal(found[0].coef.indices, other.coef.indices)
        np.testing.assert_allclose(found[0].coef.data, other.coef.data, rtol=1e-8, atol=1e-10)


def test_evaluations_turn_moments_and_logits_by_themselves() -> None:
    fit, later = draw(seed=1), draw(seed=2)
    split = SplitMoments(
        made(False, row_centred=False, samples=fit), made(False, row_centred=False, samples=later)
    )
    raw = later[0], later[1] @ WEIGHT.T + BIAS
    deps = covlasso.solve_moments(split.fit, target="a", source="b", terms=2, row_centred=True, refit=True)
    found = covlasso.evaluate(deps, split, logits=raw[0], source_logits=raw[1])
    f, g = centred(raw[0]), centred(raw[1])
    guess = g @ deps.coef.toarray().T
    error = ((f - guess) ** 2).mean(axis=0)
    np.testing.assert_allclose(found.held_out.error, error, rtol=1e-9)
    np.testing.assert_allclose(found.decisions.error, error, rtol=1e-9)
    for t in range(N):
        replaced = f.copy()
        replaced[:, t] = guess[:, t]
        decided = raw[0].argmax(axis=1) == t
        if decided.any():
            recall = np.mean(replaced.argmax(axis=1)[decided] == t)
            assert found.decisions.replaced.recall[t] == pytest.approx(recall)
    same = covlasso.compare_methods(deps, split, methods=["refitted", "random", "class mean"],
                                    logits=raw[0], source_logits=raw[1])  # fmt: skip
    np.testing.assert_array_equal(same["refitted"].held_out.error, found.held_out.error)


def test_moments_of_row_centred_logits_are_refused_for_other_equations() -> None:
    raw = made(False, row_centred=False)
    deps = covlasso.solve_moments(raw, target="a", terms=2)
    with pytest.raises(ValueError, match="row-centred"):
        covlasso.evaluate(deps, raw.as_row_centred())


def test_both_kinds_are_not_added_up() -> None:
    with pytest.raises(ValueError, match="as_row_centred"):
        _ = made(False, row_centred=True) + made(False, row_centred=False)
    twice = made(True, row_centred=True) + made(True, row_centred=True)
    assert twice.row_centred
    np.testing.assert_allclose(twice.gram("b").dense(), made(True, row_centred=True).gram("b").dense())


@pytest.mark.parametrize("head", [False, True])
def test_files_and_states_keep_it_to_the_bit(head: bool, tmp_path: Any) -> None:
    moments = made(head, row_centred=True)
    moments.save(tmp_path / "m.safetensors")
    again = Moments.load(tmp_path / "m.safetensors")
    assert again.row_centred
    assert "row_centred=True" in repr(again)
    for name in "ab":
        np.testing.assert_array_equal(again.second_moment(name), moments.second_moment(name))
    heads = {"b": LinearHead(WEIGHT, BIAS)} if head else None
    logits, features = draw()
    batch = {"a": logits, "b": features if head else features @ WEIGHT.T + BIAS}
    keys = [str(k) for k in range(len(logits))]
    whole, begun = (
        Accumulator(["a", "b"], heads=heads, split=Split(0.5), row_centred=True) for _ in range(2)
    )
    whole.update(batch, keys)
    begun.update({name: rows[:333] for name, rows in batch.items()}, keys[:333])
    begun.save_state(tmp_path / "state")
    resumed, _ = Accumulator.load_state(tmp_path / "state")
    resumed.update({name: rows[333:] for name, rows in batch.items()}, keys[333:])
    for part in ("fit", "held_out"):
        one, other = (getattr(made_by.result(), part) for made_by in (whole, resumed))
        np.testing.assert_array_equal(one.second_moment("a", "b"), other.second_moment("a", "b"))
        np.testing.assert_array_equal(one.gram("b").dense() if head else one.gram("b"),
                                      other.gram("b").dense() if head else other.gram("b"))  # fmt: skip


def test_the_twin_is_kept_until_samples_come() -> None:
    moments = made(False, row_centred=False)
    first = moments.as_row_centred()
    assert moments.as_row_centred() is first
    assert first.as_row_centred() is first
    logits, features = draw(50, 9)
    moments.update({"a": logits, "b": features @ WEIGHT.T + BIAS})
    assert moments.as_row_centred().count == 750


def test_moments_from_elsewhere_say_what_they_are() -> None:
    f = centred(draw()[0])
    moments = Moments.from_arrays(len(f), {"a": f.mean(axis=0)}, {"a": f.T @ f / len(f)}, row_centred=True)
    assert moments.row_centred
    raw = draw()[0]
    with pytest.raises(ValueError, match=r"mean\['a'\].*as_row_centred"):
        Moments.from_arrays(
            len(raw), {"a": raw.mean(axis=0)}, {"a": raw.T @ raw / len(raw)}, row_centred=True
        )


def test_folds_selection_and_focus_take_it() -> None:
    parts = [made(False, row_centred=False, samples=draw(200, seed)) for seed in range(4)]
    options = {"target": "a", "source": "b"}
    stable = covlasso.stability(parts, terms=2, pairs=3, row_centred=True, **options)
    by_hand = covlasso.stability([part.as_row_centred() for part in parts], terms=2, pairs=3, **options)
    np.testing.assert_array_equal(stable.frequency.toarray(), by_hand.frequency.toarray())
    whole = parts[0] + parts[1]
    paths = covlasso.solver.path_moments(whole, row_centred=True, max_terms=4, **options)
    chosen = covlasso.select(paths, parts[2], row_centred=True, **options)
    again = covlasso.select(paths, parts[2].as_row_centred(), row_centred=True, **options)
    np.testing.assert_array_equal(chosen.held_out_error, again.held_out_error)
    logits, features = draw(300, 8)
    grid = {"alphas": [0.1, 0.3], "terms": [2, 3], "source_logits": features @ WEIGHT.T + BIAS, **options}
    focus = covlasso.choose_focus(whole, logits, row_centred=True, **grid)
    centred_by_hand = {**grid, "source_logits": centred(grid["source_logits"])}
    other = covlasso.choose_focus(whole.as_row_centred(), centred(logits), **centred_by_hand)
    np.testing.assert_allclose(focus.table(), other.table())


def test_digits_that_algebra_costs_are_those_that_it_says() -> None:
    logits = draw(common=1e4)[0]
    exact = centred(logits).T @ centred(logits) / len(logits)
    by_algebra, at_once = Moments(["a"]), Moments(["a"], row_centred=True)
    for moments in (by_algebra, at_once):
        moments.update({"a": logits})
    scale = np.abs(exact).max()
    assert np.abs(at_once.second_moment("a") - exact).max() < 1e-11 * scale
    assert np.abs(by_algebra.as_row_centred().second_moment("a") - exact).max() < 1e-6 * scale


def test_a_single_category_has_nothing_left() -> None:
    moments = Moments(["a"], row_centred=True)
    with pytest.raises(ValueError, match="'a' has a single category"):
        moments.update({"a": np.ones((3, 1))})
    assert moments.count == 0
    raw = Moments(["a", "b"])
    raw.update({"a": np.ones((3, 1)), "b": np.eye(3)})
    with pytest.raises(ValueError, match="'a' has a single category"):
        raw.as_row_centred()


@pytest.mark.parametrize("common", [0.0, 1e4])
def test_decisions_do_not_change(common: float) -> None:
    logits = draw(common=common)[0].astype(np.float32)
    logits[::7, 3] = logits[::7].max(axis=1)  # ties, too
    made = [chunk.target for chunk in Samples(logits, row_centred=True).chunks()]
    np.testing.assert_allclose(np.concatenate(made), centred(logits.astype(np.float64)), atol=1e-9)
    np.testing.assert_array_equal(np.concatenate(made).argmax(axis=1), logits.argmax(axis=1))
    raw, less = Moments(["a"], classes="decisions"), Moments(["a"], classes="decisions", row_centred=True)
    for moments in (raw, less):
        moments.update({"a": logits})
    np.testing.assert_array_equal(raw.class_counts("a"), less.class_counts("a"))


def test_equations_without_an_origin_are_measured_on_the_logits_of_their_moments() -> None:
    raw, later = draw(seed=1)[0], draw(seed=2)[0]
    fit, held_out = Moments(["a"], row_centred=True), Moments(["a"], row_centred=True)
    fit.update({"a": raw})
    held_out.update({"a": later})
    deps = covlasso.solve(fit.gram("a"), terms=2, refit=True)
    assert deps.origin is None
    f = centred(later)
    error = ((f - f @ deps.coef.toarray().T) ** 2).mean(axis=0)
    found = covlasso.evaluate(deps, SplitMoments(fit, held_out), logits=later)
    np.testing.assert_allclose(found.decisions.error, error, rtol=1e-9)
    np.testing.assert_allclose(found.held_out.error, error, rtol=1e-9)
    other = covlasso.compare_methods(deps, SplitMoments(fit, held_out), methods=["refitted"], logits=later)
    np.testing.assert_allclose(other["refitted"].decisions.error, error, rtol=1e-9)


def test_files_without_the_field_are_of_logits_as_they_are(tmp_path: Any) -> None:
    moments = made(True, row_centred=False)
    moments.save(tmp_path / "m.safetensors")
    deps = covlasso.solve_moments(moments, target="a", terms=2)
    deps.save(tmp_path / "d.safetensors")
    with safe_open(tmp_path / "d.safetensors", "numpy") as file:
        header = json.loads(file.metadata()["covlasso"])
    assert header["origin"].pop("row_centred") is False
    text = {"covlasso": json.dumps(header)}
    save_file(load_file(tmp_path / "d.safetensors"), tmp_path / "d.safetensors", text)
    with safe_open(tmp_path / "m.safetensors", "numpy") as file:
        assert "row_centred" not in file.metadata()["covlasso"]
    assert not Moments.load(tmp_path / "m.safetensors").row_centred
    again = covlasso.Dependencies.load(tmp_path / "d.safetensors")
    assert again.origin == deps.origin
