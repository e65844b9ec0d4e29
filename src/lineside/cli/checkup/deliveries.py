"""What of a run has not arrived where it should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lineside.cli.checkup.finding import Finding
from lineside.errors import StoreError
from lineside.language import text
from lineside.outbox.standing import OutboxStanding


def check_deliveries(directory: Path) -> Iterator[Finding]:
    """Yield a finding for each destination for which deliveries wait, and one for those that were given up.

    Args:
        directory: of a run.
    """
    try:
        standing = OutboxStanding.read(directory)
    except StoreError as error:
        yield Finding("outbox", "warning", str(error))
        return
    for queue in standing.queues:
        why = f" ({queue.detail})" if queue.detail else ""
        yield Finding(
            "outbox",
            "warning",
            text(
                f"{queue.waiting} deliveries wait for {queue.destination}{why}.",
                f"{queue.waiting} 条投递在等待 {queue.destination}{why}。",
            ),
            f"lineside deliver {directory.name}",
        )
    if standing.failed:
        yield Finding(
            "outbox",
            "warning",
            text(f"{standing.failed} deliveries were given up.", f"{standing.failed} 条投递已放弃。"),
            f"lineside show {directory.name}",
        )
