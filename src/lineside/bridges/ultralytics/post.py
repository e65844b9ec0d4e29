"""What comes back from the processes of a training on several devices."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from safetensors.torch import load_file, save_file

_RUN, _WEIGHTS = "run.json", "restored.safetensors"


class Post:
    """A directory in which rank zero leaves where its run lies, and the weights that were put back at its end.

    Everything else of the outcome is read from the run's directory.
    """

    def __init__(self, place: Path) -> None:
        self._place = place

    @classmethod
    def open(cls) -> Self:
        """Make an empty one."""
        return cls(Path(tempfile.mkdtemp(prefix="lineside-")))

    def leave_run(self, directory: Path) -> None:
        """Leave where the run lies; by rank zero."""
        (self._place / _RUN).write_text(json.dumps(str(directory)), "utf-8")

    def leave_weights(self, weights: Mapping[str, Any]) -> None:
        """Leave weights that callbacks have put back; by rank zero."""
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, self._place / _WEIGHTS
        )

    def run(self) -> Path | None:
        """Return where the run lies; None if none was opened."""
        path = self._place / _RUN
        return Path(json.loads(path.read_text("utf-8"))) if path.exists() else None

    def weights(self) -> dict[str, Any] | None:
        """Return the weights that were put back; None for none."""
        path = self._place / _WEIGHTS
        return load_file(path) if path.exists() else None

    def close(self) -> None:
        """Remove the directory."""
        shutil.rmtree(self._place, ignore_errors=True)
