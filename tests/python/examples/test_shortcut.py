"""The planted shortcut of examples/characters, whole but tiny; its figures against raw logits."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import covlasso

pytest.importorskip("torch", reason="covlasso.torch needs torch")
pytest.importorskip("timm", reason="the networks are timm's")
pytest.importorskip("matplotlib", reason="the script draws a figure")
pytest.importorskip("fontTools", reason="the scripts read character maps")

FOLDER = Path(__file__).parents[3] / "examples" / "characters"
OPTIONS = ["--characters", "8", "--variants", "2", "--epochs", "2", "--threads", "1", "--strengths", "0.1"]


@pytest.fixture(scope="module", autouse=True)
def modules():
    """The scripts' modules, which import each other by name."""
    sys.path.insert(0, str(FOLDER))
    before = set(sys.modules)
    yield
    sys.path.remove(str(FOLDER))
    for name in set(sys.modules) - before:
        if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import fonts

    if missing := fonts.missing_packages():
        pytest.skip(f"fonts are not installed: {' '.join(missing)}")
    return tmp_path_factory.mktemp("shortcut")


def blank(labels):
    from pictures import Set

    pictures = np.zeros((len(labels), 32, 32), dtype=np.uint8)
    pictures[:, 10:20, 10:20] = 255  # ink
    return Set(pictures, labels, np.zeros_like(labels))


def test_a_pair_shares_a_mark_that_stays_behind_the_ink():
    from marks import HEIGHT, Marks

    marks = Marks.draw(10, 3)
    everyone = np.arange(10)
    assert (marks.partner != everyone).all()
    np.testing.assert_array_equal(marks.partner[marks.partner], everyone)
    np.testing.assert_array_equal(marks.own(marks.partner), marks.own(everyone))
    assert (np.bincount(marks.pair) == 2).all()
    labels = np.repeat(everyone, 50)
    rng = np.random.default_rng(0)
    other = marks.other(labels, rng)
    assert (other != marks.own(labels)).all()
    assert set(other) == set(range(5))
    marked = marks.put(blank(labels), other, rng).pictures
    assert (marked[:, 10:20, 10:20] == 255).all()
    ground = marked[:, :10]
    assert 0.5 * HEIGHT < ground.max() <= HEIGHT
    same = other == other[0]
    near = np.corrcoef(ground[same].reshape(same.sum(), -1)).mean()
    far = np.corrcoef(ground.reshape(len(labels), -1))[0, ~same].mean()
    assert near > far + 0.3


@pytest.mark.parametrize("categories", [2, 7])
def test_categories_that_cannot_be_paired(categories):
    from marks import Marks

    with pytest.raises(ValueError, match="an even number from 4"):
        Marks.draw(categories, 1)


def test_variance_by_the_mark_is_that_of_a_sum():
    from reliance import moved

    rng = np.random.default_rng(1)
    glyph = rng.normal(size=(100_000, 1))
    first, second = (glyph * [1.0, 2.0, 0.0] + rng.normal(size=(100_000, 1)) for _ in range(2))
    assert moved(first, second) == pytest.approx(np.mean([1 / 2, 1 / 5, 1]), abs=0.01)


def test_products_of_partners_are_a_sum_of_mean_mark_and_rest():
    from reliance import product

    rng = np.random.default_rng(1)
    glyph = rng.normal(size=(200_000, 1))
    shape = [1.0, -1.0]  # the glyph drives partners apart, the mark lifts both
    first, second = (2.0 + glyph * shape + rng.normal(size=(200_000, 1)) for _ in range(2))
    found = product(first, second, np.array([1, 0]))
    expected = {"partners": 4 / 6, "by the mean": 4 / 6, "by the mark": 1 / 6, "by the rest": -1 / 6}
    assert found == pytest.approx(expected, abs=0.01)


