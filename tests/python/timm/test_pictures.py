"""`covlasso.timm`: pictures of all kinds, data sets, labels, names of categories, and models by name."""

import io
import os
import tarfile
from dataclasses import replace

import numpy as np
import pytest

timm = pytest.importorskip("timm", reason="covlasso.timm needs timm")
import torch  # noqa: E402
from picture_files import noise, write_pictures  # noqa: E402
from PIL import Image  # noqa: E402

from covlasso.moments import Split  # noqa: E402
from covlasso.timm import (  # noqa: E402
    KeywordError,
    ModelOptions,
    extract,
    load_models,
    open_pictures,
    split_data_kwargs,
)
from covlasso.timm.classes import class_names, label_names, names_of_all  # noqa: E402
from covlasso.timm.pictures import PictureLoader  # noqa: E402

RESNET, VIT = "test_resnet", "test_vit"
# classes that pass over arguments that they do not know
NAFLEX, VOVNET = "naflexvit_base_patch16_gap", "ese_vovnet19b_slim"


@pytest.fixture(scope="module")
def resnet():
    return load_models([RESNET], ["random"])


@pytest.fixture(scope="module")
def both():
    return load_models([RESNET, VIT], ["random", "random"])


def plain_logits(model, root, names):
    """Logits by timm's own functions, one picture at a time, as ``validate.py`` reads it."""
    config = timm.data.resolve_model_data_config(model.module, use_test_size=True)
    transform = timm.data.create_transform(**config, is_training=False)
    with torch.inference_mode():
        rows = [model.module(transform(Image.open(root / name).convert("RGB"))[None]) for name in names]
    return torch.cat(rows).double().numpy()


def second_moment(rows):
    return rows.T @ rows / len(rows)


def assert_close(found, wanted, rtol):
    assert np.abs(found - wanted).max() <= rtol * np.abs(wanted).max()


def test_joint_moments_of_two_models_with_transforms_of_their_own(both, tmp_path):
    root = write_pictures(tmp_path)
    pictures = open_pictures(root, both)
    found = extract(both, pictures, batch_size=1, workers=0, factored="off").moments.fit
    resnet, vit = (plain_logits(model, root, pictures.names) for model in both)
    assert_close(found.second_moment(RESNET), second_moment(resnet), 1e-6)
    assert_close(found.second_moment(VIT), second_moment(vit), 1e-6)
    assert_close(found.second_moment(RESNET, VIT), resnet.T @ vit / len(vit), 1e-6)


def test_equal_transforms_share_their_tensor(resnet, tmp_path):
    write_pictures(tmp_path)
    twice = load_models([RESNET, RESNET], ["random", "random"], ["a", "b"])
    batch = next(iter(loader(twice, tmp_path)))
    assert batch.inputs["a"] is batch.inputs["b"]
    cropped = load_models([RESNET], ["random"], ["c"], data_kwargs={"crop_pct": 0.5})
    batch = next(iter(loader([*resnet, *cropped], tmp_path)))
    assert not torch.equal(batch.inputs[RESNET], batch.inputs["c"])


def loader(models, root, **settings):
    pictures = open_pictures(root, models)
    return PictureLoader(pictures, models, pictures.names, batch_size=5, workers=0, **settings)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_from_the_middle_are_the_same(resnet, tmp_path, workers):
    write_pictures(tmp_path)
    pictures = open_pictures(tmp_path, resnet)
    batches = PictureLoader(pictures, resnet, pictures.names, batch_size=5, workers=workers)
    assert len(batches) == 3
    everything = list(batches)
    assert [len(batch.samples) for batch in everything] == [5, 5, 2]
    (last,) = batches.batches(2)
    assert torch.equal(last.inputs[RESNET], everything[2].inputs[RESNET])
    assert last.positions == [10, 11]
    assert list(batches.batches(3)) == []


def save_picture(kind, file):
    """Write a picture of some kind; the name of each says which."""
    picture = noise(7)
    if kind == "palette with transparency":
        picture.convert("P").save(file, transparency=bytes(range(100)))
    elif kind == "16 bit":
        Image.fromarray(np.arange(40 * 32, dtype=np.uint16).reshape(32, 40) * 50).save(file)
    elif kind == "EXIF-rotated":
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.save(file, exif=exif)
    else:
        picture.convert(kind).save(file)


