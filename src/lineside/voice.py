"""What a callback may publish and ask for: the same words for a live run, its snapshots, and the fake one of tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lineside.control import Kind
from lineside.ports import Alert, Level, MediumKind, Phase


class Voice:
    """Turns words into requests, alerts and media; who hears them, a subclass says."""

    @property
    def _author(self) -> str:
        """Who speaks."""
        raise NotImplementedError

    def _ask(self, kind: Kind, reason: str, **arguments: Any) -> None:
        raise NotImplementedError

    def publish_medium(self, kind: MediumKind, tag: str, data: Any) -> None:
        """Hand a text, picture or file to all sinks."""
        raise NotImplementedError

    def raise_alert(self, alert: Alert) -> None:
        """Hand an alert to the store and to all callbacks."""
        raise NotImplementedError

    def log_text(self, tag: str, text: str) -> None:
        """Publish a text."""
        self.publish_medium("text", tag, text)

    def log_figure(self, tag: str, figure: Any) -> None:
        """Publish a matplotlib figure, which is drawn at once, or PNG bytes."""
        self.publish_medium("figure", tag, figure)

    def log_image(self, tag: str, image: Any) -> None:
        """Publish an image: PNG bytes, or an array (H, W), (H, W, 3) or (H, W, 4), uint8 or float in [0, 1]."""
        self.publish_medium("image", tag, image)

    def log_artifact(self, path: str | Path, name: str | None = None) -> None:
        """Publish a file."""
        self.publish_medium("artifact", name or Path(path).name, str(path))

    def alert(
        self,
        title: str,
        text: str = "",
        level: Level = "warning",
        durable: bool | None = None,
        *,
        phase: Phase = "once",
        plot: str | None = None,
    ) -> None:
        """Raise an alert: recorded, and shown to all callbacks by ``on_alert`` when the present event is over."""
        self.raise_alert(Alert(title, text, level, self._author, durable, phase, plot))

    def stop(self, reason: str) -> None:
        """Ask the run to end: the batch, then validation, epoch hooks, a save, end hooks."""
        self._ask(Kind.STOP, reason)

    def interrupt(self, reason: str) -> None:
        """Ask the run to save and to leave at once, so that it can be resumed."""
        self._ask(Kind.INTERRUPT, reason)

    def save(
        self,
        tag: str = "manual",
        reason: str = "",
        *,
        pin: str | None = None,
        file: str | None = None,
        weights_only: bool = False,
    ) -> None:
        """Ask for a checkpoint; see `lineside.ports.RunView.save`."""
        self._ask(Kind.SAVE, reason, tag=tag, pin=pin, file=file, weights_only=weights_only)

    def validate(self, reason: str = "") -> None:
        """Ask for a validation."""
        self._ask(Kind.VALIDATE, reason)

    def pause(self, reason: str = "") -> None:
        """Ask the run to wait until somebody unpauses or stops it."""
        self._ask(Kind.PAUSE, reason)

    def unpause(self, reason: str = "") -> None:
        """Ask a waiting run to go on."""
        self._ask(Kind.UNPAUSE, reason)

    def set_lr(self, value: float, group: str | int | None = None, reason: str = "") -> None:
        """Ask for a learning rate: a factor on the scheduled one, kept until it is set again."""
        self._ask(Kind.SET_LR, reason, value=value, group=group)

    def restore(self, checkpoint: str, reason: str = "", weights_only: bool = True) -> None:
        """Ask for a checkpoint to be put back: its name, ``best``, ``last``, or the owner of a pin."""
        self._ask(Kind.RESTORE, reason, checkpoint=checkpoint, weights_only=weights_only)
