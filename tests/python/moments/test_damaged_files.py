"""Files of every kind with one thing changed: they load as before, or one line says which file and what."""

import json

import numpy as np
import pytest
from oracles import assert_refused

import covlasso
from covlasso import Accumulator, Dependencies, Moments, Split, SplitMoments

ROWS, N = 120, 5
WRONG = [
    None, -1, 0, 1, 3, 99, 2**31, 2**40, 2**63, 2**70, 1.5, "", "x", "\ud800", [], {}, [1], [0, 0], ["n"] * 2,
    {"n": 1}, True, [2**40], [-1, 5], "DELETE",
]  # fmt: skip


def saved(kind, file):
    rng = np.random.default_rng(0)
    batch = {"n": rng.standard_normal((ROWS, N)), "o": rng.standard_normal((ROWS, N - 1))}
    total = Accumulator(["n", "o"], split=Split(held_out=0.5, folds=2), classes="decisions")
    total.update(batch, [str(row) for row in range(ROWS)])
    if kind == "state":
        total.save_state(file)
        return Accumulator.load_state
    if kind == "split":
        total.result().save(file)
        return SplitMoments.load
    if kind == "moments":
        moments = Moments(["a"], {"a": list("abcde")})
        moments.update({"a": batch["n"]})
        moments.save(file)
        return Moments.load
    focus = {"focus": 0.3} if kind == "focused" else {}
    covlasso.solve_moments(total.result().fit, target="n", source="o", terms=2, **focus).save(file)
    return Dependencies.load


def parts(file):
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def write(file, header, body):
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write_bytes(len(text).to_bytes(8, "little") + text + body)


def places(value, at=()):
    """Paths to everything in a JSON value; of lists to the first entries."""
    if at:
        yield at
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    )
    for key, item in inner:
        yield from places(item, (*at, key))


def changed(value, at, wrong):
    copy = json.loads(json.dumps(value))
    inner = copy
    for key in at[:-1]:
        inner = inner[key]
    if wrong == "DELETE":
        del inner[at[-1]]
    else:
        inner[at[-1]] = wrong
    return copy


def loads_or_says_why(load, file):
    reason, found = None, None
    try:
        found = load(file)
    except ValueError as error:
        reason = str(error)
    if reason is not None:
        assert file.name in reason
        assert "\n" not in reason
        return False
    if isinstance(found, Dependencies):
        assert found.coef.shape == (found.n_targets, found.n_sources)
        assert [found.equation(int(target)) for target in found.targets]
    return True


KINDS = ["moments", "split", "state", "dependencies", "focused"]


@pytest.mark.parametrize("kind", KINDS)
def test_header(kind, tmp_path):
    file = tmp_path / "good.safetensors"
    load = saved(kind, file)
    header, body = parts(file)
    ours = json.loads(header["__metadata__"]["covlasso"])
    bad = tmp_path / "bad.safetensors"
    refused = 0
    for at in places(ours):
        for wrong in WRONG:
            header["__metadata__"]["covlasso"] = json.dumps(changed(ours, at, wrong))
            write(bad, header, body)
            refused += not loads_or_says_why(load, bad)
    assert refused > 100


@pytest.mark.parametrize("kind", KINDS)
def test_tensors(kind, tmp_path):
    file = tmp_path / "good.safetensors"
    load = saved(kind, file)
    header, body = parts(file)
    bad = tmp_path / "bad.safetensors"
    for name in [name for name in header if name != "__metadata__"]:
        entry = header[name]
        begin, end = entry["data_offsets"]
        size = (end - begin) // int(np.prod(entry["shape"]))
        kinds = {8: ["I64", "F64", "U64"], 4: ["I32", "F32"], 1: ["U8", "BOOL"]}[size]
        for other in [
            *({**entry, "dtype": dtype} for dtype in kinds),
            {**entry, "shape": [*entry["shape"], 1]},
            {**entry, "shape": [int(np.prod(entry["shape"]))]},
        ]:
            write(bad, {**header, name: other}, body)
            loads_or_says_why(load, bad)
        write(bad, {key: value for key, value in header.items() if key != name}, body)
        loads_or_says_why(load, bad)
        for byte in (0, 127, 255):
            for first, last in ((begin, begin + size), (end - size, end), (begin, end)):
                write(bad, header, body[:first] + bytes([byte]) * (last - first) + body[last:])
                loads_or_says_why(load, bad)


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_and_swapped(kind, tmp_path):
    file = tmp_path / "good.safetensors"
    load = saved(kind, file)
    content, bad = file.read_bytes(), tmp_path / "bad.safetensors"
    for length in range(0, len(content), len(content) // 50):
        bad.write_bytes(content[:length])
        assert not loads_or_says_why(load, bad)
    for other in {"state", "dependencies", "moments"} - {kind, "moments" if kind == "split" else kind}:
        if {kind, other} != {"dependencies", "focused"}:
            saved(other, bad)
            assert not loads_or_says_why(load, bad)


def test_a_file_without_the_part_to_fit_on(tmp_path):
    file = tmp_path / "m.safetensors"
    saved("split", file)
    header, body = parts(file)
    ours = json.loads(header["__metadata__"]["covlasso"])
    del ours["parts"]["fit"]
    header["__metadata__"]["covlasso"] = json.dumps(ours)
    write(file, header, body)
    assert_refused(lambda: SplitMoments.load(file), ValueError, ("m.safetensors", "its parts are", "fit"))


@pytest.mark.parametrize(
    ("targets", "what"),
    [
        ([0, 1, 2, 3, -1], "targets[4] is -1"),
        ([0, 0, 1, 2, 3], "target 0 is there twice"),
        ([9, 0, 1, 2, 3], "targets[0] is 9"),
    ],
)
def test_targets_that_are_no_categories(targets, what, tmp_path):
    import dataclasses

    gram = np.cov(np.random.default_rng(0).standard_normal((50, 5)), rowvar=False)
    found = covlasso.solve(gram, terms=2)
    dataclasses.replace(found, targets=np.array(targets, np.int32)).save(tmp_path / "d.safetensors")
    assert_refused(lambda: Dependencies.load(tmp_path / "d.safetensors"), ValueError, ("d.safetensors", what))
