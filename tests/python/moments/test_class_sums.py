"""Sums by class against plain loops over the logits: labels, decisions, heads, cuts, merges, files, kills."""

import json
from itertools import permutations

import numpy as np
import pytest
from oracles import assert_refused, changed
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from covlasso import LinearHead, Moments, SplitMoments
from covlasso.moments import Accumulator, Split

MODELS = ("resnet", "vit")


def logits(rows=300, sizes=(7, 5), seed=0, mean=2.0):
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((rows, 3))
    return {
        name: common @ rng.standard_normal((3, n)) + rng.standard_normal((rows, n)) + mean
        for name, n in zip(MODELS, sizes, strict=True)
    }


def labels_of(batch, seed=1):
    """Labels from -1 to the largest category but one, which has no sample."""
    rows = np.random.default_rng(seed).integers(
        -1, max(x.shape[1] for x in batch.values()) - 1, len(batch["vit"])
    )
    return rows.astype(np.int32)


def filled(batch, classes, labels=None, cuts=(), names=MODELS, heads=None):
    moments = Moments(list(names), heads=heads, classes=classes)
    for start, stop in zip((0, *cuts), (*cuts, None), strict=True):
        part = {name: batch[name][start:stop] for name in names}
        moments.update(part, None if labels is None else labels[start:stop])
    return moments


def by_hand(batch, place, n):
    """Counts, and means of all models, of ``n`` classes, sample by sample."""
    counts = np.zeros(n, dtype=np.int64)
    totals = {name: np.zeros((n, x.shape[1])) for name, x in batch.items()}
    for r, k in enumerate(place):
        if k >= 0:
            counts[k] += 1
            for name, x in batch.items():
                totals[name][k] += x[r]
    return counts, {name: total / np.maximum(counts, 1)[:, None] for name, total in totals.items()}


def places(batch, classes, labels):
    return {by: labels if classes == "labels" else x.argmax(axis=1) for by, x in batch.items()}


def assert_classes(moments, batch, labels=None, tolerance=1e-13):
    for by, place in places(batch, moments.classes, labels).items():
        n = moments.sizes[by]
        counts, means = by_hand(batch, np.where(place < n, place, -1), n)
        assert np.array_equal(moments.class_counts(by), counts)
        assert moments.class_counts(by).dtype == np.int64
        for name in batch:
            np.testing.assert_allclose(
                moments.class_means(name, by), means[name], rtol=tolerance, atol=tolerance
            )
            assert not moments.class_means(name, by)[counts == 0].any()


def assert_same_bits(a, b):
    for by in a.names:
        assert np.array_equal(a.class_counts(by), b.class_counts(by))
        for name in a.names:
            assert np.array_equal(a._class_columns(name, by), b._class_columns(name, by))
            assert np.array_equal(a.covariance(name, by), b.covariance(name, by))


def given(classes, batch):
    return labels_of(batch) if classes == "labels" else None


both = pytest.mark.parametrize("classes", ["labels", "decisions"])


@both
@pytest.mark.parametrize("rows", [1, 300, 2500])
def test_counts_and_means_of_a_plain_loop(classes, rows):
    batch = logits(rows=rows)
    labels = given(classes, batch)
    assert_classes(filled(batch, classes, labels), batch, labels)


def test_equal_logits_decide_for_the_lowest_number():
    batch = {"resnet": np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]), "vit": np.ones((2, 2))}
    moments = filled(batch, "decisions")
    assert moments.class_counts("resnet").tolist() == [1, 1, 0]
    assert moments.class_counts("vit").tolist() == [2, 0]
    assert moments.class_means("resnet", by="resnet").tolist() == [[2, 2, 2], [1, 3, 3], [0, 0, 0]]


