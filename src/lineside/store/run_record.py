"""The record of a run: what it is, how it stands and where it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Any, Final, Literal, Self, get_args

from lineside.store.plain import to_json

Status = Literal["running", "completed", "stopped", "interrupted", "failed"]
"""How a run stands, as it wrote itself. One that was killed could write nothing: `RunDirectory.status` sees that."""
FORMAT: Final = 1
LARGEST: Final = 16 << 20
"""Bytes that are read of a record at most; run directories come from others, too."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What stands in `run.json`. Change it with `dataclasses.replace`.

    Attributes:
        id: name of the run's directory.
        project: the project.
        name: the name that the user gave, or ``run``.
        status: how the run stands.
        created: seconds since 1970.
        updated: seconds since 1970.
        attempt: 1 for the first process, one more for each that resumed.
        host: name of the machine.
        pid: process id on that machine.
        environment: versions, machine, command line.
        git: commit, branch and state of the code, where it is known.
        seed: seed of the random generators, if one was given.
        hparams: hyper-parameters.
        reason: why the run ended, in words.
        parent: the checkpoint that it branched from (``start_from``).
        progress: epoch, step, and how many of each are planned.
        pulse: what the training thread was last seen doing; see `lineside.run.pulse`.
    """

    id: str
    project: str
    name: str
    status: Status
    created: float
    updated: float
    attempt: int = 1
    host: str = ""
    pid: int = 0
    environment: Mapping[str, Any] = field(default_factory=dict)
    git: Mapping[str, Any] | None = None
    seed: int | None = None
    hparams: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    parent: str | None = None
    progress: Mapping[str, int | None] = field(default_factory=dict)
    pulse: Mapping[str, Any] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the record as JSON; what is not plain data in it becomes text."""
        document = {"format": FORMAT} | {each.name: getattr(self, each.name) for each in fields(self)}
        return (to_json(document, indent=1) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the record that `to_bytes` wrote; fields that a later version added are passed over.

        Raises:
            ValueError: it is no such record; the message names the field.
            NewerFormat: a newer Lineside wrote it.
        """
        try:
            document = json.loads(data)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        if not isinstance(document, dict) or type(document.get("format")) is not int:
            raise ValueError("it is no run's record")
        if document["format"] > FORMAT:
            raise NewerFormat(document["format"])
        known = {each.name: document[each.name] for each in fields(cls) if each.name in document}
        for name, types in _TYPES.items():
            if name not in known or type(known[name]) not in types:
                raise ValueError(f"its field {name!r} is missing or of a wrong type")
        if type(known.get("pulse", {})) is not dict:
            raise ValueError("its field 'pulse' is of a wrong type")
        if known["status"] not in get_args(Status):
            raise ValueError(f"its status is {known['status']!r}")
        return cls(**known)


class NewerFormat(Exception):
    """A record has a format that is not known yet."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "id": (str,),
    "project": (str,),
    "name": (str,),
    "status": (str,),
    "created": (float, int),
    "updated": (float, int),
    "attempt": (int,),
    "host": (str,),
    "pid": (int,),
    "environment": (dict,),
    "git": (dict, NoneType),
    "seed": (int, NoneType),
    "hparams": (dict,),
    "reason": (str, NoneType),
    "parent": (str, NoneType),
    "progress": (dict,),
}
