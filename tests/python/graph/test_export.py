"""Dependencies in other programs' formats, read back by their readers and compared with the coefficients."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from oracles import random_cross, random_gram
from typer.testing import CliRunner

import covlasso
from covlasso import Dependencies, Origin
from covlasso.cli import app
from covlasso.graph import encode
from covlasso.graph.export import FORMATS

NAMES = [
    "car",
    "a 'b' \"c\"",
    "<script>alert(1)</script>",
    "großer Hund",
    "",
    "crane",
    "crane",
    "犬\tx",
    "x,y;\n",
    "\\n",
]


@pytest.fixture
def deps():
    return covlasso.solve(random_gram(10, seed=1), terms=3, names=NAMES)


@pytest.fixture
def between():
    gram, cross, energy = random_cross(10, 4, seed=2)
    return covlasso.solve(
        gram, cross, energy, terms=3, exclude=None, targets=[3, 0], names=NAMES[:4], source_names=NAMES
    )


@pytest.fixture
def file(deps, tmp_path):
    path = tmp_path / "d.safetensors"
    deps.save(path)
    return path


def need(form):
    """Skip where the package of the format is not installed."""
    packages = {"parquet": "pyarrow"}
    if form in packages:
        pytest.importorskip(packages[form])


def invoke(*arguments, **options):
    return CliRunner().invoke(app, ["export", *map(str, arguments)], **options)


def coefficients(edges, deps, category):
    """Dense coefficients from edges (source, target, weight); ``category`` reads a node."""
    found = np.zeros((deps.n_targets, deps.n_sources))
    for source, target, weight in edges:
        found[deps.position(category(target)), category(source)] = float(weight)
    return found


@pytest.mark.parametrize("which", ["deps", "between"])
def test_graphml_read_back_is_the_graph(which, request):
    deps = request.getfixturevalue(which)
    graph = nx.read_graphml(io.BytesIO(encode(deps, "graphml")))
    nodes = dict(graph.nodes(data=True))
    original = deps.to_networkx()
    assert graph.is_directed()
    assert len(graph) == len(original)
    found = coefficients(graph.edges(data="weight"), deps, lambda node: nodes[node]["category"])
    np.testing.assert_array_equal(found, deps.coef.toarray())
    for node, values in original.nodes(data=True):
        read = nodes[str(node) if deps.intra else f"{node[0]} {node[1]}"]
        for name, value in values.items():
            assert read.get(name, "") == value  # GraphML has no empty text: the name "" is left out
        assert read["category"] == (node if deps.intra else node[1])
        assert deps.intra or read["role"] == node[0]


def names_of(deps, role):
    """Names by category of the targets or the sources."""
    return dict(zip(deps.targets, deps.target_names, strict=True)) if role == "target" else deps.source_names


def test_csv_and_parquet_are_the_table_of_the_terms(deps):
    columns = deps.to_columns()
    rows = list(csv.DictReader(io.StringIO(encode(deps, "csv").decode(), newline="")))
    assert len(rows) == deps.coef.nnz
    for name in columns:
        assert [row[name] for row in rows] == [str(value) for value in columns[name]]
    pyarrow = pytest.importorskip("pyarrow.parquet", reason="pyarrow writes Parquet")
    table = pyarrow.read_table(io.BytesIO(encode(deps, "parquet"))).to_pydict()
    assert table == {name: list(values) for name, values in columns.items()}


def test_json_holds_everything(deps, between):
    for found in (deps, between):
        record = json.loads(encode(found, "json"))
        assert (record["schema"], record["intra"], record["refit"]) == (
            "covlasso-dependencies-1",
            found.intra,
            found.refit,
        )
        assert record["source_names"] == list(found.source_names)
        b = np.zeros((found.n_targets, record["n_sources"]))
        for t, entry in enumerate(record["targets"]):
            b[t, entry["sources"]] = entry["coefficients"]
            assert (entry["category"], entry["name"]) == (found.targets[t], found.target_names[t])
            for name in ("lam", "error", "energy", "r2", "kkt", "status"):
                assert entry[name] == getattr(found, name)[t]
        np.testing.assert_array_equal(b, found.coef.toarray())


def test_a_target_without_energy_has_no_r2_in_json():
    deps = covlasso.solve(np.diag([1.0, 0.0, 2.0]), lam=0.5)
    record = json.loads(encode(deps, "json"))
    assert [entry["r2"] for entry in record["targets"]] == [0.0, None, 0.0]
    assert record["source_names"] is record["origin"] is None


@pytest.mark.parametrize("form", FORMATS)
def test_equal_dependencies_give_equal_bytes(deps, form, tmp_path):
    need(form)
    deps.save(tmp_path / "d.safetensors")
    assert encode(Dependencies.load(tmp_path / "d.safetensors"), form) == encode(deps, form)


@pytest.mark.parametrize("character", ["\x00", "\x07", "\r", "\ufffe"])
def test_a_name_that_xml_cannot_hold_is_refused_and_fine_elsewhere(character):
    name = f"x{character}y"
    deps = covlasso.solve(random_gram(3, seed=4), terms=1, names=["a", name, "c"])
    with pytest.raises(ValueError, match=rf"the name of category 1 .* U\+{ord(character):04X}"):
        encode(deps, "graphml")
    assert json.loads(encode(deps, "json"))["source_names"][1] == name


@pytest.mark.parametrize("form", FORMATS)
def test_the_suffix_or_the_option_says_the_format(deps, file, tmp_path, form):
    need(form)
    out = tmp_path / f"out.{form}"
    assert invoke(file, "--out", out).exit_code == 0
    assert out.read_bytes() == encode(deps, form)
    assert invoke(file, "--out", tmp_path / "out", "--format", form).exit_code == 0
    assert (tmp_path / "out").read_bytes() == out.read_bytes()
    outcome = invoke(file, "--format", form, "--out", "-")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert outcome.stdout_bytes == out.read_bytes()


def test_pipes_read_and_write_standard_streams(deps, file):
    outcome = invoke("-", input=file.read_bytes())
    assert outcome.exit_code == 0
    assert outcome.stdout_bytes == encode(deps, "csv")
    outcome = invoke("-", input=b"no dependencies")
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith("error: standard input: not a readable covlasso Dependencies file")


def test_wrong_usage_is_one_line_and_exit_code_2(file, tmp_path, monkeypatch):
    for arguments, message in (
        ((file, "--out", tmp_path / "x.xlsx"), "the suffix is none of .csv, .json, .graphml"),
        ((file, "--out", tmp_path), "the suffix is none of"),
        ((tmp_path / "no", "--out", tmp_path / "x.csv"), "no"),
        ((tmp_path, "--out", tmp_path / "x.csv"), "Is a directory"),
        ((file, "--out", tmp_path / "no" / "x.csv"), "No such file or directory"),
    ):
        outcome = invoke(*arguments)
        assert (outcome.exit_code, outcome.stdout) == (2, "")
        assert message in outcome.stderr
        assert outcome.stderr.startswith("error: ")
        assert outcome.stderr.count("\n") == 1
    assert invoke(file, "--format", "xlsx").exit_code == 2
    for form, package in (("parquet", "pyarrow"),):
        monkeypatch.setitem(__import__("sys").modules, package, None)
        outcome = invoke(file, "--format", form)
        assert outcome.exit_code == 2
        assert (
            outcome.stderr == f"error: this needs {package}, which is not installed: pip install {package}\n"
        )


def test_a_file_of_moments_is_not_one_of_dependencies(tmp_path):
    moments = covlasso.Moments(["a"])
    moments.update({"a": np.eye(3)})
    moments.save(tmp_path / "m.safetensors")
    outcome = invoke(tmp_path / "m.safetensors")
    assert outcome.exit_code == 2
    assert "m.safetensors: these are moments; run `covlasso solve` first" in outcome.stderr


def test_parts_concatenate_to_the_whole():
    gram = random_gram(10, seed=5)
    whole = covlasso.solve(gram, terms=3, names=NAMES)
    parts = [
        covlasso.solve(gram, terms=3, names=NAMES, targets=rows) for rows in ([0, 1, 2], [3], range(4, 10))
    ]
    joined = Dependencies.concatenate(parts)
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(joined.coef, name), getattr(whole.coef, name))
    for name in ("lam", "error", "energy", "kkt", "status", "targets"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
    assert joined.target_names == whole.target_names


def test_parts_that_differ_do_not_concatenate(deps):
    gram = random_gram(10, seed=1)
    for other, message in (
        (
            covlasso.solve(gram, terms=3, refit=True, names=NAMES),
            r"parts\[1\] and parts\[0\] differ in refit",
        ),
        (covlasso.solve(gram, terms=3), "differ in source_names"),
        (covlasso.solve(random_gram(4), terms=3), "differ in n_sources"),
        (deps, "parts have target 0 twice"),
    ):
        with pytest.raises(ValueError, match=message):
            Dependencies.concatenate([deps, other])
    with pytest.raises(ValueError, match="parts is empty"):
        Dependencies.concatenate([])


def test_origin_is_kept_in_the_file_and_checked(deps, tmp_path):
    path = tmp_path / "d.safetensors"
    origin = Origin("vit", "vit", "correlation", 0.25, True, True)
    replace(deps, origin=origin).save(path)
    assert Dependencies.load(path).origin == origin
    deps.save(path)
    assert Dependencies.load(path).origin is None
    with pytest.raises(ValueError, match="kind is 'mean'; one of second_moment, covariance, correlation"):
        Origin("a", "b", "mean")
    with pytest.raises(TypeError, match="target_model must be a string"):
        Origin(1, "b")
    replace(deps, origin=origin).save(path)
    path.write_bytes(path.read_bytes().replace(b"correlation", b"correlatiom"))
    with pytest.raises(ValueError, match="header field 'origin': kind is 'correlatiom'"):
        Dependencies.load(path)
