"""The report as one HTML file: template, styles, scripts and libraries in one; it needs no network."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

STYLES = (
    "vendor/tabulator_simple.min.css",
    "css/base.css",
    "css/parts.css",
    "css/table.css",
    "css/map.css",
    "css/narrow.css",
    "css/print.css",
)
LIBRARIES = (
    "vendor/echarts.min.js",
    "vendor/tabulator.min.js",
    "vendor/graphology.min.js",
)
# Each after what it imports.
MODULES = (
    "dom",
    "payload",
    "dataset",
    "followed",
    "theme",
    "chart_keys",
    "chart_legend",
    "chart",
    "places",
    "names",
    "search",
    "beside",
    "decisions",
    "summary_charts",
    "summary",
    "csv",
    "table",
    "samples",
    "steadiness",
    "path_chart",
    "category_charts",
    "category",
    "groups",
    "network",
    "network_chart",
    "map_labels",
    "map_walk",
    "map",
    "group_map",
    "graph",
    "columns",
    "compare_numbers",
    "compare_charts",
    "compare",
    "about",
    "main",
)

_IMPORT = re.compile(r'^import (?P<names>\{[^}]*\}) from "\./(?P<module>\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (?P<name>\w+))", re.MULTILINE)
_SOURCE_MAP = re.compile(r"^(//# sourceMappingURL=.*|/\*# sourceMappingURL=.*\*/)$", re.MULTILINE)
_CLOSING = re.compile(r"</(?=script|style)", re.IGNORECASE)


def render(record: dict[str, Any], data: str) -> str:
    """HTML of a report from `covlasso.report.content.collect`."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_read("template.html"))
    html: str = template.render(
        record=record,
        data=data,
        styles=[Markup(_inline(_read(name))) for name in STYLES],  # noqa: S704
        libraries=[Markup(_inline(_read(name))) for name in LIBRARIES],  # noqa: S704
        module=Markup(_inline(one_module())),  # noqa: S704
    )
    return html


def one_module() -> str:
    """Join our modules into one, each in a scope of its own that returns what it exports."""
    return "\n".join(_scope(name, _read(f"js/{name}.js")) for name in MODULES)


def _scope(name: str, text: str) -> str:
    exports = ", ".join(match["name"] for match in _EXPORT.finditer(text))
    body = _EXPORT.sub("", _IMPORT.sub(r"const \g<names> = \g<module>;", text))
    return f"const {name} = (() => {{\n{body}return {{ {exports} }};\n}})();\n"


def _inline(text: str) -> str:
    """Text for a <script> or <style>: it must not end the element, and asks for no source map."""
    return _CLOSING.sub(r"<\\/", _SOURCE_MAP.sub("", text))


def _read(name: str) -> str:
    place: Traversable = resources.files(__package__)
    for part in name.split("/"):
        place = place / part
    return place.read_text(encoding="utf-8")
