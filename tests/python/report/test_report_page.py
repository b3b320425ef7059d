"""The page itself: one well-formed file that loads nothing, whatever the categories are called."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pytest
from report_reader import HOSTILE, read, small_deps, small_halves

import covlasso
from covlasso.dependencies import labels
from covlasso.report import is_report, page

VOID = {"meta", "link", "br", "img", "input", "hr"}
LOADS = {"src", "srcset", "data", "poster", "action", "formaction", "background"}


class Reader(HTMLParser):
    """Collects elements, and refuses what is not nested."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.text = [], [], {}

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.text.setdefault(self.open[-1], []).append(data)


def parsed(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    names = [*HOSTILE, "plain", "", " ", "x" * 500]
    halves = small_halves(class_names=names)
    file = tmp_path_factory.mktemp("hostile") / "report.html"
    covlasso.write_report(file, small_deps(halves), moments=halves, title=HOSTILE[0])
    return file, names


def test_the_page_is_well_formed(hostile):
    reader = parsed(hostile[0].read_text(encoding="utf-8"))
    tags = [tag for tag, _ in reader.elements]
    for once in ("html", "head", "title", "body", "header", "main", "footer", "noscript"):
        assert tags.count(once) == 1
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_nothing_is_loaded(hostile):
    for tag, attributes in parsed(hostile[0].read_text(encoding="utf-8")).elements:
        assert not LOADS & set(attributes), (tag, attributes)
        assert attributes.get("href", "#").startswith(("#", "data:,")), (tag, attributes)
        assert tag not in ("img", "iframe", "object", "embed", "base", "form")
    for name in page.STYLES:
        assert not re.search(r"@import|url\((?!['\"]?data:)", page._read(name))
    for name in page.MODULES:
        asks = r"fetch\(|XMLHttpRequest|WebSocket|https?://(?!www.w3.org/2000/svg)|import\("
        assert not re.search(asks, page._read(f"js/{name}.js"))


def test_names_and_title_are_text(hostile):
    file, names = hostile
    html = file.read_text(encoding="utf-8")
    for name in HOSTILE[:3]:
        assert name not in html
    assert read(file).record["names"] == [list(labels(names, range(len(names))))]
    reader = parsed(html)
    assert reader.text["title"] == [HOSTILE[0]]


def test_no_script_writes_markup():
    for name in page.MODULES:
        text = page._read(f"js/{name}.js")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text
        )


def test_the_template_has_what_a_screen_reader_needs(hostile):
    elements = parsed(hostile[0].read_text(encoding="utf-8")).elements
    assert elements[0] == ("html", {"lang": "en", "data-theme": "auto"})
    assert ("a", {"class": "skip", "href": "#main"}) in elements
    assert any(tag == "nav" and attributes.get("aria-label") for tag, attributes in elements)
    assert any(attributes.get("aria-live") == "polite" for _, attributes in elements)


def test_modules_come_after_what_they_import():
    for k, name in enumerate(page.MODULES):
        imports = re.findall(r'from "\./(\w+)\.js"', page._read(f"js/{name}.js"))
        assert set(imports) <= set(page.MODULES[:k]), name
    folder = resources.files("covlasso.report") / "js"
    assert {file.name for file in folder.iterdir()} == {f"{name}.js" for name in page.MODULES}


def test_imports_name_exports():
    exports = {
        name: set(
            re.findall(
                r"^export (?:async )?(?:function|class|const) (\w+)", page._read(f"js/{name}.js"), re.M
            )
        )
        for name in page.MODULES
    }
    used = {name: set() for name in page.MODULES}
    for name in page.MODULES:
        for names, module in re.findall(
            r'^import \{([^}]*)\} from "\./(\w+)\.js";', page._read(f"js/{name}.js"), re.M
        ):
            wanted = {word.strip() for word in names.split(",") if word.strip()}
            assert wanted <= exports[module], (name, module)
            used[module] |= wanted
    assert exports == used  # nothing is exported for nobody


def test_vendored_files_are_those_of_the_table():
    folder = resources.files("covlasso.report") / "vendor"
    stated = dict(
        reversed(line.split())
        for line in re.findall(r"^    ([0-9a-f]{64}  \S+)$", (folder / "README.md").read_text("utf-8"), re.M)
    )
    inlined = {
        name.removeprefix("vendor/") for name in (*page.STYLES, *page.LIBRARIES) if name.startswith("vendor/")
    }
    assert (
        set(stated)
        == inlined
        == {file.name for file in folder.iterdir() if file.name.endswith((".js", ".css"))}
    )
    for name, checksum in stated.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == checksum
    table = (folder / "README.md").read_text("utf-8")
    assert all(f"{(folder / name).stat().st_size:,}" in table for name in stated)
    inside = set()
    for name in ("echarts", "graphology", "tabulator"):
        head = (folder / f"{name}.min.js").read_text("utf-8").partition("*/")[0]
        inside |= set(re.findall(r"^([\w-]+) \d", head, re.M))
    licences = {f"{name}-LICENSE.txt" for name in inside} | {"echarts-NOTICE.txt"}
    assert {file.name for file in (folder / "licences").iterdir()} == licences


def test_the_build_of_echarts_has_what_the_page_draws():
    recipe = (Path(__file__).parents[3] / "python/report-libraries/echarts.js").read_text("utf-8")
    scripts = "".join(page._read(f"js/{name}.js") for name in page.MODULES)
    charts = "bar|boxplot|candlestick|custom|effectScatter|funnel|gauge|graph|heatmap|line|lines|parallel|pictorialBar|pie|radar|sankey|scatter|sunburst|themeRiver|tree|treemap"  # noqa: E501
    for kind in set(re.findall(rf'\btype: "({charts})"', scripts)):
        assert f"  {kind[0].upper()}{kind[1:]}Chart," in recipe
    parts = "tooltip|legend|markLine|markArea|markPoint|dataZoom|visualMap|toolbox|graphic|polar|brush"
    for part in set(re.findall(rf"\b({parts}): [\w{{\[]", scripts)):
        assert f"  {part[0].upper()}{part[1:]}Component," in recipe


def test_inlined_text_cannot_end_its_element():
    text = 'a = "</script>"; b = "</STYLE>"; // </scripted\n//# sourceMappingURL=x.map\n'
    assert page._inline(text) == 'a = "<\\/script>"; b = "<\\/STYLE>"; // <\\/scripted\n\n'


def test_a_report_is_known_as_one(hostile, tmp_path):
    assert is_report(hostile[0])
    assert not is_report(tmp_path / "missing.html")
    (tmp_path / "other.html").write_text("<!doctype html><title>covlasso</title>")
    assert not is_report(tmp_path / "other.html")


def test_size_of_the_page(hostile):
    assert hostile[0].stat().st_size < 1.4e6