# timm leaves the files open that its data sets and readers open
leaves_files_open = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@leaves_files_open
@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        ("L", "png"),
        ("1", "png"),
        ("RGBA", "png"),
        ("LA", "png"),
        ("P", "png"),
        ("CMYK", "jpg"),
        ("palette with transparency", "png"),
        ("16 bit", "png"),
        ("EXIF-rotated", "jpg"),
    ],
)
def test_pictures_of_all_kinds_are_seen_as_timm_sees_them(resnet, tmp_path, kind, suffix):
    (tmp_path / "class").mkdir()
    file = tmp_path / "class" / f"picture.{suffix}"
    save_picture(kind, file)
    found = extract(resnet, open_pictures(tmp_path, resnet), workers=0)
    assert found.skipped == []
    dataset = timm.data.create_dataset("", root=str(tmp_path))
    dataset.transform = resnet[0].transform
    with pytest.warns(UserWarning, match="Transparency") if "transparency" in kind else none():
        tensor, _ = dataset[0]
    with torch.inference_mode():
        row = resnet[0].module(tensor[None]).double().numpy()
    assert_close(found.moments.fit.second_moment(RESNET), second_moment(row), 1e-6)


class none:
    """A context that expects nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def break_picture(kind, file):
    content = io.BytesIO()
    noise(3, (200, 200)).save(content, "JPEG" if file.suffix == ".jpg" else "PNG")
    data = content.getvalue()
    file.write_bytes({"empty": b"", "text": b"no picture", "truncated": data[: len(data) // 2]}[kind])


@pytest.mark.parametrize("workers", [0, 2])
def test_pictures_that_cannot_be_read_are_left_out_and_listed(resnet, tmp_path, workers):
    root = write_pictures(tmp_path)
    for kind in ("empty", "text", "truncated"):
        for suffix in ("jpg", "png"):
            break_picture(kind, root / "cat" / f"{kind}.{suffix}")
    (root / "dog" / "gone.png").symlink_to(root / "nowhere.png")
    pictures = open_pictures(root, resnet)
    found = extract(resnet, pictures, batch_size=3, workers=workers)
    bad = [f"cat/{k}.{s}" for k in ("empty", "text", "truncated") for s in ("jpg", "png")] + ["dog/gone.png"]
    assert sorted(sample for sample, _ in found.skipped) == sorted(bad)
    assert all(reason and "\n" not in reason for _, reason in found.skipped)
    assert found.moments.skipped == len(bad)
    good = [name for name in pictures.names if name not in bad]
    assert found.count == len(good) == 12
    rows = plain_logits(resnet[0], root, good)
    assert_close(found.moments.fit.second_moment(RESNET), second_moment(rows), 1e-6)
    with pytest.raises(ValueError, match=r"cat/empty\.jpg cannot be read: "):
        extract(resnet, pictures, batch_size=3, workers=0, strict=True)


def test_a_batch_and_a_whole_data_set_without_a_readable_picture(resnet, tmp_path):
    root = write_pictures(tmp_path / "some")
    for k in range(4):
        break_picture("text", root / "cat" / f"00{k}.png")
    found = extract(resnet, open_pictures(root, resnet), batch_size=2, workers=0)
    assert (found.count, len(found.skipped)) == (12, 4)
    (tmp_path / "none").mkdir()
    break_picture("text", tmp_path / "none" / "a.png")
    with pytest.raises(ValueError, match=r"no sample could be read; the first one, a\.png: cannot identify"):
        extract(resnet, open_pictures(tmp_path / "none", resnet), workers=0)


@leaves_files_open
def test_tar_files(resnet, tmp_path):
    root = write_pictures(tmp_path / "folder")
    single = tmp_path / "all.tar"
    with tarfile.open(single, "w") as archive:
        archive.add(root, arcname=".")
    (tmp_path / "tars").mkdir()
    for folder in ("cat", "dog"):
        with tarfile.open(tmp_path / "tars" / f"{folder}.tar", "w") as archive:
            for k, file in enumerate(sorted((root / folder).iterdir())):
                archive.add(file, arcname=f"{k}.png")  # equal names in both files
    wanted = extract(resnet, open_pictures(root, resnet), workers=0).moments.fit.second_moment(RESNET)
    for source in (single, tmp_path / "tars"):
        pictures = open_pictures(source, resnet)
        assert len(set(pictures.names)) == 12
        found = extract(resnet, pictures, workers=0).moments.fit
        assert_close(found.second_moment(RESNET), wanted, 1e-6)
        assert pictures.folders == ["cat", "dog"]
        if source == single:
            assert pictures.names == open_pictures(root, resnet).names  # so the split is the same
    assert "cat.tar/0.png" in pictures.names


def test_data_sets_of_torchvision(resnet, tmp_path):
    root = write_pictures(tmp_path)
    pictures = open_pictures(root, resnet, "torch/image_folder")
    assert pictures.folders == ["cat", "dog"]
    found = extract(resnet, pictures, workers=0).moments.fit
    wanted = extract(resnet, open_pictures(root, resnet), workers=0).moments.fit
    assert_close(found.second_moment(RESNET), wanted.second_moment(RESNET), 1e-6)


def test_a_data_set_that_only_streams_is_refused(resnet, monkeypatch):
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(())

    monkeypatch.setattr("covlasso.timm.pictures.create_dataset", lambda *_, **__: Stream())
    with pytest.raises(ValueError, match="'wds/x' can only be streamed"):
        open_pictures(None, resnet, "wds/x")


def test_groups(resnet, tmp_path):
    root = write_pictures(tmp_path, [f"f{k}" for k in range(8)], 3)
    pictures = open_pictures(root, resnet)
    found = extract(resnet, pictures, workers=0, groups="folder", held_out=0.5).moments
    held_out = Split(0.5).part([name.split("/")[0] for name in pictures.names])
    assert found.held_out.count == held_out.sum() > 0
    assert held_out.sum() % 3 == 0
    by_number = extract(resnet, pictures, workers=0, groups=r"/(\d+)", held_out=0.5).moments
    held_out = Split(0.5).part([name.split("/")[1][:2] for name in pictures.names])
    assert by_number.held_out.count == held_out.sum() > 0
    with pytest.raises(ValueError, match=r"does not match 'f0/00\.png'"):
        extract(resnet, pictures, groups="x(.)")
    with pytest.raises(ValueError, match="is not a regular expression"):
        extract(resnet, pictures, groups="(")


def test_a_split_with_an_empty_part_is_refused_before_the_pass(resnet, tmp_path):
    pictures = open_pictures(write_pictures(tmp_path, ["only"]), resnet)
    with pytest.raises(ValueError, match=r"part \S+ of the split would get none of the 1 groups"):
        extract(resnet, pictures, groups="folder", held_out=0.5)


def test_folders_named_by_labels_give_the_models_categories(resnet, tmp_path):
    synsets = label_names(resnet[0].module, 1000)
    chosen = [synsets[3], synsets[700]]
    root = write_pictures(tmp_path, chosen)
    pictures = open_pictures(root, resnet)
    found = extract(resnet, pictures, workers=0, batch_size=4)
    rows = plain_logits(resnet[0], root, pictures.names)
    truth = np.array([3 if name.startswith(chosen[0]) else 700 for name in pictures.names])
    assert found.labelled == 12
    assert found.correct[RESNET] == (rows.argmax(axis=1) == truth).sum()
    moments = extract(resnet, pictures, workers=0, classes="labels").moments.fit
    assert np.array_equal(moments.class_counts(RESNET), np.bincount(truth, minlength=1000))
    means = [rows[truth == k].mean(axis=0) for k in (3, 700)]
    assert_close(moments.class_means(RESNET, RESNET)[[3, 700]], np.array(means), 1e-5)


def test_other_folders_are_no_labels(resnet, tmp_path):
    pictures = open_pictures(write_pictures(tmp_path), resnet)
    assert extract(resnet, pictures, workers=0).labelled == 0
    with pytest.raises(ValueError, match='classes="labels" needs the categories of the pictures'):
        extract(resnet, pictures, workers=0, classes="labels")


def test_as_many_folders_as_categories_are_its_labels_and_names(tmp_path):
    models = load_models([RESNET], ["random"], options=ModelOptions({"num_classes": 2}))
    found = extract(models, open_pictures(write_pictures(tmp_path), models), workers=0)
    assert found.labelled == 12
    assert found.moments.fit.class_names == {RESNET: ("cat", "dog")}


def tiny(root, folders):
    """A picture in each folder."""
    for folder in folders:
        (root / folder).mkdir(parents=True)
        Image.new("RGB", (16, 16), (len(folder), 9, 90)).save(root / folder / "0.png")
    return root


def fine_tuned(tmp_path, n=1000):
    """A network with weights of a file, as one that was trained on."""
    made = load_models([RESNET], ["random"], options=ModelOptions({"num_classes": n}))
    torch.save(made[0].module.state_dict(), tmp_path / "mine.pth")
    return load_models([RESNET], [str(tmp_path / "mine.pth")], options=ModelOptions({"num_classes": n}))


def named(models, root, **options):
    """Names of the categories, and the notes."""
    notes = []
    pictures = open_pictures(root, models)
    found = extract(models, pictures, workers=0, batch_size=500, on_note=notes.append, **options)
    return found.moments.fit.class_names, notes, found


@pytest.mark.parametrize("form", ["glyph_{:04d}", "{:d}", "{:c}{:d}"])
def test_as_many_folders_as_outputs_name_them_whatever_the_number_of_outputs(form, tmp_path):
    folders = [form.format(97 + k % 26, k) if "c" in form else form.format(k) for k in range(1000)]
    root = tiny(tmp_path / "data", folders)
    for models in (fine_tuned(tmp_path), load_models([RESNET], ["random"])):
        pictures = open_pictures(root, models)
        names, notes, found = named(models, root)
        assert names[RESNET] == tuple(pictures.folders)
        assert set(names[RESNET]) == set(folders)
        assert notes == []
        assert found.labelled == 1000


@pytest.mark.parametrize("n", [1000, 11821])
def test_a_guess_from_the_number_of_outputs_is_called_one(n, tmp_path):
    models = fine_tuned(tmp_path, n)
    root = tiny(tmp_path / "data", ["cat", "dog"])
    names, (note,), _ = named(models, root)
    assert len(names[RESNET]) == n
    assert all(part in note for part in (RESNET, "guess", str(n), "imagenet", "--class-names"))
    file = tmp_path / "names.txt"
    file.write_text("".join(f"own {k}\n" for k in range(n)))
    names, notes, _ = named(models, root, class_names=file)
    assert names[RESNET][1] == "own 1"
    assert notes == []


def test_folders_called_like_labels_are_no_guess(tmp_path):
    models = fine_tuned(tmp_path)
    synsets = label_names(models[0].module, 1000)
    names, notes, _ = named(models, tiny(tmp_path / "some", [synsets[7], synsets[900]]))
    assert names[RESNET] == tuple(class_names(models[0].module, 1000))
    assert notes == []
    names, notes, _ = named(models, tiny(tmp_path / "all", synsets))
    assert names[RESNET] == tuple(class_names(models[0].module, 1000))
    assert notes == []


@pytest.mark.parametrize("n", [11821, 21843])
def test_one_label_has_one_name_in_all_models(n):
    models = [
        load_models([RESNET], ["random"], names=[f"net{k}"], options=ModelOptions({"num_classes": k}))[0]
        for k in (1000, n)
    ]
    sizes = {f"net{k}": k for k in (1000, n)}
    names, notes = names_of_all(models, sizes, None, [])
    assert len(notes) == 2
    labels = {f"net{k}": label_names(model.module, k) for k, model in zip((1000, n), models, strict=True)}
    by_label = dict(zip(labels[f"net{n}"], names[f"net{n}"], strict=True))
    shared = [k for k, label in enumerate(labels["net1000"]) if label in by_label]
    assert len(shared) > 990
    assert all(names["net1000"][k] == by_label[labels["net1000"][k]] for k in shared)
    every = {**by_label, **dict(zip(labels["net1000"], names["net1000"], strict=True))}
    assert len(set(every.values())) == len(every)


def test_names_of_folders_can_be_written_whatever_their_bytes(tmp_path):
    models = load_models([RESNET], ["random"], options=ModelOptions({"num_classes": 3}))
    root = tiny(tmp_path, [os.fsdecode(b"L\xf6we"), "back\\slash", "Grüße"])
    names, _, found = named(models, root)
    assert sorted(names[RESNET]) == ["Grüße", r"L\xf6we", r"back\slash"]
    assert all(name.encode() for name in names[RESNET])
    assert found.labelled == 3


def test_published_weights_say_their_categories(tmp_path):
    models = [replace(load_models([RESNET], ["random"])[0], published=True)]
    names, notes, _ = named(models, tiny(tmp_path / "data", ["cat", "dog"]))
    assert names[RESNET][:2] == ("tench", "goldfish")
    assert notes == []
    names, notes, _ = named(models, tiny(tmp_path / "other", [f"f{k:04d}" for k in range(1000)]))
    assert names[RESNET][:2] == ("tench", "goldfish")
    assert len(notes) == 1
    assert "in the order of their names" in notes[0]
    fewer = [
        replace(
            load_models([RESNET], ["random"], options=ModelOptions({"num_classes": 2}))[0], published=True
        )
    ]
    names, notes, _ = named(fewer, tmp_path / "data")
    assert names[RESNET] == ("cat", "dog")


@pytest.mark.parametrize(
    ("groups", "said"), [("none", False), ("folder", True), ("^(.)", True), (r"/(\d+)", False)]
)
def test_whole_classes_that_are_held_out_are_said(groups, said, tmp_path):
    folders = ["apple", "axe", "bee", "bus", "car", "cow", "den", "dog", "elk", "eye"]
    root = write_pictures(tmp_path / "data", folders, 8)
    models = load_models([RESNET], ["random"], options=ModelOptions({"num_classes": 10}))
    _, notes, _ = named(models, root, groups=groups, held_out=0.5)
    keys = {"folder": lambda f: f, "^(.)": lambda f: f[0]}.get(groups)
    if not said:
        assert notes == []
        return
    lost = int((Split(0.5).part([keys(folder) for folder in folders]) == 1).sum())
    assert 0 < lost < 10
    assert len(notes) == 1
    assert notes[0].startswith(f"whole classes are held out: {lost} of 10 have no sample to fit on")


def test_names_of_imagenet_are_short_and_unique(resnet):
    names = class_names(resnet[0].module, 1000)
    assert names[:2] == ["tench", "goldfish"]
    assert names[817] == "sports car"
    assert len(set(names)) == 1000
    assert class_names(resnet[0].module, 7) is None


def test_class_names_from_a_file(tmp_path):
    models = load_models([RESNET], ["random"], options=ModelOptions({"num_classes": 3}))
    pictures = open_pictures(write_pictures(tmp_path / "data"), models)
    file = tmp_path / "names.txt"
    file.write_text("x\ny\nz\n")
    found = extract(models, pictures, workers=0, class_names=file)
    assert found.moments.fit.class_names == {RESNET: ("x", "y", "z")}
    file.write_text("x\ny\n")
    with pytest.raises(ValueError, match=r"names\.txt has 2 lines and model 'test_resnet' 3 categories"):
        extract(models, pictures, class_names=file)


def test_roots_that_cannot_be_read(resnet, tmp_path):
    with pytest.raises(ValueError, match="nowhere does not exist"):
        open_pictures(tmp_path / "nowhere", resnet)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty has no picture"):
        open_pictures(tmp_path / "empty", resnet)
    (tmp_path / "bad.tar").write_bytes(b"no tar file")
    with pytest.raises(ValueError, match=r"bad\.tar cannot be opened"):
        open_pictures(tmp_path / "bad.tar", resnet)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs the permissions of POSIX")
def test_a_folder_below_the_root_that_may_not_be_read_is_named(resnet, tmp_path):
    root = write_pictures(tmp_path / "data")
    (root / "cat").chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        if folder.stat().st_uid == os.geteuid() and folder.name.startswith(("pytest", "test")):
            folder.chmod(0o755)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)  # root may read everything
        with pytest.raises(ValueError, match="cat cannot be read: Permission denied"):
            open_pictures(root, resnet)
    finally:
        os.seteuid(user)
        (root / "cat").chmod(0o755)


@pytest.mark.parametrize(
    ("models", "checkpoints", "names", "message"),
    [
        (["resnet5O"], [], [], "timm has no model 'resnet5O'; did you mean resnet50"),
        (["test_vit.no_such_tag"], ["random"], [], "cannot be made: Invalid pretrained tag"),
        (["local-dir:/nowhere"], [], [], "'local-dir:/nowhere' cannot be made"),
        (["some/repo"], [], [], "'some/repo' cannot be made"),
        ([RESNET], ["nowhere.safetensors"], [], "checkpoint nowhere.safetensors does not exist"),
        ([RESNET, VIT], ["random"], [], "2 models and 1 of checkpoint"),
        ([RESNET, RESNET], ["random", "random"], [], "named test_resnet, test_resnet; give each another"),
    ],
)
def test_models_that_cannot_be_had(models, checkpoints, names, message):
    with pytest.raises(ValueError, match=message):
        load_models(models, checkpoints, names)


def test_a_checkpoint_of_another_class_count(tmp_path):
    from safetensors.torch import save_file

    file = tmp_path / "ten.safetensors"
    ten = load_models([RESNET], ["random"], options=ModelOptions({"num_classes": 10}))[0].module
    save_file({name: tensor.contiguous() for name, tensor in ten.state_dict().items()}, file)
    with pytest.raises(ValueError, match=r"ten\.safetensors does not fit model 'test_resnet': size mismatch"):
        load_models([RESNET], [str(file)])
    loaded = load_models([RESNET], [str(file)], options=ModelOptions({"num_classes": 10}))[0].module
    assert all(torch.equal(a, b) for a, b in zip(ten.parameters(), loaded.parameters(), strict=True))


def test_local_folders(tmp_path):
    model = timm.create_model(RESNET, num_classes=4)
    timm.models.save_for_hf(model, tmp_path / "mine", {"num_classes": 4})
    loaded = load_models([f"local-dir:{tmp_path / 'mine'}"])
    assert loaded[0].name == "mine"
    assert torch.equal(loaded[0].module.get_classifier().weight, model.get_classifier().weight)


def test_options_of_models_and_data():
    options = ModelOptions({"num_classes": 4, "img_size": 96}, model_dtype="bfloat16")
    mean, std = (0.1, 0.2, 0.3), (1.0, 2.0, 3.0)
    data = {"crop_pct": 0.7, "interpolation": "bilinear", "mean": mean, "std": std}
    for model in load_models([RESNET, VIT], ["random", "random"], options=options, data_kwargs=data):
        assert model.module.num_classes == 4
        assert next(model.module.parameters()).dtype == torch.bfloat16
        assert model.data_config["input_size"] == (3, 96, 96)
        assert (model.data_config["mean"], model.data_config["std"]) == (mean, std)
        assert (model.data_config["crop_pct"], model.data_config["interpolation"]) == (0.7, "bilinear")
        picture = model.transform(noise(1))
        assert picture.shape == (3, 96, 96)
        assert model.module(picture[None].bfloat16()).shape == (1, 4)
    with pytest.raises(ValueError, match="model_dtype is 'float8'"):
        ModelOptions(model_dtype="float8")


def transformed(picture, **data_kwargs):
    """What a residual network is shown."""
    given = {"interpolation": "bicubic", **data_kwargs}
    (model,) = load_models([RESNET], ["random"], data_kwargs=given)
    return model.transform(picture)


def by_hand(picture, side, scaled, mean=0.5, std=0.5):
    """The middle of the resized picture, by PIL and numpy alone; 0.5 is the model's own."""
    left, top = ((length - side) // 2 for length in scaled)
    shown = picture.resize(scaled, Image.Resampling.BICUBIC).crop((left, top, left + side, top + side))
    pixels = np.asarray(shown, dtype=np.float64) / 255
    return ((pixels - mean) / std).transpose(2, 0, 1)


def test_data_kwargs_change_what_models_are_shown():
    picture = noise(5, (400, 400))
    own = transformed(picture)
    for kwargs, side, scaled in [
        ({"crop_pct": 1.0}, 160, 160),
        ({"crop_pct": 0.5}, 160, 320),
        ({"crop_pct": 0.5, "input_size": (3, 96, 96)}, 96, 192),
        ({"crop_pct": 1.0, "mean": 0.5, "std": [0.25]}, 160, 160),
        ({"crop_pct": 1.0, "mean": (0.1, 0.2, 0.3), "std": (1, 2, 3)}, 160, 160),
    ]:
        pixels = {key: np.broadcast_to(kwargs[key], 3) for key in ("mean", "std") if key in kwargs}
        found = transformed(picture, **kwargs)
        wanted = by_hand(picture, side, (scaled, scaled), **pixels)
        np.testing.assert_allclose(found.numpy(), wanted, atol=1e-5)
        assert own.shape != found.shape or not torch.equal(own, found)
    wide = noise(6, (600, 300))
    middle = wide.crop((150, 0, 450, 300))
    squashed = transformed(wide, crop_mode="squash", crop_pct=1.0)
    np.testing.assert_allclose(squashed.numpy(), by_hand(wide, 160, (160, 160)), atol=1e-5)
    assert torch.equal(
        transformed(wide, crop_pct=1.0, input_size=[3, 300, 300]),
        transformed(middle, crop_pct=1.0, input_size=[3, 300, 300]),
    )
    assert torch.equal(transformed(wide, crop_border_pixels=20), transformed(wide.crop((20, 20, 580, 280))))
    assert not torch.equal(transformed(wide, interpolation="nearest"), transformed(wide))


def test_the_size_of_training_where_a_model_has_one():
    name = "efficientnet_b0.ra_in1k"
    config = {"test_input_size": (3, 256, 256), "input_size": (3, 128, 128)}
    options = ModelOptions({"pretrained_cfg_overlay": config, "num_classes": 2})
    sizes = [
        load_models([name], ["random"], ["m"], options, {"use_train_size": flag})[0].data_config["input_size"]
        for flag in (False, True)
    ]
    assert sizes == [(3, 256, 256), (3, 128, 128)]


def test_the_size_of_the_input_holds_for_model_and_transform():
    for options, data in [
        (ModelOptions({"img_size": 96, "in_chans": 1}), {}),
        (ModelOptions(), {"input_size": (1, 96, 96)}),
    ]:
        for model in load_models([RESNET, VIT], ["random", "random"], options=options, data_kwargs=data):
            assert (model.data_config["input_size"], model.mode) == ((1, 96, 96), "L")
            picture = model.transform(noise(1).convert("L"))
            assert model.module(picture[None]).shape == (1, 1000)
    for key, value in (("img_size", 96), ("in_chans", 3)):
        with pytest.raises(KeywordError, match=rf"model_kwargs {key}={value}: the input_size of data_kwargs"):
            load_models([RESNET], ["random"], (), ModelOptions({key: value}), {"input_size": (3, 96, 96)})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"crop_pc": 1.0},
            "crop_pc=1.0: there is no crop_pc; did you mean crop_pct? known are input_size, crop",
        ),
        ({"img_size": 96}, "img_size=96: there is no img_size; did you mean input_size?"),
        ({"crop_pct": 0}, "crop_pct=0: a number above 0 is expected"),
        ({"crop_pct": "all"}, "crop_pct='all': a number above 0"),
        ({"crop_pct": True}, "crop_pct=True: a number above 0"),
        ({"crop_mode": "middle"}, "crop_mode='middle': one of center, squash, border is expected"),
        ({"crop_border_pixels": 1.5}, "crop_border_pixels=1.5: a whole number, at least 0"),
        ({"interpolation": "random"}, "interpolation='random': one of nearest, bilinear, bicubic"),
        ({"interpolation": ""}, "interpolation='': one of nearest"),
        ({"mean": "grey"}, "mean='grey': a number per channel, such as 0.5,0.5,0.5"),
        ({"mean": (0.5, float("nan"), 0.5)}, "mean=(0.5, nan, 0.5): a number per channel"),
        ({"mean": None}, "mean=None: a number per channel"),
        ({"std": (1, 0, 1)}, "std=(1, 0, 1): a number above 0 per channel"),
        ({"input_size": 96}, "input_size=96: channels, height and width, such as 3,224,224"),
        ({"input_size": (3, 96.5, 96)}, "input_size=(3, 96.5, 96): channels, height and width"),
        ({"use_train_size": "true"}, "use_train_size='true': True or False is expected"),
        ({"dataset_download": 1}, "dataset_download=1: True or False is expected"),
        ({"input_key": 7}, "input_key=7: a text is expected"),
    ],
)
def test_data_kwargs_that_do_not_go_on_to_timm(given, message):
    with pytest.raises(KeywordError) as refused:
        split_data_kwargs(given)
    assert str(refused.value).startswith(f"data_kwargs {message}")
    assert (refused.value.place, "\n" in refused.value.why) == ("data_kwargs", False)


