"""What `covlasso.torch.DependencyRegularizer` adds to a training step of small timm models, in CPU time.

    python benchmarks/regularizer_cost.py [--threads 1] [--edges 10] [--steps 12]

The term is timed alone, forward and backward to the logits, because the difference of two whole steps drowns
in their noise. Its logits have the second moments of a trained network with 1000 categories.
"""

import argparse
import time

import numpy as np
import timm
import torch

import covlasso
from covlasso.graph import strongest_edges
from covlasso.torch import DependencyRegularizer

MODELS = (("resnet10t", 176, 32), ("mobilenetv3_small_100", 224, 32))
HEADER = "| model | pixels | batch | every | step (ms) | term (ms) | share |\n|---|---|---|---|---|---|---|"


def mean_cpu_time(work, repeats):
    """Seconds; the first call is not counted."""
    work()
    begin = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - begin) / repeats


def training_step(model, size, batch):
    """One step without the term."""
    optimizer = torch.optim.SGD(model.parameters(), 1e-4)
    images, labels = torch.randn(batch, 3, size, size), torch.randint(0, 1000, (batch,))

    def step():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def term(regularizer, logits):
    """Forward, and backward where there is something to differentiate, on as many batches as ``every``."""

    def work():
        for _ in range(regularizer.every):
            leaf = logits.clone().requires_grad_()
            value = regularizer(leaf)
            if value.requires_grad:
                value.backward()

    return work


def main():
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--edges", type=int, default=10)
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    fit = covlasso.datasets.load_imagenet_lite().fit
    gram = fit.second_moment(fit.names[0])
    edges = strongest_edges(covlasso.solve(gram, terms=10), options.edges)
    factor = torch.from_numpy(np.linalg.cholesky(gram + 1e-3 * np.eye(len(gram)))).float()
    print(HEADER)
    for name, size, batch in MODELS:
        step = mean_cpu_time(
            training_step(timm.create_model(name, num_classes=len(gram)), size, batch), options.steps
        )
        for every in (1, 4):
            regularizer = DependencyRegularizer(edges, len(gram), warmup=0, every=every)
            for _ in range(40):
                regularizer.moments(torch.randn(batch, len(gram)) @ factor.T)
            work = term(regularizer, torch.randn(batch, len(gram)) @ factor.T)
            added = mean_cpu_time(work, options.steps) / every
            shown = f"{step * 1e3:.0f} | {added * 1e3:.1f} | {100 * added / step:.1f} %"
            print(f"| {name} | {size} | {batch} | {every} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
