"""The routes of a run, left in its directory for whoever watches over it: references, no secrets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from lineside.errors import OptionError, StoreDamaged, StoreUnavailable
from lineside.files import write_atomic
from lineside.outbox.places import ROUTES
from lineside.outbox.seal import Seal
from lineside.ports import Level, Route

_FORMAT: Final = 1
_LARGEST: Final = 1 << 20


def write_routes(directory: Path, routes: Sequence[Route]) -> None:
    """Write the routes of a run; nothing is written where there are none and never were.

    Raises:
        OSError: they could not be written.
    """
    path = directory / ROUTES
    if not routes and not path.exists():
        return
    seal = Seal.of_user(make=True)
    entries = [
        {
            "destination": route.reference,
            "levels": sorted(route.levels),
            "authors": None if route.authors is None else sorted(route.authors),
            "seal": seal.of(route.reference),
        }
        for route in routes
    ]
    write_atomic(path, (json.dumps({"format": _FORMAT, "routes": entries}, indent=1) + "\n").encode())


@dataclass(frozen=True, slots=True)
class LeftRoute:
    """A route as a run left it, and the seal on its destination; see `lineside.outbox.seal`."""

    route: Route
    seal: str | None


def read_routes(directory: Path) -> list[LeftRoute]:
    """Return the routes that a run left; none where it left no file. Who uses them looks at their seals first.

    Raises:
        StoreDamaged: the file is not what Lineside wrote.
        StoreUnavailable: it cannot be read.
    """
    path = directory / ROUTES
    try:
        with path.open("rb") as file:
            document: Any = json.loads(file.read(_LARGEST))
        if document["format"] != _FORMAT:
            raise StoreDamaged(path, f"its format is {document['format']!r}, and {_FORMAT} is known")
        return [_route(entry) for entry in document["routes"]]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreUnavailable(path, str(error.strerror)) from error
    except (ValueError, LookupError, TypeError, RecursionError, OptionError) as error:
        raise StoreDamaged(path, "it holds no routes") from error


def _route(entry: Any) -> LeftRoute:
    levels: frozenset[Level] = frozenset(level for level in get_args(Level) if level in entry["levels"])
    authors = None if entry["authors"] is None else frozenset(map(str, entry["authors"]))
    return LeftRoute(Route(str(entry["destination"]), levels, authors), entry.get("seal"))
