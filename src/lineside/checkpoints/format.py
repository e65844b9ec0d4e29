"""What a checkpoint is: a directory of named files and documents, and a manifest that vouches for each of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from lineside.checkpoints.fields import Fields
from lineside.errors import CheckpointContentsError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
STATE = "state.json"
"""The run's own document; a checkpoint without it holds weights and cannot be resumed from."""
MANIFEST_LIMIT = 16 << 20
"""Bytes. A real manifest has some kilobytes; a larger one is refused before it is read."""
SAFE_SUFFIXES = frozenset({".safetensors", ".json"})
"""Formats that cannot run code when loaded. A file of any other is trusted only, whatever its manifest says."""

PartWriter = Callable[[Path], None]
"""Writes one file at the path that it is given."""

_NAME = re.compile(r"epoch(\d{4,})-step(\d{8,})-[0-9a-f]{4}")
_DIGEST = re.compile(r"xxh3_128:[0-9a-f]{32}")


@dataclass(frozen=True)
class Contents:
    """What goes into one checkpoint.

    Attributes:
        files: writers by relative name: ``model.safetensors``, ``callbacks/<name>.safetensors``, ``rank-0/…``.
        documents: plain data by relative name: ``state.json``, ``rank-0/state.json``.
        trusted_only: those of `files` that are pickles of the host, and so is every file whose suffix is not in
            `SAFE_SUFFIXES`.
    """

    files: Mapping[str, PartWriter]
    documents: Mapping[str, Any]
    trusted_only: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Check the names. Raises `CheckpointContentsError` for the first that does not do."""
        seen = {MANIFEST}
        for name in (*self.files, *self.documents):
            try:
                check_name(name)
            except ValueError as error:
                raise CheckpointContentsError(f"{error}. Give a relative name such as 'rank-0/state.json'.") from None
            if name.casefold() in seen:
                raise CheckpointContentsError(
                    f"Two files of a checkpoint would be called {name!r}. Rename one of them."
                )
            seen.add(name.casefold())
        for name in self.documents:
            if not name.endswith(".json"):
                raise CheckpointContentsError(f"The document {name!r} is written as JSON: let its name end in '.json'.")
        for name in self.trusted_only.difference(self.files):
            raise CheckpointContentsError(f"trusted_only names {name!r}, which is not among the files.")


@dataclass(frozen=True)
class FileRecord:
    """What the manifest says of one file: bytes, digest, and whether only its author's run may load it."""

    size: int
    digest: str
    trusted_only: bool = False


@dataclass(frozen=True)
class MetricRecord:
    """A metric's value with the step and the epoch (from 0) at which it was computed."""

    value: float
    step: int
    epoch: int


@dataclass(frozen=True)
class Manifest:
    """What a checkpoint says of itself; written last, so that a directory without one was never finished.

    Attributes:
        name: of the directory; unique within the run, and never used again.
        run_id: the run that wrote it, and that alone may delete it.
        step: optimizer steps since the start of training.
        epoch: from 0, like `run.epoch`.
        created: UTC, ISO 8601; strictly increasing within a run.
        tags: words by which it can be found; ``best`` makes it the best one until a newer has that tag.
        metrics: by canonical name.
        weights: which weights produced the metrics: ``raw``, ``ema``, ….
        parent: the checkpoint from which the writing attempt started.
        pins: who holds which checkpoint, at the time of this commit.
        files: by relative name, the manifest itself excepted.
        standalone: files elsewhere that belong to it, by path relative to the run's checkpoint directory.
        software: versions, by name.
        format: `FORMAT_VERSION` of the writer.
    """

    name: str
    run_id: str
    step: int
    epoch: int
    created: str
    tags: tuple[str, ...] = ()
    metrics: Mapping[str, MetricRecord] = field(default_factory=dict)
    weights: str = "raw"
    parent: str | None = None
    pins: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    standalone: Mapping[str, FileRecord] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT_VERSION

    @property
    def age(self) -> tuple[int, str, str]:
        """What checkpoints are sorted by: step, time of creation, name."""
        return (self.step, self.created, self.name)

    @property
    def resumable(self) -> bool:
        """Whether a run can go on from it."""
        return STATE in self.files

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Manifest:
        """Read plain data, strictly.

        Raises:
            ValueError: a key is missing, unknown, or not what it must be; the message names it.
        """
        fields = Fields(data, "manifest")
        manifest = cls(
            name=_checked_name(fields.take("name", str)),
            run_id=fields.take("run_id", str),
            step=fields.count("step"),
            epoch=fields.count("epoch"),
            created=_checked_time(fields.take("created", str)),
            tags=tuple(fields.items("tags", str)),
            metrics={name: _metric(value, name) for name, value in fields.take("metrics", dict).items()},
            weights=fields.take("weights", str),
            parent=fields.optional("parent", str),
            pins=fields.texts("pins"),
            files={check_name(name): _file(value, name) for name, value in fields.take("files", dict).items()},
            standalone={name: _file(value, name) for name, value in fields.take("standalone", dict).items()},
            software=fields.texts("software"),
            format=fields.count("format"),
        )
        fields.end()
        if MANIFEST in manifest.files:
            raise ValueError(f"files has an entry for {MANIFEST} itself")
        return manifest


def directory_name(step: int, epoch: int, suffix: str) -> str:
    """Return the name of a checkpoint's directory. What people read counts epochs from 1."""
    return f"epoch{epoch + 1:04d}-step{step:08d}-{suffix}"


def step_of(directory: str) -> int | None:
    """Return the step in the name of a checkpoint's directory, or None for a name that is not one."""
    match = _NAME.fullmatch(directory)
    return int(match[2]) if match else None


def check_name(name: str) -> str:
    """Return the relative name of a file inside a checkpoint, if it is safe on every system.

    Raises:
        ValueError: it is absolute, climbs, is hidden, or holds characters that some filesystem refuses.
    """
    parts = name.split("/")
    if (
        str(PurePosixPath(name)) != name
        or any(not part or part.startswith(".") or len(part.encode(errors="replace")) > 255 for part in parts)
        or any(character in '\\:*?"<>|' or not character.isprintable() for character in name)
    ):
        raise ValueError(f"{name!r} cannot name a file of a checkpoint")
    return name


def is_trusted_only(name: str, *, declared: bool) -> bool:
    """Tell whether loading a file may run code. Its suffix counts too: an attacker writes the manifest as well."""
    return declared or PurePosixPath(name).suffix not in SAFE_SUFFIXES


def _metric(data: Any, name: str) -> MetricRecord:
    fields = Fields(data, f"metric {name!r}")
    record = MetricRecord(fields.take("value", float), fields.count("step"), fields.count("epoch"))
    fields.end()
    return record


def _file(data: Any, name: str) -> FileRecord:
    fields = Fields(data, f"file {name!r}")
    record = FileRecord(fields.count("size"), fields.take("digest", str), fields.take("trusted_only", bool))
    fields.end()
    if not _DIGEST.fullmatch(record.digest):
        raise ValueError(f"file {name!r} has the unknown digest {record.digest!r:.80}")
    return record


def _checked_name(name: str) -> str:
    if step_of(name) is None:
        raise ValueError(f"{name!r:.80} is no name of a checkpoint")
    return name


def _checked_time(text: str) -> str:
    # One zone and one precision, so that the texts sort as the times do.
    if datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="microseconds") != text:
        raise ValueError(f"the time {text!r:.80} is not written as UTC with microseconds")
    return text
