"""Files of keys: what is written comes back exactly, and what others wrote is read as it stands."""

import os

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import assert_refused

from covlasso import Split
from covlasso._base.ranks import Group
from covlasso.logits import LogitWriter
from covlasso.moments import by_folder, held_out, read_keys, write_keys

ODD = [
    "cats\\01.jpg",
    "cats\\n01.jpg",
    "a\\\\b",
    "a\nb",
    "a\r",
    "a\rb",
    "\r",
    "",
    "tab\tinside",
    "line\u2028and\u2029page\x0c\x0b\x85\x1e",
    "\ufeffmark",
    "covlasso-escaped:x",
    "covlasso-escaped:a\\nb",
    os.fsdecode(b"L\xf6we.png"),
    os.fsdecode(b"\xff\xfea"),
    "\udcc3\udca9",  # two bytes that are UTF-8 together
    "\ud83d\ude00",  # two halves that are a character together
    "\ud83d",
    "\U0001f600",
    '"quoted"',
    " blanks ",
    "nul\0",
    "é",
]
everything = st.text(
    st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from("\n\r\\:x"))
)


def written(folder, keys, split):
    """Files of `LogitWriter` for samples with these keys and names."""
    writer = LogitWriter(folder / "m.safetensors", ["net"], Group(), {"logits": "float32"})
    writer.begin(None)
    places = list(range(len(keys)))
    writer.update({"logits": {"net": np.zeros((len(keys), 2), np.float32)}}, places, places, keys, keys)
    writer.close()
    writer.finish({"logits": {"net": 2}}, split)
    return folder / "m.keys.txt", folder / "m.samples.txt", np.load(folder / "m.held_out.npy")


@given(keys=st.lists(everything, min_size=1))
@example(keys=ODD)
@example(keys=ODD[::-1])
def test_keys_come_back_as_they_were(keys, tmp_path_factory):
    file = tmp_path_factory.mktemp("keys") / "keys.txt"
    write_keys(keys, file)
    assert read_keys(file) == keys


@pytest.mark.parametrize("keys", [ODD, ODD[::-1], [f"{key}/{k}" for k in range(20) for key in ODD]])
def test_the_split_of_a_run_is_that_of_its_files(keys, tmp_path):
    file, samples, outside = written(tmp_path, keys, Split(0.5))
    assert read_keys(file) == read_keys(samples) == keys
    np.testing.assert_array_equal(held_out(read_keys(file), 0.5), outside)
    np.testing.assert_array_equal(held_out(by_folder(read_keys(file)), 0.5), held_out(by_folder(keys), 0.5))


def test_names_that_need_no_escape_stand_there_as_they_are(tmp_path):
    plain = ["cats\\01.jpg", "Löwe.png", "a\tb", '"q"', os.fsdecode(b"L\xf6we.png")]
    file, *_ = written(tmp_path, plain, Split(0.5))
    assert file.read_bytes() == b"".join(os.fsencode(key) + b"\n" for key in plain)


def test_files_of_others_are_read_as_they_stand(tmp_path):
    lines = [
        r"cats\01.jpg", r"a\nb", r"c:\new\table", '"a"', "a b ", "",
        "covlasso-escaped:plain", r"covlasso-escaped:\q", "covlasso-escaped:é", r"covlasso-escaped:\x61",
    ]  # fmt: skip
    file = tmp_path / "keys.txt"
    for end in ("\n", "\r\n"):
        for start in ("", "\ufeff"):
            file.write_bytes((start + end.join(lines)).encode())
            assert read_keys(file) == lines
            file.write_bytes((start + end.join(lines) + end).encode())
            assert read_keys(file) == lines
    for name in ("utf-16", "utf-16-be"):
        file.write_bytes("\ufeff".encode(name) * (name != "utf-16") + "a\nb\n".encode(name))
        assert_refused(lambda: read_keys(file), ValueError, ("keys.txt", "UTF-16", "UTF-8"))
