"""The checkpoints of one run, as their manifests tell: which there are, which is best, which can be resumed from."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from lineside.checkpoints.checkpoint import Checkpoint, read_manifest
from lineside.checkpoints.format import Manifest, step_of
from lineside.checkpoints.index import best_of, last_of, read_index
from lineside.errors import CheckpointDamaged, CheckpointNotFound, CheckpointTooNew


class Catalog:
    """Reads the checkpoint directory of a run; writes nothing.

    Args:
        root: the run's checkpoint directory.
        run_id: the run; checkpoints of any other that lie there are left alone.
        trust: hand out files that can run code when they are loaded, too.
    """

    def __init__(self, root: Path, run_id: str, *, trust: bool = False) -> None:
        self.root = Path(root).absolute()
        self.run_id = run_id
        self._trust = trust
        self._entries: tuple[Manifest, ...] = ()
        self._unreadable: dict[str, CheckpointDamaged | CheckpointTooNew] = {}
        self._pins: dict[str, str] = {}
        self.refresh()

    @property
    def entries(self) -> tuple[Manifest, ...]:
        """All manifests of this run, by step and time of creation, the oldest first."""
        return self._entries

    @property
    def pins(self) -> dict[str, str]:
        """Who holds which checkpoint."""
        return dict(self._pins)

    @property
    def best(self) -> Checkpoint | None:
        """The newest that is tagged ``best``."""
        return self._checkpoint(best_of(self._entries))

    @property
    def last(self) -> Checkpoint | None:
        """The newest; never a link to another one."""
        return self._checkpoint(last_of(self._entries))

    def refresh(self) -> None:
        """Read the directory again. A manifest that cannot be read is remembered, and reported by `newest_sound`."""
        found: list[Manifest] = []
        self._unreadable = {}
        for directory in sorted(self.root.iterdir()) if self.root.is_dir() else []:
            if step_of(directory.name) is None or directory.is_symlink() or not directory.is_dir():
                continue
            try:
                manifest = read_manifest(directory)
                if manifest.name != directory.name:
                    raise CheckpointDamaged(directory, "manifest.json", f"it belongs to {manifest.name}")
            except (CheckpointDamaged, CheckpointTooNew) as error:
                self._unreadable[directory.name] = error
            else:
                if manifest.run_id == self.run_id:
                    found.append(manifest)
        self._entries = tuple(sorted(found, key=lambda entry: entry.age))
        self._pins = self._known_pins()

    def find(self, key: str) -> Checkpoint:
        """Return a checkpoint by its name, ``best``, ``last``, the owner of a pin, or a tag (the newest that has it).

        Raises:
            CheckpointNotFound: there is none; the message lists what there is.
        """
        special = {"best": best_of(self._entries), "last": last_of(self._entries)}
        named = {entry.name: entry for entry in self._entries}
        pinned = {owner: named[name] for owner, name in self._pins.items() if name in named}
        tagged = {tag: entry for entry in self._entries for tag in entry.tags}
        for known in (named, special, pinned, tagged):
            entry = known.get(key)
            if entry is not None:
                return Checkpoint(self.root / entry.name, entry, trusted=self._trust)
        there = ", ".join([*named, *(word for word in sorted({*special, *pinned, *tagged}) if named)]) or "none yet"
        raise CheckpointNotFound(f"{self.root} has no checkpoint {key!r}. There is: {there}.")

    def newest_sound(
        self,
        before_step: int | None = None,
        on_damage: Callable[[CheckpointDamaged], None] | None = None,
        containing: Collection[str] = (),
    ) -> Checkpoint | None:
        """Return the newest checkpoint of which every byte is what was committed, or None.

        Args:
            before_step: look only at checkpoints of an earlier step.
            on_damage: told of each damaged one that is passed over.
            containing: names of files that it must hold, such as ``state.json`` for a resume.

        Raises:
            CheckpointTooNew: a newer Lineside wrote a newer one; passing it over would rewind the run in silence.
        """
        known = {entry.name: entry for entry in self._entries}
        ages = {name: entry.age for name, entry in known.items()}
        # Of an unreadable one nothing is known but the step in its name; it is reported before those of that step.
        ages |= {name: (step_of(name) or 0, "~", name) for name in self._unreadable}
        for name in sorted(ages, key=lambda name: ages[name], reverse=True):
            if before_step is not None and ages[name][0] >= before_step:
                continue
            try:
                if name in self._unreadable:
                    raise self._unreadable[name]
                if all(part in known[name].files for part in containing):
                    checkpoint = Checkpoint(self.root / name, known[name], trusted=self._trust)
                    checkpoint.verify()
                    return checkpoint
            except CheckpointDamaged as error:
                if on_damage is not None:
                    on_damage(error)
        return None

    def _checkpoint(self, entry: Manifest | None) -> Checkpoint | None:
        return Checkpoint(self.root / entry.name, entry, trusted=self._trust) if entry else None

    def _known_pins(self) -> dict[str, str]:
        """Return the pins of the index or, where a later commit makes it old, those of the newest manifest."""
        index = read_index(self.root)
        newest = max(self._entries, key=lambda entry: entry.created, default=None)
        pins = newest.pins if newest is not None else {}
        if index is not None and index.run_id == self.run_id and (newest is None or newest.name in index.names):
            pins = index.pins
        names = {entry.name for entry in self._entries}
        return {owner: name for owner, name in pins.items() if name in names}
