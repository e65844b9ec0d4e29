"""Callbacks that raise alerts, and send them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from lineside.callback import Callback
from lineside.events import Event
from lineside.testing.catalogue.mailbox import Mailbox
from lineside.testing.catalogue.proof import Proof, TriedHost
from lineside.testing.catalogue.witness import WATCHED
from lineside.testing.requiring import require
from lineside.testing.toy import BATCHES
from lineside.testing.toy_callbacks import Asks


class RaisesAlerts(Proof):
    """The third epoch is out of bounds, the fourth is not."""

    name = "alert"
    shows = "an alert and a checkpoint when its rule begins to hold, and another alert when it ends"
    options: Mapping[str, Any] = {"when": f"{WATCHED} > 10", "then": "save", "plot": False}
    scores = (1.0, 1.0, 20.0, 1.0)

    def check(self) -> None:
        """Look at alerts and checkpoints."""
        self.steps()
        phases = [one.phase for one in self.witness.alerts if one.author == self.name]
        require(phases == ["begin", "end"], f"Its alerts were {phases}.")
        steps = [one.step for one in self.witness.checkpoints if self.name in one.tags]
        require(steps == [3 * BATCHES], f"It had checkpoints saved at the steps {steps}.")


class SendsMail(Proof):
    """Somebody raises an alert, and it arrives at a mail server on this machine."""

    name = "email-alert"
    shows = "an alert arrives by mail, once"
    said: ClassVar[str] = "The kettle boils"

    def __init__(self, host: TriedHost, place: Path) -> None:
        super().__init__(host, place)
        self._mailbox = Mailbox()

    def make(self, **options: Any) -> Callback:
        """Return one that knows the mail server."""
        server = f"mailto://127.0.0.1:{self._mailbox.port}?mode=insecure"
        return self._new(to="ada@example.com", server=server, sender="run@example.com", **options)

    def helpers(self) -> list[Callback]:
        """Return what raises an alert."""
        return [Asks(lambda run: run.alert(self.said), Event.EPOCH_END, epoch=1, name="kettle")]

    def make_room(self) -> None:
        """Empty the mailbox."""
        self._mailbox.mails.clear()

    def close(self) -> None:
        """Close the mail server."""
        self._mailbox.close()

    def check(self) -> None:
        """Look for the mail."""
        subjects = [str(mail["subject"]) for mail in self._mailbox.mails]
        require(sum(self.said in one for one in subjects) == 1, f"Mails that arrived: {subjects}")
        require("ada@example.com" in str(self._mailbox.mails[0]["to"]), "It went to somebody else.")
