"""Who sends deliveries of which kind; loaded by name in the processes that send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SENDERS: Final[Mapping[str, str]] = {"alert": "lineside.alerts.channels.sender:AlertSender"}
"""``module:Class`` by kind; each class is a `lineside.ports.Sender`."""
