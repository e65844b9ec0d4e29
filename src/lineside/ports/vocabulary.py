"""The words of the ports: stages, levels, abilities, and the small things that are handed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lineside.metrics import Scalar

Stage = Literal["train", "val", "test", "predict", "export"]
Level = Literal["info", "warning", "error"]
Phase = Literal["begin", "end", "once"]
"""Of an alert: something begins, is over, or happened once."""
MediumKind = Literal["text", "figure", "image", "artifact"]
Capability = Literal[
    "model", "gradients", "batch_data", "set_lr", "schedule_lr", "rehearse", "trials",
    "average", "freeze", "update_bn", "validate", "restore", "resume_in_epoch", "pause", "profile",
    "saved_model",
]  # fmt: skip
"""What a host may be able to do, beyond emitting events."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person should know.

    Attributes:
        title: one line.
        text: more of it.
        level: how bad it is.
        author: who raised it.
        durable: whether its deliveries are on the disk before training goes on; None for warnings and errors alone.
        phase: whether it begins, is over, or happened once.
        plot: a picture of it, relative to the run's directory.
    """

    title: str
    text: str = ""
    level: Level = "warning"
    author: str = ""
    durable: bool | None = None
    phase: Phase = "once"
    plot: str | None = None

    @property
    def is_durable(self) -> bool:
        """Whether its deliveries are on the disk before training goes on."""
        return self.level != "info" if self.durable is None else self.durable


@dataclass(frozen=True, slots=True)
class CallbackInfo:
    """What one callback may know of another: its name, its class and its public options."""

    name: str
    kind: str
    enabled: bool
    options: Mapping[str, Any] = field(default_factory=dict)


LogRow = tuple[int, int, float, Mapping[str, Scalar]]
"""Step, epoch, Unix time, and values by canonical name; batch values stand under ``batch/<metric>``."""
