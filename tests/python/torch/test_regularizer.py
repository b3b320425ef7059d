"""`covlasso.torch.DependencyRegularizer`: what it does to a small network, in loops, ranks and precisions."""

import copy

import numpy as np
import pytest
from oracles import coordinate_descent
from ranks import run_ranks

import covlasso

torch = pytest.importorskip("torch", reason="covlasso.torch needs torch")

from covlasso.torch import DependencyRegularizer  # noqa: E402

NAMES = ["husky", "wolf", "snow", "sofa", "chair", "table"]


def teacher():
    """Two groups of three categories that share features: logits depend on each other."""
    generator = torch.Generator().manual_seed(0)
    common = torch.zeros(6, 8)
    common[:3, :2] = torch.randn(3, 2, generator=generator) + 2.0
    common[3:, 2:4] = torch.randn(3, 2, generator=generator) + 2.0
    return common + 0.3 * torch.randn(6, 8, generator=generator)


def trained(regularizer, steps=300):
    """A linear network that imitates the teacher under the regulariser; its logits' standardised moments."""
    generator = torch.Generator().manual_seed(1)
    target = teacher()
    model = torch.nn.Linear(8, 6, bias=False)
    model.load_state_dict({"weight": target.clone()})
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        inputs = torch.randn(64, 8, generator=generator)
        logits = model(inputs)
        loss = (logits - inputs @ target.T).square().mean() + regularizer(logits)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weight = model.weight.detach().double().numpy()
    gram = weight @ weight.T  # of inputs with E[x x'] = I
    scale = 1 / np.sqrt(np.diag(gram))
    return covlasso.solve(gram * np.outer(scale, scale), lam=0.3).coef.toarray()


@pytest.mark.parametrize("penalty", ["squared", "absolute"])
@pytest.mark.parametrize("every", [1, 3])
def test_named_dependency_goes_and_those_of_other_categories_stay(penalty, every):
    edge = [("husky", "snow")]
    options = {"penalty": penalty, "every": every, "warmup": 20}
    before = trained(DependencyRegularizer(edge, NAMES, strength=0.0))
    after = trained(DependencyRegularizer(edge, NAMES, strength=2.0, **options))
    assert abs(before[0, 2]) > 0.3
    assert abs(after[0, 2]) < 0.3 * abs(before[0, 2])
    np.testing.assert_allclose(after[3:], before[3:], atol=0.05)  # the other group
    assert np.abs(before[3:]).max() > 0.5


def test_term_is_the_sum_of_squared_coefficients_of_scaled_logits():
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(40, 3, generator=generator) @ torch.randn(3, 6, generator=generator)
    logits = (logits + 0.3 * torch.randn(40, 6, generator=generator)) * torch.tensor([1, 20, 0.1, 3, 1, 9])
    z = logits.double().numpy()
    unit = z / np.sqrt((z**2).mean(axis=0))
    gram = unit.T @ unit / len(z)
    edges = [(i, j) for i in range(6) for j in range(6) if i != j]
    wanted = []
    for target, source in edges:
        allowed = np.arange(6) != target
        wanted.append(coordinate_descent(gram, gram[target], 0.2, allowed=allowed, l2=0.1)[source])
    assert 6 <= np.count_nonzero(wanted) < 30
    options = {"strength": 0.7, "lam": 0.2, "l2": 0.1, "warmup": 0}
    squared = DependencyRegularizer(edges, 6, **options)
    absolute = DependencyRegularizer(edges, 6, penalty="absolute", **options)
    assert squared(logits).item() == pytest.approx(0.7 * np.sum(np.square(wanted)), rel=1e-6)
    assert absolute(logits).item() == pytest.approx(0.7 * np.sum(np.abs(wanted)), rel=1e-6)
    np.testing.assert_allclose(squared.coefficients().numpy(), wanted, rtol=1e-9, atol=1e-12)


