"""Checkpoints without the machinery of checkpoints: files in a folder, documents through JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lineside.ports import HostState


class SavedFolder:
    """What a host captured, written down, as a `SavedState`."""

    def __init__(self, folder: Path, *states: HostState) -> None:
        self._folder = folder
        for state in states:
            for name, write in state.files.items():
                folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
                write(folder / name)
            for name, document in state.documents.items():
                folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
                folder.joinpath(name).write_text(json.dumps(document, allow_nan=False), "utf-8")

    def document(self, name: str) -> Any:
        return json.loads(self._folder.joinpath(name).read_text("utf-8"))

    def file(self, name: str) -> Path:
        return self._folder / name

    def has(self, name: str) -> bool:
        return self._folder.joinpath(name).exists()
