"""What is read is what lies there: every picture once, or a line that says what was left out."""

import os
import signal
import tarfile
from pathlib import Path

import numpy as np
import pytest

timm = pytest.importorskip("timm", reason="covlasso.timm needs timm")
import torch  # noqa: E402
from picture_files import noise, write_pictures  # noqa: E402
from PIL import Image  # noqa: E402

from covlasso.timm import extract, load_models, open_pictures  # noqa: E402

RESNET = "test_resnet"
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links"),
]


@pytest.fixture(scope="module")
def resnet():
    return load_models([RESNET], ["random"])


@pytest.fixture
def in_time():
    """Fail instead of hanging."""

    def late(*_):
        pytest.fail("hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def lies_below(root, suffixes=(".png", ".jpg", ".jpeg")):
    """Pictures below a folder, by a plain walk that follows no link."""
    return sorted(
        str((Path(place) / name).relative_to(root))
        for place, _, names in os.walk(root)
        for name in names
        if name.lower().endswith(suffixes) and not (Path(place) / name).is_symlink()
    )


def opened(models, root, **options):
    found = open_pictures(root, models, **options)
    assert all("\n" not in note for note in found.notes)
    return found


def assert_moments_of(models, pictures, root):
    config = timm.data.resolve_model_data_config(models[0].module, use_test_size=True)
    transform = timm.data.create_transform(**config, is_training=False)
    with torch.inference_mode():
        rows = [
            models[0].module(transform(Image.open(root / name).convert("RGB"))[None]) for name in pictures
        ]
    rows = torch.cat(rows).double().numpy()
    found = extract(models, open_pictures(root, models), workers=0, factored="off")
    assert found.count == len(pictures)
    plain = rows.T @ rows / len(rows)
    assert np.abs(found.moments.fit.second_moment(RESNET) - plain).max() <= 1e-6 * np.abs(plain).max()


@pytest.mark.parametrize("name", ["val", "valid", "validation", "eval", "evaluation", "train", "test"])
@pytest.mark.parametrize("nested", [False, True])
def test_a_class_that_is_called_like_a_split_is_a_class(resnet, tmp_path, name, nested):
    write_pictures(tmp_path, ("cat", "dog", f"{name}/inner" if nested else name), 4)
    pictures = opened(resnet, tmp_path)
    assert pictures.names == lies_below(tmp_path)
    assert len(pictures.folders) == 3
    if name not in ("train", "test"):
        (note,) = pictures.notes
        assert f"{name} is read as one folder among others" in note
        assert f"--data {tmp_path / name} reads it alone" in note
    assert_moments_of(resnet, pictures.names, tmp_path)


@pytest.mark.parametrize("name", ["val", "validation", "eval"])
def test_a_split_beside_other_splits_is_read_and_the_others_are_named(resnet, tmp_path, name):
    write_pictures(tmp_path, ("train/cat", "train/dog", f"{name}/cat", f"{name}/dog"), 3)
    (tmp_path / "ILSVRC_devkit").mkdir()
    (tmp_path / "ILSVRC_devkit" / "readme.txt").write_text("")
    (tmp_path / "ILSVRC2012_img_val.tar").write_bytes(b"")
    pictures = opened(resnet, tmp_path)
    assert pictures.names == lies_below(tmp_path / name)
    (note,) = pictures.notes
    assert f"only {tmp_path / name} is read, and not 2 paths" in note
    pictures = opened(resnet, tmp_path, split="train")
    assert pictures.names == lies_below(tmp_path / "train")
    assert f"only {tmp_path / 'train'} is read" in pictures.notes[0]
    pictures = opened(resnet, tmp_path, split="nowhere")
    assert pictures.names == lies_below(tmp_path)
    assert "has no folder nowhere: all of it is read" in pictures.notes[0]


def test_a_split_alone_needs_no_word(resnet, tmp_path):
    write_pictures(tmp_path, ("val/cat", "val/dog"), 2)
    pictures = opened(resnet, tmp_path)
    assert (len(pictures), pictures.notes) == (4, [])


@pytest.mark.parametrize("name", ["old.tar", "OLD.TAR", "a.zip", "b.tar.gz", "cat/inner.tar"])
def test_an_archive_beside_pictures_is_named_and_not_read(resnet, tmp_path, name):
    write_pictures(tmp_path, ("cat", "dog"), 4)
    with tarfile.open(tmp_path / "t", "w") as tar:
        tar.add(tmp_path / "dog" / "00.png", "dog/00.png")
    (tmp_path / "t").rename(tmp_path / name)
    pictures = opened(resnet, tmp_path)
    assert pictures.names == lies_below(tmp_path)
    tar = name.lower().endswith(".tar")
    remedy = f"--data {tmp_path / name} reads that one alone" if tar else "unpack to read"
    assert pictures.notes == [f"archive {tmp_path / name} not read; {remedy}"]
    if tar:
        assert len(opened(resnet, tmp_path / name)) == 1
    else:
        with pytest.raises(ValueError, match="is no folder and no tar file"):
            open_pictures(tmp_path / name, resnet)


def test_what_tar_files_hold_and_is_not_read(resnet, tmp_path):
    root = write_pictures(tmp_path / "data", ("cat", "dog"), 2)
    noise(3).save(tmp_path / "x.webp")
    for name, inner in (("2.tar", "data/cat"), ("1.tar", "2.tar")):
        with tarfile.open(tmp_path / name, "w") as tar:
            tar.add(tmp_path / inner, inner)
    (tmp_path / "tars").mkdir()
    with tarfile.open(tmp_path / "tars" / "0.tar", "w") as tar:
        for name in ("1.tar", "x.webp"):
            tar.add(tmp_path / name, name)
        tar.add(root / "dog", "dog")
        link = tarfile.TarInfo("dog/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "00.png"
        tar.addfile(link)
    pictures = opened(resnet, tmp_path / "tars")
    assert pictures.names == ["0.tar/dog/00.png", "0.tar/dog/01.png"]
    assert ["link" in note for note in pictures.notes] == [True, False, False]
    assert "0.tar/1.tar/2.tar left out: too deep" in pictures.notes[1]
    assert "1 .webp; unpack" in pictures.notes[2]
    (tmp_path / "tars" / "inner").mkdir()
    (tmp_path / "1.tar").rename(tmp_path / "tars" / "inner" / "1.tar")
    assert "inner/1.tar not read" in opened(resnet, tmp_path / "tars").notes[0]
    (tmp_path / "tars" / "0.tar").unlink()
    with pytest.raises(ValueError, match=r"has no picture, but archive .*inner/1\.tar; give a tar file"):
        open_pictures(tmp_path / "tars", resnet)
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    with pytest.raises(ValueError, match=r"empty\.tar cannot be opened: it has no picture"):
        open_pictures(tmp_path / "empty.tar", resnet)


def link(place, target):
    place.symlink_to(target, target_is_directory=True)


@pytest.mark.usefixtures("in_time")
def test_folders_that_link_to_themselves_each_other_and_above_are_read_once(resnet, tmp_path):
    root = write_pictures(tmp_path / "data", ("cat", "dog/deep"), 4)
    wanted = lies_below(root)
    link(root / "again", ".")
    link(root / "more", root)
    link(root / "cat" / "up", "..")
    link(root / "cat" / "dogs", "../dog")
    link(root / "dog" / "cats", "../cat")
    link(root / "round", "round")
    link(root / "gone", "nowhere")
    link(root / "above", tmp_path)
    pictures = opened(resnet, root)
    assert pictures.names == wanted
    assert "5 paths" in pictures.notes[0]
    assert "3 links" in pictures.notes[1]
    assert_moments_of(resnet, wanted, root)


@pytest.mark.usefixtures("in_time")
def test_what_lies_outside_is_read_once_through_links(resnet, tmp_path):
    root, outside = (
        write_pictures(tmp_path / "data", ("cat",), 2),
        write_pictures(tmp_path / "b", ("x", "y"), 3),
    )
    link(outside / "x" / "back", "../y")
    link(outside / "y" / "back", "../x")
    link(root / "one", outside / "x")
    link(root / "two", outside / "y")
    link(root / "three", outside / "y")
    pictures = opened(resnet, root)
    assert len({os.path.realpath(root / name) for name in pictures.names}) == len(pictures) == 8
    assert pictures.names == [
        "cat/00.png",
        "cat/01.png",
        *(f"{a}/0{k}.png" for a in ("one", "three") for k in range(3)),
    ]
    assert "3 paths" in pictures.notes[0]


def test_a_picture_is_read_once_whatever_links_to_it(resnet, tmp_path):
    root, outside = (
        write_pictures(tmp_path / "data", ("cat", "dog"), 2),
        write_pictures(tmp_path / "b", ("x",), 1),
    )
    (root / "a.png").symlink_to("cat/00.png")
    (root / "dog" / "b.png").symlink_to("../cat/00.png")
    (root / "dog" / "c.png").symlink_to(outside / "x" / "00.png")
    (root / "dog" / "d.png").symlink_to(outside / "x" / "00.png")
    pictures = opened(resnet, root)
    assert pictures.names == ["cat/00.png", "cat/01.png", "dog/00.png", "dog/01.png", "dog/c.png"]
    (note,) = pictures.notes
    assert "3 paths" in note
    assert str(root / "cat" / "00.png") in note


def test_a_folder_of_nothing_but_links_is_all_read(resnet, tmp_path):
    outside = write_pictures(tmp_path / "b", ("x", "y"), 3)
    root = tmp_path / "data"
    (root / "z").mkdir(parents=True)
    link(root / "x", outside / "x")
    for k in range(3):
        (root / "z" / f"{k}.png").symlink_to(outside / "y" / f"{k:02d}.png")
    pictures = opened(resnet, root)
    assert (len(pictures), pictures.notes) == (6, [])
    link(tmp_path / "root", root)
    assert opened(resnet, tmp_path / "root").names == pictures.names


@pytest.mark.usefixtures("in_time")
def test_links_to_nothing_round_links_and_pipes(resnet, tmp_path):
    write_pictures(tmp_path, ("cat",), 3)
    (tmp_path / "cat" / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "cat" / "round.png").symlink_to("round.png")
    (tmp_path / "cat" / "through.png").symlink_to("00.png/x.png")
    os.mkfifo(tmp_path / "cat" / "pipe.png")
    (tmp_path / "cat" / "pipe2.png").symlink_to("pipe.png")
    pictures = opened(resnet, tmp_path)
    assert "2 paths" in pictures.notes[0]
    assert "no file" in pictures.notes[0]
    found = extract(resnet, pictures, workers=0)
    assert found.count == 3
    assert [name for name, _ in found.skipped] == ["cat/gone.png", "cat/round.png", "cat/through.png"]


def test_hidden_files_capital_suffixes_and_nested_folders_are_read(resnet, tmp_path):
    write_pictures(tmp_path, ("cat", ".hidden", "a/b/c/d", "x.png", "["), 2)
    noise(1).save(tmp_path / "cat" / "A.PNG", "png")
    noise(2).save(tmp_path / "cat" / "B.JpEg", "jpeg")
    noise(3).save(tmp_path / ".c.jpg")
    (tmp_path / "empty").mkdir()
    (tmp_path / "cat" / "notes.txt").write_text("no picture")
    (tmp_path / "cat" / ".png").write_text("no picture")
    pictures = opened(resnet, tmp_path)
    assert set(pictures.names) == set(lies_below(tmp_path)) - {"cat/.png"}
    assert (len(pictures), pictures.notes) == (13, [])


def test_pictures_with_other_endings_are_named_with_what_reads_them(resnet, tmp_path):
    write_pictures(tmp_path, ("cat",), 2)
    for k, ending in enumerate((".webp", ".WEBP", ".bmp")):
        noise(k).save(tmp_path / "cat" / f"{k}{ending}")
    pictures = opened(resnet, tmp_path)
    assert len(pictures) == 2
    (note,) = pictures.notes
    assert "1 .bmp, 2 .webp" in note
    key = note.split("input_key=")[1].split("'")[0]
    everything = opened(resnet, tmp_path, data_kwargs={"input_key": key})
    assert (len(everything), everything.notes) == (5, [])
    assert len(opened(resnet, tmp_path, data_kwargs={"input_key": ".WEBP"})) == 2
    for file in (tmp_path / "cat").glob("*.png"):
        file.unlink()
    with pytest.raises(ValueError, match=r"has no picture, but 1 \.bmp, 2 \.webp; --data-kwargs 'input_key="):
        open_pictures(tmp_path, resnet)


def test_folders_that_a_class_map_does_not_name_are_named(resnet, tmp_path):
    root = write_pictures(tmp_path / "data", ("cat", "dog", "owl"), 2)
    (tmp_path / "map.txt").write_text("dog\ncat\n")
    pictures = opened(resnet, root, class_map=str(tmp_path / "map.txt"))
    assert len(pictures) == 4
    assert "folder owl left out" in pictures.notes[0]
    (tmp_path / "map.txt").write_text("fox\n")
    with pytest.raises(ValueError, match="has no picture in a folder that"):
        open_pictures(root, resnet, class_map=str(tmp_path / "map.txt"))


def test_order_and_targets_are_those_of_timm(resnet, tmp_path):
    write_pictures(tmp_path, ("c10", "c9", "a/c1", "b/c1"), 3)
    noise(9).save(tmp_path / "loose.png")
    plain = timm.data.create_dataset("", root=str(tmp_path)).reader
    pictures = opened(resnet, tmp_path)
    assert pictures._reader.samples == plain.samples
    assert pictures._reader.class_to_idx == plain.class_to_idx