@both
def test_the_moment_within_classes(classes):
    """W = G - sum_k pi_k mu_k mu_k' is the second moment about the class means; without a class: about 0."""
    batch = logits(rows=1500)
    labels = given(classes, batch)
    moments = filled(batch, classes, labels)
    for by, place in places(batch, classes, labels).items():
        place = np.where(place < moments.sizes[by], place, -1)
        means = by_hand(batch, place, moments.sizes[by])[1]
        for a, x in batch.items():
            for b, y in batch.items():
                x_rest = x - np.where((place >= 0)[:, None], means[a][place], 0.0)
                y_rest = y - np.where((place >= 0)[:, None], means[b][place], 0.0)
                mu, nu = moments.class_means(a, by), moments.class_means(b, by)
                share = moments.class_counts(by) / moments.count
                within = moments.second_moment(a, b) - (mu * share[:, None]).T @ nu
                np.testing.assert_allclose(within, x_rest.T @ y_rest / 1500, atol=1e-12)


def test_large_means_keep_their_digits():
    batch = {name: x + 1e6 for name, x in logits(rows=5000, mean=0.0).items()}
    labels = labels_of(batch)
    moments = filled(batch, "labels", labels)
    small = filled({name: x - 1e6 for name, x in batch.items()}, "labels", labels)
    has = moments.class_counts("vit") > 0
    difference = (moments.class_means("resnet", "vit") - 1e6 - small.class_means("resnet", "vit"))[has]
    assert np.abs(difference).max() < 1e-9  # the spacing of numbers near 1e6 is 1.2e-10


# ---- batches, merging


@both
@pytest.mark.parametrize("cuts", [(1,), (1023, 1024, 1025), (2048,), tuple(range(7, 2500, 61))])
def test_the_cuts_into_batches_leave_no_trace(classes, cuts):
    batch = logits(rows=2500)
    labels = given(classes, batch)
    assert_same_bits(filled(batch, classes, labels), filled(batch, classes, labels, cuts))


@both
def test_reading_between_two_batches_leaves_no_trace(classes):
    batch = logits(rows=1500)
    labels = given(classes, batch)
    read = Moments(list(MODELS), classes=classes)
    for start in range(0, 1500, 100):
        here = slice(start, start + 100)
        read.update({name: x[here] for name, x in batch.items()}, None if labels is None else labels[here])
        assert read.class_counts("resnet").sum() <= start + 100
    assert_same_bits(read, filled(batch, classes, labels))


@both
def test_shards_merge_in_any_order_and_with_the_models_in_any_order(classes):
    batch = logits(rows=1200)
    labels = given(classes, batch)
    shards = []
    for part, names in enumerate([MODELS, MODELS[::-1], MODELS]):
        own = {name: x[part::3] for name, x in batch.items()}
        shards.append(filled(own, classes, None if labels is None else labels[part::3], names=names))
    for order in permutations(shards):
        total = Moments(list(MODELS), classes=classes)
        for shard in order:
            total += shard
        assert_classes(total, batch, labels)
        assert_classes(order[0] + order[1] + order[2], batch, labels)
    assert shards[0].class_counts("resnet").sum() <= 400, "adding must leave the shards alone"
    copy = shards[0].copy()
    copy += copy
    assert np.array_equal(copy.class_counts("vit"), 2 * shards[0].class_counts("vit"))
    np.testing.assert_allclose(copy.class_means("resnet", "vit"), shards[0].class_means("resnet", "vit"))


def test_kinds_that_differ_do_not_add_up():
    batch = logits()
    with_none, with_some = filled(batch, None), filled(batch, "decisions")
    for a, b in permutations([with_none, with_some, filled(batch, "labels", labels_of(batch))], 2):
        assert_refused(lambda a=a, b=b: a + b, ValueError, ("classes=", repr(a.classes), repr(b.classes)))
    assert with_some.count == 300


# ---- heads


@both
def test_sums_of_features_are_those_of_the_logits(classes):
    rng = np.random.default_rng(5)
    batch = logits(rows=1500)
    features = {"resnet": rng.standard_normal((1500, 4)), "vit": batch["vit"]}
    head = LinearHead(
        rng.standard_normal((9, 4)).astype(np.float32), rng.standard_normal(9).astype(np.float32)
    )
    batch = {"resnet": features["resnet"] @ head.weight.astype(float).T + head.bias, "vit": batch["vit"]}
    labels = given(classes, batch)
    moments = filled(features, classes, labels, heads={"resnet": head})
    assert_classes(moments, batch, labels, 1e-12)
    assert moments._class_columns("resnet", "vit").shape == (5, 4)
    assert moments._class_columns("vit", "resnet").shape == (9, 5)
    assert_same_bits(moments, filled(features, classes, labels, (1, 1030), heads={"resnet": head}))


