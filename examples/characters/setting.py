"""What all scripts share: options, pictures, device, and where tables and figures go."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pictures import Pictures, load


@dataclass
class Report:
    """Tables of one run, printed as they come and written at the end.

    Parameters
    ----------
    folder : Path
        Where NAME.md, NAME.json and figures go.
    name : str
        Of script and seed.
    """

    folder: Path
    name: str
    text: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def table(self, title: str, head: list[str], rows: list[list[object]]) -> None:
        """Print a table in Markdown, numbers with three digits, and keep it."""
        cells = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
        lines = [head, ["---"] + ["---:"] * (len(head) - 1), *cells]
        shown = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        print(f"\n{title}\n\n{shown}\n", flush=True)
        self.text += [title, "", shown, ""]

    def write(self) -> None:
        """Write tables and numbers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{self.name}.md").write_text("\n".join(self.text))
        (self.folder / f"{self.name}.json").write_text(json.dumps(self.figures, indent=1))


@dataclass(frozen=True)
class Setting:
    """A run: its options, pictures and device."""

    options: argparse.Namespace
    pictures: Pictures
    device: torch.device
    report: Report


def parser(
    doc: str, epochs: int, *, characters: int = 512, seeds: list[int] | None = None
) -> argparse.ArgumentParser:
    """Options of every script; with ``seeds``, of one that runs several."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "folder", type=Path, help="pictures, networks and results; what is there is not made again"
    )
    of = "of pictures, networks and choices"
    if seeds is None:
        made.add_argument("--seed", type=int, default=1, help=f"{of} (default 1)")
    else:
        shown = " ".join(map(str, seeds))
        made.add_argument("--seeds", type=int, nargs="+", default=seeds, help=f"{of} (default {shown})")
    made.add_argument(
        "--characters", type=int, default=characters, help=f"number of categories (default {characters})"
    )
    made.add_argument("--variants", type=int, default=4, help="pictures of a glyph (default 4)")
    made.add_argument("--epochs", type=int, default=epochs, help=f"of training (default {epochs})")
    made.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    made.add_argument("--threads", type=int, help="of torch; by default its own choice")
    return made


def begin(script: str, options: argparse.Namespace) -> Setting:
    """Read or render the pictures.

    Raises
    ------
    SystemExit
        A face is not installed; the message names the package.
    """
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    try:
        pictures = load(options.folder, options.characters, options.variants, options.seed)
    except FileNotFoundError as missing:
        raise SystemExit(str(missing)) from None
    report = Report(options.folder, f"{script}-{options.seed}")
    return Setting(options, pictures, torch.device(options.device), report)
