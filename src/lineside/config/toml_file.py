"""TOML, read into places."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

from lineside.config.problems import Problems
from lineside.config.references import is_reference
from lineside.config.toml_places import Path, toml_places
from lineside.config.tree import Items, Node, Place, Scalar, Table

_POSITION: Final = re.compile(r"\s*\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")


def read_toml(text: str, origin: Place, problems: Problems) -> Node | None:
    """Return what a TOML document holds; None, with a problem, if it is none.

    Args:
        text: the document.
        origin: the file.
        problems: where mistakes are noted.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _POSITION.search(str(error))
        line = int(found["line"]) if found is not None and found["line"] else text.count("\n") + 1
        column = int(found["column"]) if found is not None and found["column"] else None
        what = _POSITION.sub("", str(error)).rstrip(".")
        problems.add(Place(origin.source, line, column), "", f"this is not TOML: {what}.")
        return None
    except RecursionError:
        problems.add(origin, "", "lists and tables are nested too deeply.")
        return None
    places = {path: Place(origin.source, line, column) for path, (line, column) in toml_places(text).items()}
    return _node(document, (), places, origin)


def _node(value: Any, path: Path, places: dict[Path, Place], above: Place) -> Node:
    place = places.get(path, above)
    if isinstance(value, dict):
        table = Table(place)
        for key, below in value.items():
            node = _node(below, (*path, key), places, place)
            table.set(key, node, node.place)
        return table
    if isinstance(value, list):
        return Items(place, [_node(below, (*path, index), places, place) for index, below in enumerate(value)])
    if isinstance(value, str):
        # TOML has no text without quotes, so a lone reference may stand for a number.
        return Scalar(place, value, plain=is_reference(value))
    if isinstance(value, bool):
        return Scalar(place, str(value).lower())
    if isinstance(value, float):
        return Scalar(place, repr(value).replace("inf", ".inf").replace("nan", ".nan"))
    return Scalar(place, str(value), plain=isinstance(value, int))