def test_decisions_of_a_wide_head():
    """More categories than are held at a time; equal ones on both sides of the border."""
    rng = np.random.default_rng(6)
    weight = rng.standard_normal((9000, 3))
    weight[17] = weight[8500] = [64.0, 0.0, 0.0]
    features = rng.standard_normal((200, 3))
    features[0] = [2.0, 0.0, 0.0]
    for bias in (None, rng.standard_normal(9000)):
        head = LinearHead(weight, bias)
        expected = (features @ weight.T + (0.0 if bias is None else bias)).argmax(axis=1)
        assert np.array_equal(head.decisions(features), expected)
        if bias is None:
            assert head.decisions(features)[0] == 17


# ---- files


def opened(path):
    """Header and tensors of a file."""
    with safe_open(path, framework="numpy") as file:
        return json.loads(file.metadata()["covlasso"]), load_file(path)


def parts_of(batch, labels, classes, split=None):
    accumulator = Accumulator(list(batch), split=split or Split(0.4, 2), classes=classes)
    accumulator.update(batch, [str(k) for k in range(len(batch["vit"]))], labels)
    return accumulator.result()


@both
def test_files_of_parts(classes, tmp_path):
    batch = logits(rows=1500)
    labels = given(classes, batch)
    made = parts_of(batch, labels, classes)
    made.save(tmp_path / "m.safetensors")
    read = SplitMoments.load(tmp_path / "m.safetensors")
    for part, moments in made.parts.items():
        assert read.parts[part].classes == classes
        assert_same_bits(read.parts[part], moments)
    whole = read.fit + read.held_out
    assert_classes(whole, batch, labels)
    twice = read + made
    assert np.array_equal(twice.fit.class_counts("vit"), 2 * made.fit.class_counts("vit"))
    assert_same_bits(Moments.load(tmp_path / "m.safetensors"), made.fit)


@pytest.mark.parametrize("classes", ["labels", "decisions"])
def test_files_are_read_without_their_classes(classes, tmp_path):
    batch = logits()
    moments = filled(batch, classes, labels_of(batch) if classes == "labels" else None)
    moments.save(tmp_path / "m.safetensors")
    lean = Moments.load(tmp_path / "m.safetensors", classes=False)
    assert lean.classes is None
    assert lean.count == moments.count
    for a in MODELS:
        for b in MODELS:
            np.testing.assert_array_equal(lean.second_moment(a, b), moments.second_moment(a, b))
    with pytest.raises(ValueError, match="these moments know no classes"):
        lean.class_counts("vit")
    both = SplitMoments(moments, moments, split=Split(0.5))
    both.save(tmp_path / "both.safetensors")
    halves = SplitMoments.load(tmp_path / "both.safetensors", classes=False)
    assert halves.fit.classes is halves.held_out.classes is None
    assert halves.held_out.count == moments.count
    for kind in (Moments, SplitMoments):
        with pytest.raises(TypeError, match="classes"):
            kind.load(tmp_path / "m.safetensors", classes="labels")


def test_files_without_classes_are_what_they_were(tmp_path):
    filled(logits(), None).save(tmp_path / "m.safetensors")
    header, tensors = opened(tmp_path / "m.safetensors")
    assert sorted(tensors) == ["fit.mean", "fit.sum"]
    assert "classes" not in header
    read = Moments.load(tmp_path / "m.safetensors")
    assert read.classes is None
    parts = ("no classes", 'classes="decisions"', "--classes")
    assert_refused(lambda: read.class_counts("vit"), ValueError, parts)
    assert_refused(lambda: read.class_means("vit", "vit"), ValueError, ("no classes",))


