from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lineside.control import Kind, Request
from lineside.errors import OptionError
from lineside.ports import RequestInbox
from lineside.store import Inbox

NAME = f"{5:020d}-{'ab' * 16}.json"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    return inbox


def document(**changes: Any) -> bytes:
    return json.dumps({"kind": "stop", "arguments": {}, "reason": "", "author": "me"} | changes).encode()


def refused(path: Path) -> str:
    """Poll a bad file away and return why."""
    inbox = Inbox(path)
    assert inbox.poll() == []
    assert inbox.poll() == []
    (reason,) = (path / "refused").glob("*.reason")
    assert [entry.name for entry in path.iterdir()] == ["refused"]
    return reason.read_text()


def test_a_request_arrives_as_it_was_posted(tmp_path: Path) -> None:
    here = Inbox(tmp_path / "inbox")
    request_id = here.post("set_lr", {"value": 0.01, "group": "head"}, "损失太高", "Li")
    inbox: RequestInbox = Inbox(tmp_path / "inbox")
    assert inbox.poll() == [
        Request(Kind.SET_LR, "损失太高", "Li", "operator", {"value": 0.01, "group": "head"}, id=request_id)
    ]


def test_requests_come_in_order_and_once(path: Path) -> None:
    inbox = Inbox(path)
    posted = [Inbox(path).post(kind, {}, "", "me") for kind in ("pause", "unpause", "save", "validate", "stop")]
    assert [request.id for request in inbox.poll()] == posted
    assert list(inbox.poll()) == []


def test_a_request_stays_until_it_is_answered(path: Path) -> None:
    request_id = Inbox(path).post("stop", {}, "", "me")
    killed = Inbox(path)
    killed.poll()
    resumed = Inbox(path)
    assert [request.id for request in resumed.poll()] == [request_id]
    resumed.done(request_id)
    assert Inbox(path).poll() == []


def test_an_inbox_that_nobody_used_is_empty(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    assert inbox.poll() == []
    inbox.done("something else")


def test_only_what_came_from_here_is_removed(path: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text("{}")
    Inbox(path).done("../outside")
    assert outside.exists()


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("halt", {}, "'halt' cannot be asked"),
        ("restore", {}, "cannot be asked"),
        ("stop", {"now": True}, "stop takes no arguments"),
        ("save", {"tag": ""}, "tag=''"),
        ("save", {"tag": "a\nb"}, "not allowed for save"),
        ("set_lr", {}, "needs a value"),
        ("set_lr", {"value": True}, "value=True"),
        ("set_lr", {"value": -1}, "0 or more"),
        ("set_lr", {"value": float("nan")}, "0 or more"),
        ("set_lr", {"value": float("inf")}, "0 or more"),
        ("set_lr", {"value": 10**400}, "0 or more"),
        ("set_lr", {"value": 0.1, "group": 1.5}, "group"),
    ],
)
def test_a_wrong_request_is_refused_where_it_is_posted(path: Path, kind: str, arguments: dict, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Inbox(path).post(kind, arguments, "", "me")
    assert list(path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"[]", "exactly the fields"),
        (b"[" * 60_000, "not JSON"),
        (b" " * (65 << 10), "at most 65536 bytes"),
        (document(extra=1), "exactly the fields"),
        (document(kind=["stop"]), "cannot be asked"),
        (document(arguments=[]), "no arguments"),
        (document(reason="a\x1b[2J"), "that can be printed"),
        (document(author="x" * 2001), "at most 2000"),
        (document(author=None), "author"),
    ],
)
def test_a_file_that_is_no_request_is_put_aside_with_the_reason(path: Path, data: bytes, message: str) -> None:
    (path / NAME).write_bytes(data)
    assert message in refused(path)
    assert (path / "refused" / NAME).read_bytes() == data
    assert message in str(Inbox(path).refusal(NAME.removesuffix(".json")))


def test_nothing_was_refused_of_what_did_not_come(path: Path) -> None:
    assert Inbox(path).refusal("../../etc/passwd") is None


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(document())
    (path / NAME).symlink_to(secret)
    assert "symbolic links" in refused(path)
    assert secret.exists()


def test_a_pipe_and_a_directory_are_not_waited_for(path: Path) -> None:
    os.mkfifo(path / NAME)
    (path / NAME.replace("5", "6")).mkdir()
    assert Inbox(path).poll() == []
    assert len(list((path / "refused").glob("*.reason"))) == 2


@pytest.mark.parametrize("name", ["note.txt", "x" * 255, "stop.json"])
def test_a_strange_name_is_put_aside(path: Path, name: str) -> None:
    (path / name).write_bytes(document())
    assert "no request's name" in refused(path)


def test_what_is_not_finished_is_left_alone(path: Path) -> None:
    (path / f".{NAME}.tmp").write_bytes(b"{")
    assert Inbox(path).poll() == []
    assert [entry.name for entry in path.iterdir()] == [f".{NAME}.tmp"]


def test_a_file_that_cannot_be_moved_does_not_stop_the_polling(path: Path) -> None:
    (path / "refused").write_text("in the way")
    (path / "junk").write_text("x")
    request_id = Inbox(path).post("stop", {}, "", "me")
    inbox = Inbox(path)
    assert [request.id for request in inbox.poll()] == [request_id]
    assert inbox.poll() == []


def test_a_flood_is_taken_in_portions(path: Path) -> None:
    for number in range(300):
        (path / NAME.replace("0000", f"{number:04d}", 1)).write_bytes(document())
    inbox = Inbox(path)
    assert [len(inbox.poll()) for _ in range(3)] == [256, 44, 0]
