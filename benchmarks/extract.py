"""What `covlasso.torch.extract` costs beside a bare loop over the same batches.

    python -m benchmarks.extract [--model tf_efficientnet_lite0] [--batches 4] [--batch-size 32] [--repeats 9]

Both run the same model on the same decoded batches, by turns, so that a busy machine slows both; the ratio
of each pair counts, and who begins changes from pair to pair. Weights are random, which does not change the
time. ``--factored on`` accumulates the input of the last layer, ``--folds 10`` splits further.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import timm
import torch

from covlasso.moments import Split
from covlasso.torch import Batch, extract


def bare(model: torch.nn.Module, batches: list[Batch]) -> None:
    """The loop that any user writes; its logits go nowhere."""
    with torch.inference_mode():
        for batch in batches:
            model(batch.inputs)


Times = tuple[float, float]


def timed(work: Callable[[], object]) -> Times:
    """Wall-clock time and time of this process on all cores."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def paired(first: Callable[[], object], second: Callable[[], object], swapped: bool) -> tuple[Times, Times]:
    """Times of both, one after the other."""
    if swapped:
        times = timed(second)
        return timed(first), times
    return timed(first), timed(second)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time extract beside a bare loop over the same batches.")
    parser.add_argument("--model", default="tf_efficientnet_lite0")
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--factored", default="auto", choices=["auto", "on", "off"])
    parser.add_argument("--held-out", type=float, default=0.5)
    parser.add_argument("--folds", type=int, default=0)
    arguments = parser.parse_args()

    model = timm.create_model(arguments.model).eval()
    size = timm.data.resolve_model_data_config(model)["input_size"]
    generator = torch.Generator().manual_seed(0)
    batches = [
        Batch(torch.randn(arguments.batch_size, *size, generator=generator)) for _ in range(arguments.batches)
    ]
    split = Split(arguments.held_out, arguments.folds)

    def ours() -> None:
        extract({"model": model}, batches, split=split, factored=arguments.factored)

    bare(model, batches[:1])
    ours()
    pairs = [paired(lambda: bare(model, batches), ours, swapped=k % 2 == 1) for k in range(arguments.repeats)]
    samples = arguments.batches * arguments.batch_size
    print(f"{arguments.model}, {samples} samples, {torch.get_num_threads()} threads, {len(pairs)} pairs")
    for k, clock in enumerate(("wall-clock", "processor")):
        ratios = sorted(with_sums[k] / without[k] for without, with_sums in pairs)
        rate = samples / statistics.median(without[k] for without, _ in pairs)
        low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
        print(f"{clock} time: bare loop {rate:.1f} samples a second; extract / bare loop ", end="")
        print(f"{statistics.median(ratios):.3f} (quartiles {low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
