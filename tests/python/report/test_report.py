"""What a report carries is what was found: every array recomputed from the dependencies and the moments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from report_reader import read, small_deps, small_halves

import covlasso
from covlasso.graph import communities
from covlasso.report.payload import Payload, rounded, rounded_r2

NAMES = [f"category {i}" for i in range(12)]


@pytest.fixture(scope="module")
def halves():
    return small_halves(class_names=NAMES)


@pytest.fixture(scope="module")
def sets(halves):
    return [small_deps(halves), small_deps(halves, "b", "b"), small_deps(halves, "a", "b", refit=False)]


@pytest.fixture(scope="module")
def data(halves, sets, tmp_path_factory):
    file = tmp_path_factory.mktemp("report") / "report.html"
    assert covlasso.write_report(file, sets, moments=halves, title="Three", path_terms=5) == file
    return read(file)


@pytest.mark.parametrize("k", [0, 1, 2])
def test_dependencies_are_complete(data, sets, k):
    deps, record = sets[k], data.record["sets"][k]
    assert np.array_equal(data.coefficients(k), deps.coef.toarray().astype(np.float32))
    for name in ("targets", "lam", "kkt", "r2"):
        expected = getattr(deps, name)
        assert np.array_equal(data.array(f"{k}.{name}"), expected.astype(data.array(f"{k}.{name}").dtype))
    assert [record["statuses"][s] for s in data.array(f"{k}.status")] == deps.status.tolist()
    assert data.record["names"][record["targetNames"]] == NAMES
    assert (record["intra"], record["refit"]) == (deps.intra, deps.refit)


@pytest.mark.parametrize("k", [0, 1, 2])
def test_held_out_r2_from_the_moments(data, sets, halves, k):
    deps, origin = sets[k], sets[k].origin
    gram = halves.held_out.second_moment(origin.source_model)
    cross = halves.held_out.second_moment(origin.target_model, origin.source_model)
    energy = halves.held_out.second_moment(origin.target_model).diagonal()
    b = deps.coef.toarray()
    error = energy - 2 * np.einsum("ij,ij->i", b, cross) + np.einsum("ij,ij->i", b @ gram, b)
    assert np.allclose(data.array(f"{k}.heldOut"), 1 - error / energy, rtol=0, atol=1e-6)


@pytest.mark.parametrize("moment", ["covariance", "correlation"])
def test_held_out_r2_of_centred_moments(halves, tmp_path, moment):
    origin = covlasso.Origin("a", "b", moment)
    deps = solve(halves.fit, origin, terms=3)
    data = read(covlasso.write_report(tmp_path / "r.html", deps, moments=halves))
    expected = covlasso.evaluate(deps, halves).held_out.r2_centred
    assert np.allclose(data.array("0.heldOut"), expected, rtol=0, atol=1e-6)


def solve(moments, origin, **options):
    models = {"target": origin.target_model, "source": origin.source_model}
    return covlasso.solve_moments(moments, **models, kind=origin.kind, **options)


@pytest.mark.parametrize("k", [0, 2])
@pytest.mark.parametrize("method", ["lasso", "refit"])
def test_curves_are_errors_at_each_number_of_terms(data, sets, halves, k, method):
    origin = sets[k].origin
    curves = data.array(f"{k}.curve.fit.{method}").reshape(12, 6)
    for terms in (1, 4):
        deps = solve(halves.fit, origin, terms=terms, refit=method == "refit")
        assert np.allclose(curves[:, terms], deps.r2, rtol=2e-4, atol=1e-6)
        held_out = data.array(f"{k}.curve.heldOut.{method}").reshape(12, 6)[:, terms]
        expected = covlasso.evaluate(deps, halves).held_out.r2
        assert np.allclose(held_out, expected, rtol=2e-4, atol=1e-6)
    assert np.all(curves[:, 0] == 0)
    band = data.array(f"{k}.band.fit.{method}").reshape(5, 6)
    assert np.allclose(band, np.quantile(curves, data.record["quantiles"], axis=0), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("k", [0, 2])
def test_paths_are_the_coefficients_between_their_knots(data, halves, k):
    origin = data.record["sets"][k]
    get = lambda name: data.array(f"{k}.{name}")  # noqa: E731
    moments = halves.fit
    source = origin["sourceModel"]
    for d in (0, 7):
        lam = get("knotLam")[slice(*get("knotStart")[d : d + 2])]
        place = float(0.5 * (lam[1] + lam[2]))
        found = covlasso.solve_moments(
            moments,
            target=origin["targetModel"],
            source=source,
            lam=place,
            targets=np.array([d], np.int32),
        ).coef.toarray()[0]
        value = get("valueStart")[d]
        drawn = np.zeros(12)
        for r in range(*get("runStart")[d : d + 2]):
            first, length = get("runFirst")[r], get("runLength")[r]
            line = get("pathCoef")[value : value + length]
            value += length
            falling = lam[first : first + length][::-1]
            if falling[0] <= place <= falling[-1]:
                drawn[get("runSource")[r]] += np.interp(place, falling, line[::-1])
        assert value == get("valueStart")[d + 1]
        assert np.allclose(drawn, found, rtol=0, atol=3e-3 * np.abs(found).max())


def nodes_by_community(data, k, deps):
    """Nodes of every community in the file, as `covlasso.graph.communities` lists them."""
    node = lambda role, category: category if deps.intra else (role, category)  # noqa: E731
    target, source = data.array(f"{k}.targetCommunity"), data.array(f"{k}.sourceCommunity")
    found = {node("source", j): number for j, number in enumerate(source.tolist()) if number >= 0}
    for t, number in zip(deps.targets.tolist(), target.tolist(), strict=True):
        assert found.setdefault(node("target", t), number) == number
    groups = [[] for _ in range(max(found.values()) + 1)]
    for one, number in sorted(found.items()):
        groups[number].append(one)
    return groups


@pytest.mark.parametrize("k", [0, 1, 2])
def test_communities_are_those_of_the_graph(data, sets, k):
    assert nodes_by_community(data, k, sets[k]) == communities(sets[k])


def test_communities_of_some_targets_and_sources_that_no_equation_holds(halves, tmp_path):
    within = small_deps(halves, targets=np.array([7, 2], np.int32), terms=2)
    between = small_deps(halves, "b", "a", terms=1, targets=np.array([9, 0, 4], np.int32))
    data = read(covlasso.write_report(tmp_path / "r.html", [within, between]))
    for k, deps in enumerate((within, between)):
        assert nodes_by_community(data, k, deps) == communities(deps)
        unused = np.setdiff1d(np.arange(12), deps.coef.indices)
        if deps.intra:
            unused = np.setdiff1d(unused, deps.targets)
        assert np.flatnonzero(data.array(f"{k}.sourceCommunity") < 0).tolist() == unused.tolist()
        assert unused.size


def test_own_category_is_the_squared_cosine(data, halves):
    fit = halves.fit
    cosine = fit.second_moment("a", "b").diagonal() ** 2 / (fit.energy("a") * fit.energy("b"))
    assert np.allclose(data.array("2.own"), cosine, rtol=1e-6)
    assert not data.has("0.own")


@pytest.mark.parametrize("k", [0, 1, 2])
def test_spectrum(data, halves, k):
    gram = halves.fit.second_moment(data.record["sets"][k]["sourceModel"])
    values = data.array(f"{k}.spectrum")
    assert np.allclose(values, np.linalg.eigvalsh(gram)[::-1], rtol=1e-5)
    stated = data.record["sets"][k]["spectrum"]
    share = np.linalg.eigvalsh(gram) / np.trace(gram)
    assert (stated["leftOut"], stated["rank"]) == (False, np.linalg.matrix_rank(gram))
    assert stated["effectiveRank"] == pytest.approx(np.exp(-np.sum(share * np.log(share))))


def test_a_singular_factored_gram(tmp_path):
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(20, 4)), rng.normal(size=20)
    moments = covlasso.Moments(["m"], heads={"m": covlasso.LinearHead(weight, bias)})
    moments.update({"m": rng.normal(size=(200, 4))})
    deps = covlasso.solve_moments(moments, target="m", source="m", terms=2)
    record = read(covlasso.write_report(tmp_path / "r.html", deps, moments=moments)).record
    assert record["sets"][0]["spectrum"]["rank"] == 5
    assert record["sets"][0]["samples"] == {"fit": 200, "heldOut": None}


def test_a_logit_that_is_always_zero_has_no_r2(tmp_path):
    halves = small_halves(silent=[4])
    data = read(covlasso.write_report(tmp_path / "r.html", small_deps(halves), moments=halves))
    for name in ("0.r2", "0.heldOut"):
        assert np.flatnonzero(np.isnan(data.array(name))).tolist() == [4]
    assert not np.isnan(data.array("0.band.heldOut.refit")).any()
    assert np.isnan(data.array("0.curve.fit.lasso").reshape(12, -1)[4]).all()


def test_a_logit_that_is_zero_on_the_held_out_part_only(tmp_path):
    halves = small_halves(silent_later=[4])
    data = read(covlasso.write_report(tmp_path / "r.html", small_deps(halves), moments=halves))
    assert np.flatnonzero(~np.isfinite(data.array("0.heldOut"))).tolist() == [4]
    assert np.isfinite(data.array("0.r2")).all()
    assert np.isfinite(data.array("0.band.heldOut.refit")).all()


def test_one_category_without_names(tmp_path):
    gram = np.array([[2.0]])
    deps = covlasso.solve(gram, np.array([[1.0]]), [1.0], lam=0.1, exclude=None)
    data = read(covlasso.write_report(tmp_path / "r.html", deps))
    record = data.record["sets"][0]
    assert (record["targetNames"], record["curves"], record["samples"]) == (None, None, None)
    assert data.coefficients().tolist() == deps.coef.toarray().astype(np.float32).tolist()


def test_one_category_that_nothing_explains(tmp_path):
    moments = covlasso.Moments(["m"])
    moments.update({"m": np.arange(5.0)[:, None]})
    deps = covlasso.solve(moments.second_moment("m"), terms=1)
    data = read(covlasso.write_report(tmp_path / "r.html", deps, moments=moments))
    assert data.array("0.r2").tolist() == [0.0]


def test_details_go_to_the_best_explained(halves, tmp_path):
    deps = small_deps(halves)
    data = read(covlasso.write_report(tmp_path / "r.html", deps, moments=halves, details=5))
    assert data.array("0.detail").tolist() == sorted(np.argsort(-deps.r2)[:5])
    assert len(data.array("0.knotStart")) == 6
    assert data.record["sets"][0]["curves"]["details"] == 5


def test_dependencies_of_other_options_have_no_path(halves, tmp_path):
    gram = halves.fit.second_moment("a")
    deps = covlasso.solve(gram, terms=3, weights=np.linspace(1, 3, 12))
    deps = replace(deps, origin=covlasso.Origin("a", "a"))
    data = read(covlasso.write_report(tmp_path / "r.html", deps, moments=halves))
    assert data.record["sets"][0]["curves"]["reproduced"] is False
    assert not data.has("0.knotLam")


@pytest.mark.parametrize("options", [{"l2": 2.0}, {"positive": True}, {"allow_same": True}])
def test_options_of_the_origin_are_followed(halves, tmp_path, options):
    deps = covlasso.solve_moments(halves.fit, target="a", source="b", **options, terms=3)
    data = read(covlasso.write_report(tmp_path / "r.html", deps, moments=halves))
    assert data.record["sets"][0]["curves"]["reproduced"] is True


def test_a_pursuit_has_curves_of_its_own_and_no_path(halves, tmp_path):
    deps = small_deps(halves, method="pursuit", terms=3)
    data = read(covlasso.write_report(tmp_path / "r.html", deps, moments=halves, path_terms=5))
    record = data.record["sets"][0]
    assert record["solution"] == "pursuit"
    curves = record["curves"]
    assert (curves["terms"], curves["reproduced"], curves["details"]) == (5, True, 12)
    assert not data.has("0.knotLam")
    assert not data.has("0.curve.fit.lasso")
    curves = data.array("0.curve.fit.pursuit").reshape(12, 6)
    for terms in (1, 5):
        found = small_deps(halves, method="pursuit", terms=terms)
        assert np.allclose(curves[:, terms], found.r2, rtol=2e-4, atol=1e-6)
    others = replace(deps, coef=2 * deps.coef)
    data = read(covlasso.write_report(tmp_path / "other.html", others, moments=halves))
    assert data.record["sets"][0]["curves"]["reproduced"] is False


def test_rounding_keeps_the_digits_of_r2_and_of_the_error():
    r2 = np.concatenate(
        [1.0 - np.geomspace(1e-5, 0.5, 200), np.geomspace(1e-4, 0.5, 200), -np.geomspace(1e-3, 9, 99)]
    )
    kept = rounded_r2(np.append(r2, np.nan)).astype(np.float64)
    assert np.isnan(kept[-1])
    assert (np.abs(kept[:-1] - r2) <= 2e-4 * np.abs(r2)).all()
    assert (
        np.abs(kept[:200] - r2[:200]) <= 4e-3 * (1.0 - r2[:200])
    ).all()  # float32 holds no more of 1 - 1e-5


def test_equal_input_gives_equal_bytes(halves, sets, tmp_path):
    one, two = (
        covlasso.write_report(tmp_path / name, sets, moments=halves).read_bytes()
        for name in ("1.html", "2.html")
    )
    assert one == two


def test_progress_is_reported(halves, tmp_path):
    calls = []
    report = lambda *call: calls.append(call)  # noqa: E731
    covlasso.write_report(
        tmp_path / "r.html", small_deps(halves), moments=halves, path_terms=4, progress=report
    )
    measured = [call[1:] for call in calls if call[0] == "error by terms, within a"]
    assert measured == [(k, 8) for k in range(1, 9)]  # the Lasso and its refit
    assert {(title, total) for title, _, total in calls} <= {
        ("paths, within a", 12),
        ("error by terms, within a", 8),
        ("communities, within a", 1),
    }
    assert [call[1] for call in calls if call[0] == "communities, within a"] == [0, 1]


def test_an_existing_file_stays(halves, tmp_path):
    file = tmp_path / "r.html"
    file.write_text("mine")
    with pytest.raises(FileExistsError, match=r"r\.html exists"):
        covlasso.write_report(file, small_deps(halves))
    assert file.read_text() == "mine"
    covlasso.write_report(file, small_deps(halves), overwrite=True)
    assert read(file).record["schema"] == "covlasso-report-1"
    assert list(tmp_path.iterdir()) == [file]


def test_moments_of_other_samples_are_refused(halves, tmp_path):
    with pytest.raises(ValueError, match=r"category 0 has energy .* give the moments they were found from"):
        covlasso.write_report(tmp_path / "r.html", small_deps(halves), moments=small_halves(seed=1))
    with pytest.raises(ValueError, match=r"have 12 sources .* 'a' has 13 categories"):
        covlasso.write_report(tmp_path / "r.html", small_deps(halves), moments=small_halves(n=13))
    scaled = covlasso.solve_moments(halves.fit, target="a", source="b", kind="correlation", terms=3)
    with pytest.raises(ValueError, match=r"other errors in these moments; give the moments they were found"):
        covlasso.write_report(tmp_path / "r.html", scaled, moments=small_halves(seed=1))
    other = covlasso.Moments(["c"])
    other.update({"c": np.ones((3, 12))})
    with pytest.raises(ValueError, match="the dependencies are of a, but the moments are of c"):
        covlasso.write_report(tmp_path / "r.html", small_deps(halves), moments=other)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"deps": []}, TypeError, "deps must be Dependencies"),
        ({"deps": "x"}, TypeError, "deps must be Dependencies"),
        ({"details": 0}, ValueError, "details is 0"),
        ({"path_terms": 1.5}, TypeError, "path_terms must be an integer"),
        ({"moments": ["x"]}, TypeError, "moments must be Moments or SplitMoments, got str"),
    ],
)
def test_bad_arguments(halves, tmp_path, arguments, error, match):
    with pytest.raises(error, match=match):
        covlasso.write_report(
            tmp_path / "r.html", **{"deps": small_deps(halves), "moments": halves} | arguments
        )
    assert not list(tmp_path.iterdir())


def test_rounded_keeps_its_promise():
    values = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.arange(-30, 30).repeat(17)[:1000]
    assert np.all(np.abs(rounded(values) - values) <= 2.0**-13 * np.abs(values) * 1.001)
    special = rounded([np.nan, np.inf, -np.inf, 0.0, np.finfo(np.float32).max])
    assert np.isnan(special[0])
    assert special[1:].tolist() == [np.inf, -np.inf, 0.0, np.finfo(np.float32).max]


def test_a_payload_refuses_the_same_name_twice():
    payload = Payload()
    payload.add("x", [1, 2, 3], "uint8")
    with pytest.raises(ValueError, match="'x'"):
        payload.add("x", [1], "uint8")


def rates_of(decided, labels, category):
    """(recall, false alarms per case, F1) of one category."""
    cases, made = labels == category, decided == category
    hits = np.sum(cases & made)
    if not cases.any():
        return np.nan, np.nan, np.nan
    return hits / cases.sum(), np.sum(made & ~cases) / cases.sum(), 2 * hits / (cases.sum() + made.sum())


@pytest.fixture(scope="module")
def decided(halves, sets, tmp_path_factory):
    """A report of all sets with logits and labels, and these."""
    rng = np.random.default_rng(9)
    logits = {name: rng.normal(size=(150, 12)) * 2 for name in ("a", "b")}
    labels = rng.integers(-1, 11, 150)  # category 11 has no case
    file = tmp_path_factory.mktemp("decided") / "report.html"
    covlasso.write_report(file, sets, moments=halves, path_terms=6, details=5, logits=logits, labels=labels)
    return read(file), logits, labels


@pytest.mark.parametrize("k", [0, 2])
def test_rates_and_confusions_when_replaced(decided, sets, k):
    data, logits, labels = decided
    deps = sets[k]
    target, source = (logits[name] for name in (deps.origin.target_model, deps.origin.source_model))
    guess = source @ deps.coef.toarray().T
    known = labels >= 0
    kinds = {"network": [target.argmax(axis=1)] * 12, "replaced": [], "atOnce": [guess.argmax(axis=1)] * 12}
    for i in range(12):
        one = target.copy()
        one[:, i] = guess[:, i]
        kinds["replaced"].append(one.argmax(axis=1))
    record = data.record["sets"][k]["decisions"]
    for kind, decisions in kinds.items():
        expected = np.array([rates_of(made[known], labels[known], i) for i, made in enumerate(decisions)])
        for rate, values in zip(("recall", "falseAlarms", "f1"), expected.T, strict=True):
            np.testing.assert_allclose(data.array(f"{k}.{kind}.{rate}"), values, rtol=3e-4)
            assert record[kind][rate] == pytest.approx(np.nanmean(values))
    for name, pick in (("taken", lambda i, made: labels[known & (made == i) & (labels != i)]),
                       ("missed", lambda i, made: made[(labels == i) & (made != i)])):  # fmt: skip
        start = data.array(f"{k}.{name}Start")
        for i, made in enumerate(kinds["replaced"]):
            categories, counts = np.unique(pick(i, made), return_counts=True)
            order = np.argsort(-counts, kind="stable")[:5]
            listed = slice(start[i], start[i + 1])
            assert data.array(f"{k}.{name}Category")[listed].tolist() == categories[order].tolist()
            assert data.array(f"{k}.{name}Count")[listed].tolist() == counts[order].tolist()
    assert (record["samples"], record["labelled"], record["ownLabels"]) == (150, known.sum(), False)


def test_f1_against_terms_is_that_of_the_refitted_equations(decided, sets, halves):
    data, logits, labels = decided
    record = data.record["sets"][0]["decisions"]
    assert record["terms"] == [1, 2, 3, 5, 6]
    detail = data.array("0.detail")
    curves = data.array("0.f1.refitted").reshape(len(detail), 5)
    assert len(detail) == 5
    for place, k in enumerate(record["terms"]):
        deps = solve(halves.fit, sets[0].origin, terms=k, refit=True)
        found = covlasso.evaluate(deps, logits=logits["a"], labels=labels).decisions.replaced
        assert record["byTerms"]["refitted"][place]["f1"] == pytest.approx(found.mean("f1"))
        assert record["byTerms"]["refitted"][place]["falseAlarms"] == pytest.approx(
            found.mean("false_alarms")
        )
        np.testing.assert_allclose(curves[:, place], found.f1[detail], rtol=3e-4)
    assert record["byTerms"]["random"][0]["f1"] != record["byTerms"]["refitted"][0]["f1"]


def test_decisions_without_moments_or_of_some_models_only(sets, tmp_path):
    rng = np.random.default_rng(10)
    rows = rng.normal(size=(60, 12))
    data = read(covlasso.write_report(tmp_path / "r.html", sets, logits={"a": rows}))
    within, other, between = (one["decisions"] for one in data.record["sets"])
    assert within["samples"] == 60
    assert (within["ownLabels"], within["terms"]) == (True, [])
    assert other is between is None
    alone = read(covlasso.write_report(tmp_path / "s.html", sets[0], logits=rows, rows=np.arange(60) > 9))
    assert alone.record["sets"][0]["decisions"]["samples"] == 50


def test_labels_need_logits(sets, tmp_path):
    with pytest.raises(ValueError, match="logits"):
        covlasso.write_report(tmp_path / "r.html", sets, labels=[1, 2])


@pytest.mark.parametrize("kind", ["second_moment", "covariance"])
def test_decisions_of_focused_equations(tmp_path, kind):
    """F1 by terms is that of solves with the same focus, beside the class mean."""
    rng = np.random.default_rng(11)
    mixing = rng.normal(size=(5, 12))
    classes = rng.integers(0, 12, 500)
    rows = (mixing.T[classes] + 0.5 * rng.normal(size=(500, 5))) @ mixing + 0.3 * rng.normal(size=(500, 12))
    parts = [covlasso.Moments(["a"], classes="labels") for _ in range(2)]
    for part, side in zip(parts, (slice(None, 300), slice(300, None)), strict=True):
        part.update({"a": rows[side]}, classes[side])
    options = {"kind": kind, "focus": 0.2, "refit": True}
    deps = covlasso.solve_moments(parts[0], terms=2, **options)
    given = {"logits": rows[300:], "labels": classes[300:]}
    file = covlasso.write_report(
        tmp_path / "r.html", deps, moments=covlasso.SplitMoments(*parts), path_terms=3, **given
    )
    record = read(file).record["sets"][0]
    assert record["curves"]["reproduced"]
    for place, k in enumerate(record["decisions"]["terms"]):
        direct = covlasso.solve_moments(parts[0], terms=k, **options)
        found = covlasso.evaluate(direct, parts[0], **given).decisions.replaced
        assert record["decisions"]["byTerms"]["refitted"][place]["f1"] == pytest.approx(found.mean("f1"))
    assert record["focus"] == "focus 0.2 by labels"
    means, labels = parts[0].class_means("a", by="a"), classes[300:]
    recalls = []
    for i in range(12):
        one = rows[300:].copy()
        one[:, i] = means[labels, i]
        recalls.append(rates_of(one.argmax(axis=1), labels, i)[0])
    assert record["decisions"]["classMean"]["recall"] == pytest.approx(np.nanmean(recalls))


def test_equations_of_several_shares_have_a_page_without_paths(tmp_path):
    rng = np.random.default_rng(12)
    moments = covlasso.Moments(["a"], classes="decisions")
    moments.update({"a": rng.normal(size=(300, 8)) @ rng.normal(size=(8, 8))})
    deps = covlasso.solve_moments(moments, terms=2, focus=np.linspace(0.0, 0.5, 8))
    page = read(covlasso.write_report(tmp_path / "r.html", deps, moments=moments))
    record = page.record["sets"][0]
    assert record["focus"].startswith("focus 0.0714286 to 0.5 by decisions")
    np.testing.assert_allclose(page.array("0.share"), deps.focus, rtol=1e-6)
    assert not record["curves"]["reproduced"]


def test_figures_stand_beside_those_of_random_terms(data, sets, halves):
    for k, deps in enumerate(sets):
        found = covlasso.evaluate(deps, halves)
        expected = {
            "r2Mean": deps.r2_centred,
            "random": deps.random_r2,
            "randomMean": deps.random_r2_centred,
            "heldOut": found.held_out.r2,
            "heldOutMean": found.held_out.r2_centred,
            "randomHeldOut": found.random.held_out.r2,
            "randomHeldOutMean": found.random.held_out.r2_centred,
            "explained": found.explained,
        }
        beside = data.record["sets"][k]["beside"]
        for name, values in expected.items():
            np.testing.assert_allclose(data.array(f"{k}.{name}"), values, rtol=0, atol=1e-6)
            if name != "explained":
                assert beside["medians"][name] == pytest.approx(np.median(values), abs=1e-9)
        assert beside["explained"] == np.count_nonzero(found.explained)
        assert beside["cautions"] == covlasso.evidence.cautions(deps, halves.fit, found)
        curve = data.record["sets"][k]["curves"]["random"]
        assert curve["terms"][-1] == data.record["sets"][k]["curves"]["terms"]
        assert len(curve["fit"]) == len(curve["heldOut"]) == len(curve["terms"])
        assert np.all(np.diff(curve["fit"]) > -1e-9)  # more terms of the same orders explain more


def test_what_no_moments_say_is_left_out(halves, tmp_path):
    deps = small_deps(halves)
    with_level = read(covlasso.write_report(tmp_path / "a.html", deps))
    assert with_level.has("0.random")
    assert with_level.has("0.r2Mean")
    assert not with_level.has("0.explained")
    gram_only = covlasso.solve(halves.fit.second_moment("a"), terms=3)
    without = read(covlasso.write_report(tmp_path / "b.html", gram_only))
    assert not without.has("0.random")
    assert without.record["sets"][0]["beside"]["medians"] == {}