@pytest.mark.parametrize(("tensor", "damage", "message"), [
    ("class_means.1", lambda _: None, "'fit.class_means.1' is missing"),
    ("class_counts.0", lambda x: x[:3], "'fit.class_counts.0' is int64 (3,), expected int64 (7,)"),
    ("class_means.0", lambda x: changed(x, (0, 1), np.nan), "[0, 1] is nan"),
    ("class_counts.1", lambda x: changed(x, 2, -1), "is -1 at 2"),
    ("class_counts.1", lambda x: changed(x, 2, 999), "there are 300"),
    ("class_counts.1", lambda x: changed(x, 2, 0), "a mean of class 2, which has no sample"),
])  # fmt: skip
def test_damaged_tensors(tensor, damage, message, tmp_path):
    path = tmp_path / "m.safetensors"
    filled(logits(), "decisions").save(path)
    header, tensors = opened(path)
    damaged = damage(tensors.pop(f"fit.{tensor}"))
    if damaged is not None:
        tensors[f"fit.{tensor}"] = damaged
    save_file(tensors, path, {"covlasso": json.dumps(header)})
    assert_refused(lambda: Moments.load(path), ValueError, (str(path), message, "Moments.save()"))


@pytest.mark.parametrize(("word", "message"), [
    ("tables", "classes is 'tables'"),
    ("labels", "'fit.class_counts.1' belongs to no classes"),
    (None, "'fit.class_counts.0' belongs to no classes"),
    (3, "'classes' is missing or not of type str"),
])  # fmt: skip
def test_a_header_with_other_classes(word, message, tmp_path):
    path = tmp_path / "m.safetensors"
    filled(logits(), "decisions").save(path)
    header, tensors = opened(path)
    save_file(tensors, path, {"covlasso": json.dumps({**header, "classes": word})})
    assert_refused(lambda: Moments.load(path), ValueError, (str(path), message, "Moments.save()"))


@both
@pytest.mark.parametrize("kill", [1, 700, 1024, 1900])
def test_a_run_that_was_killed_gives_the_same_bits(classes, kill, tmp_path):
    batch = logits(rows=2500)
    labels = given(classes, batch)
    keys = [str(row) for row in range(2500)]

    def run(accumulator, start, stop):
        for at in range(start, stop, 50):
            here = slice(at, min(at + 50, stop))
            own = None if labels is None else labels[here]
            accumulator.update({name: x[here] for name, x in batch.items()}, keys[here], own)

    through = Accumulator(list(batch), split=Split(0.5), classes=classes)
    run(through, 0, 2500)
    first = Accumulator(list(batch), split=Split(0.5), classes=classes)
    run(first, 0, kill)
    first.save_state(tmp_path / "state", seen=kill)
    second, header = Accumulator.load_state(tmp_path / "state")
    assert (second.classes, header) == (classes, {"seen": kill})
    run(second, kill, 2500)
    for part, moments in through.result().parts.items():
        assert_same_bits(second.result().parts[part], moments)


def test_a_state_of_no_sample_knows_its_classes(tmp_path):
    Accumulator(["a"], classes="labels").save_state(tmp_path / "state")
    again, _ = Accumulator.load_state(tmp_path / "state")
    assert again.classes == "labels"


def test_states_of_ranks_add_up():
    batch = logits(rows=900)
    labels = labels_of(batch)
    keys = np.array([str(row) for row in range(900)])
    total = Accumulator(list(batch), split=Split(0.5), classes="labels")
    for rank in range(3):
        own = Accumulator(list(batch), split=Split(0.5), classes="labels")
        own.update({name: x[rank::3] for name, x in batch.items()}, list(keys[rank::3]), labels[rank::3])
        total.merge(own.parts)
    found = total.result()
    assert_classes(found.fit + found.held_out, batch, labels)


# ---- sums made elsewhere


def taken(moments):
    names = moments.names
    counts = {by: moments.class_counts(by) for by in names}
    means = {(name, by): moments._class_columns(name, by) for name in names for by in names}
    return counts, means


def remade(moments, counts, means, classes=None):
    second = {name: moments.second_moment(name) for name in MODELS}
    second["resnet", "vit"] = moments.second_moment("resnet", "vit")
    return Moments.from_arrays(
        moments.count, {name: moments.mean(name) for name in MODELS}, second,
        classes=classes or moments.classes, class_counts=counts, class_means=means,
    )  # fmt: skip


