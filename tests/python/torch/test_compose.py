"""`compose_head` and `replace_logits`: logits against the combinations they should be, and their export."""

import io

import numpy as np
import pytest
from oracles import random_cross, random_gram

import covlasso
from covlasso import Moments, solve_moments

torch = pytest.importorskip("torch", reason="covlasso.torch needs torch")

from covlasso.torch import CombinedLogits, compose_head, replace_logits  # noqa: E402

P, NEW = 7, ["okapi", "quokka", "dugong"]


class Classifier(torch.nn.Module):
    """Has its linear layer in a block; ``scale`` after it is what a wrapper has to reckon with."""

    def __init__(self, bias=True):
        super().__init__()
        torch.manual_seed(0)
        self.body = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 9), torch.nn.GELU())
        self.head = torch.nn.ModuleDict({"fc": torch.nn.Linear(9, P, bias=bias)})

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head["fc"](self.body(inputs))


@pytest.fixture
def between():
    gram, cross, energy = random_cross(P, 3, seed=1)
    return covlasso.solve(gram, cross, energy, terms=3, refit=True, exclude=None, names=NEW)


@pytest.fixture
def within():
    return covlasso.solve(random_gram(P, seed=2), terms=3, refit=True, targets=[5, 0, 3])


@pytest.fixture
def inputs():
    return torch.randn(6, 3, 4, generator=torch.Generator().manual_seed(3))


def assert_equal_to_float_precision(found, wanted):
    scale = wanted.abs().max().item()
    torch.testing.assert_close(
        found, wanted.to(found.dtype), rtol=0, atol=8 * torch.finfo(found.dtype).eps * scale
    )


def combined(logits, coef, intercept=0.0):
    return logits.detach().double() @ torch.from_numpy(coef.toarray().T) + torch.as_tensor(intercept)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layer", ["head.fc", None])
def test_new_logits_are_the_combinations(between, inputs, layer, bias, dtype):
    model = Classifier(bias).to(dtype).eval()
    logits = model(inputs.to(dtype))
    composed = compose_head(model, between, layer=layer)
    assert isinstance(composed, Classifier if layer else CombinedLogits)
    found = composed(inputs.to(dtype))
    assert found.shape == (6, P + 3)
    assert_equal_to_float_precision(found[:, :P], logits)
    assert_equal_to_float_precision(found[:, P:], combined(logits, between.coef))
    assert torch.equal(model(inputs.to(dtype)), logits)
    assert model.head["fc"].out_features == P


@pytest.mark.parametrize("layer", ["head.fc", None])
def test_replaced_logits_are_the_combinations(within, inputs, layer):
    model = Classifier().eval()
    logits = model(inputs)
    found = replace_logits(model, within, layer=layer)(inputs)
    wanted = logits.detach().double()
    wanted[:, [5, 0, 3]] = combined(logits, within.coef)
    assert_equal_to_float_precision(found, wanted)
    one = replace_logits(model, within, [3], layer=layer)(inputs)
    assert_equal_to_float_precision(one[:, 3], wanted[:, 3])
    assert_equal_to_float_precision(one[:, [0, 1, 2, 4, 5, 6]], logits[:, [0, 1, 2, 4, 5, 6]])


def test_a_linear_layer_alone(between):
    layer = torch.nn.Linear(9, P)
    made = compose_head(layer, between, ["dugong", "okapi"])
    assert type(made) is torch.nn.Linear
    assert made.out_features == P + 2
    assert torch.equal(made.weight[:P], layer.weight)
    wanted = between.coef.toarray()[[2, 0]] @ layer.weight.detach().double().numpy()
    np.testing.assert_allclose(made.weight[P:].detach().numpy(), wanted, rtol=1e-6, atol=1e-7)
    assert compose_head(torch.nn.Linear(9, P, bias=False), between).bias is None
    assert compose_head(layer.bfloat16(), between).weight.dtype == torch.bfloat16


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_efficientnet", "test_convnext"])
def test_models_of_timm(between, name):
    timm = pytest.importorskip("timm", reason="models of timm")
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=P).eval()
    images = torch.randn(2, *model.pretrained_cfg["input_size"])
    with torch.inference_mode():
        logits, found = model(images), compose_head(model, between)(images)
    assert type(compose_head(model, between)) is type(model)
    assert compose_head(model, between).num_classes == P + 3
    assert model.num_classes == P
    assert_equal_to_float_precision(found[:, :P], logits)
    assert_equal_to_float_precision(found[:, P:], combined(logits, between.coef))


