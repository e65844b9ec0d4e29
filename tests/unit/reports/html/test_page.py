from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from importlib.resources import files

from tests.unit.reports.html.recorded import Recorded

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


class Outline(HTMLParser):
    """What a browser would run, load or follow."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self._in: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in = tag
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self._in = None

    def handle_data(self, data: str) -> None:
        if self._in == "script":
            self.scripts.append(data)
        elif self._in == "style":
            self.styles.append(data)


def digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def test_the_policy_lets_only_our_own_styles_and_scripts_run(recorded: Recorded) -> None:
    page = recorded.report()
    policy = dict(part.split(" ", 1) for part in (POLICY.findall(page)[0].replace("&#39;", "'")).split("; "))
    outline = Outline(page)
    data, *scripts = outline.scripts
    assert data.startswith("{")
    assert policy == {
        "default-src": "'none'",
        "style-src": " ".join(map(digest, outline.styles)),
        "script-src": " ".join(map(digest, scripts)),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert (len(outline.styles), len(scripts)) == (2, 2)


def test_the_page_refers_to_nothing_outside_of_itself(recorded: Recorded) -> None:
    recorded.metric("val/loss", [1.0, 0.5])
    outline = Outline(recorded.report())
    links = [value for _, name, value in outline.attributes if name in {"src", "href", "action", "data", "srcset"}]
    assert all(link.startswith("#") or link == "data:," for link in links)
    # Style attributes and handlers would need holes in the policy.
    assert [name for _, name, _ in outline.attributes if name == "style" or name.startswith("on")] == []
    assert "url(" not in "".join(outline.styles)


def test_the_chart_library_comes_with_its_licence() -> None:
    folder = files("lineside.reports.html").joinpath("static", "uplot")
    assert "The MIT License" in folder.joinpath("LICENSE").read_text("utf-8")
    assert folder.joinpath("uPlot.iife.min.js").read_text("utf-8").startswith("/*! https://github.com/leeoniya/uPlot")
