"""The one writer of a run's checkpoints: commits them, keeps the index, deletes what no policy keeps."""

from __future__ import annotations

import logging
import platform
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lineside.checkpoints import staging
from lineside.checkpoints import standalone as standalone_files
from lineside.checkpoints.catalog import Catalog
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.checkpoints.documents import encode
from lineside.checkpoints.format import Contents, Manifest, MetricRecord, PartWriter, directory_name
from lineside.checkpoints.index import INDEX, best_of, last_of, read_index, resumable_of, write_index
from lineside.checkpoints.retention import Policy, kept
from lineside.checkpoints.staging import Staging
from lineside.checkpoints.standalone import StandaloneFiles
from lineside.errors import CheckpointError, CheckpointFailed, CheckpointNotFound

log = logging.getLogger("lineside")


class CheckpointStore(Catalog):
    """Writes the checkpoint directory of a run. One process at a time: the holder of the run's lock.

    Safe to call from several threads; one save runs at a time.

    Args:
        root: the run's checkpoint directory; created if it is not there.
        run_id: the run. It deletes what carries this id and nothing else.
        clock: seconds since 1970.
        retention: policies; a checkpoint stays while any of them keeps it. The best, the last, the last that can be
            resumed from, pinned and protected ones always stay.
        software: versions by name, for the manifests.

    Raises:
        CheckpointFailed: the directory cannot be written.
        CheckpointError: it belongs to another run.
    """

    def __init__(
        self,
        root: Path,
        run_id: str,
        clock: Callable[[], float] = time.time,
        retention: Iterable[Policy] = (),
        software: Mapping[str, str] | None = None,
    ) -> None:
        self._clock = clock
        self._policies = tuple(retention)
        self._software = {"python": platform.python_version(), **(software or {})}
        self._protected: set[str] = set()
        self._lock = threading.RLock()
        root = Path(root).absolute()
        try:
            staging.make_directory(root)
            index = read_index(root)
            if index is not None and index.run_id != run_id:
                raise CheckpointError(
                    f"{root} holds the checkpoints of the run {index.run_id!r}, not of {run_id!r}. "
                    "Give every run a directory of its own."
                )
            super().__init__(root, run_id, trust=True)
            # Writing it now shows at the start, not after an epoch, that the directory can be written.
            write_index(self.root, run_id, self._entries, self._pins)
        except OSError as error:
            raise CheckpointFailed(root, error) from error

    def save(
        self,
        contents: Contents,
        *,
        step: int,
        epoch: int,
        tags: Sequence[str] = (),
        metrics: Mapping[str, MetricRecord] | None = None,
        weights: str = "raw",
        pins: Sequence[str] = (),
        parent: str | None = None,
        standalone: Mapping[Path, PartWriter] | None = None,
    ) -> Checkpoint:
        """Commit a checkpoint; then, and only then, update the index and delete what no policy keeps.

        Args:
            contents: files and documents.
            step: optimizer steps since the start of training.
            epoch: from 0.
            tags: words to find it by; ``best`` makes it the best.
            metrics: by canonical name, each with the step at which it was computed.
            weights: which weights produced the metrics: ``raw``, ``ema``, ….
            pins: owners who pin it with this commit, in place of what each had pinned before.
            parent: the checkpoint from which this attempt started; it is protected.
            standalone: writers of files outside of the checkpoint, by path, that are committed and pruned with it.

        Raises:
            CheckpointFailed: a part could not be written. Unless the message says otherwise nothing of it remains, and
                nothing was deleted.
            CheckpointContentsError: a document is not plain data; nothing was written.
            StandaloneNotOwned: a stand-alone file would replace one of somebody else; nothing was written.
        """
        with self._lock:
            documents = {name: encode(data, name) for name, data in contents.documents.items()}
            if parent is not None:
                self.protect(parent)
            name = self._new_name(step, epoch)
            manifest = Manifest(
                name=name,
                run_id=self.run_id,
                step=int(step),
                epoch=int(epoch),
                created=self._now(),
                tags=tuple(tags),
                metrics={
                    key: MetricRecord(float(record.value), int(record.step), int(record.epoch))
                    for key, record in (metrics or {}).items()
                },
                weights=weights,
                parent=parent,
                pins=self._pins | dict.fromkeys(pins, name),
                software=self._software,
            )
            outside = StandaloneFiles(self.root, name, standalone or {}, self._entries)
            manifest = self._commit(manifest, contents, documents, outside)
            self._entries = tuple(sorted((*self._entries, manifest), key=lambda entry: entry.age))
            self._pins = dict(manifest.pins)
            try:
                outside.publish()
                write_index(self.root, self.run_id, self._entries, self._pins)
            except OSError as error:
                # What is staged stays: the next attempt's sweep puts it in place.
                raise CheckpointFailed(
                    self.root, f"{name} is committed, but what follows a commit failed: {error}", self._free()
                ) from error
            self.prune()
            return Checkpoint(self.root / name, manifest, trusted=True)

    def prune(self) -> tuple[str, ...]:
        """Delete what no policy keeps, and return the names.

        What cannot be deleted is logged and tried again by a later attempt: it costs room, not safety.

        Raises:
            CheckpointFailed: the index could not be written; nothing was deleted.
        """
        with self._lock:
            keep = kept(self._policies, self._entries) | self._protected | set(self._pins.values())
            keep |= {entry.name for entry in self._indispensable() if entry is not None}
            survivors = tuple(entry for entry in self._entries if entry.name in keep)
            victims = [entry for entry in self._entries if entry.name not in keep]
            if victims:
                self._update_index(survivors, self._pins)
                try:
                    # The manifest goes last: without it nobody would know whose these files are.
                    for victim in victims:
                        standalone_files.withdraw(self.root, victim, survivors)
                    staging.throw_away(self.root, [victim.name for victim in victims])
                except OSError as error:
                    log.warning("Old checkpoints in %s could not be deleted: %s", self.root, error)
            return tuple(victim.name for victim in victims)

    def set_retention(self, policies: Iterable[Policy]) -> None:
        """Replace the policies; they take effect at the next save or `prune`."""
        self._policies = tuple(policies)

    def pin(self, owner: str, name: str) -> None:
        """Keep a checkpoint until this owner pins another one, or unpins; survives a resume.

        Raises:
            CheckpointNotFound: this run has no such checkpoint.
            CheckpointFailed: the index could not be written.
        """
        with self._lock:
            if all(entry.name != name for entry in self._entries):
                raise CheckpointNotFound(f"{owner} cannot pin {name!r}: {self.root} has no such checkpoint.")
            self._update_index(self._entries, {**self._pins, owner: name})

    def unpin(self, owner: str) -> None:
        """Take back the pin of an owner; nothing happens if there is none.

        Raises:
            CheckpointFailed: the index could not be written.
        """
        with self._lock:
            if owner in self._pins:
                self._update_index(self._entries, {key: name for key, name in self._pins.items() if key != owner})

    def protect(self, name: str) -> None:
        """Never delete this checkpoint, such as the one resumed from, for as long as this object lives."""
        with self._lock:
            self._protected.add(name)

    def unprotect(self, name: str) -> None:
        """Let the policies decide again; nothing happens if it was not protected."""
        with self._lock:
            self._protected.discard(name)

    def sweep(self) -> None:
        """Remove, or finish, what dead attempts left. To be called before the first save, by the holder of the lock.

        Raises:
            CheckpointFailed: a stand-alone file could not be put in place, or removed.
        """
        with self._lock:
            staging.sweep(self.root)
            try:
                standalone_files.sweep(self.root, self._entries)
            except OSError as error:
                raise CheckpointFailed(self.root, error) from error

    def rebuild(self) -> None:
        """Write the index anew from nothing but the manifests.

        Raises:
            CheckpointFailed: it could not be written.
        """
        with self._lock:
            try:
                (self.root / INDEX).unlink(missing_ok=True)
            except OSError as error:
                raise CheckpointFailed(self.root / INDEX, error) from error
            self.refresh()
            self._update_index(self._entries, self._pins)

    def _commit(
        self, manifest: Manifest, contents: Contents, documents: Mapping[str, bytes], outside: StandaloneFiles
    ) -> Manifest:
        stage = Staging(self.root, manifest.name)
        try:
            stage.create()
            files = {
                name: stage.write(name, writer, declared_trusted_only=name in contents.trusted_only)
                for name, writer in contents.files.items()
            }
            files |= {name: stage.write_bytes(name, data) for name, data in documents.items()}
            manifest = replace(manifest, files=files, standalone=outside.stage())
            stage.commit(manifest)
        except BaseException as error:
            stage.discard()
            outside.discard()
            if isinstance(error, Exception):
                raise CheckpointFailed(self.root / manifest.name / stage.part, error, self._free()) from error
            raise
        return manifest

    def _indispensable(self) -> tuple[Manifest | None, ...]:
        # The last may hold nothing but weights; without one to resume from, a kill would cost the whole run.
        return best_of(self._entries), last_of(self._entries), resumable_of(self._entries)

    def _update_index(self, entries: tuple[Manifest, ...], pins: dict[str, str]) -> None:
        try:
            write_index(self.root, self.run_id, entries, pins)
        except OSError as error:
            raise CheckpointFailed(self.root / INDEX, error, self._free()) from error
        self._entries, self._pins = entries, pins

    def _new_name(self, step: int, epoch: int) -> str:
        while True:
            name = directory_name(step, epoch, secrets.token_hex(2))
            if not staging.taken(self.root, name):
                return name

    def _now(self) -> str:
        now = datetime.fromtimestamp(self._clock(), UTC)
        if self._entries:
            # A clock that is set back, or stands still, must not make a later checkpoint the older one.
            newest = max(datetime.fromisoformat(entry.created) for entry in self._entries)
            now = max(now, newest + timedelta(microseconds=1))
        return now.isoformat(timespec="microseconds")

    def _free(self) -> int | None:
        try:
            return shutil.disk_usage(self.root).free
        except OSError:
            return None
