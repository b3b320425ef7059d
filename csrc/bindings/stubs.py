"""Print the stub file of covlasso._core: ``python csrc/bindings/stubs.py > python/covlasso/_core.pyi``."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from covlasso import _core


def generate() -> str:
    """Return the text that pybind11-stubgen gives for the installed covlasso._core.

    The enum is written out as the typing specification asks. Left out is what differs from one Python to the
    next (dunder methods of enum.IntEnum) or from one version of covlasso to the next (its number).
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pybind11_stubgen", "covlasso._core", "--exit-code", "-o", folder]
        subprocess.run(command, check=True, capture_output=True, text=True)
        text = (Path(folder) / "covlasso" / "_core.pyi").read_text(encoding="utf-8")
    head, enum, rest = re.split(r"^(?=class (?:Status|Solutions)\b)", text, flags=re.MULTILINE)
    enum = enum[: enum.index("    " + min(_core.Status.__members__))]
    enum += "".join(f"    {member.name} = {member.value}\n" for member in _core.Status)
    rest = re.sub(r"^__version__: str = .*$", "__version__: str", rest, flags=re.MULTILINE)
    return head + enum + rest


if __name__ == "__main__":
    sys.stdout.write(generate())
