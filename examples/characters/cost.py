"""What the regulariser adds to a training step of robustness.py, in CPU time on one thread.

    python examples/characters/cost.py FOLDER [--seed 1] [--edges 50] [--every 4]

The first network of robustness.py is trained on for some steps, and the term is timed beside the step,
forward and backward to the logits. A minute, after robustness.py.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from networks import BATCH, inputs, trained
from robustness import options_of, recipe_of, scaled_dependencies, term
from setting import begin
from torch import nn

from covlasso.graph import strongest_edges

WARM = 20  # steps before the measured ones


def main() -> None:
    options = options_of(__doc__)
    options.add_argument("--steps", type=int, default=100, help="measured (default 100)")
    setting = begin("cost", options.parse_args())
    torch.set_num_threads(1)
    train = setting.pictures.set("train")
    model = trained(setting.options.folder, recipe_of(setting, 0), train, setting.device)
    some = train[np.arange(0, len(train), 3)]
    edges = strongest_edges(scaled_dependencies(setting, model, some), setting.options.edges)
    regularizer = term(setting, edges, train)
    regularizer.warmup = 0
    optimizer = torch.optim.AdamW(model.train().parameters(), 1e-4)
    rows = torch.randperm(len(train), generator=torch.Generator().manual_seed(setting.options.seed))
    spent = np.zeros((WARM + setting.options.steps, 2))
    for step in range(len(spent)):
        batch = rows[torch.arange(step * BATCH, (step + 1) * BATCH) % len(rows)].numpy()
        images, labels = (torch.from_numpy(one[batch]) for one in (train.pictures, train.labels))
        start = time.process_time()
        logits = model(inputs(images.to(setting.device)))
        optimizer.zero_grad()
        nn.functional.cross_entropy(logits, labels.to(setting.device)).backward()
        optimizer.step()
        middle = time.process_time()
        leaf = logits.detach().requires_grad_()
        value = regularizer(leaf)
        if value.requires_grad:
            value.backward()
        spent[step] = middle - start, time.process_time() - middle
    whole, added = 1e3 * spent[WARM:].mean(axis=0)
    head = ["edges", "every", "step, ms", "term, ms", "share"]
    row: list[object] = [
        len(edges),
        regularizer.every,
        f"{whole:.1f}",
        f"{added:.2f}",
        f"{added / whole:.1%}",
    ]
    setting.report.table(
        f"CPU time on one thread, batches of {BATCH}, {train.labels.max() + 1} logits", head, [row]
    )
    setting.report.write()


if __name__ == "__main__":
    main()
