"""What travels into the processes of a training on several devices: callbacks and options, and nothing that is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lineside.bridges.ultralytics.post import Post
from lineside.callback import Callback
from lineside.errors import AttachError, MissingDependency


@dataclass(frozen=True, slots=True)
class Luggage:
    """What a bridge was made with.

    Attributes:
        callbacks: objects or registered names.
        place: project, name, directory and seed of runs.
        resume: from what a training goes on.
        hparams: for the record.
        integrations: Ultralytics' own that are on or off.
        post: where the outcome is left for the process that waits for it; None where nobody waits.
    """

    callbacks: Sequence[Callback | str]
    place: Mapping[str, Any]
    resume: Mapping[str, Any]
    hparams: Mapping[str, Any] | None
    integrations: Mapping[str, bool]
    post: Post | None = None

    def check(self) -> None:
        """See that everything can travel, as Ultralytics sends it.

        Raises:
            AttachError: a callback cannot, with what is in the way.
            MissingDependency: cloudpickle is not installed.
        """
        try:
            import cloudpickle
        except ImportError:
            raise MissingDependency("Training on several devices", "cloudpickle", "ultralytics") from None
        for callback in self.callbacks:
            try:
                cloudpickle.dumps(callback)
            except Exception as error:
                raise AttachError(
                    f"{callback!r} cannot travel into the processes of a training on several devices: {error}. Make "
                    "locks, threads, open files and connections in on_setup, which is called there, or leave them out "
                    "in __getstate__."
                ) from error
