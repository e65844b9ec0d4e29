from __future__ import annotations

from pathlib import Path

from lineside.cli.checkup.deliveries import check_deliveries
from lineside.outbox.ledger import Ledger
from lineside.outbox.limits import Limits
from lineside.outbox.outbox import Draft, Outbox


def test_a_run_that_has_delivered_everything_has_no_finding(tmp_path: Path) -> None:
    assert list(check_deliveries(tmp_path)) == []


def test_what_waits_and_what_was_given_up_is_found_with_what_to_do(tmp_path: Path) -> None:
    Outbox(tmp_path).record([Draft("alert", to, {}, to) for to in ("$A", "$B", "$B")])
    with Ledger(tmp_path, Limits()) as ledger:
        first, second = ledger.heads()
        ledger.end(first.id, "failed", 1, "no such room")
        ledger.again(second.id, 1, 60.0, "no route to host")
    waiting, given_up = check_deliveries(tmp_path)
    assert waiting.text == "2 deliveries wait for $B (no route to host)."
    assert waiting.remedy == f"lineside deliver {tmp_path.name}"
    assert given_up.text == "1 deliveries were given up."


def test_a_damaged_outbox_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_bytes(b"no database " * 100)
    (finding,) = check_deliveries(tmp_path)
    assert "outbox.db is damaged" in finding.text
