"""The pictures of an experiment, rendered once, and their sets: train, clean, validation, unseen, shifted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.ndimage
from fonts import FACES, characters, check_installed, draw, jittered
from safetensors import safe_open
from safetensors.numpy import save_file

from covlasso.moments import held_out

CLEAN = 0.2  # share of the glyphs of the training faces that no training picture shows
SETS = ("train", "clean", "validation", "unseen")


@dataclass(frozen=True)
class Set:
    """Pictures with their labels.

    Attributes
    ----------
    pictures : (k, SIZE, SIZE) uint8 array
        White on black.
    labels : (k,) int64 array
        Numbers of the characters.
    faces : (k,) int64 array
        Numbers of the faces.
    """

    pictures: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    faces: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.labels)

    def __getitem__(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Set:
        """Take some of them."""
        return Set(self.pictures[rows], self.labels[rows], self.faces[rows])


@dataclass(frozen=True)
class Pictures:
    """All glyphs, each in several jittered pictures.

    Attributes
    ----------
    names : list of str
        The characters.
    glyphs : (g, variants, SIZE, SIZE) uint8 array
        Pictures.
    labels, faces : (g,) arrays
        Character and face of each glyph.
    digest : str
        Hash of all of it, for the names of files that depend on it.
    """

    names: list[str]
    glyphs: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    faces: npt.NDArray[np.int64]
    digest: str

    @property
    def variants(self) -> int:
        """Pictures of each glyph."""
        return self.glyphs.shape[1]

    @cached_property
    def keys(self) -> npt.NDArray[np.str_]:
        """Name of each glyph: face and character."""
        pairs = zip(self.faces, self.labels, strict=True)
        return np.array([f"{FACES[face].name}/{self.names[label]}" for face, label in pairs])

    @cached_property
    def role(self) -> npt.NDArray[np.str_]:
        """Set of each glyph; those of training faces are in "clean" by the hash of their key."""
        roles = np.array([FACES[face].role for face in self.faces])
        roles[(roles == "train") & held_out(self.keys, CLEAN)] = "clean"
        return roles

    def set(self, name: str) -> Set:
        """One of `SETS`: all pictures of its glyphs."""
        rows = self.role == name
        return Set(
            self.glyphs[rows].reshape(-1, *self.glyphs.shape[2:]),
            np.repeat(self.labels[rows], self.variants),
            np.repeat(self.faces[rows], self.variants),
        )


def load(folder: Path, count: int, variants: int, seed: int) -> Pictures:
    """Read the pictures from ``folder``; render them first where they are not there.

    Raises
    ------
    FileNotFoundError
        A face is not installed.
    """
    settings = {"characters": count, "variants": variants, "seed": seed}
    file = folder / f"pictures-{count}x{variants}-{seed}.safetensors"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        save_file(_render(count, variants, seed), part, {"settings": json.dumps(settings)})
        part.replace(file)
    with safe_open(file, "numpy") as stored:
        arrays = {name: stored.get_tensor(name) for name in ("glyphs", "labels", "faces")}
    digest = blake2b(digest_size=8)
    for array in arrays.values():
        digest.update(array.data)
    return Pictures(characters(count), **arrays, digest=digest.hexdigest())


def _render(count: int, variants: int, seed: int) -> dict[str, npt.NDArray[np.generic]]:
    """Draw every glyph that a face has; say of each face what it lacks."""
    check_installed()
    names = characters(count)
    rng = np.random.default_rng(seed)
    glyphs, labels, faces = [], [], []
    for number, face in enumerate(FACES):
        there = [k for k, one in enumerate(names) if face.has(one)]
        lacking = "".join(sorted(set(names) - {names[k] for k in there}))
        print(f"rendering {number + 1}/{len(FACES)} {face.name}" + (f", without {lacking}" * bool(lacking)))
        for k in there:
            drawn = draw(face, names[k])
            glyphs.append([jittered(drawn, rng) for _ in range(variants)])
        labels += there
        faces += [number] * len(there)
    return {"glyphs": np.array(glyphs), "labels": np.array(labels), "faces": np.array(faces)}


def noise(pictures: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Gaussian noise, standard deviation 64 of 255."""
    return _rounded(pictures + rng.normal(0.0, 64.0, pictures.shape))


def blur(pictures: npt.NDArray[np.uint8], _rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Gaussian blur, standard deviation 1 pixel, and half of the contrast."""
    return _rounded(0.5 * scipy.ndimage.gaussian_filter(pictures.astype(float), (0.0, 1.0, 1.0)))


def background(pictures: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A smooth random ground, from 0 to 96 of 255, behind the ink."""
    rough = rng.normal(size=pictures.shape)
    ground = scipy.ndimage.gaussian_filter(rough, (0.0, 5.0, 5.0), mode="wrap")
    low, high = (ground.min(axis=(1, 2), keepdims=True), ground.max(axis=(1, 2), keepdims=True))
    ground = 96.0 * (ground - low) / (high - low)
    return _rounded(np.maximum(pictures, ground))


SHIFTS: dict[str, Callable[[npt.NDArray[np.uint8], np.random.Generator], npt.NDArray[np.uint8]]] = {
    "noise": noise,
    "blur": blur,
    "background": background,
}


def shifted(base: Set, shift: str, seed: int) -> Set:
    """Apply a shift to every picture of a set."""
    rng = np.random.default_rng([seed, list(SHIFTS).index(shift)])
    return Set(SHIFTS[shift](base.pictures, rng), base.labels, base.faces)


def _rounded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
