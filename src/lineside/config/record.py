"""What a run keeps of its configuration: a file in its directory, and hyper-parameters."""

from __future__ import annotations

import logging
from typing import Any, Final, Unpack

from lineside.callback import Callback, CallbackOptions
from lineside.config.names import is_name
from lineside.config.tree import Items, Node, Scalar, Table
from lineside.files import write_atomic
from lineside.ports import RunView

log = logging.getLogger("lineside")

FILE: Final = "config.yaml"
HIDDEN: Final = "***"


class ConfigRecord(Callback):
    """Writes the configuration into the run's directory, when the run begins and whenever it goes on.

    Args:
        document: the configuration in YAML, with references in place of what comes from the environment.
        options: the common ones of all callbacks.
    """

    on_error = "raise"

    def __init__(self, document: str, **options: Unpack[CallbackOptions]) -> None:
        super().__init__(**options)
        self._document = document.encode()

    def on_setup(self, run: RunView) -> None:
        """Write the file; say so if a resumed run had another one."""
        path = run.dir / FILE
        if path.exists() and path.read_bytes() != self._document:
            log.warning("The run goes on with another configuration than before; the one of now is kept.")
        write_atomic(path, self._document)


def recorded(node: Node) -> Any:
    """Return what a node says as plain data for the record; secrets are ``***``."""
    if isinstance(node, Scalar):
        return HIDDEN if node.secret else node.value
    if isinstance(node, Items):
        return [recorded(item) for item in node.items]
    return {key: recorded(below) for key, below in node.entries.items()}


def hyper_parameters(root: Table, sections: tuple[str, ...]) -> dict[str, Any]:
    """Return the arguments in some sections as hyper-parameters: ``optimizer`` is its name, ``optimizer.lr`` its rate.

    Args:
        root: the whole file.
        sections: which of them count.
    """
    flat: dict[str, Any] = {}
    for section in sections:
        if section in root.entries:
            _flatten(root.entries[section], section, flat)
    return flat


def _flatten(node: Node, path: str, flat: dict[str, Any]) -> None:
    if isinstance(node, Table):
        for key, below in node.entries.items():
            if is_name(key):
                flat[path] = key
                _flatten(below, path, flat)
            else:
                _flatten(below, f"{path}.{key}", flat)
    elif isinstance(node, Items):
        for index, item in enumerate(node.items):
            _flatten(item, f"{path}.{index}", flat)
    elif node.value is not None or path not in flat:
        flat[path] = recorded(node)
