"""`AlertSender`: hands an alert to the channel that its address names."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from lineside.alerts.channels.message import Message
from lineside.alerts.channels.native import translated
from lineside.destination import secrets_of
from lineside.errors import MissingDependency, PathOutside
from lineside.files import contained
from lineside.outbox.scrub import scrubbed
from lineside.ports import Delivery, TryAgain, Undeliverable

_DRAWING: Final = 10.0
"""Seconds that an alert waits for its picture, which another process draws."""

_PICTURES: Final = ("mailto", "mailtos", "wecombot", "tgram", "ntfy", "ntfys", "discord", "slack")
"""Schemes of channels that carry pictures."""


class AlertSender:
    """The sender of deliveries of the kind ``alert``; see `lineside.ports.Sender`.

    What it raises shows no secret: reasons are words of its own, and the secrets of the address are taken out of what
    a receiver said.
    """

    kind = "alert"

    def send(self, delivery: Delivery) -> None:
        """Send an alert.

        Raises:
            TryAgain: not this time.
            Undeliverable: never.
        """
        address = delivery.address.reveal()
        try:
            self._carry(address, delivery)
        except TryAgain as again:
            raise TryAgain(scrubbed(again.reason, secrets_of(address)), again.after) from None
        except Undeliverable as never:
            raise Undeliverable(scrubbed(never.reason, secrets_of(address))) from None
        except Exception as error:  # noqa: BLE001 - its message and its frames may hold the address
            raise TryAgain(f"sending failed ({type(error).__name__})") from None

    def _carry(self, address: str, delivery: Delivery) -> None:
        address = translated(address) or address
        scheme = urlsplit(address).scheme.lower()
        payload = delivery.payload
        if scheme in ("https", "http", "private+https"):
            from lineside.alerts.channels import webhook

            webhook.send(address, delivery.key, payload)
            return
        message = Message.of(payload, _picture(delivery) if scheme in _PICTURES else None)
        if scheme in ("mailto", "mailtos"):
            from lineside.alerts.channels import mail

            thread = hashlib.sha256(f"{payload['run']}\n{payload['author']}".encode()).hexdigest()[:24]
            mail.send(address, delivery.key, message, float(payload["time"]), thread)
            return
        try:
            from lineside.alerts.channels import services
        except ModuleNotFoundError:
            missing = MissingDependency(f"{scheme}://", "apprise", "alerts")
            raise TryAgain(str(missing)) from None
        services.send(address, message)


def _picture(delivery: Delivery) -> Path | None:
    """Return the picture of an alert once it is drawn; None if it has none, or drawing takes too long."""
    plot = delivery.payload.get("plot")
    if not isinstance(plot, str):
        return None
    try:
        path = contained(delivery.directory, plot)
    except PathOutside:
        return None
    while not path.is_file():
        if time.time() - float(delivery.payload["time"]) > _DRAWING:
            return None
        time.sleep(0.1)
    return path
