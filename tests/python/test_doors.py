"""Wings are entered by their doors, and none goes through the house's own: what lint-imports cannot say."""

import ast
from pathlib import Path

import pytest

import covlasso

HOUSE = Path(covlasso.__file__).parent
FILES = sorted(file.relative_to(HOUSE) for file in HOUSE.rglob("*.py") if file.parent != HOUSE)


def imported(file):
    """Modules of ours that a file imports from, inside functions and for types too."""
    for node in ast.walk(ast.parse((HOUSE / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_wings_are_entered_by_their_doors(file):
    for module in imported(file):
        root, _, inside = module.partition(".")
        if root != "covlasso":
            continue
        assert inside, f"{file} imports from covlasso itself"
        wing, _, room = inside.partition(".")
        assert wing in (file.parts[0], "_base") or not room, (
            f"{file} imports from {module}, not from its door"
        )


def test_every_wing_says_what_it_hands_on():
    for door in HOUSE.glob("*/__init__.py"):
        wing = door.parent.name
        text = ast.parse(door.read_text(encoding="utf-8"))
        assert ast.get_docstring(text), f"{wing} does not say what it is for"
    assert len(list(HOUSE.glob("[!.]*[!_]"))) <= 20 + 1  # wings, pages and the core; no cache
