"""Opens a report in Chromium, as its reader does."""

import os
import shutil
import time

CHROMIUM = os.environ.get("COVLASSO_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Reader:
    """A page in a tab; `problems` collects console errors, exceptions and requests."""

    def __init__(self, browser, **options):
        self.tab = browser.new_context(viewport={"width": 1360, "height": 900}, **options).new_page()
        self.problems = []
        self.tab.on("console", lambda line: self.problems.append(line.text) if line.type != "log" else None)
        self.tab.on("pageerror", lambda error: self.problems.append(str(error)))
        self.tab.on("dialog", lambda dialog: self.problems.append(dialog.message))
        self.tab.on("request", self._note)

    def _note(self, request):
        if not request.url.startswith(("file:", "data:", "blob:")) or request.url.count("file:") > 1:
            self.problems.append(f"request of {request.url}")

    def open(self, file, place="summary"):
        self.tab.goto("about:blank")  # to the same page it would be a move within it
        start = time.perf_counter()
        self.tab.goto(f"{file.as_uri()}#{place}")
        self._drawn(place)
        return time.perf_counter() - start

    def busy(self, file, place="summary"):
        """Processor seconds of the tab's main thread to open a page, whatever else the machine does."""
        session = self.tab.context.new_cdp_session(self.tab)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def spent():
            metrics = session.send("Performance.getMetrics")["metrics"]
            return next(one["value"] for one in metrics if one["name"] == "TaskDuration")

        self.tab.goto("about:blank")
        before = spent()
        self.open(file, place)
        after = spent()
        return after - before if after >= before else after  # another process counts from 0

    def go(self, place):
        self.tab.evaluate("hash => { location.hash = hash; }", place)
        self._drawn(place)

    def _drawn(self, place):
        """Wait until the view is there, and its charts are painted."""
        view = place.partition("=")[0].partition("&")[0]
        self.tab.wait_for_function("view => document.documentElement.dataset.ready === view", arg=view)
        self.tab.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def text(self, selector):
        return self.tab.inner_text(selector)

    def said(self, text):
        """Wait for ``text`` in the line that says what is shown."""
        self.tab.wait_for_selector(f".found:text-matches('{text}')")

    def first_names(self, count=5):
        self.tab.wait_for_selector(".tabulator-row")
        return self.tab.locator(".tabulator-row a").all_inner_texts()[:count]
