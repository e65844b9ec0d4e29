"""Names of the form ``package.module:name``: finding what they stand for, and saying what is wrong with them."""

from __future__ import annotations

import pkgutil
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any, Final

from lineside.errors import nearest

_IDENTIFIERS: Final = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_NAME: Final = re.compile(rf"(?P<module>{_IDENTIFIERS}):(?P<attribute>{_IDENTIFIERS})")
_DOTTED: Final = re.compile(rf"{_IDENTIFIERS}\.[^\W\d]\w*")


class NameNotFound(Exception):
    """A name stands for nothing; the message says which part of it is wrong."""


def is_name(text: str) -> bool:
    """Tell whether a text has the form ``package.module:name``."""
    return _NAME.fullmatch(text) is not None


def find_object(name: str) -> Any:
    """Import what a name stands for.

    Raises:
        NameNotFound: with the nearest right word, if there is one.
    """
    matched = _NAME.fullmatch(name)
    if matched is None:
        raise NameNotFound(f"{name!r} must be written as package.module:name.{_with_colon(name)}")
    found: Any = _module(matched["module"])
    for part in matched["attribute"].split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            owner = getattr(found, "__name__", found)
            raise NameNotFound(f"{owner} has no {part!r}.{nearest(part, _public(found))}") from None
    return found


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise NameNotFound(f"importing {name!r} failed: {error}.") from error
        package, _, missing = error.name.rpartition(".")
        there = f"the package {package!r} has no module {missing!r}" if package else f"there is no module {missing!r}"
        hint = nearest(missing, [one.name for one in pkgutil.iter_modules(_search_path(package))])
        raise NameNotFound(f"{there}.{hint} It is looked for beside the file and where Python finds modules.") from None
    except (Exception, SystemExit) as error:  # whatever somebody's module raises
        raise NameNotFound(f"importing {name!r} failed: {type(error).__name__}: {error}") from error


def _search_path(package: str) -> list[str] | None:
    return list(getattr(sys.modules.get(package), "__path__", [])) if package else None


def _with_colon(name: str) -> str:
    if _DOTTED.fullmatch(name) is None:
        return ""
    module, _, attribute = name.rpartition(".")
    return f" Did you mean '{module}:{attribute}'?"


def _public(owner: Any) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_")]


@contextmanager
def importable(directory: Path) -> Iterator[None]:
    """Make modules of a directory importable for a while, before all others, as those beside a script are.

    Those of the current directory come last.
    """
    first, last = str(directory.resolve()), str(Path.cwd())
    invalidate_caches()  # a module may have been written a moment ago
    sys.path.insert(0, first)
    sys.path.append(last)
    try:
        yield
    finally:
        for added in (first, last):
            if added in sys.path:
                sys.path.remove(added)
