"""`covlasso.torch.extract` on small modules: moments from raw logits, factored form, resuming, bad input."""

import json

import numpy as np
import pytest
from ranks import run_ranks

from covlasso.moments import Accumulator, LinearHead, Split, SplitMoments

torch = pytest.importorskip("torch", reason="covlasso.torch needs torch")

from covlasso.torch import Batch, Resumable, extract  # noqa: E402
from covlasso.torch.extraction.device_sums import DeviceSums  # noqa: E402

SAMPLES, PIXELS = 70, 6


class Classifier(torch.nn.Module):
    """Two layers; the last one can be asked for as timm's models give it."""

    def __init__(self, width, categories, seed, scale=1.0):
        super().__init__()
        torch.manual_seed(seed)
        self.body = torch.nn.Sequential(torch.nn.Linear(PIXELS, width), torch.nn.Dropout(), torch.nn.Tanh())
        self.last = torch.nn.Linear(width, categories)
        self.scale = scale

    def forward(self, x):
        return self.scale * self.last(self.body(x))

    def get_classifier(self):
        return self.last


@pytest.fixture
def models():
    return {"wide": Classifier(9, 5, 0), "narrow": Classifier(3, 8, 1)}


@pytest.fixture
def inputs():
    return torch.randn(SAMPLES, PIXELS, generator=torch.Generator().manual_seed(2))


def loader(inputs, size=16):
    return list(inputs.split(size))


