"""Dependencies as text, table, graph and file, and their error on other samples."""

import numpy as np
import pytest
from oracles import random_cross, random_gram

import covlasso

NAMES = ["sports car", "grille", "racer", "tub", "crane", "crane"]


@pytest.fixture
def deps():
    """Six categories of one network, explained by up to four others."""
    return covlasso.solve(random_gram(6, seed=1), terms=4, names=NAMES)


@pytest.fixture
def between():
    gram, cross, energy = random_cross(5, 7, seed=2)
    return covlasso.solve(gram, cross, energy, terms=3, exclude=None, targets=[6, 0, 3])


def test_equation_lists_the_terms_by_size(deps):
    row = deps.coef.toarray()[0]
    order = [j for j in np.argsort(-np.abs(row)) if row[j]]
    shown = [*NAMES[:4], "crane #4", "crane #5"]
    text = f"sports car = {row[order[0]]:.2f} {shown[order[0]]}"
    for j in order[1:]:
        text += f" {'-' if row[j] < 0 else '+'} {abs(row[j]):.2f} {shown[j]}"
    assert deps.equation("sports car") == text
    assert deps.equation(0) == text
    assert deps.equation(np.int64(0)) == text


def test_equation_in_exact_words():
    gram = np.array([[2.0, -1.0, 0.5], [-1.0, 2.0, 0.0], [0.5, 0.0, 1.0]])
    deps = covlasso.solve(gram, lam=0.5, names=["car", "truck", "tub"])
    # b_j = sign(c_j) (|c_j| - lam / 2) / G_jj, since truck and tub are uncorrelated
    assert deps.equation("car", digits=3) == "car = -0.375 truck + 0.250 tub"
    assert deps.equation("car", max_terms=1) == "car = -0.38 truck + ... (1 more)"
    assert covlasso.solve(gram, lam=9.0).equation(0) == "#0 = 0"
    assert covlasso.solve(gram, lam=0.5).equation(0) == "#0 = -0.38 #1 + 0.25 #2"


def test_a_name_must_be_one_of_the_names_and_unambiguous(deps):
    with pytest.raises(ValueError, match=r"'racers' is not among the names; close: \['racer'"):
        deps.equation("racers")
    with pytest.raises(ValueError, match=r"'crane' is the name of the categories \[4, 5\]; give a number"):
        deps.equation("crane")
    with pytest.raises(ValueError, match="target 9 is not among the 6 targets"):
        deps.equation(9)
    with pytest.raises(TypeError, match="category number or a name"):
        deps.equation(1.5)
    with pytest.raises(ValueError, match="there are no names"):
        covlasso.solve(np.eye(3), lam=1.0).equation("car")


def test_r2_is_one_less_the_relative_error(deps):
    np.testing.assert_allclose(deps.r2, 1 - deps.error / deps.energy)
    np.testing.assert_allclose(deps.relative_error, deps.error / deps.energy)


def test_a_target_without_energy_has_no_relative_error():
    deps = covlasso.solve(np.diag([1.0, 0.0, 2.0]), lam=0.5)
    assert np.isnan(deps.relative_error[1])
    assert np.isnan(deps.r2[1])
    assert (deps.r2[[0, 2]] == 0.0).all()


def test_energy_is_that_of_the_targets(between):
    _, _, energy = random_cross(5, 7, seed=2)
    np.testing.assert_array_equal(between.energy, energy[[6, 0, 3]])
    gram = random_gram(6, seed=1)
    np.testing.assert_array_equal(
        covlasso.solve(gram, targets=[4, 2], lam=1.0).energy, gram.diagonal()[[4, 2]]
    )


def test_frame_has_a_row_per_term(deps, between):
    frame = deps.to_frame()
    assert list(frame.columns) == ["target", "source", "coefficient", "target_name", "source_name"]
    assert len(frame) == deps.coef.nnz
    dense = np.zeros((6, 6))
    dense[frame.target, frame.source] = frame.coefficient
    np.testing.assert_array_equal(dense, deps.coef.toarray())
    assert (frame.target_name == [NAMES[i] for i in frame.target]).all()
    assert (frame.source_name == [NAMES[j] for j in frame.source]).all()
    plain = between.to_frame()
    assert list(plain.columns) == ["target", "source", "coefficient"]
    assert set(plain.target) <= {6, 0, 3}


def test_graph_within_one_network(deps):
    graph = deps.to_networkx()
    assert graph.number_of_edges() == deps.coef.nnz
    dense = deps.coef.toarray()
    for source, target, weight in graph.edges(data="weight"):
        assert weight == dense[target, source]
    for target in range(6):
        node = graph.nodes[target]
        assert node["name"] == NAMES[target]
        assert node["error"] == deps.error[target]
        assert node["status"] == "certified"


def test_graph_between_two_networks_keeps_their_categories_apart(between):
    graph = between.to_networkx()
    assert {kind for kind, _ in graph} == {"target", "source"}
    assert {i for kind, i in graph if kind == "target"} == {6, 0, 3}
    for (kind, source), (_, target), weight in graph.edges(data="weight"):
        assert kind == "source"
        assert weight == between.coef.toarray()[between.position(target), source]