@both
def test_sums_made_elsewhere(classes):
    batch = logits()
    labels = given(classes, batch)
    moments = filled(batch, classes, labels)
    assert_classes(remade(moments, *taken(moments)), batch, labels)
    again = remade(moments, *taken(moments))
    again.update(batch, labels)
    assert_classes(again, {name: np.vstack([x, x]) for name, x in batch.items()},
                   None if labels is None else np.tile(labels, 2))  # fmt: skip


def test_sums_made_elsewhere_that_are_none():
    moments = filled(logits(), "decisions")
    counts, means = taken(moments)
    pair = ("vit", "resnet")
    for bad_counts, bad_means, parts in [
        (None, means, ("class_counts", "needed")),
        ({"vit": counts["vit"]}, means, ("class_counts", "'resnet'")),
        ({**counts, "vit": counts["vit"] * 1.0}, means, ("class_counts['vit']", "float64")),
        ({**counts, "vit": counts["resnet"]}, means, ("class_counts['vit']", "(7,)", "(5,)")),
        ({**counts, "vit": counts["vit"] + 1}, means, ("class_counts['vit']", "305", "300")),
        ({**counts, "bert": counts["vit"]}, means, ("class_counts['bert']", "not of these models")),
        (counts, {**means, pair: means[pair].T}, ("class_means[('vit', 'resnet')]", "(5, 7)", "(7, 5)")),
        (counts, {**means, pair: changed(means[pair], (1, 2), np.inf)}, ("'resnet'", "[1, ", "finite")),
        (counts, {key: block for key, block in means.items() if key != pair}, ("class_means", str(pair))),
        (counts, {**means, ("bert", "vit"): means[pair]}, ("class_means[('bert', 'vit')]",)),
    ]:
        kinds = TypeError if "float64" in parts else ValueError
        assert_refused(lambda c=bad_counts, m=bad_means: remade(moments, c, m), kinds, parts)
    assert_refused(lambda: remade(filled(logits(), None), counts, means), ValueError, ("give classes",))
    assert_refused(lambda: remade(moments, counts, means, "labels"), ValueError, ("'vit'", "same labels"))


# ---- bad labels


LABELS = {
    "missing": (None, ValueError, ("labels are missing",)),
    "short": (np.zeros(3, dtype=int), ValueError, ("(3,)", "(4,)")),
    "floats": (np.zeros(4), TypeError, ("float64", "integers")),
    "too large": (np.array([0, 1, 3, 0]), ValueError, ("labels[2] is 3", "'a'", "0 to 2")),
    "below -1": (np.array([0, -2, 1, 0]), ValueError, ("labels[1] is -2",)),
}


@pytest.mark.parametrize("case", LABELS)
def test_bad_labels_leave_nothing_behind(case):
    labels, error, parts = LABELS[case]
    batch = {"a": np.ones((4, 3)), "b": np.ones((4, 2))}
    moments = Moments(["b", "a"], classes="labels")
    assert_refused(lambda: moments.update(batch, labels), error, parts)
    assert moments.count == 0
    accumulator = Accumulator(["b", "a"], classes="labels", split=Split(0.5))
    assert_refused(lambda: accumulator.update(batch, list("pqrs"), labels), error, parts)
    assert accumulator.count == 0


def test_a_label_is_a_category_of_one_model_at_least():
    moments = Moments(["a", "b"], classes="labels")
    moments.update({"a": np.ones((4, 3)), "b": np.ones((4, 2))}, [2, 1, -1, 2])
    assert moments.class_counts("a").tolist() == [0, 1, 2]
    assert moments.class_counts("b").tolist() == [0, 1]


def test_classes_and_labels_that_are_not_wanted():
    assert_refused(lambda: Moments(["a"], classes="own"), ValueError, ("classes is 'own'", "'decisions'"))
    for classes in (None, "decisions"):
        moments = Moments(["a"], classes=classes)
        parts = ("labels are given", repr(classes))
        assert_refused(lambda m=moments: m.update({"a": np.ones((2, 3))}, [0, 1]), ValueError, parts)
    empty = Moments(["a"], classes="decisions")
    assert_refused(lambda: empty.class_counts("a"), ValueError, ("no sample",))
    assert_refused(lambda: filled(logits(), "decisions").class_counts("bert"), ValueError, ("'bert'",))