def logits(model, inputs, size=16):
    """What the model says in evaluation mode, in float64; its rounding depends on the size of the batches."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.inference_mode():
        result = np.concatenate([model(x).double().numpy() for x in loader(inputs, size)])
    for module, training in modes:
        module.training = training
    return result


def assert_moments(moments, rows, rtol=1e-9):
    """Second moments of all pairs are those of the rows, by the plain product."""
    for a in rows:
        for b in rows:
            plain = rows[a].T @ rows[b] / len(rows[a])
            scale = np.sqrt(np.outer(np.mean(rows[a] ** 2, axis=0), np.mean(rows[b] ** 2, axis=0)))
            found = moments.second_moment(a, b)
            assert np.abs(found - plain).max() <= rtol * scale.max()


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_joint_moments_are_those_of_the_raw_logits(models, inputs, size):
    found = extract(models, loader(inputs, size), factored="off")
    assert found.count == SAMPLES
    assert found.moments.fit.heads == {}
    assert_moments(found.moments.fit, {name: logits(model, inputs, size) for name, model in models.items()})


def test_the_narrow_head_is_taken_out_and_gives_the_same_moments(models, inputs):
    found = extract(models, loader(inputs)).moments.fit
    assert set(found.heads) == {"narrow"}  # 3 + 1 < 8 categories; 9 + 1 > 5
    # the model computes W h + b in float32, the factored form in float64
    assert_moments(found, {name: logits(model, inputs) for name, model in models.items()}, rtol=1e-6)
    for model in models.values():
        model.double()
    found = extract(models, loader(inputs.double()), factored="on").moments.fit
    assert set(found.heads) == {"wide", "narrow"}
    assert_moments(found, {name: logits(model, inputs.double()) for name, model in models.items()})


def test_a_layer_of_any_module_can_be_named(inputs):
    model = torch.nn.Sequential(torch.nn.Linear(PIXELS, 2), torch.nn.ReLU(), torch.nn.Linear(2, 30)).double()
    found = extract({"plain": model}, loader(inputs.double()), factored={"plain": model[2]}).moments.fit
    assert found.heads["plain"].features == 2
    assert_moments(found, {"plain": logits(model, inputs.double())})


def test_logits_that_are_not_the_heads_output_are_taken_as_they_are(inputs):
    scaled = {"scaled": Classifier(3, 8, 1, scale=2.0)}
    found = extract(scaled, loader(inputs)).moments.fit
    assert found.heads == {}
    assert_moments(found, {"scaled": logits(scaled["scaled"], inputs)})
    with pytest.raises(ValueError, match=r"'scaled' for sample 0 are not W h \+ b"):
        extract(scaled, loader(inputs), factored="on")


def test_no_linear_head(inputs):
    model = torch.nn.Sequential(torch.nn.Linear(PIXELS, 4))
    with pytest.raises(ValueError, match="'m' has no linear last layer"):
        extract({"m": model}, loader(inputs), factored="on")
    with pytest.raises(ValueError, match="factored is 'of'"):
        extract({"m": model}, loader(inputs), factored="of")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_models_in_half_precision_are_accumulated_in_double(models, inputs, dtype):
    for model in models.values():
        model.to(dtype)
    found = extract(models, loader(inputs), factored="off").moments.fit
    rows = {name: logits(model, inputs.to(dtype)) for name, model in models.items()}
    assert_moments(found, rows, rtol=1e-13)


def test_mixed_precision(models, inputs):
    found = extract(models, loader(inputs), amp_dtype=torch.bfloat16).moments.fit
    rows = {name: logits(model, inputs) for name, model in models.items()}
    assert_moments(found, rows, rtol=0.05)
    with pytest.raises(AssertionError):  # it was used
        assert_moments(found, rows, rtol=1e-5)


def test_every_sample_goes_to_the_side_of_its_key(models, inputs):
    keys = [f"source {k // 5}" for k in range(SAMPLES)]
    batches = [Batch(inputs[k : k + 16], keys=keys[k : k + 16]) for k in range(0, SAMPLES, 16)]
    split = Split(held_out=0.4, folds=2)
    found = extract(models, batches, split=split, factored="off").moments
    rows = {name: logits(model, inputs) for name, model in models.items()}
    place = split.part(keys)
    for number, part in enumerate(split.parts):
        chosen = place == number
        assert found.parts[part].count == chosen.sum() > 0
        assert_moments(found.parts[part], {name: x[chosen] for name, x in rows.items()})


def test_each_model_can_have_its_own_inputs(models, inputs):
    other = inputs.flip(1)
    batches = [{"wide": a, "narrow": b} for a, b in zip(loader(inputs), loader(other), strict=True)]
    found = extract(models, batches, factored="off").moments.fit
    rows = {"wide": logits(models["wide"], inputs), "narrow": logits(models["narrow"], other)}
    assert_moments(found, rows)


def test_right_answers_are_counted(models, inputs):
    labels = torch.arange(SAMPLES) % 5
    labels[::7] = -1
    found = extract(models, list(zip(loader(inputs), labels.split(16), strict=True)))
    assert found.labelled == (labels >= 0).sum()
    for name, model in models.items():
        assert found.correct[name] == (logits(model, inputs).argmax(axis=1) == labels.numpy()).sum()


def test_the_model_is_left_as_it_was(models, inputs):
    models["wide"].train()
    models["wide"].body.eval()
    extract(models, loader(inputs), factored="on")
    assert models["wide"].training
    assert not models["wide"].body.training
    assert not any(module._forward_hooks for model in models.values() for module in model.modules())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_sample_and_the_model_of_a_logit_that_is_not_finite_are_named(models, inputs, value):
    inputs[33] = value
    with pytest.raises(ValueError, match="model 'wide' gives a logit that is not finite for sample 33;"):
        extract(models, loader(inputs))


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("text", "yields str, a tensor"),
        ((1, 2, 3), "yields 3 things"),
        ({"wide": torch.zeros(2, PIXELS)}, "no inputs for model 'narrow'"),
        (Batch(torch.zeros(2, PIXELS), keys=["a"]), "2 inputs and 1 keys"),
        ((torch.zeros(2, PIXELS), torch.zeros(3)), "2 inputs and 3 targets"),
    ],
)
def test_a_loader_that_yields_something_else(models, item, message):
    with pytest.raises((TypeError, ValueError), match=message):
        extract(models, [item])


def test_a_model_that_returns_something_else(inputs):
    with pytest.raises(TypeError, match=r"model 'flat' returns \(16, 6, 1\) for 16 inputs"):
        extract({"flat": torch.nn.Unflatten(1, (PIXELS, 1))}, loader(inputs))


def test_nothing_to_read(models):
    with pytest.raises(ValueError, match="no sample could be read"):
        extract(models, [])
    with pytest.raises(ValueError, match=r"no sample could be read; the first one, a\.png: broken"):
        extract(models, [Batch(torch.empty(0), skipped=[("a.png", "broken")])])
    with pytest.raises(ValueError, match="models is empty"):
        extract({}, [])


class Stopping:
    """A loader that fails before batch ``end``, from a start that it can be given or not."""

    def __init__(self, batches, end=None):
        self._batches, self._end = batches, end

    def __iter__(self):
        for number, batch in enumerate(self._batches):
            if number == self._end:
                raise RuntimeError("the power is gone")
            yield batch


class Skipping(Stopping):
    """The same, and it begins where it is told to."""

    def batches(self, start):
        self.started = start
        for number in range(start, len(self._batches)):
            if number == self._end:
                raise RuntimeError("the power is gone")
            inputs = self._batches[number]
            first = sum(len(x) for x in self._batches[:number])
            positions = range(first, first + len(inputs))
            yield Batch(inputs, samples=[str(k) for k in positions], positions=positions)


@pytest.mark.parametrize("kind", [Stopping, Skipping])
@pytest.mark.parametrize("end", [1, 2, 4])
def test_an_interrupted_pass_goes_on_to_the_same_bits(models, inputs, tmp_path, kind, end):
    settings = {"split": Split(held_out=0.3), "save_every": 2, "save_logits": "float32"}
    if kind is Stopping:
        settings |= {"factored": "on", "save_states": "float16"}
    extract(models, kind(loader(inputs)), out=tmp_path / "once.safetensors", **settings)
    target = tmp_path / "twice.safetensors"
    with pytest.raises(RuntimeError, match="the power is gone"):
        extract(models, kind(loader(inputs), end), out=target, **settings)
    assert not target.exists()
    again = kind(loader(inputs))
    extract(models, again, out=target, **settings)
    if kind is Skipping:
        assert again.started == max(end // 2 * 2 - 1, 0)  # the last batch that was seen is compared
    for file in tmp_path.glob("once*"):
        assert file.read_bytes() == (tmp_path / file.name.replace("once", "twice")).read_bytes()
    # moments, logits of two models, their states, labels, sides, samples, keys
    assert len(list(tmp_path.iterdir())) == 2 * (9 if kind is Stopping else 7)


def test_resumable_is_recognised():
    assert isinstance(Skipping([]), Resumable)
    assert not isinstance(Stopping([]), Resumable)


def test_a_state_of_another_run_is_refused(models, inputs, tmp_path):
    target = tmp_path / "m.safetensors"
    with pytest.raises(RuntimeError, match="power"):
        extract(models, Stopping(loader(inputs), 3), out=target, save_every=1)
    state = tmp_path / "m.safetensors.state"
    assert state.exists()
    with pytest.raises(ValueError, match="another run: save_every was 1 and is 2"):
        extract(models, loader(inputs), out=target, save_every=2)
    with torch.no_grad():
        models["wide"].last.bias += 1
    with pytest.raises(ValueError, match=r"another run: weights\.wide was"):
        extract(models, loader(inputs), out=target, save_every=1)
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"m\.safetensors\.state"):
        extract(models, loader(inputs), out=target, save_every=1)
    state.rename(tmp_path / "m.safetensors.state-1-of-2")
    with pytest.raises(ValueError, match="another number of ranks"):
        extract(models, loader(inputs), out=target, save_every=1)


def test_a_finished_file_is_kept(models, inputs, tmp_path):
    target = tmp_path / "m.safetensors"
    extract(models, loader(inputs), out=target)
    before = target.read_bytes()
    with pytest.raises(FileExistsError, match=r"m\.safetensors exists"):
        extract(models, loader(inputs), out=target)
    extract(models, loader(inputs[:30]), out=target, force=True)
    assert target.read_bytes() != before
    assert SplitMoments.load(target).fit.count == 30


def test_saved_logits(models, inputs, tmp_path):
    labels = torch.arange(SAMPLES)
    keys = [f"k{k % 9}" for k in range(SAMPLES)]
    batches = [
        Batch(inputs[k : k + 16], labels[k : k + 16], keys=keys[k : k + 16]) for k in range(0, SAMPLES, 16)
    ]
    split = Split(held_out=0.5)
    extract(models, batches, out=tmp_path / "m.safetensors", split=split, save_logits="float16")
    for name, model in models.items():
        saved = np.load(tmp_path / f"m.logits.{name}.npy", mmap_mode="r")
        assert saved.dtype == np.float16
        np.testing.assert_allclose(saved, logits(model, inputs), rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(np.load(tmp_path / "m.labels.npy"), labels)
    assert (tmp_path / "m.keys.txt").read_text().splitlines() == keys
    assert (tmp_path / "m.samples.txt").read_text().splitlines() == [str(k) for k in range(SAMPLES)]
    place = split.part(keys)
    np.testing.assert_array_equal(np.load(tmp_path / "m.held_out.npy"), place == 1)


def test_saved_states_and_the_head_are_the_logits(models, inputs, tmp_path):
    """Also of the model that has fewer features than "auto" takes out."""
    out = tmp_path / "m.safetensors"
    found = extract(models, loader(inputs), out=out, factored="on", save_states="float32")
    assert sorted(found.moments.fit.heads) == sorted(models)
    for name, model in models.items():
        states = np.load(tmp_path / f"m.states.{name}.npy").astype(np.float64)
        head = found.moments.fit.heads[name]
        assert states.shape == (SAMPLES, head.features)
        np.testing.assert_allclose(states @ head.weight.T + head.bias, logits(model, inputs), atol=1e-5)
    assert (np.load(tmp_path / "m.labels.npy") == -1).all()
    assert not (tmp_path / "m.logits.wide.npy").exists()


def test_states_of_a_model_whose_logits_are_summed(models, inputs, tmp_path):
    out = tmp_path / "m.safetensors"
    with pytest.raises(ValueError, match="model 'wide' has no last layer that is taken out"):
        extract(models, loader(inputs), out=out, save_states="float16")
    with pytest.raises(ValueError, match="save_states needs out"):
        extract(models, loader(inputs), save_states="float16")
    with torch.no_grad():
        models["narrow"].body[0].weight *= 1e6
        models["narrow"].body[2] = torch.nn.Identity()
    with pytest.raises(
        ValueError, match=r"'narrow' has a hidden state of size \S*, which float16 cannot hold"
    ):
        extract({"narrow": models["narrow"]}, loader(inputs), out=out, factored="on", save_states="float16")


def test_logits_beyond_float16(models, inputs, tmp_path):
    with torch.no_grad():
        models["wide"].last.bias += 70000
    with pytest.raises(ValueError, match=r"'wide' has a logit of size 7\S*, which float16 cannot hold"):
        extract(models, loader(inputs), out=tmp_path / "m.safetensors", save_logits="float16")
    with pytest.raises(ValueError, match="save_logits needs out"):
        extract(models, loader(inputs), save_logits="float16")


def by_hand(x, place, n):
    """Means of the rows x by the classes ``place``."""
    own = (np.asarray(place) == np.arange(n)[:, None]).astype(float)
    return own.sum(axis=1), own @ x / np.maximum(own.sum(axis=1, keepdims=True), 1)


def labelled(inputs, size=16):
    labels = torch.arange(SAMPLES) % 7  # of 5 and 8 categories
    labels[::9] = -1
    return labels, list(zip(loader(inputs, size), labels.split(size), strict=True))


@pytest.mark.parametrize("classes", ["auto", "decisions", "labels", None])
def test_means_by_class_are_those_of_the_raw_logits(models, inputs, classes):
    for model in models.values():
        model.double()
    labels, batches = labelled(inputs.double())
    said = []
    found = extract(models, batches, classes=classes, on_classes=said.append).moments.fit
    assert set(found.heads) == {"narrow"}
    assert found.classes == ("decisions" if classes == "auto" else classes)
    assert [choice.kind for choice in said] == [found.classes]
    rows = {name: logits(model, inputs.double()) for name, model in models.items()}
    for by in rows if found.classes else ():
        place = labels if classes == "labels" else rows[by].argmax(axis=1)
        for name, x in rows.items():
            counts, means = by_hand(x, place, rows[by].shape[1])
            assert np.array_equal(found.class_counts(by), counts)
            np.testing.assert_allclose(found.class_means(name, by), means, atol=1e-12)


def test_classes_of_a_run_that_cannot_be(models, inputs, tmp_path):
    with pytest.raises(ValueError, match="classes is 'own'"):
        extract(models, loader(inputs), classes="own")
    with pytest.raises(ValueError, match="needs targets, and the loader yields a batch without"):
        extract(models, loader(inputs), classes="labels")
    with pytest.raises(ValueError, match=r"labels\[3\] is 8; model 'narrow' has the categories 0 to 7"):
        extract(models, [(inputs, torch.arange(5, 5 + SAMPLES))], classes="labels")
    out = tmp_path / "m.safetensors"
    with pytest.raises(RuntimeError, match="power"):
        extract(models, Stopping(loader(inputs), 3), out=out, save_every=1)
    with pytest.raises(ValueError, match="another run: classes was 'auto' and is None"):
        extract(models, loader(inputs), out=out, save_every=1, classes=None)


def test_an_interrupted_pass_keeps_the_labels_that_wait(models, inputs, tmp_path):
    _, batches = labelled(inputs)
    settings = {"classes": "labels", "split": Split(held_out=0.3), "save_every": 1}
    extract(models, batches, out=tmp_path / "once.safetensors", **settings)
    target = tmp_path / "twice.safetensors"
    with pytest.raises(RuntimeError, match="power"):
        extract(models, Stopping(batches, 3), out=target, **settings)
    said = []
    extract(models, batches, out=target, on_classes=said.append, **settings)
    assert str(said[0]) == "labels, 1.0 kB"
    assert target.read_bytes() == (tmp_path / "once.safetensors").read_bytes()


@pytest.mark.parametrize("mean", [1e4, 1e6])
@pytest.mark.parametrize("flush", [1, 3, 100])
@pytest.mark.parametrize("classes", ["labels", "decisions"])
def test_sums_by_class_of_a_device_are_those_of_the_host(flush, mean, classes):
    rng = np.random.default_rng(4)
    head = LinearHead(rng.normal(size=(6, 3)), rng.normal(size=6))
    rows = {"a": rng.normal(size=(200, 5)) + mean, "b": rng.normal(size=(200, 3))}
    keys, labels = [f"k{k}" for k in range(200)], rng.integers(-1, 6, 200)
    host, other = (
        Accumulator(["a", "b"], None, {"b": head}, Split(held_out=0.5, folds=2), classes) for _ in range(2)
    )
    sums = DeviceSums(other)
    for number, start in enumerate(range(0, 200, 32)):
        here = slice(start, start + 32)
        known = labels[here] if classes == "labels" else None
        host.update({name: x[here] for name, x in rows.items()}, keys[here], known)
        sums.update({name: torch.from_numpy(x[here]) for name, x in rows.items()}, keys[here], keys, known)
        if number % flush == 0:
            sums.flush()
    sums.flush()
    for part, wanted in host.result().parts.items():
        found = other.result().parts[part]
        for by in ("a", "b"):
            assert np.array_equal(found.class_counts(by), wanted.class_counts(by))
            for name in ("a", "b"):
                means = wanted.class_means(name, by)
                np.testing.assert_allclose(found.class_means(name, by), means, rtol=0, atol=1e-15 * mean)


@pytest.mark.parametrize("mean", [1e4, 1e6])
@pytest.mark.parametrize("flush", [1, 3, 100])
def test_sums_of_a_device_are_those_of_the_host(flush, mean):
    rng = np.random.default_rng(3)
    rows = {"a": rng.normal(size=(200, 5)) + mean, "b": rng.normal(size=(200, 3))}
    rows["a"][:, 4] = mean / 3.0  # a constant logit
    keys = [f"k{k}" for k in range(200)]
    split = Split(held_out=0.5, folds=2)
    host, other = (Accumulator(["a", "b"], split=split) for _ in range(2))
    sums = DeviceSums(other)
    for number, start in enumerate(range(0, 200, 32)):
        batch = {name: x[start : start + 32] for name, x in rows.items()}
        host.update(batch, keys[start : start + 32])
        sums.update({name: torch.from_numpy(x) for name, x in batch.items()}, keys[start : start + 32], keys)
        if number % flush == 0:
            sums.flush()
    sums.flush()
    for part, wanted in host.result().parts.items():
        found = other.result().parts[part]
        assert found.count == wanted.count
        for a, b in (("a", "a"), ("a", "b"), ("b", "b")):
            np.testing.assert_allclose(
                found.second_moment(a, b), wanted.second_moment(a, b), rtol=0, atol=1e-12 * mean**2
            )
            covariance = wanted.covariance(a, b)
            np.testing.assert_allclose(found.covariance(a, b), covariance, rtol=0, atol=1e-15 * mean)


def test_sums_of_a_device_name_the_first_bad_sample_and_add_nothing():
    accumulator = Accumulator(["a"])
    sums = DeviceSums(accumulator)
    rows = torch.ones(4, 3)
    sums.update({"a": rows}, list("wxyz"), list("wxyz"))
    rows = rows.clone()
    rows[2, 1] = float("inf")
    sums.update({"a": rows}, list("stuv"), list("stuv"))
    with pytest.raises(ValueError, match="model 'a' gives a logit that is not finite for sample u;"):
        sums.flush()
    assert accumulator.count == 0


def test_progress_counts_everything(models, inputs):
    seen = []
    batches = [Batch(x, skipped=[("bad", "reason")]) for x in loader(inputs)]
    found = extract(models, batches, progress=seen.append)
    assert [now.batches for now in seen] == [1, 2, 3, 4, 5]
    assert seen[-1].done == SAMPLES + 5
    assert seen[-1].skipped == found.moments.skipped == 5
    assert seen[-1].rate > 0
    with pytest.raises(ValueError, match="bad cannot be read: reason"):
        extract(models, batches, strict=True)


def test_the_state_says_what_it_is_of(models, inputs, tmp_path):
    target = tmp_path / "m.safetensors"
    with pytest.raises(RuntimeError, match="power"):
        extract(models, Stopping(loader(inputs), 3), out=target, save_every=1, command={"data": "x"})
    _, header = Accumulator.load_state(tmp_path / "m.safetensors.state")
    assert (header["batches"], header["seen"]) == (3, 48)
    assert header["command"]["data"] == "x"
    json.dumps(header)


RANK = """
import os, signal, torch
from torch import nn
from covlasso._base.ranks import process_group
from covlasso.moments import Split
from covlasso.torch import Batch, extract

