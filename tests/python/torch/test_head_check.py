"""Last layers are taken out only where every batch shows that the logits are W h + b."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="covlasso.torch needs torch")

from torch import nn  # noqa: E402

from covlasso.torch import Batch, extract  # noqa: E402

WIDTH, CATEGORIES, SIZE = 5, 24, 32


class Headed(nn.Module):
    """Logits of a last layer, and what a network may do to them."""

    def __init__(self, after=None, width=WIDTH, categories=CATEGORIES):
        super().__init__()
        torch.manual_seed(0)
        self.norm, self.fc, self.after = nn.LayerNorm(width), nn.Linear(width, categories), after

    def forward(self, x):
        self.x = x
        y = self.fc(x)
        return y if self.after is None else self.after(self, y)

    def get_classifier(self):
        return self.fc


def is_large(net):
    return bool((net.x.abs() > 5).any())


def switched(net, y):
    return net.x.tanh() @ net.fc.weight.T if is_large(net) else y


def quantised(_, y):
    return torch.where(y.abs() > 5, (y * 2).round() / 2, y)


def rewrites_its_weights(net, y):
    if is_large(net):
        net.fc.weight.mul_(1.5)
        return net.fc(net.x)
    return y


def written_into(_, y):
    return y.clamp_(-3, 3)


ODD = {
    "clamped": lambda _, y: y.clamp(-3, 3),
    "clamped in place": written_into,
    "softcapped": lambda _, y: torch.where(y.abs() > 5, 9 * (y / 9).tanh(), y),
    "temperature of the sample": lambda net, y: y / net.x.abs().amax(dim=1, keepdim=True).clamp(min=1),
    "dropout": lambda net, y: nn.functional.dropout(y, 0.5, training=True) if is_large(net) else y,
    "quantised": quantised,
    "switched": switched,
    "other weights": rewrites_its_weights,
}


def batches(scale, dtype=torch.float32):
    """Small inputs, and from sample 40 on, in the second batch, large ones."""
    x = torch.randn(3 * SIZE, WIDTH, generator=torch.Generator().manual_seed(1)) * 0.1
    x[40:] *= 10 * scale
    return list(x.to(dtype).split(SIZE))


def logits_of(net, loader):
    with torch.inference_mode():
        return torch.cat([net(x) for x in loader]).double().numpy()


def assert_moments(found, rows, rtol):
    plain = rows.T @ rows / len(rows)
    assert np.abs(found.second_moment("net") - plain).max() <= rtol * np.abs(plain).max()


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("factored", ["auto", "on"])
def test_a_batch_that_departs_from_the_head_ends_the_pass_at_its_first_sample(name, factored, tmp_path):
    out = tmp_path / "m.safetensors"
    with pytest.raises(
        ValueError, match=r"'net' for sample (32|4\d) are not W h \+ b of its last layer"
    ) as error:
        extract({"net": Headed(ODD[name])}, batches(30), factored=factored, out=out, save_every=1)
    assert "\n" not in str(error.value)
    assert not out.exists()


@pytest.mark.parametrize("name", ["clamped", "softcapped", "temperature of the sample", "quantised"])
def test_the_remedy_gives_the_moments_of_the_logits(name):
    net = Headed(ODD[name])
    found = extract({"net": net}, batches(30), factored="off")
    assert_moments(found.moments.fit, logits_of(net, batches(30)), 1e-6)


@pytest.mark.parametrize("name", ["clamped", "softcapped", "temperature of the sample", "quantised"])
def test_the_same_in_half_precision(name):
    with pytest.raises(ValueError, match=r"'net' for sample \d+ are not W h \+ b"):
        extract({"net": Headed(ODD[name])}, batches(30), amp_dtype=torch.bfloat16, factored="on")


def test_what_departs_at_once_is_accumulated_as_it_is():
    net = Headed(ODD["clamped"])
    loader = list(reversed(batches(30)))
    found = extract({"net": net}, loader).moments.fit
    assert found.heads == {}
    assert_moments(found, logits_of(net, loader), 1e-6)


@pytest.mark.parametrize(("width", "categories"), [(5, 24), (384, 1000), (2048, 2100)])
@pytest.mark.parametrize("scale", [0.02, 1.0, 30.0])
@pytest.mark.parametrize(
    ("model_type", "amp", "after"),
    [
        (torch.float64, None, None),
        (torch.float32, None, None),
        (torch.float16, None, None),
        (torch.bfloat16, None, None),
        (torch.float32, torch.bfloat16, None),
        (torch.float32, torch.float16, None),
        (torch.float32, torch.bfloat16, lambda _, y: y.float()),
        (torch.float32, torch.float16, lambda _, y: y.float()),
    ],
)
def test_a_head_that_is_right_is_never_refused(width, categories, scale, model_type, amp, after):
    net = Headed(after, width, categories)
    with torch.no_grad():
        net.fc.weight[::3] = 0.0973  # rounds to the same side everywhere, and so do the features below
        net.fc.weight[1::3] *= 20
        net.fc.bias *= 100
    x = torch.randn(4, 48, width, generator=torch.Generator().manual_seed(2)) * scale
    x[1] = x[1].relu()
    x[2] = 0.7371 * scale
    x[3, ::2] = 0
    found = extract({"net": net.to(model_type)}, list(x), amp_dtype=amp, factored="on")
    assert found.moments.fit.heads["net"].features == width
    assert found.count == 4 * 48


def test_a_logit_that_overflows_in_half_precision_is_called_that():
    x = torch.ones(8, WIDTH)
    large = torch.ones(8, WIDTH)
    large[3] = 6e4
    net = Headed()
    with torch.no_grad():
        net.fc.weight[:] = 1
    with pytest.raises(ValueError, match="'net' gives a logit that is not finite for sample 11;"):
        extract({"net": net}, [x, large], amp_dtype=torch.float16, factored="on")


def test_a_run_that_goes_on_is_checked_against_the_layer_of_its_state(tmp_path):
    class Stops(list):
        def __iter__(self):
            yield self[0]
            raise RuntimeError("the power is gone")

    net, out = Headed(lambda net, y: y * net.factor), tmp_path / "m.safetensors"
    net.factor = 1.0
    x = [Batch(x, samples=[f"{k}.{r}" for r in range(SIZE)]) for k, x in enumerate(batches(1))]
    with pytest.raises(RuntimeError, match="power"):
        extract({"net": net}, Stops(x), out=out, save_every=1)
    net.factor = 1.01
    with pytest.raises(
        ValueError, match=r"for sample 1\.0 are not W h \+ b of its last layer.*delete the state"
    ):
        extract({"net": net}, x, out=out, save_every=1)


def test_on_a_device_the_first_of_many_batches_is_named_when_they_are_settled(monkeypatch):
    from covlasso.torch.extraction.head_check import HeadCheck
    from covlasso.torch.extraction.taps import Tap

    net = Headed(ODD["clamped"])
    tap = Tap("net", net, net.fc)
    check, settle = HeadCheck({"net": tap}), HeadCheck.settle
    monkeypatch.setattr(HeadCheck, "settle", lambda _: None)
    with torch.inference_mode():
        for number, x in enumerate(batches(30)):
            logits, rows = tap(x)
            check.add({"net": logits}, {"net": rows}, [f"{number}.{k}" for k in range(SIZE)])
    with pytest.raises(ValueError, match=r"for sample 1\.8 "):
        settle(check)
