"""A run for steps that are taken back: what is said to it is heard by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineside.control import Kind
from lineside.ports import Alert, MediumKind
from lineside.voice import Voice


def unheard(run: Any) -> Any:
    """Return a stand-in for a run.

    Reads come from the real one. What is set stays in the stand-in, and what is logged or asked for goes nowhere.
    """
    return _Unheard(run)


class _Unheard(Voice):
    def __init__(self, run: Any) -> None:
        self._run = run

    def __getattr__(self, name: str) -> Any:
        """Read from the real run."""
        return getattr(self._run, name)

    @property
    def _author(self) -> str:
        return "nobody"

    def _ask(self, kind: Kind, reason: str, **arguments: Any) -> None:
        """Ask nobody."""

    def publish_medium(self, kind: MediumKind, tag: str, data: Any) -> None:
        """Publish nothing."""

    def raise_alert(self, alert: Alert) -> None:
        """Warn nobody."""

    def log(self, values: Mapping[str, Any]) -> None:
        """Log nothing."""

    def retain(self, *policies: Any) -> None:
        """Keep to the policies that there are."""

    def offload(self, target: str, arguments: Mapping[str, Any], key: str | None = None, **options: Any) -> None:
        """Do no work elsewhere."""

    def gradients_ready(self, *_: object) -> None:
        """Announce no gradients."""

    def stepped(self) -> None:
        """Count no step."""