def test_data_kwargs_go_to_the_function_that_takes_them(resnet, tmp_path):
    transform, opening = split_data_kwargs({"crop_pct": 1, "input_key": ".png", "std": 0.5})
    assert (transform, opening) == ({"crop_pct": 1, "std": 0.5}, {"input_key": ".png"})
    with pytest.raises(
        KeywordError, match=r"input_key='\.png': there is no input_key; .*known are input_size"
    ):
        load_models([RESNET], ["random"], data_kwargs=opening)
    with pytest.raises(KeywordError, match="crop_pct=1: there is no crop_pct; known are dataset_download"):
        open_pictures(write_pictures(tmp_path), resnet, data_kwargs=transform)


@pytest.mark.parametrize("given", [(0.5, 0.5), (), (0.5,) * 4])
def test_as_many_means_and_deviations_as_channels(given):
    for key in ("mean", "std"):
        with pytest.raises(KeywordError) as refused:
            load_models([RESNET], ["random"], data_kwargs={key: given})
        assert f"{key}={given}: 3 numbers are expected, one per channel of 'test_resnet'" in str(
            refused.value
        )


@leaves_files_open
def test_keys_of_data_sets(resnet, tmp_path):
    root = write_pictures(tmp_path / "folder")
    (root / "cat" / "00.jpg").write_bytes((root / "cat" / "00.png").read_bytes())
    everything = open_pictures(root, resnet).names
    chosen = open_pictures(root, resnet, data_kwargs={"input_key": ".jpg"})
    assert (len(everything), chosen.names) == (13, ["cat/00.jpg"])
    (tmp_path / "tars").mkdir()
    single = tmp_path / "tars" / "all.tar"
    with tarfile.open(single, "w") as archive:
        archive.add(root, arcname=".")
    for place, dataset, key, value, why in [
        (root, "", "target_key", "label", "a folder of pictures takes input_key"),
        (root, "", "dataset_download", True, "a folder of pictures takes input_key"),
        (single, "", "input_key", ".png", "a tar file takes none of these"),
        (single.parent, "", "input_key", ".png", "a tar file takes none of these"),
        (root, "torch/image_folder", "dataset_download", True, "'torch/image_folder' takes none of these"),
        (root, "torch/cifar10", "input_key", "image", "'torch/cifar10' takes dataset_download"),
        (root, "hfds/some/set", "dataset_download", True, "'hfds/some/set' takes input_key and target_key"),
    ]:
        with pytest.raises(KeywordError) as refused:
            open_pictures(place, resnet, dataset, data_kwargs={key: value})
        assert f"data_kwargs {key}={value!r}: " in str(refused.value)
        assert str(refused.value).endswith(why)


