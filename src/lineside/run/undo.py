"""Going back: the state of a run put aside beside it, and put back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from lineside.checkpoints.documents import decode, encode
from lineside.run.view import LiveView

_COUNTERS = ("step", "position", "batches_done", "samples")


class Undo:
    """All that training batches change of a run and its host, by the same means by which a checkpoint holds it.

    Nothing is committed: a run that is killed meanwhile goes on from its newest checkpoint.

    Args:
        run: in an epoch, between two batches.
        directory: where the tensors lie meanwhile; what an earlier attempt left there is removed.

    Raises:
        OSError: the tensors cannot be written.
    """

    def __init__(self, run: LiveView, directory: Path) -> None:
        self._run = run
        self._directory = directory
        self.forget()
        host, generators = run.host_port.capture(), run.host_port.generators()
        documents = {**host.documents, **generators.documents}
        self._documents = {name: decode(encode(document, name)) for name, document in documents.items()}
        for name, write in {**host.files, **generators.files}.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path)
        self._counters = {name: getattr(run.progress, name) for name in _COUNTERS}
        self._view = run.batch, run.total_batches
        self._batch_metrics = run.batch_table.state_dict()
        self._triggers = run.dispatcher.triggers()

    def document(self, name: str) -> Any:
        """Return a document by name."""
        return self._documents[name]

    def file(self, name: str) -> Path:
        """Return the path of a file."""
        return self._directory / name

    def has(self, name: str) -> bool:
        """Tell whether there is a document or file of that name."""
        return name in self._documents or self.file(name).is_file()

    def restore(self) -> None:
        """Put everything back, and remove the files."""
        run = self._run
        run.host_port.restore(self)
        run.host_port.restore_generators(self)
        for name, value in self._counters.items():
            setattr(run.progress, name, value)
        run.batch, run.total_batches = self._view
        run.batch_table.load_state_dict(self._batch_metrics)
        run.dispatcher.load_triggers(self._triggers)
        self.forget()

    def forget(self) -> None:
        """Remove the files."""
        shutil.rmtree(self._directory, ignore_errors=True)
