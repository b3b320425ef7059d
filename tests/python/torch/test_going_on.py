"""A run that was cut off goes on with the samples that it has not seen, or says why it cannot."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from covlasso.moments import Accumulator, Moments, Split

torch = pytest.importorskip("torch", reason="covlasso.torch needs torch")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, IterableDataset, RandomSampler, TensorDataset  # noqa: E402

from covlasso.torch import Batch, extract  # noqa: E402

SAMPLES, PIXELS, CUT = 96, 300, 4
INPUTS = torch.randn(SAMPLES, PIXELS, generator=torch.Generator().manual_seed(3))
BATCHES = list(INPUTS.split(8))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Linear(PIXELS, 6)


class Cut:
    """The first batches of a loader, and then the end of the process."""

    def __init__(self, loader, end=CUT):
        self._loader, self._end = loader, end

    def __iter__(self):
        for number, batch in enumerate(self._loader):
            if number == self._end:
                raise RuntimeError("the power is gone")
            yield batch


def cut_off(net, loader, out, end=CUT, **options):
    with pytest.raises(RuntimeError, match="the power is gone"):
        extract({"net": net}, Cut(loader, end), out=out, save_every=2, factored="off", **options)
    assert out.with_name(f"{out.name}.state").exists()


def go_on(net, loader, out, **options):
    return extract({"net": net}, loader, out=out, save_every=2, factored="off", **options)


def shuffled(seed, **options):
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(TensorDataset(INPUTS), batch_size=8, generator=generator, **options)


class Stream(IterableDataset):
    def __init__(self, seed):
        self.order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(seed))

    def __iter__(self):
        yield from INPUTS[self.order]


def named(seed):
    order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(seed)).split(8)
    return [Batch(INPUTS[rows], samples=[f"{k}.png" for k in rows.tolist()]) for rows in order]


def by_keys(seed):
    order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(seed)).split(8)
    return [Batch(torch.ones(8, PIXELS), keys=[f"film {k}" for k in rows.tolist()]) for rows in order]


class Beginning:
    """A loader that begins where it is told to, in an order of its own."""

    def __init__(self, seed):
        self.order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(seed)).split(8)

    def __iter__(self):
        return self.batches(0)

    def batches(self, start):
        for rows in self.order[start:]:
            yield Batch(INPUTS[rows], samples=[f"{k}.png" for k in rows.tolist()], positions=rows.tolist())


LOADERS = {
    "shuffle": lambda seed: shuffled(seed, shuffle=True),
    "sampler": lambda seed: DataLoader(
        TensorDataset(INPUTS),
        batch_size=8,
        sampler=RandomSampler(INPUTS, generator=torch.Generator().manual_seed(seed)),
    ),
    "stream": lambda seed: DataLoader(Stream(seed), batch_size=8),
    "mapping": lambda seed: [{"net": x} for x in INPUTS[Stream(seed).order].split(8)],
    "half": lambda seed: list(INPUTS[Stream(seed).order].to(torch.bfloat16).float().split(8)),
    "names": named,
    "keys": by_keys,
    "begins in the middle": Beginning,
}


def as_tensors(loader):
    """DataLoader gives lists of one tensor."""
    if isinstance(loader, DataLoader):
        return [batch[0] if isinstance(batch, list) else batch for batch in loader]
    return loader


@pytest.mark.parametrize("kind", LOADERS)
def test_other_samples_are_refused_with_one_line(net, tmp_path, kind):
    out = tmp_path / "m.safetensors"
    cut_off(net, as_tensors(LOADERS[kind](1)), out)
    state = out.with_name("m.safetensors.state").read_bytes()
    with pytest.raises(
        ValueError, match=r"m\.safetensors\.state: .* not what the earlier run has seen"
    ) as error:
        go_on(net, as_tensors(LOADERS[kind](2)), out)
    assert "\n" not in str(error.value)
    assert "delete the file" in str(error.value)
    assert not out.exists()
    assert out.with_name("m.safetensors.state").read_bytes() == state


@pytest.mark.parametrize("kind", LOADERS)
@pytest.mark.parametrize("end", [2, 3, 4, 11])
def test_the_same_samples_in_the_same_order_go_on_to_the_same_bits(net, tmp_path, kind, end):
    go_on(net, as_tensors(LOADERS[kind](1)), tmp_path / "once")
    cut_off(net, as_tensors(LOADERS[kind](1)), tmp_path / "twice", end)
    go_on(net, as_tensors(LOADERS[kind](1)), tmp_path / "twice")
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()


def test_a_sample_more_before_the_end_and_a_loader_that_is_shorter(net, tmp_path):
    out = tmp_path / "m"
    cut_off(net, BATCHES, out)
    with pytest.raises(ValueError, match="not what the earlier run has seen"):
        go_on(net, torch.cat([INPUTS[:1], INPUTS]).split(8), out)
    with pytest.raises(ValueError, match=r"the loader ends after 3 of the 4 batches that were seen"):
        go_on(net, BATCHES[:3], out)
    found = go_on(net, BATCHES, out)
    assert found.count == SAMPLES


def test_a_run_goes_on_after_its_last_batch(net, tmp_path, monkeypatch):
    out = tmp_path / "m"
    monkeypatch.setattr(
        "covlasso.torch.extraction.run.merge", lambda *_: (_ for _ in ()).throw(RuntimeError("cut"))
    )
    with pytest.raises(RuntimeError, match="cut"):
        go_on(net, BATCHES, out)
    monkeypatch.undo()
    assert go_on(net, BATCHES, out).count == SAMPLES


KILLED = """
import os, signal, sys, torch
from torch import nn
from covlasso.torch import Batch, extract

