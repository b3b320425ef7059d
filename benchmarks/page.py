"""What the report of a large vocabulary costs:  python -m benchmarks.page --help

Planted dependencies, most terms of a category in its own group of 64, are written as a page, which chromium
opens (playwright; COVLASSO_CHROMIUM or what is in PATH). Every figure is the best of some rounds, what a
reader waits for: until the first rows of the table are drawn (open), until a key of the search or of the
table's filter has its answer, until a category, the map, or a group of it stands there.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import machine
from covlasso import write_report

sys.path.insert(0, str(Path(__file__).parent.parent / "tests/python/support"))

COLUMNS = (
    *("categories", "terms", "file", "writing", "open", "search", "filter", "category", "map", "group"),
    "memory",
)
KEYS = (" word4", " word49", "wrod123", "part7")
_KEY = """([selector, text]) => {
    const field = document.querySelector(selector);
    field.focus();
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
}"""
_DRAWN = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"


class Clock(str, Enum):
    """What is measured."""

    wall = "wall"
    cpu = "cpu"


class Tab:
    """A tab that says how long an action and what it draws take."""

    def __init__(self, browser: Any, clock: Clock):
        from browser import Reader

        self.reader = Reader(browser)
        self._clock = clock
        self._session = self.reader.tab.context.new_cdp_session(self.reader.tab)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def best(self, action: Callable[[], object], rounds: int = 3) -> float:
        """Seconds of the fastest round; on the clock of the processor those of the tab's main thread."""
        return min(self._once(action) for _ in range(rounds))

    def _once(self, action: Callable[[], object]) -> float:
        if self._clock is Clock.wall:
            start = time.perf_counter()
            action()
            return time.perf_counter() - start
        start = self._metric("TaskDuration")
        action()
        return self._metric("TaskDuration") - start

    def opening(self, page: Path, rounds: int = 3) -> float:
        """Seconds until the first rows of the table are drawn."""
        spent = []
        for _ in range(rounds):
            self.reader.tab.goto("about:blank")
            before, start = self._metric("TaskDuration"), time.perf_counter()
            self.reader.tab.goto(f"{page.as_uri()}#categories")
            self.reader.first_names(1)
            wall, after = time.perf_counter() - start, self._metric("TaskDuration")
            cpu = after - before if after >= before else after  # another process counts from 0
            spent.append(wall if self._clock is Clock.wall else cpu)
        return min(spent)

    def memory(self) -> float:
        """Bytes of the heap of JavaScript."""
        self._session.send("HeapProfiler.collectGarbage")
        return self._metric("JSHeapUsedSize")

    def _metric(self, name: str) -> float:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == name))

    def type(self, selector: str, text: str) -> None:
        """Put a text into a field, and wait until what answers is drawn."""
        self.reader.tab.evaluate(_KEY, [selector, text])
        self.reader.tab.evaluate(_DRAWN)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser."""
    from browser import CHROMIUM, FLAGS
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        one = tool.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


def measured(n: int, terms: int, clock: Clock) -> list[str]:
    """Cells of one row."""
    from vocabulary import planted

    deps = planted(n, terms)
    now = time.perf_counter if clock is Clock.wall else time.process_time
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        start = now()
        page = write_report(Path(folder) / "page.html", deps)
        writing = now() - start
        tab = Tab(browser, clock)
        opening = tab.opening(page)
        tab.type("#search input", "a")  # the first key after a while makes names ready
        search = max(tab.best(lambda text=text: tab.type("#search input", text)) for text in KEYS)
        tab.type("#filter-text", "a")
        narrow = max(tab.best(lambda text=text: tab.type("#filter-text", text)) for text in KEYS)
        category = max(tab.best(lambda k=k: tab.reader.go(f"category={k}"), 1) for k in (n // 3, n // 2, 7))
        graph = tab.best(lambda: tab.reader.go("graph"), 1)
        group = tab.best(lambda: tab.reader.go("graph&group=0"), 1)
        size, memory = page.stat().st_size, tab.memory()
    milliseconds = [f"{1000 * value:.0f} ms" for value in (search, narrow, category, graph, group)]
    return [
        *(f"{n:,}", str(terms), f"{size / 1e6:.1f} MB", f"{writing:.1f} s", f"{opening:.2f} s"),
        *milliseconds,
        f"{memory / 1e6:.0f} MB",
    ]


def main(
    categories: Annotated[list[int] | None, typer.Option(help="Categories; may be repeated.")] = None,
    terms: Annotated[int, typer.Option(help="Terms per category.")] = 10,
    clock: Annotated[
        Clock,
        typer.Option(
            help="cpu: processor time, of the process that writes and of the main thread of the tab, for a "
            "machine that others use too."
        ),
    ] = Clock.wall,
) -> None:
    """Print a table of sizes and times."""
    for key, value in machine.describe().items():
        print(f"- {key}: {value}")
    print(f"\n{clock.value} time, the best of some rounds\n\n| {' | '.join(COLUMNS)} |")
    print(f"|{' ---: |' * len(COLUMNS)}")
    for n in categories or [1000, 20_000, 49_152]:
        print(f"| {' | '.join(measured(n, terms, clock))} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
