"""Small pictures on disk for the tests of ``covlasso extract``."""

import numpy as np
from PIL import Image


def noise(seed, size=(40, 32)):
    """A picture of coarse colours."""
    colours = np.random.default_rng(seed).integers(0, 256, size=(4, 5, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize(size, Image.Resampling.NEAREST)


def write_pictures(root, folders=("cat", "dog"), per_folder=6, suffix="png"):
    """Write ``per_folder`` pictures into each folder below ``root``."""
    for number, folder in enumerate(folders):
        (root / folder).mkdir(parents=True)
        for k in range(per_folder):
            noise(100 * number + k).save(root / folder / f"{k:02d}.{suffix}")
    return root
