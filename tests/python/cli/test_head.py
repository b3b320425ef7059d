"""``covlasso moments --head``: the moments of hidden states on disk are those of the logits W h + b."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

from covlasso import SplitMoments
from covlasso.cli import app
from covlasso.moments import read_class_names

ROWS, D, N = 90, 4, 9
NAMES = [" a", "a", "\n", " ", "b ", "\t", "c", "c", "犬"]


@pytest.fixture
def arrays(tmp_path):
    rng = np.random.default_rng(2)
    found = {
        "states": rng.standard_normal((ROWS, D)).astype(np.float32),
        "weight": rng.standard_normal((N, D)).astype(np.float32),
        "bias": rng.standard_normal(N).astype(np.float32),
        "labels": rng.integers(-1, N, ROWS),
    }
    for name, array in found.items():
        np.save(tmp_path / f"{name}.npy", array)
    found["logits"] = found["states"].astype(float) @ found["weight"].astype(float).T + found["bias"]
    np.save(tmp_path / "logits.npy", found["logits"])
    return found


def run(folder, *arguments, code=0):
    kinds = (".npy", ".txt", ".json", "tensors", "parquet")
    given = [str(folder / one) if one.endswith(kinds) else one for one in arguments]
    outcome = CliRunner().invoke(app, ["moments", *given, "--out", str(folder / "m"), "--force"])
    assert outcome.exit_code == code, outcome.output
    return outcome if code else SplitMoments.load(folder / "m")


def assert_same(found, wanted, **names):
    name, other = names.get("name", "states"), names.get("other", "logits")
    for part, moments in wanted.parts.items():
        here = found.parts[part]
        assert here.count == moments.count
        for kind in ("second_moment", "covariance"):
            ours, theirs = getattr(here, kind)(name), getattr(moments, kind)(other)
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(here.class_counts(name), moments.class_counts(other))
        np.testing.assert_allclose(
            here.class_means(name, name), moments.class_means(other, other), rtol=1e-9, atol=1e-9
        )


@pytest.mark.usefixtures("arrays")
@pytest.mark.parametrize("classes", ["decisions", "labels"])
@pytest.mark.parametrize("more", [(), ("--row-centred",)])
def test_moments_are_those_of_the_logits(classes, more, tmp_path):
    options = ("--classes", classes, "--labels", "labels.npy", *more)
    found = run(tmp_path, "states.npy", "--head", "weight.npy", "--head-bias", "bias.npy", *options)
    assert_same(found, run(tmp_path, "logits.npy", *options))
    assert found.fit.heads["states"].categories == N


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("form", ["npy", "safetensors"])
def test_a_head_is_kept_in_its_precision(dtype, form, arrays, tmp_path):
    weight, bias = arrays["weight"].astype(dtype), arrays["bias"].astype(dtype)
    if form == "npy":
        np.save(tmp_path / "w.npy", weight)
        np.save(tmp_path / "b.npy", bias)
        given = ("--head", "w.npy", "--head-bias", "b.npy")
    else:
        save_file({"w": weight, "b": bias}, tmp_path / "head.safetensors")
        file = tmp_path / "head.safetensors"
        given = ("--head", f"{file}:w", "--head-bias", f"{file}:b")
    head = run(tmp_path, "states.npy", *given).fit.heads["states"]
    assert head.weight.dtype == dtype
    np.testing.assert_array_equal(head.weight, weight)
    np.testing.assert_array_equal(head.bias, bias)


def test_states_are_read_from_every_format(arrays, tmp_path):
    wanted = run(tmp_path, "states.npy", "--head", "weight.npy")
    save_file({"h": arrays["states"]}, tmp_path / "s.safetensors")
    files = ["s.safetensors"]
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pandas.DataFrame(arrays["states"], columns=[f"h{k}" for k in range(D)]).to_parquet(tmp_path / "s.parquet")
    for file in [*files, "s.parquet"]:
        found = run(tmp_path, file, "--head", "weight.npy")
        ours, theirs = found.fit.second_moment("s"), wanted.fit.second_moment("states")
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
        assert found.fit.class_names == {}  # the columns are features, no categories


@pytest.mark.usefixtures("arrays")
def test_top_1_is_that_of_the_logits(tmp_path):
    top1 = []
    for file, more in (
        ("states.npy", ("--head", "weight.npy", "--head-bias", "bias.npy")),
        ("logits.npy", ()),
    ):
        given = [tmp_path / file, *(tmp_path / one if one.endswith("npy") else one for one in more)]
        given += ["--labels", tmp_path / "labels.npy", "--out", tmp_path / "m", "--force", "--json", "-"]
        outcome = CliRunner().invoke(app, ["moments", *map(str, given)])
        record = json.loads(outcome.stdout)
        top1.append(record["models"][file.partition(".")[0]])
    assert top1[0] == top1[1]
    assert top1[0]["categories"] == N


@pytest.mark.usefixtures("arrays")
def test_a_model_with_a_head_beside_one_of_logits(tmp_path):
    heads = ("--head", "weight.npy", "--head", "none", "--head-bias", "bias.npy", "--head-bias", "none")
    found = run(tmp_path, "states.npy", "logits.npy", *heads).fit
    assert set(found.heads) == {"states"}
    np.testing.assert_allclose(
        found.covariance("states", "logits"), found.covariance("logits"), rtol=1e-6, atol=1e-6
    )


@pytest.mark.usefixtures("arrays")
def test_names_of_tokens_survive(tmp_path):
    (tmp_path / "names.json").write_text(json.dumps(NAMES))
    found = run(tmp_path, "states.npy", "--head", "weight.npy", "--class-names", "names.json")
    assert found.fit.class_names == {"states": tuple(NAMES)}
    lines = [name for name in NAMES if name.strip()]
    (tmp_path / "names.txt").write_text("".join(f"{name}\n" for name in lines), encoding="utf-8")
    assert read_class_names(tmp_path / "names.txt") == lines
    for content in ("{}", "[]", "[1]", "[", '["a", null]'):
        (tmp_path / "names.json").write_text(content)
        with pytest.raises(ValueError, match=r"names\.json"):
            read_class_names(tmp_path / "names.json")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("states.npy", "--head", "none.npy"), "none.npy: there is no such file"),
        (("logits.npy", "--head", "weight.npy"), "columns as categories: logits need no --head"),
        (
            ("few.npy", "--head", "weight.npy"),
            "few.npy has 3 columns and the head is (9, 4), (cat",
        ),
        (("states.npy", "--head", "labels.npy"), "labels.npy is int64"),
        (("states.npy", "--head", "nan.npy"), "nan.npy has nan at row 1, column 2"),
        (("states.npy", "--head", "weight.npy", "--head-bias", "few.npy"), "few.npy has shape (90, 3)"),
        (("states.npy", "--head", "weight.npy", "--head-bias", "short.npy"), "has 3 entries and"),
        (("states.npy", "--head-bias", "bias.npy"), "--head-bias is of a --head"),
        (("states.npy", "logits.npy", "--head", "weight.npy"), "--head is given 1 times for 2 files"),
    ],
)
def test_a_wrong_head_is_one_line(given, message, arrays, tmp_path):
    np.save(tmp_path / "few.npy", arrays["states"][:, :3])
    np.save(tmp_path / "short.npy", arrays["bias"][:3])
    weight = arrays["weight"].copy()
    weight[1, 2] = np.nan
    np.save(tmp_path / "nan.npy", weight)
    outcome = run(tmp_path, *given, code=2)
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert not (tmp_path / "m").exists()
