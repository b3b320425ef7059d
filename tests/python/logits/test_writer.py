"""Logits and labels beside moments: what is written is what was added, in the order of the data; no torch."""

import numpy as np
import pytest

from covlasso import Split
from covlasso._base.ranks import Group
from covlasso.logits import LogitWriter, open_logits


def test_rows_come_back_in_the_order_of_their_positions(tmp_path):
    rng = np.random.default_rng(0)
    rows = {"a/b": rng.standard_normal((5, 3)), "c": rng.standard_normal((5, 2))}
    keys, split = ["k", "l", "k", "m", "n\\"], Split(0.5)
    writer = LogitWriter(
        tmp_path / "m.safetensors", list(rows), Group(), {"logits": "float32", "states": "float16"}
    )
    writer.begin(None)
    for part in ([3, 1], [0, 4, 2]):
        some = {name: values[part] for name, values in rows.items()}
        both = {"logits": some, "states": {name: 2.0 * x for name, x in some.items()}}
        writer.update(both, part, [10 * k for k in part], [f"s{k}" for k in part], [keys[k] for k in part])
    writer.close()
    widths = {name: values.shape[1] for name, values in rows.items()}
    writer.finish({"logits": widths, "states": widths}, split)
    for name, stem in (("a/b", "a_b"), ("c", "c")):
        (block,) = open_logits(tmp_path / f"m.logits.{stem}.npy").blocks(10)
        np.testing.assert_array_equal(block, rows[name].astype(np.float32))
        states = np.load(tmp_path / f"m.states.{stem}.npy")
        np.testing.assert_array_equal(states, (2.0 * rows[name]).astype(np.float16))
    np.testing.assert_array_equal(np.load(tmp_path / "m.labels.npy"), [0, 10, 20, 30, 40])
    np.testing.assert_array_equal(np.load(tmp_path / "m.held_out.npy"), split.part(keys) == 1)
    assert (tmp_path / "m.samples.txt").read_text().splitlines() == ["s0", "s1", "s2", "s3", "s4"]
    assert (tmp_path / "m.keys.txt").read_text().splitlines() == ["k", "l", "k", "m", "n\\"]


def test_bad_writers(tmp_path):
    with pytest.raises(ValueError, match="precision of states is 'float8'"):
        LogitWriter(tmp_path / "m", ["wide"], Group(), {"states": "float8"})
    with pytest.raises(ValueError, match="equal file names"):
        LogitWriter(tmp_path / "m", ["a/b", "a:b"], Group(), {"logits": "float16"})
