"""The page as text: templates filled in, style and scripts inside, and a policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lineside.dispatch.summary import seconds

_PACKAGE = "lineside.reports.html"
_STYLES = ("uplot/uPlot.min.css", "report.css")
_SCRIPTS = ("uplot/uPlot.iife.min.js", "report.js")


def page(context: Mapping[str, Any]) -> str:
    """Return the page.

    Whatever comes from the run is escaped by the templates. Should something slip through all the same, the policy
    keeps it from doing anything: only the styles and scripts whose digests it names are used, nothing is loaded from
    anywhere, and no form is sent.
    """
    styles, scripts = [_asset(name) for name in _STYLES], [_asset(name) for name in _SCRIPTS]
    return (
        _templates()
        .get_template("report.html.jinja")
        .render(
            **context,
            policy=_policy(styles, scripts),
            # Our own files, not the run's: they stand in the page as they are.
            styles=[Markup(style) for style in styles],  # noqa: S704
            scripts=[Markup(script) for script in scripts],  # noqa: S704
        )
    )


@cache
def _templates() -> Environment:
    """Return the templates, which take longer to compile than to fill in."""
    templates = Environment(
        loader=PackageLoader(_PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters["seconds"] = seconds
    return templates


def _asset(name: str) -> str:
    return files(_PACKAGE).joinpath("static", *name.split("/")).read_text("utf-8")


def _policy(styles: Iterable[str], scripts: Iterable[str]) -> str:
    allowed = {
        "default-src": "'none'",
        "style-src": " ".join(map(_digest, styles)),
        "script-src": " ".join(map(_digest, scripts)),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{what} {where}" for what, where in allowed.items())


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
