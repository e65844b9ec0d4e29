from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lineside.outbox.outbox import Draft, Outbox
from lineside.outbox.routes import write_routes
from lineside.outbox.standing import OutboxStanding
from lineside.ports import Route
from lineside.store import RunDirectory, find_runs
from tests.unit.cli.commands import call


@pytest.fixture
def run(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.setattr("lineside.run.senders.SENDERS", {"alert": "tests.unit.outbox.toy_senders:Toy"})
    monkeypatch.setenv("A", "json://127.0.0.1/")
    original = find_runs(written, "digits", "cnn")[0]
    return RunDirectory(shutil.copytree(original.path, tmp_path / "runs" / "digits" / original.name))


def record(run: RunDirectory, title: str, to: str = "$A") -> None:
    Outbox(run.path).record([Draft("alert", to, {"title": title}, title)])


def deliver(tmp_path: Path, *arguments: str, **options):
    return call("deliver", "cnn", "--run-dir", tmp_path / "runs", "--wait", "20 s", *arguments, **options)


def test_a_run_with_nothing_to_send_is_left_as_it_is(run: RunDirectory, tmp_path: Path) -> None:
    called = deliver(tmp_path)
    assert (called.code, called.out) == (0, "0 sent now, 0 given up\n")
    assert not (run.path / "outbox.db").exists()


def test_what_waits_is_sent(run: RunDirectory, tmp_path: Path) -> None:
    record(run, "append")
    called = deliver(tmp_path, "--json")
    assert called.code == 0
    assert called.document == {
        "run": run.name, "waiting": 0, "sent": 1, "failed": 0, "refused": 0, "queues": [], "failures": [],
        "sent_now": 1, "failed_now": 0, "sending": None,
    }  # fmt: skip
    assert deliver(tmp_path).out.splitlines()[0] == "0 sent now, 0 given up"


def test_what_still_waits_has_a_code_and_a_reason(run: RunDirectory, tmp_path: Path) -> None:
    record(run, "append", "$LOST")
    called = deliver(tmp_path, width=120)
    assert called.code == 4
    assert "1 waiting" in called.out
    assert "the environment variable LOST is not set" in called.out
    assert "'append' has not reached $LOST" in called.error
    chinese = deliver(tmp_path, width=120, language="zh")
    assert chinese.code == 4
    assert "等待 1" in chinese.out


def test_what_is_given_up_has_another(run: RunDirectory, tmp_path: Path) -> None:
    record(run, "never")
    called = deliver(tmp_path, width=120)
    assert called.code == 1
    assert "no such room" in called.out
    shown = call("show", "cnn", "--run-dir", tmp_path / "runs", width=120)
    assert "1 given up" in shown.out
    assert "no such room" in shown.out


def test_another_user_must_trust_first(run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(run, "append")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
    called = deliver(tmp_path)
    assert called.code == 4
    assert "--trust" in called.error
    assert deliver(tmp_path, "--trust").code == 0


def test_a_damaged_outbox_is_named_and_hides_nothing_of_the_run(run: RunDirectory, tmp_path: Path) -> None:
    (run.path / "outbox.db").write_bytes(b"no database " * 100)
    called = deliver(tmp_path)
    assert called.code == 1
    assert "outbox.db is damaged" in called.error
    shown = call("show", "cnn", "--run-dir", tmp_path / "runs", width=200)
    assert shown.code == 0
    assert "outbox.db is damaged" in shown.out
    assert "Checkpoints" in shown.out
    document = call("show", "cnn", "--run-dir", tmp_path / "runs", "--json").document
    assert "outbox.db is damaged" in document["outbox"]["error"]


@pytest.mark.parametrize("wait", ["soon", "3 epochs", "30"])
def test_a_wait_must_be_a_time(run: RunDirectory, tmp_path: Path, wait: str) -> None:
    assert call("deliver", "cnn", "--run-dir", tmp_path / "runs", "--wait", wait).code == 2


# ---- recording -------------------------------------------------------------------------------------------------------


def test_alerts_from_outside_go_along_the_routes_that_the_run_left(run: RunDirectory, tmp_path: Path) -> None:
    died = json.dumps({"title": "append", "level": "error", "author": "supervisor", "key": "died-1"})
    write_routes(run.path, [Route("$A"), Route("$B", authors=frozenset({"rule"}))])
    assert (
        deliver(
            tmp_path,
            "--record-stdin",
            stdin=died,
        ).code
        == 0
    )
    assert len((run.path / "sent").read_text().split()) == 1
    called = deliver(
        tmp_path,
        "--record-stdin",
        "--json",
        stdin=died,
    )
    assert (called.code, called.document["sent"]) == (0, 1)  # the key is known


def test_they_go_where_they_are_told_to(run: RunDirectory, tmp_path: Path) -> None:
    assert deliver(tmp_path, "--record-stdin", "--to", "$A", stdin='{"title": "append", "level": "info"}').code == 0
    assert OutboxStanding.read(run.path).sent == 1


def test_routes_of_another_user_are_not_followed(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_routes(run.path, [Route("$A")])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
    called = deliver(tmp_path, "--record-stdin", stdin='{"title": "append"}')
    assert called.code == 1
    assert "--trust" in called.error
    assert deliver(tmp_path, "--record-stdin", "--trust", stdin='{"title": "append"}').code == 0


def test_routes_that_are_damaged_do_not_keep_an_alert_from_a_destination_that_is_given(
    run: RunDirectory, tmp_path: Path
) -> None:
    (run.path / "routes.json").write_text("{")
    called = deliver(tmp_path, "--record-stdin", "--to", "$A", stdin='{"title": "append"}')
    assert called.code == 0
    assert "routes.json is damaged" in called.error
    assert deliver(tmp_path, "--record-stdin", stdin='{"title": "append"}').code == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "one line of JSON"),
        ("[]", "with a title"),
        ('{"text": "a"}', "with a title"),
        ('{"title": 3}', "must be a text"),
        ('{"title": "a", "txet": "b"}', "Did you mean 'text'"),
        ('{"title": "a", "level": "fatal"}', "use info, warning, error"),
        ('{"title": "a", "phase": []}', "use begin, end, once"),
    ],
)
def test_what_is_no_alert_is_refused(run: RunDirectory, tmp_path: Path, line: str, why: str) -> None:
    called = deliver(tmp_path, "--record-stdin", "--to", "$A", stdin=line)
    assert called.code == 1
    assert why in called.error
    assert not (run.path / "outbox.db").exists()


def test_no_secret_stands_in_an_argument(run: RunDirectory, tmp_path: Path) -> None:
    called = deliver(tmp_path, "--record-stdin", "--to", "wecombot://canary", stdin='{"title": "append"}')
    assert called.code == 1
    assert "must name its secret" in called.error
    assert "canary" not in called.error
    assert deliver(tmp_path, "--to", "$A").code == 2  # without anything to record