def test_two_heads_of_timm_are_wrapped(between):
    timm = pytest.importorskip("timm", reason="models of timm")
    model = timm.create_model("deit_tiny_distilled_patch16_224", num_classes=P, img_size=32, depth=1).eval()
    composed = compose_head(model, between)
    assert isinstance(composed, CombinedLogits)
    images = torch.randn(2, 3, 32, 32)
    assert_equal_to_float_precision(composed(images)[:, P:], combined(model(images), between.coef))


@pytest.mark.parametrize("moment", ["covariance", "correlation"])
def test_centred_dependencies_bring_their_intercepts(inputs, moment):
    rng = np.random.default_rng(4)
    source = rng.normal(size=(200, P)) * np.arange(1, P + 1) + 5.0
    target = source[:, :3] * 0.7 + rng.normal(size=(200, 3)) - 2.0
    moments = Moments(["f", "g"], class_names={"f": NEW})
    moments.update({"f": target, "g": source})
    deps = solve_moments(moments, target="f", source="g", kind=moment, allow_same=True, terms=P, refit=True)
    model = Classifier().eval()
    centre, spread = source.mean(axis=0), source.std(axis=0)
    matrix = np.column_stack([np.ones(200), source])
    least_squares = np.linalg.lstsq(matrix, target, rcond=None)[0]  # all terms: the usual regression
    assert np.all(spread > 0)
    assert deps.n_terms.tolist() == [P] * 3
    logits = model(inputs).detach().double().numpy()
    wanted = torch.from_numpy(least_squares[0] + logits @ least_squares[1:])
    for layer in ("head.fc", None):
        found = compose_head(model, deps, moments=moments, layer=layer)(inputs)[:, P:]
        torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-5 * np.abs(centre).max())
    with pytest.raises(ValueError, match=f"these dependencies are of a {moment}; give moments"):
        compose_head(model, deps)


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("layer", ["head.fc", None])
def test_focused_dependencies_bring_an_intercept_of_their_own(inputs, layer, within):
    """The least squares line goes through the means of the focused samples, m + alpha d_i."""
    rng = np.random.default_rng(5)
    label = rng.integers(P, size=400)
    g = rng.normal(size=(400, P)) + 3.0 * np.eye(P)[label] + np.arange(P)
    f = g if within else g[:, :3] - g[:, 3:6] + rng.normal(size=(400, 3)) + 2.0
    label = label if within else np.where(label < 3, label, -1)
    moments = Moments(["g"] if within else ["f", "g"], classes="labels")
    moments.update({"g": g} if within else {"f": f, "g": g}, labels=label)
    deps = solve_moments(
        moments, target="g" if within else "f", source="g", kind="covariance", focus=0.3, terms=3, refit=True,
        targets=np.arange(3, dtype=np.int32), allow_same=not within,
    )  # fmt: skip
    model = Classifier().eval()
    make = replace_logits if within else compose_head
    found = make(model, deps, moments=moments, layer=layer)(inputs).detach().double().numpy()
    logits = model(inputs).detach().double().numpy()
    shifts = []
    for i, b in enumerate(deps.coef.toarray()):
        own = label == i
        of_target, of_sources = (
            0.7 * rows.mean(axis=0) + 0.3 * rows[own].mean(axis=0) for rows in (f[:, i], g)
        )
        wanted = of_target + (logits - of_sources) @ b
        np.testing.assert_allclose(found[:, i if within else P + i], wanted, rtol=0, atol=1e-4)
        shifts.append(np.abs(of_target - f[:, i].mean() - (of_sources - g.mean(axis=0)) @ b))
    assert max(shifts) > 0.01


def test_a_category_without_terms_is_its_intercept(inputs):
    nothing = covlasso.solve(np.eye(P), np.zeros((1, P)), np.ones(1), terms=1, exclude=None)
    for layer in ("head.fc", None):
        assert not compose_head(Classifier(), nothing, layer=layer)(inputs)[:, P:].any()