def test_a_data_set_is_opened_with_its_keys(resnet, tmp_path, monkeypatch):
    given = {}

    class Columns(list):
        """Pictures of no reader."""

    def create_dataset(name, **more):
        given[name] = more
        return Columns([(noise(1), 0)])

    monkeypatch.setattr("covlasso.timm.pictures.create_dataset", create_dataset)
    open_pictures(tmp_path, resnet, "torch/cifar10", data_kwargs={"dataset_download": True})
    opened = open_pictures(tmp_path, resnet, "hfds/x/y", data_kwargs={"target_key": "fine_label"})
    assert given["torch/cifar10"]["download"] is True
    assert given["hfds/x/y"]["target_key"] == "fine_label"
    assert opened.source["target_key"] == "fine_label"


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        (RESNET, {"num_classes": "ten"}, "num_classes='ten': a whole number above 0 is expected"),
        (RESNET, {"num_classes": 0}, "num_classes=0: a whole number above 0"),
        (RESNET, {"in_chans": 1.0}, "in_chans=1.0: a whole number above 0"),
        (RESNET, {"img_size": (96, 96)}, "img_size=(96, 96): a whole number above 0"),
        (RESNET, {"global_pool": 3}, "global_pool=3: a text is expected"),
        (RESNET, {"global_pool": None}, "global_pool=None: timm would not heed it; leave it out"),
        (RESNET, {"pretrained": True}, "pretrained=True: weights are chosen by the checkpoint"),
        (VIT, {"out_indices": (1,)}, "out_indices=(1,): features alone have no logits"),
        (VIT, {"dtype": "float16"}, "dtype='float16': the type is the option model_dtype"),
        (RESNET, {"widht": 2}, "widht=2: ResNet, the class of 'test_resnet', takes no widht; "),
        (RESNET, {"gp": "max"}, "gp='max': ResNet, the class of 'test_resnet', takes no gp; "),
        (VIT, {"num_clases": 2}, "num_clases=2: VisionTransformer, the class of 'test_vit', takes"),
        (RESNET, {"zero_init_last": "false"}, "zero_init_last='false': True or False is expected"),
        (RESNET, {"drop_rate": "much"}, "drop_rate='much': a number is expected"),
        ("test_byobnet", {"act_laier": "relu"}, "act_laier='relu': ByobNet, the class of "),
        (NAFLEX, {"depht": 1}, "depht=1: NaFlexVit, the class of 'naflexvit_base_patch16_gap', takes "),
        (VOVNET, {"widht": 1}, "widht=1: VovNet, the class of 'ese_vovnet19b_slim', takes no widht; known"),
    ],
)  # fmt: skip
def test_model_kwargs_that_do_not_go_on_to_timm(model, given, message):
    with pytest.raises(KeywordError) as refused:
        load_models([model], ["random"], options=ModelOptions(given))
    assert str(refused.value).startswith(f"model_kwargs {message}")
    assert "\n" not in refused.value.why
    if "the class of" in message:
        assert "known are " in refused.value.why
        assert "num_classes" in refused.value.why


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (RESNET, {"global_pool": "max", "output_stride": 16, "cache_dir": "weights"}),
        (VIT, {"num_classes": 7, "drop_rate": 0, "reg_tokens": 2, "act_layer": "relu"}),
        ("test_byobnet", {"act_layer": "relu", "drop_rate": 0.1}),  # of its configuration
        ("test_efficientnet", {"bn_eps": 0.1}),  # of its entry point alone
        (NAFLEX, {"depth": 1, "embed_dim": 64, "num_heads": 2}),
        (VOVNET, {"global_pool": "max", "cache_dir": "weights"}),
    ],
)
def test_model_kwargs_that_timm_takes(model, given):
    (loaded,) = load_models([model], ["random"], options=ModelOptions(given))
    assert loaded.module.num_classes == given.get("num_classes", 1000)


def test_global_pooling_is_heeded():
    picture = load_models([RESNET], ["random"])[0].transform(noise(1))[None]
    rows = [
        load_models([RESNET], ["random"], options=ModelOptions({"global_pool": pool}))[0].module(picture)
        for pool in ("avg", "max")
    ]
    assert not torch.allclose(*rows)


def test_grey_models(tmp_path):
    models = load_models([RESNET], ["random"], options=ModelOptions({"in_chans": 1}))
    assert models[0].mode == "L"
    assert extract(models, open_pictures(write_pictures(tmp_path), models), workers=0).count == 12


def test_random_weights_depend_on_the_seed_alone():
    first, again, other = (
        load_models([RESNET], ["random"], options=ModelOptions(seed=seed))[0].module.get_classifier().weight
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