out, end, seed, skipped = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(1)
torch.manual_seed(0)
net = nn.Linear(6, 9).double()
inputs = torch.randn(120, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
order = torch.randperm(120, generator=torch.Generator().manual_seed(seed))


def loader():
    for number, rows in enumerate(order.split(10)):
        if number == end:
            os.kill(os.getpid(), signal.SIGKILL)
        lost = [(f"{'p' * 150}/{number}/{k}.png", "cannot identify image file") for k in range(skipped)]
        yield Batch(inputs[rows], samples=[str(k) for k in rows.tolist()], skipped=lost)


found = extract({"net": net}, loader(), out=out, save_every=1, factored="off")
print(found.count, found.moments.skipped, len(found.skipped))
"""


def python(*arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(KILLED), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


def test_a_killed_run_with_hundreds_of_thousands_of_skipped_samples_goes_on(tmp_path):
    once, twice, skipped = tmp_path / "once", tmp_path / "twice", 30_000
    assert python(once, -1, 1, skipped).stdout.split() == ["120", str(12 * skipped), str(12 * skipped)]
    assert python(twice, 10, 1, skipped).returncode == -signal.SIGKILL
    assert (tmp_path / "twice.state").stat().st_size > 50e6
    outcome = python(twice, -1, 2, skipped)  # in another order
    assert "not what the earlier run has seen" in outcome.stderr
    assert python(twice, -1, 1, skipped).stdout.split() == ["120", str(12 * skipped), str(12 * skipped)]
    assert once.read_bytes() == twice.read_bytes()
    assert not (tmp_path / "twice.state").exists()


def test_what_a_caller_keeps_in_a_state_may_be_longer_than_a_header(tmp_path):
    accumulator = Accumulator(["net"], split=Split(held_out=0.5))
    accumulator.update({"net": np.eye(4)}, ["a", "b", "c", "d"])
    skipped = [[f"{'x' * 180} {k} \udcff", "cannot identify"] for k in range(550_000)]
    accumulator.save_state(tmp_path / "state", skipped=skipped)
    assert (tmp_path / "state").stat().st_size > 110e6
    again, header = Accumulator.load_state(tmp_path / "state")
    assert header == {"skipped": skipped}
    assert again.count == 4


def test_a_state_of_something_else_is_named(net, tmp_path):
    accumulator = Accumulator(["net"])
    accumulator.update({"net": np.eye(6)}, list("abcdef"))
    accumulator.save_state(tmp_path / "m.state", command={})
    with pytest.raises(ValueError, match=r"m\.state is not the state of a run.*delete"):
        go_on(net, BATCHES, tmp_path / "m")


def test_class_names_that_no_file_could_hold_are_refused_before_the_work(tmp_path):
    with pytest.raises(ValueError, match=r"class_names would take .* MB of a header"):
        Moments(["net"], class_names=["n" * 2**20] * 120)
    taken = Moments(["net"], class_names=["n" * 2**20] * 60)
    taken.update({"net": np.eye(60)})
    taken.save(tmp_path / "m.safetensors")
    assert Moments.load(tmp_path / "m.safetensors").count == 60