def test_a_missing_package_is_named(deps, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        deps.to_frame()


@pytest.mark.parametrize("which", ["deps", "between"])
def test_save_and_load_keep_every_bit(which, request, tmp_path):
    saved = request.getfixturevalue(which)
    file = tmp_path / "deps.safetensors"
    saved.save(file)
    loaded = covlasso.Dependencies.load(file)
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(loaded.coef, name), getattr(saved.coef, name))
    for name in ("lam", "error", "energy", "kkt", "status", "targets"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(saved, name))
    for name in ("intra", "refit", "target_names", "source_names", "n_sources"):
        assert getattr(loaded, name) == getattr(saved, name)
    assert repr(loaded) == repr(saved)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    (tmp_path / "other").touch()
    assert file.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_pursuit_says_so_in_its_file_and_older_files_are_of_the_lasso(tmp_path):
    gram = random_gram(8, seed=3)
    file = tmp_path / "pursuit.safetensors"
    found = {
        "pursuit": covlasso.solve(gram, terms=3, method="pursuit"),
        "refitted": covlasso.solve(gram, terms=3, refit=True),
        "lasso": covlasso.solve(gram, terms=3),
    }
    for solution, deps in found.items():
        assert deps.solution == solution
        deps.save(file)
        assert covlasso.Dependencies.load(file).solution == solution
    assert "orthogonal matching pursuit" in repr(found["pursuit"])
    assert "score left" in found["pursuit"]._repr_html_()
    with pytest.raises(ValueError, match="differ in method"):
        covlasso.Dependencies.concatenate([found["refitted"], found["pursuit"]])

    written = file.read_bytes()
    assert written.count(b"method") == 1
    file.write_bytes(written.replace(b"method", b"mathod"))
    assert covlasso.Dependencies.load(file).solution == "lasso"
    file.write_bytes(written.replace(b'"lasso', b'"xasso'))
    with pytest.raises(ValueError, match=r"pursuit.safetensors.*method is 'xasso'"):
        covlasso.Dependencies.load(file)


def test_repr_says_what_is_there(deps):
    text = repr(deps)
    assert text.startswith(f"Dependencies(6 targets, 6 sources, {deps.coef.nnz} terms, Lasso, 6 certified")


def test_no_r2_stands_alone():
    halves = covlasso.SplitMoments(*split_moments()[1:])
    deps = covlasso.solve_moments(halves.fit, target="a", terms=3, refit=True)
    medians = [f"{np.median(one):.2f}" for one in (deps.r2, deps.r2_centred, deps.random_r2)]
    said = "median R^2 in sample {}; about the mean {}; random terms {})"
    assert repr(deps).endswith(said.format(*medians))
    assert "R^2" not in repr(covlasso.solve(halves.fit.second_moment("a"), terms=3))
    found = covlasso.evaluate(deps, halves)
    medians = [f"{np.median(one):.2f}" for one in
               (found.held_out.r2, found.held_out.r2_centred, found.random.held_out.r2)]  # fmt: skip
    assert said.replace("in sample", "held out")[:-1].format(*medians) in repr(found)
    assert f"{found.explained.sum()} beat random terms" in repr(found)


def split_moments(seed=3, sizes=(12, 9)):
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((400, 4))
    batch = {
        name: common @ rng.standard_normal((4, n)) + rng.standard_normal((400, n))
        for name, n in zip("ab", sizes, strict=True)
    }
    halves = []
    for half in (slice(0, 200), slice(200, None)):
        moments = covlasso.Moments(["a", "b"])
        moments.update({name: rows[half] for name, rows in batch.items()})
        halves.append(moments)
    return batch, *halves


@pytest.mark.parametrize("refit", [False, True])
def test_held_out_error_is_that_of_the_raw_logits(refit):
    batch, fit, held = split_moments()
    a, b = batch["a"][200:], batch["b"][200:]
    gram = fit.second_moment("a")
    intra = covlasso.solve(gram, lam=0.3, refit=refit, targets=[5, 1, 11])
    residual = a[:, [5, 1, 11]] - a @ intra.coef.toarray().T
    found = covlasso.held_out_error(intra, held.second_moment("a"))
    np.testing.assert_allclose(found, np.mean(residual**2, axis=0), rtol=1e-12)
    cross = covlasso.solve(
        gram,
        fit.second_moment("b", "a"),
        fit.second_moment("b").diagonal(),
        terms=4,
        exclude=None,
        refit=refit,
    )
    residual = b - a @ cross.coef.toarray().T
    found = covlasso.held_out_error(
        cross, held.second_moment("a"), held.second_moment("b", "a"), held.second_moment("b").diagonal()
    )
    np.testing.assert_allclose(found, np.mean(residual**2, axis=0), rtol=1e-12)


def test_held_out_error_on_the_same_samples_is_the_error():
    gram = random_gram(150, 20, seed=4)
    deps = covlasso.solve(gram, terms=30)
    np.testing.assert_allclose(covlasso.held_out_error(deps, gram), deps.error, atol=1e-12 * gram.max())
    narrow = covlasso.held_out_error(deps, gram.astype(np.float32))
    np.testing.assert_allclose(narrow, deps.error, atol=1e-5 * gram.max())


def test_held_out_error_without_a_term_is_the_energy():
    deps = covlasso.solve(np.eye(4), lam=1.0)
    np.testing.assert_array_equal(covlasso.held_out_error(deps, 3.0 * np.eye(4)), 3.0)


def test_categories_of_one_name_are_told_apart(deps):
    assert [deps.target_label(t) for t in (3, 4, 5)] == ["tub", "crane #4", "crane #5"]
    assert [deps.source_label(j) for j in (3, 4, 5)] == ["tub", "crane #4", "crane #5"]
    assert deps.equation(4).startswith("crane #4 = ")
    some = covlasso.solve(random_gram(6, seed=1), terms=4, names=NAMES, targets=[5, 0])
    assert [some.target_label(t) for t in (0, 1)] == ["crane #5", "sports car"]
    assert some.to_columns()["target_name"][0] == "crane"  # tables for programs have the numbers beside it


def test_labels_stay_on_one_line():
    deps = covlasso.solve(random_gram(3, seed=1), terms=1, names=["a\tb", "c\nd", "e\u2028f"])
    assert [deps.target_label(t) for t in range(3)] == [r"a\tb", r"c\nd", r"e\u2028f"]
