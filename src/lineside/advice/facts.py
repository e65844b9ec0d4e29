"""What advice is given on: plain facts about a run and the place that it writes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from lineside.ports import CallbackInfo


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known; a rule says nothing about what is not.

    Attributes:
        callbacks: names, classes and options of the callbacks.
        optimizers: class names.
        schedulers: class names of what changes the learning rate as planned.
        lr: the initial learning rate per parameter group.
        curves: values of validation metrics so far, by canonical name, oldest first.
        directory: where the run writes.
        container: the kind of container that this is, such as ``docker``; None outside of one.
        mount: the mount point that holds `directory`; None where it is not known.
        filesystem: its type, such as ``overlay``; None where it is not known.
        destinations: where alerts go, as references without secrets.
    """

    callbacks: Sequence[CallbackInfo] = ()
    optimizers: Sequence[str] = ()
    schedulers: Sequence[str] = ()
    lr: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    directory: str = ""
    container: str | None = None
    mount: str | None = None
    filesystem: str | None = None
    destinations: Sequence[str] = ()

    def enabled(self, kind: str) -> list[CallbackInfo]:
        """Return the callbacks of a class that are not switched off."""
        return [one for one in self.callbacks if one.kind == kind and one.enabled]

    def plain(self) -> dict[str, Any]:
        """Return the facts as data that JSON holds, without the curves, which a run records anyway."""
        callbacks = [
            {"name": one.name, "kind": one.kind, "enabled": one.enabled, "options": dict(one.options)}
            for one in self.callbacks
        ]
        return {
            "callbacks": callbacks,
            "optimizers": list(self.optimizers),
            "schedulers": list(self.schedulers),
            "lr": dict(self.lr),
            "directory": self.directory,
            "container": self.container,
            "mount": self.mount,
            "filesystem": self.filesystem,
            "destinations": list(self.destinations),
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Any], curves: Mapping[str, Sequence[float]]) -> Self:
        """Return the facts that `plain` gave, with curves.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is something else.
        """
        callbacks = [
            CallbackInfo(str(one["name"]), str(one["kind"]), bool(one["enabled"]), dict(one["options"]))
            for one in data["callbacks"]
        ]
        return cls(
            callbacks=callbacks,
            optimizers=[str(name) for name in data["optimizers"]],
            schedulers=[str(name) for name in data["schedulers"]],
            lr={str(group): float(rate) for group, rate in data["lr"].items()},
            curves=curves,
            directory=str(data["directory"]),
            destinations=[str(one) for one in data.get("destinations", ())],
            **{key: None if data[key] is None else str(data[key]) for key in ("container", "mount", "filesystem")},
        )
