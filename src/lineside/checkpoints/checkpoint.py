"""Reading a checkpoint: everything is checked against the manifest before anything is handed out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lineside.checkpoints.digests import digest_bytes, digest_file
from lineside.checkpoints.documents import decode, unseal
from lineside.checkpoints.format import (
    FORMAT_VERSION,
    MANIFEST,
    MANIFEST_LIMIT,
    FileRecord,
    Manifest,
    MetricRecord,
    is_trusted_only,
)
from lineside.checkpoints.inventory import take_inventory
from lineside.errors import CheckpointDamaged, CheckpointNotFound, CheckpointTooNew, CheckpointUntrusted

_HEADER_LIMIT = 100_000_000
"""Bytes of a safetensors header; its own reader stops there as well."""


class Checkpoint:
    """A committed checkpoint. Nothing in it is ever unpickled, imported or executed.

    Digests tell damage, not forgery: whoever can write the directory can write a manifest that fits.
    """

    def __init__(self, path: Path, manifest: Manifest, *, trusted: bool) -> None:
        self.path = path
        self.manifest = manifest
        self._trusted = trusted
        self._shape_known = False
        self._verified: set[str] = set()

    @classmethod
    def open(cls, path: str | os.PathLike[str], trust: bool = False) -> Checkpoint:
        """Open a checkpoint's directory and check its shape: names, kinds and sizes; digests follow on first access.

        Args:
            path: the directory.
            trust: hand out files that can run code when they are loaded, too.

        Raises:
            CheckpointNotFound: there is no such directory.
            CheckpointDamaged: the manifest, or what lies beside it, is not what was committed.
            CheckpointTooNew: a newer Lineside wrote it.
        """
        directory = Path(path)
        if not directory.is_dir():
            raise CheckpointNotFound(f"There is no checkpoint {directory}. Give the path of a checkpoint's directory.")
        checkpoint = cls(directory, read_manifest(directory), trusted=trust)
        checkpoint.check_shape()
        return checkpoint

    @property
    def name(self) -> str:
        """The directory's name, unique within the run."""
        return self.manifest.name

    @property
    def step(self) -> int:
        """Optimizer steps since the start of training."""
        return self.manifest.step

    @property
    def epoch(self) -> int:
        """The epoch, from 0."""
        return self.manifest.epoch

    @property
    def tags(self) -> tuple[str, ...]:
        """The words that it was saved with."""
        return self.manifest.tags

    @property
    def metrics(self) -> Mapping[str, MetricRecord]:
        """The metrics at its commit, with the step and epoch of each."""
        return self.manifest.metrics

    def has(self, name: str) -> bool:
        """Tell whether the manifest lists a file or document of that name."""
        return name in self.manifest.files

    def document(self, name: str) -> Any:
        """Read a document, verified, as plain data.

        Raises:
            CheckpointNotFound: it has no such document; the message lists what there is.
            CheckpointDamaged: the bytes are not those that were committed.
        """
        record = self._record(name)
        # What is checked is what is parsed: the bytes are read once.
        raw = self._bytes(name, record.size)
        if digest_bytes(raw) != record.digest:
            raise self._damaged(name, "its content does not fit its digest")
        try:
            return decode(raw)
        except ValueError as error:
            raise self._damaged(name, str(error)) from error

    def file(self, name: str) -> Path:
        """Return the path of a file whose digest has been verified (once for each object).

        Raises:
            CheckpointNotFound: it has no such file; the message lists what there is.
            CheckpointDamaged: the bytes are not those that were committed.
            CheckpointUntrusted: loading it could run code, this run did not write it, and trust=True was not given.
        """
        record = self._record(name)
        if is_trusted_only(name, declared=record.trusted_only) and not self._trusted:
            raise CheckpointUntrusted(self.path, name)
        if name not in self._verified:
            self._verify(name, record)
            self._verified.add(name)
        return self.path / name

    def verify(self) -> None:
        """Read everything and compare it with the manifest.

        Raises:
            CheckpointDamaged: names the file and how it is damaged.
        """
        self.check_shape()
        for name, record in self.manifest.files.items():
            self._verify(name, record)
            self._verified.add(name)

    def check_shape(self) -> None:
        """Compare names, kinds and sizes with the manifest, without reading the files.

        Raises:
            CheckpointDamaged: something is missing, foreign, a link, or of another size.
        """
        try:
            inventory = take_inventory(self.path)
        except OSError as error:
            raise self._damaged(".", f"it cannot be read: {error}") from error
        # Listed files come first, so that a missing one is named itself, not the directory that it left empty.
        for name in self.manifest.files:
            if name not in inventory.files and name not in inventory.foreign:
                raise self._damaged(name, "missing")
        for name, what in inventory.foreign.items():
            raise self._damaged(name, f"{what}, which no checkpoint holds")
        for name in sorted(inventory.files.keys() - self.manifest.files.keys() - {MANIFEST}):
            raise self._damaged(name, "a foreign file, which the manifest does not list")
        for name, record in self.manifest.files.items():
            if inventory.files[name] != record.size:
                raise self._damaged(name, f"{inventory.files[name]} bytes, where {record.size} were written")
            if name.endswith(".safetensors"):
                self._check_header(name, record.size)
        self._shape_known = True

    def _record(self, name: str) -> FileRecord:
        if not self._shape_known:
            self.check_shape()
        record = self.manifest.files.get(name)
        if record is None:
            there = ", ".join(sorted(self.manifest.files))
            raise CheckpointNotFound(f"{self.path} has no {name!r}. There is: {there}.")
        return record

    def _check_header(self, name: str, size: int) -> None:
        # The first eight bytes say how much its reader will take into memory.
        header = int.from_bytes(self._bytes(name, 8), "little")
        if header > min(size - 8, _HEADER_LIMIT):
            raise self._damaged(name, f"it announces a header of {header} bytes, in a file of {size}")

    def _verify(self, name: str, record: FileRecord) -> None:
        try:
            digest = digest_file(self.path / name)
        except OSError as error:
            raise self._damaged(name, f"it cannot be read: {error}") from error
        if digest != record.digest:
            raise self._damaged(name, "its content does not fit its digest")

    def _bytes(self, name: str, size: int) -> bytes:
        try:
            with (self.path / name).open("rb") as file:
                return file.read(size)
        except OSError as error:
            raise self._damaged(name, f"it cannot be read: {error}") from error

    def _damaged(self, name: str, how: str) -> CheckpointDamaged:
        return CheckpointDamaged(self.path, name, how)

    def __fspath__(self) -> str:
        """Return the directory, so that a checkpoint can be given wherever a path can."""
        return os.fspath(self.path)

    def __repr__(self) -> str:
        """Return the path and where in the training it was made."""
        return f"Checkpoint({str(self.path)!r}, step={self.step}, epoch={self.epoch}, tags={list(self.tags)})"


def read_manifest(directory: Path) -> Manifest:
    """Read and validate the manifest of a checkpoint's directory, and nothing else.

    Raises:
        CheckpointDamaged: it is missing, a link, oversized, changed, or not a manifest.
        CheckpointTooNew: a newer Lineside wrote it.
    """
    path = directory / MANIFEST
    try:
        if path.is_symlink() or not path.is_file():
            raise CheckpointDamaged(directory, MANIFEST, "missing, or no plain file")
        if path.stat().st_size > MANIFEST_LIMIT:
            raise CheckpointDamaged(directory, MANIFEST, f"larger than {MANIFEST_LIMIT} bytes")
        data = unseal(path.read_bytes())
        version = data.get("format")
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise CheckpointTooNew(directory, version, FORMAT_VERSION)
        return Manifest.from_json(data)
    except (OSError, ValueError) as error:
        raise CheckpointDamaged(directory, MANIFEST, str(error)) from error
