"""The experiments of examples/characters, whole but tiny; their tables against the raw logits."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

import covlasso

torch = pytest.importorskip("torch", reason="covlasso.torch needs torch")
pytest.importorskip("timm", reason="the networks are timm's")
pytest.importorskip("matplotlib", reason="the scripts draw figures")
pytest.importorskip("fontTools", reason="the scripts read character maps")

FOLDER = Path(__file__).parents[3] / "examples" / "characters"
OPTIONS = ["--seed", "3", "--characters", "8", "--variants", "2", "--epochs", "4", "--threads", "1"]


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
    return tmp_path_factory.mktemp("characters")


def run(script, folder, *options):
    """Run a script and give its numbers."""
    command = [sys.executable, str(FOLDER / f"{script}.py"), str(folder), *OPTIONS, *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| ---" in done.stdout
    return json.loads((folder / f"{script}-3.json").read_text())


@pytest.fixture
def trains_nothing(monkeypatch):
    """Once a script has run, this process takes its networks from the folder."""
    import networks

    monkeypatch.setattr(networks, "train", lambda *_: pytest.fail("a network is trained again"))


def setting_of(script, folder):
    import setting

    return setting.begin(script, setting.parser("", 4).parse_args([str(folder), *OPTIONS]))


@pytest.mark.usefixtures("trains_nothing")
def test_r2_of_replaced_logits_is_that_of_the_table(folder):
    numbers = run("findings", folder)
    import findings
    from networks import outputs

    from covlasso.torch import replace_logits

    setting = setting_of("findings", folder)
    data = findings.see(setting, findings.networks(setting))
    clean = setting.pictures.set("clean")
    assert data.moments.held_out.count == len(clean)
    assert data.moments.fit.count == len(setting.pictures.set("train"))
    for name, model in data.models.items():
        logits = data.logits["glyphs"][name].astype(float)
        for place, terms in enumerate((1, 2, 5)):
            replaced = replace_logits(model, findings.solve(data, name, name, terms))
            error = np.square(outputs(replaced, clean, setting.device) - logits).mean(axis=0)
            r2 = np.median(1.0 - error / np.square(logits).mean(axis=0))
            assert r2 == pytest.approx(numbers[f"r2 within {name}"]["new glyphs"][place], abs=1e-4)
    assert (folder / "findings-3.svg").read_text().startswith("<?xml")


@pytest.mark.usefixtures("trains_nothing")
def test_f1_of_focused_equations_is_that_of_models_with_one_logit_replaced(folder):
    numbers = run("findings", folder)
    import findings
    from networks import outputs

    from covlasso.torch import replace_logits

    setting = setting_of("findings", folder)
    setting.report.figures.update(numbers)
    data = findings.see(setting, findings.networks(setting))
    clean, pair = setting.pictures.set("clean"), ("resnet", "resnet")
    assert data.moments.fit.class_counts("resnet").tolist() == np.bincount(data.labels["training"]).tolist()
    deps = findings.focused(data, setting, pair, 5)
    shown = numbers["focus within resnet"]
    alpha = shown["alphas"][0]
    assert deps.focus.tolist() == [alpha] * 8 if alpha else deps.focus is None
    f1 = []
    for i in range(8):
        model = replace_logits(data.models["resnet"], deps, [i], moments=data.moments.fit)
        decided = outputs(model, clean, setting.device).argmax(axis=1)
        hits = np.sum((decided == i) & (clean.labels == i))
        f1.append(2 * hits / (np.sum(decided == i) + np.sum(clean.labels == i)))
    assert np.mean(f1) == pytest.approx(shown["f1"][findings.ALPHAS.index(alpha)][0])
    assert np.mean(f1) == pytest.approx(numbers["beside within resnet"]["focused"][0])


@pytest.mark.usefixtures("trains_nothing")
def test_own_samples_only_are_those_of_the_character(folder):
    """With all terms: least squares on the training pictures of the character alone."""
    import findings

    setting = setting_of("findings", folder)
    data = findings.see(setting, findings.networks(setting))
    deps = findings.own_only(data, ("convnext", "resnet"), 7)
    own = data.labels["training"] == 2
    g, f = (data.logits["training"][name][own].astype(float) for name in ("resnet", "convnext"))
    g = np.delete(g, 2, axis=1)
    wanted = np.linalg.lstsq(g, f[:, 2], rcond=None)[0]
    error = np.square(g @ wanted - f[:, 2]).mean()
    assert deps.error[2] == pytest.approx(error, rel=1e-6)


@pytest.mark.usefixtures("trains_nothing")
def test_the_control_is_the_mean_logit_of_the_class_that_the_source_decides(folder):
    import findings

    setting = setting_of("findings", folder)
    data = findings.see(setting, findings.networks(setting))
    labels, glyphs = data.labels, data.logits["glyphs"]
    seen = data.logits["training"]["resnet"].astype(float)
    f1 = []
    for i in range(8):
        means = np.array([seen[labels["training"] == k, i].mean() for k in range(8)])
        replaced = glyphs["resnet"].astype(float)
        replaced[:, i] = means[glyphs["convnext"].argmax(axis=1)]
        decided, own = replaced.argmax(axis=1) == i, labels["glyphs"] == i
        f1.append(2 * np.sum(decided & own) / (decided.sum() + own.sum()))
    assert findings.by_the_source(data, ("resnet", "convnext")).startswith(f"{np.mean(f1):.3f} (")


@pytest.mark.usefixtures("trains_nothing")
def test_new_characters_are_added_and_known_logits_stay(folder):
    numbers = run("unseen", folder, "--few", "3")
    import additions
    import unseen
    from networks import outputs

    setting = setting_of("unseen", folder)
    setting.options.few = 3
    task = unseen.make_task(setting)
    test = task.tests["glyphs"]
    assert len(task.order) == 8
    assert task.known == 7
    assert (task.data["few"].labels == 7).sum() == 3
    alone = outputs(task.network, test, setting.device)
    right = alone.argmax(axis=1) == test.labels
    assert numbers["network as it is, 0"][0] == right[test.labels < 7].mean()
    assert numbers["network as it is, 0"][1] == 0.0
    moments = additions.label_moments(task, task.data["few"], "margin")
    logits = additions.from_labels(task, moments, 6)(test)
    np.testing.assert_allclose(logits[:, :7], alone, rtol=1e-5, atol=1e-5)
    right = logits.argmax(axis=1) == test.labels
    assert numbers["composed, margin, 6 terms, no focus, 3"][:2] == [
        right[test.labels < 7].mean(),
        right[test.labels == 7].mean(),
    ]


@pytest.mark.usefixtures("trains_nothing")
def test_without_a_label_the_focus_is_on_what_the_second_network_decides(folder):
    numbers = run("unseen", folder, "--few", "3")
    import additions
    import unseen
    from networks import outputs

    import covlasso
    from covlasso.torch import compose_head

    setting = setting_of("unseen", folder)
    setting.options.few = 3
    task = unseen.make_task(setting)
    test = task.tests["glyphs"]
    moments = additions.joint_moments(task, task.data["all"])
    decided = outputs(task.second, task.data["all"], setting.device)[:, task.order].argmax(axis=1)
    assert moments.class_counts("second").tolist() == np.bincount(decided, minlength=8).tolist()
    deps = covlasso.solve_moments(
        moments, target="second", source="network", kind="covariance", focus=0.5, terms=5, refit=True
    )
    larger = compose_head(task.network, deps, names=task.names[7:], moments=moments)
    logits = outputs(larger, test, setting.device)
    np.testing.assert_allclose(
        additions.from_second(task, moments, 5, 0.5)(test), logits, rtol=1e-4, atol=1e-4
    )
    right = logits.argmax(axis=1) == test.labels
    assert numbers["second network, alpha 0.5"]["scores"][0] == [
        right[test.labels < 7].mean(),
        right[test.labels == 7].mean(),
    ]


@pytest.mark.usefixtures("trains_nothing")
def test_paired_differences_come_from_the_runs(folder):
    numbers = run("robustness", folder, "--runs", "3", "--edges", "4", "--choose", "strongest")
    import robustness
    from networks import outputs, trained

    options = robustness.options_of("").parse_args([str(folder), *OPTIONS])
    setting = setting_of("robustness", folder)
    clean, train = setting.pictures.set("clean"), setting.pictures.set("train")
    assert robustness.recipe_of(setting, 0).seed != robustness.recipe_of(setting, 1).seed
    off = trained(options.folder, robustness.recipe_of(setting, 1), train, setting.device)
    right = outputs(off, clean, setting.device).argmax(axis=1) == clean.labels
    assert numbers["run 1"]["off"]["new glyphs"] == right.mean()
    on, off = (
        np.array([numbers[f"run {k}"][way]["noise"] for k in range(3)]) for way in ("strongest", "off")
    )
    difference = 100 * (on - off)
    half = scipy.stats.t.ppf(0.975, 2) * difference.std(ddof=1) / np.sqrt(3)
    mean = difference.mean()
    shown = f"{mean:+.2f} [{mean - half:+.2f}, {mean + half:+.2f}]"
    table = (folder / "robustness-3.md").read_text()
    assert shown in next(line for line in table.splitlines() if line.startswith("| noise"))


def test_the_cost_is_measured(folder):
    run("cost", folder, "--edges", "2", "--every", "2", "--steps", "4")
    row = (folder / "cost-3.md").read_text().splitlines()[-1]
    _, edges, every, step, term, share, _ = (cell.strip() for cell in row.split("|"))
    assert (edges, every) == ("2", "2")
    assert float(share.rstrip("%")) == pytest.approx(100 * float(term) / float(step), rel=0.05, abs=0.1)


def test_a_glyph_that_a_face_lacks_is_no_picture(folder):
    import fonts
    import pictures

    klee = next(face for face in fonts.FACES if face.name == "KleeOne-Regular")
    assert klee.has("阿")
    assert not klee.has("牙")
    assert not klee.has(fonts.NOWHERE)
    found = pictures.load(folder, 8, 2, 3)
    for face, label in zip(found.faces, found.labels, strict=True):
        assert fonts.FACES[face].has(found.names[label])


def test_missing_fonts_name_the_packages(monkeypatch, tmp_path):
    import fonts

    monkeypatch.setattr(fonts, "ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"apt-get install fonts-aoyagi-soseki fonts-"):
        fonts.check_installed()


def test_no_design_has_two_roles():
    import fonts

    roles = {face.package: face.role for face in fonts.FACES}
    assert all(roles[face.package] == face.role for face in fonts.FACES)
    assert set(roles.values()) == {"train", "validation", "unseen"}
    assert len(fonts.characters(512)) == len(set(fonts.characters(512))) == 512
    assert covlasso.Split(0.2).parts == ("fit", "held_out")
