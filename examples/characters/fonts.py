"""Which characters, which faces of Debian's font packages, and how a glyph becomes a picture.

python examples/characters/fonts.py    # names the packages that are not installed, one a line
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

SIZE = 32  # pixels of a side of a picture
EM, CANVAS = 40, 64  # pixels: a glyph is drawn so large, and brought to SIZE together with its jitter
INK = 28.0  # pixels of an em in the picture
ROOT = Path("/usr/share/fonts")
NOWHERE = "\U0010fffd"  # the last private code point: no face has it


@dataclass(frozen=True)
class Face:
    """One face of a Debian package.

    Parameters
    ----------
    role : str
        "train"; "validation" (where edges and strengths are chosen); "unseen" (tests only). No design has
        two roles.
    package : str
        Debian package.
    path : str
        Its file, under `ROOT`; of a collection, the first face.
    """

    role: str
    package: str
    path: str

    @property
    def name(self) -> str:
        """Name of the file without its folder."""
        return Path(self.path).stem

    @cached_property
    def font(self) -> ImageFont.FreeTypeFont:
        """Face at `EM` pixels."""
        return ImageFont.truetype(ROOT / self.path, EM)

    @cached_property
    def known(self) -> frozenset[int]:
        """Code points of the character map."""
        with TTFont(ROOT / self.path, fontNumber=0, lazy=True) as font:
            return frozenset(font.getBestCmap())

    @cached_property
    def replacement(self) -> Image.Image:
        """What the face draws where it has no glyph: a box, a blank, a question mark."""
        return draw(self, NOWHERE)

    def has(self, character: str) -> bool:
        """Whether there is a glyph: in the character map, with ink, and not the replacement."""
        if ord(character) not in self.known:
            return False
        drawn = draw(self, character)
        return drawn.getbbox() is not None and drawn.tobytes() != self.replacement.tobytes()


FACES = tuple(
    Face(role, f"fonts-{package}", path)
    for role, package, path in (
        ("train", "ipaexfont-gothic", "opentype/ipaexfont-gothic/ipaexg.ttf"),
        ("train", "ipaexfont-mincho", "opentype/ipaexfont-mincho/ipaexm.ttf"),
        ("train", "mplus", "opentype/mplus/Mplus1-Regular.otf"),
        ("train", "mplus", "opentype/mplus/Mplus1-Black.otf"),
        ("train", "mplus", "opentype/mplus/Mplus2-Light.otf"),
        ("train", "arphic-ukai", "truetype/arphic/ukai.ttc"),
        ("train", "arphic-uming", "truetype/arphic/uming.ttc"),
        ("train", "cwtex-fs", "truetype/cwtex/cwfs.ttf"),
        ("train", "cwtex-heib", "truetype/cwtex/cwheib.ttf"),
        ("train", "cwtex-kai", "truetype/cwtex/cwkai.ttf"),
        ("train", "cwtex-ming", "truetype/cwtex/cwming.ttf"),
        ("train", "cwtex-yen", "truetype/cwtex/cwyen.ttf"),
        ("train", "wqy-zenhei", "truetype/wqy/wqy-zenhei.ttc"),
        ("train", "hanazono", "truetype/hanazono/HanaMinA.ttf"),
        ("train", "motoya-l-cedar", "truetype/motoya-l-cedar/MTLc3m.ttf"),
        ("train", "motoya-l-maruberi", "truetype/motoya-l-maruberi/MTLmr3m.ttf"),
        ("train", "kiloji", "truetype/kiloji/kiloji.ttf"),
        ("train", "seto", "truetype/seto/setofont.ttf"),
        ("validation", "dejima-mincho", "truetype/dejima-mincho/dejima-mincho-r227.ttf"),
        ("validation", "yusei-magic", "truetype/yusei-magic/YuseiMagic-Regular.ttf"),
        ("validation", "kanjistrokeorders", "truetype/kanjistrokeorders/KanjiStrokeOrders_v4.003.ttf"),
        ("validation", "oradano-mincho-gsrr", "truetype/oradano-mincho/OradanoGSRR.ttf"),
        ("validation", "smiley-sans", "truetype/smiley-sans/SmileySans-Oblique.ttf"),
        ("unseen", "noto-cjk", "opentype/noto/NotoSansCJK-Regular.ttc"),
        ("unseen", "noto-cjk", "opentype/noto/NotoSerifCJK-Bold.ttc"),
        ("unseen", "klee", "truetype/klee/KleeOne-Regular.ttf"),
        ("unseen", "kouzan-mouhitsu", "truetype/kouzan-mouhitsu/kouzan-mouhitsu.ttf"),
        ("unseen", "kouzan-mouhitsu", "truetype/kouzan-mouhitsu/kouzan-mouhitsu-gyosho.ttf"),
        ("unseen", "aoyagi-soseki", "truetype/aoyagi-soseki/aoyagi-soseki.ttf"),
        ("unseen", "reggae", "truetype/reggae/ReggaeOne-Regular.ttf"),
    )
)


def characters(count: int) -> list[str]:
    """Return the first kanji of level 1 of JIS X 0208 that are also in Big5 and in GB 2312.

    Characters with one form in Japan, Taiwan and China, so that faces of all three have them.

    Raises
    ------
    ValueError
        There are not so many.
    """
    found = []
    for row in range(16, 48):
        for cell in range(1, 95):
            try:
                one = bytes([row + 0xA0, cell + 0xA0]).decode("euc_jp")
                one.encode("big5"), one.encode("gb2312")
            except UnicodeError:
                continue
            found.append(one)
    if not 2 <= count <= len(found):
        raise ValueError(f"{count} characters were asked for; from 2 to {len(found)} are there")
    return found[:count]


def missing_packages() -> list[str]:
    """Return the packages whose faces are not there."""
    return sorted({face.package for face in FACES if not (ROOT / face.path).is_file()})


def check_installed() -> None:
    """Raise a FileNotFoundError that names the packages to install, where a face is not there."""
    if missing := missing_packages():
        raise FileNotFoundError(f"faces are missing under {ROOT}: apt-get install {' '.join(missing)}")


def draw(face: Face, character: str) -> Image.Image:
    """Draw a character large, white on black, its em box in the middle."""
    canvas = Image.new("L", (CANVAS, CANVAS))
    ImageDraw.Draw(canvas).text((CANVAS / 2, CANVAS / 2), character, fill=255, font=face.font, anchor="mm")
    return canvas


def jittered(drawn: Image.Image, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Bring a drawn character to a picture under a small random affine map, (SIZE, SIZE).

    Rotation within 6 degrees, size 0.85 to 1.05 with up to 8 % more in one direction, shear within 0.1,
    shift within 2 pixels.
    """
    angle = np.deg2rad(rng.uniform(-6.0, 6.0))
    size = INK / EM * rng.uniform(0.85, 1.05) * np.exp(rng.uniform(-0.04, 0.04) * np.array([1.0, -1.0]))
    shear = np.array([[1.0, rng.uniform(-0.1, 0.1)], [0.0, 1.0]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    back = np.linalg.inv(turn @ shear @ np.diag(size))  # from picture to canvas
    offset = CANVAS / 2 - back @ (SIZE / 2 + rng.uniform(-2.0, 2.0, 2))
    coefficients = (*back[0], offset[0], *back[1], offset[1])
    picture = drawn.transform((SIZE, SIZE), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)
    return np.asarray(picture)


if __name__ == "__main__":
    print("\n".join(missing_packages()))
