"""Senders that do what a payload says; each is loaded in a worker process."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from lineside.ports import Delivery, TryAgain, Undeliverable


class Toy:
    kind = "alert"

    def send(self, delivery: Delivery) -> None:
        what = delivery.payload["title"]
        print("printed, with", delivery.address.reveal())
        print("printed, with", delivery.address.reveal(), file=sys.stderr)
        if what == "write":
            (delivery.directory / "sent").write_text(delivery.key)
        elif what == "again":
            raise TryAgain(f"no answer from {delivery.address.reveal()}", 7.0)
        elif what == "never":
            raise Undeliverable("no such room")
        elif what == "leak":
            raise Undeliverable(f"nobody lives at {delivery.address.reveal()}")
        elif what == "raise":
            raise ValueError(f"cannot parse {delivery.address.reveal()}")
        elif what == "exit":
            sys.exit(3)
        elif what == "hang":
            time.sleep(1000.0)
        elif what == "append":
            with Path(delivery.directory, "sent").open("a", encoding="utf-8") as file:
                file.write(f"{delivery.key}\n")
