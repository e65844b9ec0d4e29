"""Reading the file itself: which format, how large, in which encoding."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lineside.config.problems import Problems
from lineside.config.toml_file import read_toml
from lineside.config.tree import Node, Place, Table, is_null
from lineside.config.yaml_file import read_yaml
from lineside.errors import nearest

LARGEST: Final = 1_000_000
"""Bytes of a file at most."""

_READERS: Final = {".yaml": read_yaml, ".yml": read_yaml, ".toml": read_toml}


def read_file(path: Path, problems: Problems) -> Table | None:
    """Return what a configuration holds; None, with problems, if it cannot be read.

    Args:
        path: of a YAML or TOML file; as it is given here it stands in messages.
        problems: where mistakes are noted.
    """
    origin = Place(str(path), 1)
    text = _text(path, origin, problems)
    if text is None:
        return None
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(_READERS)
        problems.add(origin, "", f"{path.suffix!r} is no known format.{nearest(path.suffix, _READERS)} Use {known}.")
        return None
    node = reader(text, origin, problems)
    return None if node is None else _as_table(node, problems)


def _text(path: Path, origin: Place, problems: Problems) -> str | None:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        problems.add(Place(str(path)), "", f"it cannot be read: {error.strerror}.")
        return None
    if len(data) > LARGEST:
        problems.add(origin, "", f"the file has more than {LARGEST:,} bytes; a configuration holds no data.")
        return None
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.add(Place(str(path), line), "", f"the byte {data[error.start]:#04x} is not UTF-8; save it as UTF-8.")
        return None


def _as_table(node: Node, problems: Problems) -> Table | None:
    if isinstance(node, Table):
        return node
    what = "the file is empty" if is_null(node) else f"the file holds {node.shown}"
    problems.add(node.place, "", f"{what}; it must have sections, such as model, data, optimizer, loss and trainer.")
    return None