def test_terms_are_of_focused_dependencies_and_of_correlations():
    import torch
    from reliance import FOCUS, LAM, dependencies
    from terms import CentredTerm, FocusedTerm

    from covlasso.graph import strongest_edges
    from covlasso.torch import DependencyRegularizer

    rng = np.random.default_rng(2)
    labels = rng.integers(0, 6, 300)
    logits = 1.0 + rng.normal(size=(300, 6)) @ rng.normal(size=(6, 6)) + 3.0 * np.eye(6)[labels]
    found = dependencies(logits, labels, FOCUS)
    edges = strongest_edges(found, 4)
    common = {"lam": LAM, "strength": 0.5, "every": 1, "warmup": 0, "decay": 0.0}
    term = FocusedTerm(edges, 6, **common)
    z = torch.from_numpy(logits).requires_grad_()
    value = term(z, torch.from_numpy(labels))
    value.backward()
    targets, sources = np.array(edges).T
    chosen = found.coef.toarray()[targets, sources]
    assert value.item() == pytest.approx(0.5 * np.square(chosen).sum(), rel=1e-9)
    assert z.grad.abs().max() > 0
    centred = covlasso.solve(np.corrcoef(logits.T), lam=LAM).coef.toarray()[targets, sources]
    value = CentredTerm(edges, 6, **common)(z, torch.from_numpy(labels))
    assert value.item() == pytest.approx(0.5 * np.square(centred).sum(), rel=1e-9)
    regularizer = DependencyRegularizer(edges, 6, **common)  # edges of focused dependencies, as any
    all_samples = dependencies(logits, labels).coef.toarray()[targets, sources]
    assert not np.allclose(all_samples, chosen, rtol=0.01)
    assert regularizer(z).item() == pytest.approx(0.5 * np.square(all_samples).sum(), rel=1e-9)


def test_the_table_is_that_of_the_raw_logits(folder):
    command = [sys.executable, str(FOLDER / "shortcut.py"), str(folder), *OPTIONS, "--seeds", "3", "4"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    runs = json.loads((folder / "shortcut-convnext.json").read_text())
    import shortcut
    from networks import outputs

    options = shortcut.options_of("").parse_args([str(folder), *OPTIONS])
    seed = shortcut.Seed.of(options, 4)
    marked, labels = seed.marked, seed.setting.pictures.set("clean").labels
    planted = shortcut.planted_edges(marked)
    assert not set(planted) & set(shortcut.random_edges(marked, 4))
    assert marked.weights.mean() == pytest.approx(1.0)
    assert marked.weights[marked.agrees].sum() == pytest.approx(marked.weights[~marked.agrees].sum())

    groups = marked.groups("clean")
    for way in (shortcut.Way("plain"), shortcut.Way("reweighted", reweighted=True)):
        network = seed.network(way)
        chosen = {
            name: outputs(network, getattr(groups, name), seed.setting.device).argmax(axis=1)
            for name in ("agree", "disagree")
        }
        right = {name: one == labels for name, one in chosen.items()}
        numbers = runs["seed 4"][way.name]
        assert numbers["worst"] == min(one.mean() for one in right.values())
        each = [min(one[labels == k].mean() for one in right.values()) for k in range(8)]
        assert numbers["worst by category"] == pytest.approx(np.mean(each))
        follows = [
            marked.marks.pair[k] == mark for k, mark in zip(chosen["disagree"], groups.other, strict=True)
        ]
        assert numbers["follow"] == np.mean(follows)
    paired = [
        100 * (runs[f"seed {k}"]["reweighted"]["worst"] - runs[f"seed {k}"]["plain"]["worst"]) for k in (3, 4)
    ]
    shown = f"{np.mean(paired):+.1f} ± {abs(paired[0] - paired[1]) / 2:.1f}"
    table = (folder / "shortcut-convnext.md").read_text()
    row = next(line for line in table.splitlines() if line.startswith("| reweighted |"))
    assert row.endswith(f"| {shown} |")
