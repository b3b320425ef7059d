"""The programs of docs/uses.md, one after the other, on a small model."""

import re
from pathlib import Path

import numpy as np
import pytest

from covlasso import Moments

torch = pytest.importorskip("torch", reason="covlasso.torch needs torch")

PAGE = Path(__file__).parents[3] / "docs" / "uses.md"


def network(categories, seed):
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 16), torch.nn.Tanh())
    model.append(torch.nn.Linear(16, categories))
    return model


def moments_of(seed):
    moments = Moments(["model"])
    moments.update({"model": np.random.default_rng(seed).normal(size=(50, 6)).cumsum(axis=1)})
    return moments


def test_the_programs_of_the_page_run():
    generator = torch.Generator().manual_seed(0)
    model = network(6, 1)
    names = {
        "model": model,
        "other": network(8, 2),
        "class_names": ["husky", "wolf", "snow", "sofa", "chair", "table"],
        "other_names": ["okapi", "quokka", "dugong", "a", "b", "c", "d", "e"],
        "criterion": torch.nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), 0.1),
        "loader": [
            (torch.randn(32, 12, generator=generator), torch.randint(6, (32,), generator=generator))
            for _ in range(120)
        ],
        "moments": moments_of(3),
        "shifted_moments": moments_of(4),
        "logits_of_okapis": np.random.default_rng(5).normal(size=(5, 6)),
        "logits_of_known": np.random.default_rng(6).normal(size=(50, 6)),
    }
    programs = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(programs) == 6
    widths = []
    for program in programs:
        if "DependencyRegularizer" not in program and names["loader"]:
            names["logits"] = model(names["loader"][0][0])
        exec(program, names)
        if "larger" in names:
            widths.append(names["larger"](names["loader"][0][0]).shape[1])
    assert names["regularizer"].steps == 120
    assert names["loss"] > 0
    assert len(names["edges"]) <= 20
    assert names["coefficients"].shape == (2, 6)
    assert widths == [8, 7, 7]
    changed = names["replaced"](names["loader"][0][0]) != model(names["loader"][0][0])
    assert changed[:, 0].all()
    assert not changed[:, 1:].any()