@pytest.mark.parametrize("make", [compose_head, replace_logits])
def test_state_dict_round_trip(make, between, within, inputs):
    deps = between if make is compose_head else within
    for layer in ("head.fc", None):
        model = make(Classifier(), deps, layer=layer)
        buffer = io.BytesIO()
        torch.save(model.state_dict(), buffer)
        buffer.seek(0)
        other = make(Classifier(), deps, layer=layer)
        for parameter in other.parameters():
            torch.nn.init.zeros_(parameter)
        other.load_state_dict(torch.load(buffer, weights_only=True))
        assert torch.equal(other(inputs), model(inputs))


def test_the_given_model_is_trained_on_through_the_wrapper(between, inputs):
    model = Classifier()
    compose_head(model, between, layer=None)(inputs)[:, P:].square().sum().backward()
    assert all(parameter.grad.any() for parameter in model.parameters())


@pytest.mark.filterwarnings("ignore:.*torch.jit.*")
@pytest.mark.parametrize("make", [compose_head, replace_logits])
@pytest.mark.parametrize("layer", ["head.fc", None])
def test_jit_and_export(make, layer, between, within, inputs):
    deps = between if make is compose_head else within
    model = make(
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, P)), deps, layer=layer and "1"
    ).eval()
    wanted = model(inputs)
    assert torch.equal(torch.jit.trace(model, inputs)(inputs), wanted)
    assert torch.equal(torch.jit.script(model)(inputs), wanted)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(model, (inputs,), dynamic_shapes=({0: batch},))
    assert torch.equal(program.module()(inputs), wanted)
    assert_equal_to_float_precision(program.module()(inputs[:2]), wanted[:2])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("make", [compose_head, replace_logits])
@pytest.mark.parametrize("layer", ["head.fc", None])
def test_onnx(make, layer, between, within, inputs):
    pytest.importorskip("onnxscript", reason="torch.onnx.export needs onnxscript")
    runtime = pytest.importorskip("onnxruntime", reason="the exported model is run by onnxruntime")
    model = make(Classifier(), between if make is compose_head else within, layer=layer).eval()
    file = io.BytesIO()
    torch.onnx.export(model, (inputs,), dynamo=True, verbose=False).save(file)
    session = runtime.InferenceSession(file.getvalue())
    (found,) = session.run(None, {session.get_inputs()[0].name: inputs.numpy()})
    assert_equal_to_float_precision(torch.from_numpy(found), model(inputs).detach())


def test_bad_input(between, within, inputs):
    model = Classifier()
    few = covlasso.solve(np.eye(4), np.eye(4) * 0.5, np.ones(4), terms=1, exclude=None)
    cases = [
        (compose_head, (model, within), {}, ValueError, "within one network.* use replace_logits"),
        (replace_logits, (model, between), {}, ValueError, "between two networks.* use compose_head"),
        (compose_head, (model, 3), {}, TypeError, "dependencies is int"),
        (compose_head, (3, between), {}, TypeError, "model is int; a torch.nn.Module"),
        (compose_head, (model, between, "okapi"), {}, TypeError, "names is 'okapi'; a sequence"),
        (compose_head, (model, between, []), {}, TypeError, r"names is \[\]; a sequence"),
        (compose_head, (model, between, ["okapy"]), {}, ValueError, "'okapy' is not among the names.*okapi"),
        (compose_head, (model, between, ["okapi", 0]), {}, ValueError, "names has a category twice"),
        (compose_head, (model, between), {"layer": "fc"}, ValueError, "layer 'fc' is not in the model"),
        (
            compose_head,
            (model, between),
            {"layer": "body"},
            TypeError,
            "layer 'body' is Sequential; an nn.Linear",
        ),
        (
            compose_head,
            (model, few),
            {"layer": "head.fc"},
            ValueError,
            "4 sources and the last layer has 7 outputs",
        ),
    ]
    for make, arguments, options, error, message in cases:
        with pytest.raises(error, match=message):
            make(*arguments, **options)
    with pytest.raises(ValueError, match=r"the model gives .*7.*; \(batch, 4\) is expected"):
        compose_head(model, few)(inputs)


