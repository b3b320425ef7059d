"""`covlasso.timm`: pictures of all kinds, data sets, labels, names of categories, and models by name."""

import io
import os
import tarfile

import numpy as np
import pytest

timm = pytest.importorskip("timm", reason="covlasso.timm needs timm")
import torch  # noqa: E402
from picture_files import noise, write_pictures  # noqa: E402
from PIL import Image  # noqa: E402

from covlasso.moments import Split  # noqa: E402
from covlasso.timm import (  # noqa: E402
    DataOptions,
    ModelOptions,
    PictureLoader,
    extract,
    label_names,
    load_models,
    open_pictures,
)
from covlasso.timm.classes import class_names  # noqa: E402

RESNET, VIT = "test_resnet", "test_vit"


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
    cropped = load_models([RESNET], ["random"], ["c"], data=DataOptions(crop_pct=0.5))
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


def test_other_folders_are_no_labels(resnet, tmp_path):
    pictures = open_pictures(write_pictures(tmp_path), resnet)
    assert extract(resnet, pictures, workers=0).labelled == 0


def test_as_many_folders_as_categories_are_its_labels_and_names(tmp_path):
    models = load_models([RESNET], ["random"], options=ModelOptions(num_classes=2))
    found = extract(models, open_pictures(write_pictures(tmp_path), models), workers=0)
    assert found.labelled == 12
    assert found.moments.fit.class_names == {RESNET: ("cat", "dog")}


def test_names_of_imagenet_are_short_and_unique(resnet):
    names = class_names(resnet[0].module, 1000)
    assert names[:2] == ["tench", "goldfish"]
    assert names[817] == "sports car"
    assert len(set(names)) == 1000
    assert class_names(resnet[0].module, 7) is None


def test_class_names_from_a_file(tmp_path):
    models = load_models([RESNET], ["random"], options=ModelOptions(num_classes=3))
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
    with pytest.raises(ValueError, match="empty cannot be opened: Found 0 images"):
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
    ten = load_models([RESNET], ["random"], options=ModelOptions(num_classes=10))[0].module
    save_file({name: tensor.contiguous() for name, tensor in ten.state_dict().items()}, file)
    with pytest.raises(ValueError, match=r"ten\.safetensors does not fit model 'test_resnet': size mismatch"):
        load_models([RESNET], [str(file)])
    loaded = load_models([RESNET], [str(file)], options=ModelOptions(num_classes=10))[0].module
    assert all(torch.equal(a, b) for a, b in zip(ten.parameters(), loaded.parameters(), strict=True))


def test_local_folders(tmp_path):
    model = timm.create_model(RESNET, num_classes=4)
    timm.models.save_for_hf(model, tmp_path / "mine", {"num_classes": 4})
    loaded = load_models([f"local-dir:{tmp_path / 'mine'}"])
    assert loaded[0].name == "mine"
    assert torch.equal(loaded[0].module.get_classifier().weight, model.get_classifier().weight)


def test_options_of_models_and_data():
    options = ModelOptions(num_classes=4, img_size=96, model_dtype="bfloat16")
    data = DataOptions(crop_pct=0.7, interpolation="bilinear", mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 3.0))
    for model in load_models([RESNET, VIT], ["random", "random"], options=options, data=data):
        assert model.module.num_classes == 4
        assert next(model.module.parameters()).dtype == torch.bfloat16
        assert model.data_config["input_size"] == (3, 96, 96)
        assert model.data_config["mean"] == (0.1, 0.2, 0.3)
        assert (model.data_config["crop_pct"], model.data_config["interpolation"]) == (0.7, "bilinear")
        picture = model.transform(noise(1))
        assert picture.shape == (3, 96, 96)
        assert model.module(picture[None].bfloat16()).shape == (1, 4)
    with pytest.raises(ValueError, match="model_dtype is 'float8'"):
        ModelOptions(model_dtype="float8")


def test_grey_models(tmp_path):
    models = load_models([RESNET], ["random"], options=ModelOptions(in_chans=1))
    assert models[0].mode == "L"
    assert extract(models, open_pictures(write_pictures(tmp_path), models), workers=0).count == 12


def test_random_weights_depend_on_the_seed_alone():
    first, again, other = (
        load_models([RESNET], ["random"], options=ModelOptions(seed=seed))[0].module.get_classifier().weight
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
