"""The tables, as the terminal, Markdown and JSON show them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

_COLUMNS = ["solver", "threads", "targets", "time", "/ inv", "/ covlasso", "KKT", "terms"]
_MEMORY_COLUMNS = ["matrix", "Gram, MiB", "peak, MiB", "over the Gram"]
_MIB = 2**20

LEGEND = """\
time: median, for all targets; "20 of 1000 (x 50)": 20 were run, and their time was multiplied by 50.
/ inv, / covlasso: median, over rounds in which the solvers take turns, of the ratio within a round to
numpy.linalg.inv and to covlasso with all threads on the same task.
KKT: the worst relative KKT residual of all solutions, by one numpy function for all solvers, in the paper's
scale (no 1/2). terms: median number of terms at the end.
Peak memory: of a process that loads the Gram and solves all paths, less the interpreter with its modules.
"""


@dataclass
class Row:
    """One solver on one task: times are for all targets."""

    solver: str
    threads: str = ""
    targets: str = ""
    seconds: float | None = None
    over_inverse: float | None = None
    over_ours: float | None = None
    kkt: float | None = None
    terms: float | None = None
    note: str = ""

    def cells(self) -> list[str]:
        """As text, in the order of the columns; a note stands in place of the figures."""
        kkt = "" if self.kkt is None else f"{self.kkt:.0e}"
        terms = "" if self.terms is None else f"{self.terms:g}"
        ratios = [ratio(self.over_inverse), ratio(self.over_ours)]
        return [
            self.solver,
            self.threads,
            self.note or self.targets,
            duration(self.seconds),
            *ratios,
            kkt,
            terms,
        ]


@dataclass
class Section:
    """One task on one matrix."""

    title: str
    note: str
    rows: list[Row] = field(default_factory=list)


@dataclass
class Report:
    """All sections, the memory and the growth, with the machine they were measured on."""

    machine: dict[str, str]
    sections: list[Section] = field(default_factory=list)
    memory: list[dict] = field(default_factory=list)
    growth: list[dict] = field(default_factory=list)

    def add(self, section: Section) -> None:
        """Append a section and show it at once: a long run is read while it goes on."""
        self.sections.append(section)
        _show(section.title, _COLUMNS, [row.cells() for row in section.rows], section.note)

    def close(self) -> None:
        """Show what is known at the end only."""
        if self.memory:
            _show("Peak memory", _MEMORY_COLUMNS, self._memory_cells())
        for line in self.growth:
            _console().print(line["text"])
        _console().print(LEGEND)

    def markdown(self) -> str:
        """The whole report."""
        parts = [*(f"- {key}: {value}" for key, value in self.machine.items()), "", LEGEND.rstrip()]
        for section in self.sections:
            table = _markdown(_COLUMNS, [row.cells() for row in section.rows])
            parts += ["", f"### {section.title}", "", section.note, "", *table]
        if self.memory:
            parts += ["", "### Peak memory", "", *_markdown(_MEMORY_COLUMNS, self._memory_cells())]
        if self.growth:
            parts += ["", "### Growth of the time with n", "", *(f"- {line['text']}" for line in self.growth)]
        return "\n".join(parts) + "\n"

    def write(self, stem: Path) -> list[Path]:
        """`stem`.md and `stem`.json."""
        files = [stem.with_name(stem.name + ".md"), stem.with_name(stem.name + ".json")]
        files[0].write_text(self.markdown(), encoding="utf-8")
        files[1].write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        return files

    def _memory_cells(self) -> list[list[str]]:
        return [
            [m["matrix"], f"{m['gram'] / _MIB:.1f}", f"{m['total'] / _MIB:.1f}", f"{m['over']:+.1%}"]
            for m in self.memory
        ]


def _console() -> Console:
    """A console wide enough for the table where it is no terminal, as in a log."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=140)


def _show(title: str, columns: list[str], rows: list[list[str]], note: str = "") -> None:
    table = Table(*columns, title=title, caption=note, title_justify="left", caption_justify="left")
    for row in rows:
        table.add_row(*row)
    _console().print(table)


def _markdown(columns: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(columns) + " |", "| --- |" + " ---: |" * (len(columns) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def duration(seconds: float | None) -> str:
    """Three digits, with a unit."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 1000 else f"{seconds:.0f} s"


def ratio(value: float | None) -> str:
    """Three digits, and whole numbers from 100 on."""
    if value is None:
        return ""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def exponent(n: list[int], seconds: list[float]) -> float:
    """The a of seconds ~ n^a, by least squares in the logarithms."""
    return float(np.polyfit(np.log(n), np.log(seconds), 1)[0])
