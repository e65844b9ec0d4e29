"""Inside a worker process: take a delivery, send it, tell what became of it, until the other end hangs up.

Requests and answers are lines of JSON. What senders print is thrown away: it may hold addresses with their secrets.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from lineside.child import be_quiet, leave_with, private_streams
from lineside.outbox.scrub import scrubbed
from lineside.ports.deliveries import Delivery, Sender, TryAgain, Undeliverable
from lineside.secret import Secret


def work(parent: int) -> None:
    """Send what comes through stdin until it ends.

    Args:
        parent: the process that started this one.
    """
    be_quiet()
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    jobs, answers = private_streams()
    leave_with(parent, 0.0)
    senders: dict[str, Sender] = {}

    def answer(message: Mapping[str, Any]) -> None:
        answers.write(json.dumps(message).encode() + b"\n")
        answers.flush()

    with suppress(BrokenPipeError):
        for line in jobs:
            job = json.loads(line)
            try:
                sender = _loaded(job["target"], senders)
            except Exception as error:  # noqa: BLE001 - whatever keeps a sender from being loaded may be mended
                answer({"again": scrubbed(f"{job['target']} cannot be loaded: {error}", job["secrets"])})
                continue
            answer({"begun": True})
            answer(sent(sender, job))


def _loaded(target: str, senders: dict[str, Sender]) -> Sender:
    if target not in senders:
        module, _, name = target.partition(":")
        senders[target] = getattr(import_module(module), name)()
    return senders[target]


def sent(sender: Sender, job: Mapping[str, Any]) -> dict[str, Any]:
    """Send one delivery, and return what became of it: ``sent``, ``again`` or ``never``, each with its reason."""
    secrets = job["secrets"]
    delivery = Delivery(
        *(job["key"], job["kind"], job["destination"], Secret(job["address"]), job["payload"]),
        *(Path(job["directory"]), job["tries"]),
    )
    try:
        sender.send(delivery)
    except Undeliverable as refusal:
        return {"never": scrubbed(refusal.reason, secrets)}
    except TryAgain as failure:
        return {"again": scrubbed(failure.reason, secrets), "after": failure.after}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the message is kept, whatever it is
        return {"again": scrubbed(f"{type(error).__name__}: {error}", secrets)}
    return {"sent": True}