def test_categories_without_names_go_by_number():
    deps = covlasso.solve(*random_cross(P, 3, seed=1), terms=2, exclude=None)
    layer = torch.nn.Linear(2, P)
    made = compose_head(layer, deps, [2])
    wanted = deps.coef.toarray()[2] @ layer.weight.detach().double().numpy()
    np.testing.assert_allclose(made.weight[P].detach().numpy(), wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("terms", "focus", "least", "most"), [(10, None, 0.6, 1.0), (3, None, 0.0, 0.6), (3, 0.5, 0.8, 1.0)]
)
def test_categories_that_a_second_network_knows_are_recognised(terms, focus, least, most):
    """Bayes' logits of clusters; the model lacks four of them. Samples for the moments have no labels."""
    rng = np.random.default_rng(7)
    known = rng.normal(size=(16, 30))
    new = np.array([known[rng.choice(16, 3, replace=False)].mean(axis=0) for _ in range(4)])
    every = np.concatenate([known, 1.3 * new + 0.4 * rng.normal(size=new.shape)])

    def network(centres):
        layer = torch.nn.Linear(30, len(centres)).double()
        layer.weight.data = torch.from_numpy(centres)
        layer.bias.data = torch.from_numpy(-0.5 * (centres**2).sum(axis=1))
        return layer.requires_grad_(False)

    def samples(count):
        label = rng.integers(20, size=count)
        return torch.from_numpy(every[label] + rng.normal(size=(count, 30))), torch.from_numpy(label)

    model, other = network(known), network(every)
    unlabelled, _ = samples(2000)
    moments = Moments(["other", "model"], classes="decisions")
    moments.update({"other": other(unlabelled).numpy(), "model": model(unlabelled).numpy()})
    direction = {"target": "other", "source": "model", "kind": "covariance", "allow_same": True}
    direction |= {"targets": np.arange(16, 20, dtype=np.int32)}
    deps = solve_moments(moments, **direction, focus=focus, terms=terms, refit=True)
    inputs, label = samples(4000)
    right = compose_head(model, deps, moments=moments)(inputs).argmax(dim=1) == label
    alone = model(inputs).argmax(dim=1) == label
    is_new = label >= 16
    assert least < right[is_new].double().mean() < most
    assert right[~is_new].double().mean() > alone[~is_new].double().mean() - 0.05


@pytest.mark.parametrize("kind", ["second_moment", "covariance", "correlation"])
@pytest.mark.parametrize("layer", ["head.fc", None])
@pytest.mark.parametrize("intra", [False, True])
def test_logits_of_row_centred_dependencies_stand_where_the_others_do(inputs, kind, layer, intra):
    """Less the mean of the model's own logits they are the equation of logits less their mean."""
    rng = np.random.default_rng(6)
    g = rng.normal(size=(300, P)) * np.arange(1, P + 1) + 9.0 * rng.normal(size=(300, 1)) + 2.0
    f = g if intra else g[:, :3] - g[:, 3:6] + rng.normal(size=(300, 3)) + 50.0
    moments = Moments(["g"] if intra else ["f", "g"])
    moments.update({"g": g} if intra else {"f": f, "g": g})
    deps = solve_moments(
        moments, target="g" if intra else "f", source="g", kind=kind, row_centred=True, allow_same=not intra,
        terms=2, refit=True, targets=np.arange(3),
    )  # fmt: skip
    model = Classifier().eval()
    make = replace_logits if intra else compose_head
    made = make(model, deps, moments=moments, layer=layer)
    found = made(inputs).detach().double().numpy()
    raw = model(inputs).detach().double().numpy()
    common = raw.mean(axis=1)
    for i in range(3):
        rows, target = (x - x.mean(axis=1, keepdims=True) for x in (g, f))
        terms = deps.coef.indices[deps.coef.indptr[i] : deps.coef.indptr[i + 1]]
        matrix = rows[:, terms]
        if kind != "second_moment":
            matrix = np.column_stack([matrix, np.ones(len(matrix))])
        b = np.linalg.lstsq(matrix, target[:, i], rcond=None)[0]
        wanted = (raw - common[:, np.newaxis])[:, terms] @ b[: len(terms)] + (b[len(terms) :].sum())
        np.testing.assert_allclose(found[:, i if intra else P + i] - common, wanted, atol=1e-4)
    rest = slice(3, P) if intra else slice(0, P)
    np.testing.assert_allclose(found[:, rest], raw[:, rest], atol=1e-5)
    torch.testing.assert_close(torch.export.export(made, (inputs,)).module()(inputs), made(inputs))