def test_gradient_to_the_logits():
    logits = torch.randn(12, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    logits = (logits + logits.sum(dim=1, keepdim=True)).requires_grad_()
    edges = [(0, 1), (2, 4)]

    def term(z):  # of a first batch, so that the average is the batch
        return DependencyRegularizer(edges, 5, warmup=0, lam=0.1)(z)

    assert (DependencyRegularizer(edges, 5, warmup=0)(logits) > 0).item()
    assert torch.autograd.gradcheck(term, logits)


def test_an_edge_that_is_out_gets_no_gradient():
    logits = torch.eye(4).repeat(3, 1).requires_grad_()
    regularizer = DependencyRegularizer([(0, 1)], 4, warmup=0)
    loss = regularizer(logits)
    loss.backward()
    assert loss.item() == 0.0
    assert not logits.grad.any()


def test_a_logit_that_is_always_zero_depends_on_nothing():
    logits = torch.randn(9, 3, generator=torch.Generator().manual_seed(4))
    logits[:, 1] = 0.0
    logits.requires_grad_()
    regularizer = DependencyRegularizer([(0, 1), (1, 0), (0, 2)], 3, warmup=0, lam=0.01)
    regularizer(logits).backward()
    assert regularizer.coefficients()[:2].tolist() == [0.0, 0.0]
    assert logits.grad.isfinite().all()


def test_every_and_warmup_leave_steps_out_and_keep_the_push():
    generator = torch.Generator().manual_seed(5)
    seen = [torch.randn(20, 4, generator=generator).cumsum(dim=1) for _ in range(8)]
    often = DependencyRegularizer([(1, 0)], 4, warmup=0)
    rarely = DependencyRegularizer([(1, 0)], 4, warmup=3, every=2)
    all_terms = [often(batch).item() for batch in seen]
    some_terms = [rarely(batch).item() for batch in seen]
    kept = [0, 0, 0, 1, 0, 1, 0, 1]
    assert some_terms == pytest.approx([2 * k * term for k, term in zip(kept, all_terms, strict=True)])
    assert min(all_terms) > 0
    assert torch.equal(often.moments.sums, rarely.moments.sums)


def test_evaluation_mode_shows_the_term_and_learns_nothing():
    generator = torch.Generator().manual_seed(6)
    logits = torch.randn(20, 4, generator=generator).cumsum(dim=1).requires_grad_()
    regularizer = DependencyRegularizer([(1, 0)], 4, warmup=0)
    value = regularizer(logits)
    before = copy.deepcopy(regularizer.state_dict())
    regularizer.eval()
    shown = regularizer(logits)
    assert shown.item() == value.item()
    assert not shown.requires_grad
    assert all(torch.equal(before[name], new) for name, new in regularizer.state_dict().items())


def test_state_dict_goes_on_to_the_last_bit():
    generator = torch.Generator().manual_seed(7)
    *first, last = (torch.randn(20, 4, generator=generator).cumsum(dim=1) for _ in range(5))
    one, two = (DependencyRegularizer([(1, 0), (3, 2)], 4, warmup=4) for _ in range(2))
    for batch in first:
        assert one(batch) == 0
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    assert one(last) > 0
    assert DependencyRegularizer([(1, 0), (3, 2)], 4, warmup=4)(last) == 0
    two_last = two(last)
    one.load_state_dict(two.state_dict())
    assert torch.equal(two_last, two.eval()(last))


def test_autocast_computes_the_moments_in_full_precision():
    generator = torch.Generator().manual_seed(8)
    model, inputs = torch.nn.Linear(5, 4), torch.randn(32, 5, generator=generator)
    inside, outside = (DependencyRegularizer([(1, 0), (0, 1)], 4, warmup=0, lam=0.01) for _ in range(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(inputs)
        loss = inside(logits)
    assert logits.dtype == torch.bfloat16
    assert loss.dtype == torch.float32
    assert loss.item() == outside(logits.detach().double()).float().item() > 0
    loss.backward()
    assert model.weight.grad.isfinite().all()
    assert model.weight.grad.any()


def test_a_batch_that_is_not_finite_leaves_everything_as_it_was():
    generator = torch.Generator().manual_seed(3)
    batches = [torch.randn(8, 4, generator=generator) for _ in range(6)]
    for value in (float("inf"), -float("inf"), float("nan")):
        for where in (0, 2, 5):
            met, spared = (DependencyRegularizer([(0, 1)], 4, warmup=0, lam=0.05, every=2) for _ in range(2))
            for k, batch in enumerate(batches):
                if k == where:
                    bad = batch.clone().requires_grad_()
                    with torch.no_grad():
                        bad[3, 1] = value
                    state = {name: x.clone() for name, x in met.state_dict().items()}
                    term = met(bad)
                    assert term == 0.0
                    assert not term.requires_grad
                    assert all(torch.equal(x, state[name]) for name, x in met.state_dict().items())
                assert torch.equal(met(batch), spared(batch))
            assert torch.equal(met.coefficients(), spared.coefficients())
            assert (met.skipped, spared.skipped) == (1, 0)


def test_training_under_a_scaler_goes_on_after_an_overflow():
    """The steps that the scaler skips are as if their batches had not been there."""

    def train(batches):
        torch.manual_seed(0)
        model = torch.nn.Linear(6, 4)
        regularizer = DependencyRegularizer([(0, 1), (2, 3)], 4, warmup=0, lam=0.05, decay=0.8)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=1000, backoff_factor=0.999)
        for inputs, labels in batches:
            optimizer.zero_grad()
            logits = model(inputs)
            loss = torch.nn.functional.cross_entropy(logits, labels) + regularizer(logits)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        return model, regularizer

    generator = torch.Generator().manual_seed(1)
    good = [(torch.randn(16, 6, generator=generator), torch.arange(16) % 4) for _ in range(8)]
    overflow = (torch.full((16, 6), float("inf")), torch.arange(16) % 4)
    model, regularizer = train([*good[:3], overflow, *good[3:5], overflow, overflow, *good[5:]])
    spared, without = train(good)
    assert regularizer.skipped == 3
    assert regularizer.steps == without.steps == 8
    torch.testing.assert_close(
        regularizer.moments.second_moment(), without.moments.second_moment(), rtol=1e-5, atol=1e-6
    )
    for ours, theirs in zip(model.parameters(), spared.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_batches_that_are_never_finite_end_the_training():
    regularizer, bad = DependencyRegularizer([(0, 1)], 4, warmup=0), torch.full((8, 4), float("nan"))
    for _ in range(60):
        regularizer(bad)
    regularizer(torch.eye(4))
    for _ in range(99):
        regularizer(bad)
    with pytest.raises(ValueError, match=r"each of the last 100 batches .* diverged, or masks logits"):
        regularizer(bad)
    assert regularizer.skipped == 160


def test_ranks_leave_a_batch_out_together():
    code = """
        import torch, torch.distributed as dist
        from covlasso.torch import DependencyRegularizer, process_group

        with process_group() as group:
            regularizer = DependencyRegularizer([(0, 1)], 4, warmup=0, lam=0.05)
            for step in range(6):
                logits = torch.randn(8, 4, generator=torch.Generator().manual_seed(10 * step + group.rank))
                if step in (0, 3) and group.rank == step % 2:
                    logits[0, 0] = float("inf")
                regularizer(logits)
                assert regularizer.skipped == (step >= 0) + (step >= 3)
            assert (regularizer.skipped, int(regularizer.steps)) == (2, 4)
            every = [torch.empty_like(regularizer.moments.sums) for _ in range(2)]
            dist.all_gather(every, regularizer.moments.sums)
            assert torch.equal(*every)
    """
    codes, outputs = run_ranks(code, 2)
    assert codes == [0, 0], outputs


@pytest.mark.parametrize("longer", [0, 1])
def test_a_rank_with_a_batch_more_ends_with_one_error(longer):
    code = f"""
        import os, torch, torch.distributed as dist
        from datetime import timedelta
        from covlasso.torch import DependencyRegularizer, GroupError

        dist.init_process_group("gloo", timeout=timedelta(seconds=20))
        regularizer = DependencyRegularizer([(0, 1)], 4, warmup=0)
        try:
            for _ in range(6 if dist.get_rank() == {longer} else 5):
                regularizer(torch.randn(8, 4))
        except GroupError as error:
            print(error)
        print(int(regularizer.steps), flush=True)
        os._exit(0)  # gloo's threads do not always end after a lost connection
    """
    codes, outputs = run_ranks(code, 2)
    assert codes == [0, 0], outputs
    said = [out.splitlines() for out, _ in outputs]
    assert [lines[-1] for lines in said] == ["5", "5"]
    (line,) = said[longer][:-1]
    assert "every rank has to call this module in every step; give all ranks equally many batches" in line


def test_two_ranks_train_as_one_process():
    code = """
        import torch
        from torch.nn.parallel import DistributedDataParallel
        from covlasso.torch import DependencyRegularizer, process_group

        def train(model, slices):
            regularizer = DependencyRegularizer([(0, 1), (2, 3)], 4, warmup=1, decay=0.8, lam=0.05)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
            generator = torch.Generator().manual_seed(1)
            for _ in range(5):
                inputs = torch.randn(24, 6, generator=generator).double()[slices]
                optimizer.zero_grad()
                logits = model(inputs)
                (logits.square().mean() * 0.1 + regularizer(logits)).backward()
                optimizer.step()
            return [p.detach() for p in model.parameters()], regularizer.coefficients()

        def network():
            torch.manual_seed(0)
            return torch.nn.Sequential(torch.nn.Linear(6, 3), torch.nn.Tanh(), torch.nn.Linear(3, 4)).double()

        weights, coefficients = train(network(), slice(None))
        assert coefficients.any()
        untouched = [p.detach() for p in network().parameters()]
        assert not torch.allclose(weights[0], untouched[0], atol=1e-3)
        with process_group() as group:
            model = DistributedDataParallel(network())
            same_weights, same_coefficients = train(model, slice(group.rank, None, 2))
            for ours, theirs in zip(same_weights, weights):
                torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)
            torch.testing.assert_close(same_coefficients, coefficients, rtol=1e-8, atol=1e-10)
    """
    codes, outputs = run_ranks(code, 2)
    assert codes == [0, 0], outputs


def test_in_a_training_step_of_timm():
    timm = pytest.importorskip("timm", reason="a model of timm")
    from timm import loss, optim, utils

    torch.manual_seed(0)
    model = timm.create_model("test_vit", num_classes=12, img_size=32)
    regularizer = DependencyRegularizer([(0, 1), (5, 2)], 12, warmup=0, lam=0.05)
    criterion = loss.LabelSmoothingCrossEntropy()
    optimizer = optim.create_optimizer_v2(model, opt="adamw", lr=1e-3)
    scaler = utils.NativeScaler(device="cpu")
    before = [p.detach().clone() for p in model.parameters()]
    for _ in range(3):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = model(torch.randn(8, 3, 32, 32))
            total = criterion(output, torch.arange(8)) + regularizer(output)
        scaler(total, optimizer, parameters=model.parameters(), clip_grad=1.0)
        optimizer.zero_grad()
    assert total.isfinite()
    assert regularizer.steps == 3
    assert all(p.isfinite().all() for p in model.parameters())
    assert any(not torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"edges": []}, ValueError, "edges is empty"),
        ({"edges": "ab"}, TypeError, "edges is a string"),
        ({"edges": [(0, 1, 2)]}, TypeError, r"edges\[0\] is \(0, 1, 2\); a pair"),
        ({"edges": [3]}, TypeError, r"edges\[0\] is 3; a pair"),
        ({"edges": ["ab"]}, TypeError, r"edges\[0\] is 'ab'; a pair"),
        ({"edges": [(0, 1), (2, 2)]}, ValueError, r"edges\[1\] leads from 2 to itself"),
        ({"edges": [(0, 1), (0, 1)]}, ValueError, r"edges\[1\] repeats edges\[0\]"),
        ({"edges": [(0, 6)]}, ValueError, r"edges\[0\]: 6 is no category; numbers from 0 to 5"),
        ({"edges": [(0.5, 1)]}, TypeError, r"edges\[0\]: 0.5 is neither a category number nor a name"),
        ({"edges": [("huski", "snow")]}, ValueError, r"edges\[0\]: .*'huski'.* close: \['husky'"),
        ({"edges": [("husky", 1)], "categories": 6}, ValueError, "give the list of all class names"),
        ({"categories": ["a", 1]}, TypeError, "categories must be a sequence of strings"),
        ({"categories": 0}, ValueError, "categories is 0"),
        ({"strength": -1}, ValueError, "strength is -1"),
        ({"lam": "x"}, TypeError, "lam must be a number"),
        ({"penalty": "l0"}, ValueError, "penalty is 'l0'; squared or absolute"),
        ({"every": 0}, ValueError, "every is 0"),
        ({"warmup": -3}, ValueError, "warmup is -3"),
        ({"decay": 2.0}, ValueError, "decay is 2.0"),
        ({"l2": float("nan")}, ValueError, "l2 is nan"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        DependencyRegularizer(**{"edges": [(0, 1)], "categories": NAMES, **arguments})
