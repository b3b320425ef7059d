"""`covlasso.torch.MovingMoments`: the average, its gradient, several ranks, saving."""

import copy

import pytest
from ranks import run_ranks

torch = pytest.importorskip("torch", reason="covlasso.torch needs torch")

from covlasso.torch import MovingMoments  # noqa: E402


def batches(count, k=8, n=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(k + b, n, generator=generator) for b in range(count)]


def test_average_is_that_of_the_weighted_batches():
    decay, moments = 0.8, MovingMoments(5, decay=0.8)
    seen = batches(6)
    for batch in seen:
        found = moments(batch)
    weight = [decay ** (len(seen) - 1 - t) for t in range(len(seen))]
    parts = [w * z.double().T @ z.double() / len(z) for w, z in zip(weight, seen, strict=True)]
    torch.testing.assert_close(found, sum(parts) / sum(weight))
    assert torch.equal(found, moments.second_moment())


def test_first_batch_gives_its_own_moments():
    (batch,) = batches(1)
    torch.testing.assert_close(MovingMoments(5)(batch), batch.double().T @ batch.double() / len(batch))


def test_gradient_is_taken_at_the_average_and_passed_to_the_batch():
    moments = MovingMoments(5, decay=0.9)
    *before, batch = batches(4)
    for earlier in before:
        moments(earlier)
    batch.requires_grad_()
    average = moments(batch)
    (average**3).sum().backward()
    leaf = batch.detach().clone().requires_grad_()
    second = leaf.double().T @ leaf.double() / len(leaf)
    (second * 3 * average.detach() ** 2).sum().backward()
    torch.testing.assert_close(batch.grad, leaf.grad)


def test_evaluation_mode_changes_nothing():
    moments = MovingMoments(5)
    first, second = batches(2)
    moments(first)
    before = moments.second_moment()
    moments.eval()
    found = moments(second.requires_grad_())
    assert torch.equal(found, before)
    assert not found.requires_grad
    assert torch.equal(moments.second_moment(), before)


def test_adding_is_what_the_forward_pass_does_to_the_average():
    added, passed = MovingMoments(3, decay=0.5), MovingMoments(3, decay=0.5)
    for seed in (1, 2):
        z = torch.randn(4, 3, generator=torch.Generator().manual_seed(seed), requires_grad=True)
        assert added.update(z) == 4.0
        passed(z)
    assert torch.equal(added.second_moment(), passed.second_moment())
    assert not added.second_moment().requires_grad


def test_state_dict_goes_on_to_the_last_bit():
    moments, other = MovingMoments(5), MovingMoments(5)
    *first, last = batches(4)
    for batch in first:
        moments(batch)
    other.load_state_dict(copy.deepcopy(moments.state_dict()))
    assert torch.equal(moments(last), other(last))


def test_half_precision_models_leave_the_moments_alone():
    moments = MovingMoments(5)
    (batch,) = batches(1)
    wanted = moments(batch)
    torch.nn.Sequential(torch.nn.Linear(2, 2), moments).half()
    assert moments.sums.dtype == torch.float64
    assert torch.equal(moments.second_moment(), wanted)
    assert moments(batch.bfloat16()).dtype == torch.float64


def test_two_ranks_hold_the_average_of_all_samples():
    code = """
        import torch, torch.distributed as dist
        from covlasso.torch import MovingMoments, process_group

        batches = [torch.randn(k, 5, generator=torch.Generator().manual_seed(k)) for k in (9, 6, 7)]
        alone = MovingMoments(5, decay=0.7)
        for batch in batches:
            batch.requires_grad_()
            whole = alone(batch)
        (whole ** 2).sum().backward()

        with process_group() as group:
            together = MovingMoments(5, decay=0.7)
            for batch in batches:
                mine = batch.detach()[group.rank :: 2].clone().requires_grad_()
                found = together(mine)
            (found ** 2).sum().backward()
            torch.testing.assert_close(found, whole)
            # DistributedDataParallel divides the sum of the gradients by the number of ranks
            torch.testing.assert_close(mine.grad / 2, batches[-1].grad[group.rank :: 2])
            every = [torch.empty_like(together.sums) for _ in range(2)]
            dist.all_gather(every, together.sums)
            assert torch.equal(*every)
            bad = torch.full((3, 5), float("nan")) if group.rank else torch.ones(3, 5)
            try:
                together(bad)
            except ValueError as error:
                print(error)
            assert torch.equal(together.sums, every[0])
    """
    codes, outputs = run_ranks(code, 2)
    assert codes == [0, 0], outputs
    assert all(out == "logits has an entry that is not finite; leave the batch out\n" for out, _ in outputs)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"categories": 0}, ValueError, "categories is 0"),
        ({"categories": 2.5}, TypeError, "categories must be an integer"),
        ({"categories": 3, "decay": 1.0}, ValueError, "decay is 1.0; a number from 0 to below 1"),
        ({"categories": 3, "decay": "x"}, ValueError, "decay is 'x'"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        MovingMoments(**arguments)


@pytest.mark.parametrize(
    ("logits", "error", "message"),
    [
        ([[1.0]], TypeError, "logits is list; a floating tensor"),
        (torch.ones(4, 3, dtype=torch.int64), TypeError, "logits is torch.int64"),
        (torch.ones(3), ValueError, r"logits has shape \(3,\); \(batch, 3\) is expected"),
        (torch.ones(4, 2), ValueError, r"logits has shape \(4, 2\)"),
        (torch.ones(0, 3), ValueError, "logits has no rows"),
        (torch.tensor([[1.0, float("inf"), 0.0]]), ValueError, "not finite; leave the batch out"),
    ],
)
def test_bad_logits_leave_the_moments_as_they_were(logits, error, message):
    moments = MovingMoments(3)
    moments(torch.eye(3))
    before = copy.deepcopy(moments.state_dict())
    with pytest.raises(error, match=message):
        moments(logits)
    assert all(torch.equal(before[name], value) for name, value in moments.state_dict().items())


def test_evaluation_before_the_first_batch():
    with pytest.raises(ValueError, match="no batch has been seen yet"):
        MovingMoments(3).eval()(torch.eye(3))