classes, out, end = {classes!r}, {out!r}, {end!r}
torch.set_num_threads(1)
inputs = torch.randn(300, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
models = {{}}
for name, n in (("a", 9), ("b", 7)):
    models[name] = nn.Linear(6, n).double()
    generator = torch.Generator().manual_seed(n)
    for parameter in models[name].parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)


def batches(rank, size):
    for number, rows in enumerate(torch.arange(rank, 300, size).split(20)):
        if (rank, number) == end:
            os.kill(os.getpid(), signal.SIGKILL)
        labels = rows % 7 - 1 if classes == "labels" else None
        names = [str(k) for k in rows.tolist()]
        yield Batch(inputs[rows], targets=labels, samples=names, positions=rows.tolist())


with process_group() as group:
    extract(
        models, batches(group.rank, group.size), out=out, save_every=2, classes=classes, factored={{}},
        split=Split(held_out=0.3), group=group,
    )
"""


@pytest.mark.parametrize("classes", ["labels", "decisions"])
def test_ranks_of_which_one_was_killed_have_the_means_by_class_of_one_process(classes, tmp_path):
    files = {name: tmp_path / f"{name}.safetensors" for name in ("alone", "once", "twice")}

    def run(name, size, end=None):
        codes, outputs = run_ranks(RANK.format(classes=classes, out=str(files[name]), end=end), size)
        return codes, outputs

    assert run("alone", 1)[0] == [0]
    assert run("once", 2)[0] == [0, 0]
    assert 0 not in run("twice", 2, end=(1, 5))[0]
    assert not files["twice"].exists()
    codes, outputs = run("twice", 2)
    assert codes == [0, 0], outputs
    alone, once, twice = (SplitMoments.load(file) for file in files.values())
    for side in ("fit", "held_out"):
        one, two, again = (getattr(parts, side) for parts in (alone, once, twice))
        assert one.classes == two.classes == classes
        for by in ("a", "b"):
            np.testing.assert_array_equal(two.class_counts(by), one.class_counts(by))
            for name in ("a", "b"):
                np.testing.assert_allclose(two.class_means(name, by), one.class_means(name, by), atol=1e-12)
                np.testing.assert_array_equal(two.class_means(name, by), again.class_means(name, by))
        np.testing.assert_array_equal(two.second_moment("a", "b"), again.second_moment("a", "b"))


@pytest.mark.parametrize("factored", ["off", "on"])
@pytest.mark.parametrize("classes", ["decisions", None])
def test_row_centred_moments_are_those_of_logits_less_their_mean(inputs, factored, classes, tmp_path):
    nets = {name: Classifier(3, 5 + k, k).double() for k, name in enumerate(("one", "other"))}
    with torch.no_grad():
        for net in nets.values():
            net.last.bias += 30.0
    given = loader(inputs.double())
    options = {"factored": factored, "classes": classes, "row_centred": True, "save_every": 1}
    rows = {name: logits(net, inputs.double()) for name, net in nets.items()}
    centred = {name: f - f.mean(axis=1, keepdims=True) for name, f in rows.items()}
    found = extract(nets, given, **options).moments.fit
    assert found.row_centred
    assert set(found.heads) == (set(nets) if factored == "on" else set())
    assert_moments(found, centred, rtol=1e-10)
    if classes is not None:
        by = rows["one"].argmax(axis=1)
        for k in np.unique(by):
            mean = centred["other"][by == k].mean(axis=0)
            np.testing.assert_allclose(found.class_means("other", by="one")[k], mean, atol=1e-10)
    out = tmp_path / "m.safetensors"
    with pytest.raises(RuntimeError, match="power"):
        extract(nets, Stopping(given, 3), out=out, **options)
    with pytest.raises(ValueError, match="another run: row_centred was True and is False"):
        extract(nets, given, out=out, **{**options, "row_centred": False})
    went_on = extract(nets, given, out=out, **options).moments.fit
    for kept in (went_on, SplitMoments.load(out).fit):
        assert kept.row_centred
        np.testing.assert_array_equal(kept.second_moment("one"), found.second_moment("one"))
