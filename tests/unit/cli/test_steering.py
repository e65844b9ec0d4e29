from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lineside.cli import asking
from lineside.cli.asking import Answer
from lineside.store import Inbox, RunDirectory
from tests.unit.cli.commands import call
from tests.unit.cli.written_runs import killed


@pytest.fixture
def live(tmp_path: Path) -> Iterator[RunDirectory]:
    run = killed(tmp_path)
    run.lock()
    yield run
    run.unlock()


@pytest.mark.parametrize(
    ("arguments", "kind", "expected"),
    [
        (["stop"], "stop", {}),
        (["pause"], "pause", {}),
        (["unpause"], "unpause", {}),
        (["validate"], "validate", {}),
        (["save"], "save", {"tag": "manual"}),
        (["save", "--tag", "mine"], "save", {"tag": "mine"}),
        (["set-lr", "0.001"], "set_lr", {"value": 0.001}),
        (["set-lr", "1e-3", "--group", "head"], "set_lr", {"value": 0.001, "group": "head"}),
        (["set-lr", "0", "--group", "1"], "set_lr", {"value": 0.0, "group": 1}),
    ],
)
def test_each_command_asks_for_what_it_is_called(
    live: RunDirectory, tmp_path: Path, arguments: list[str], kind: str, expected: dict[str, Any]
) -> None:
    command, *rest = arguments
    called = call(command, "dead", *rest, "--reason", "why not", "--no-wait", "--run-dir", tmp_path)
    assert called.code == 0
    assert called.out == f"{live.name}: {kind}: asked; it is applied at the next safe point\n"
    (request,) = Inbox(live.inbox).poll()
    assert (request.kind.word, request.arguments, request.reason) == (kind, expected, "why not")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("cnn", "is over: completed (all 4 epochs are done)"),
        ("lstm", "is over: stopped (enough)"),
        ("broken", "it is failed. Resume it first"),
        ("dead", "it is killed. Resume it first"),
    ],
)
def test_a_run_that_is_over_refuses_at_once_with_3(written: Path, name: str, why: str) -> None:
    called = call("pause", name, "--run-dir", written)
    assert called.code == 3
    assert why in called.out
    assert "refused: " in called.out


@pytest.mark.parametrize(("verdict", "code"), [("applied", 0), ("refused", 3), ("over", 3), ("unanswered", 4)])
def test_exit_codes_tell_the_verdict(
    live: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdict: Any, code: int
) -> None:
    monkeypatch.setattr(asking, "answer", lambda run, request, timeout: Answer(verdict, request, 5, "detail"))
    called = call("stop", "dead", "--run-dir", tmp_path, "--json")
    assert called.code == code
    assert called.document["verdict"] == verdict


def test_no_answer_in_time_ends_with_4(live: RunDirectory, tmp_path: Path) -> None:
    called = call("stop", "dead", "--timeout", "0", "--run-dir", tmp_path)
    assert called.code == 4
    assert "no answer yet: running" in called.out


def test_ctrl_c_leaves_the_request_and_ends_with_130(
    live: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object) -> Answer:
        raise KeyboardInterrupt

    monkeypatch.setattr(asking, "answer", interrupted)
    called = call("stop", "dead", "--run-dir", tmp_path)
    assert called.code == 130
    assert "asked; it is applied at the next safe point" in called.out
    assert len(Inbox(live.inbox).poll()) == 1


def test_the_shape_of_the_json(live: RunDirectory, tmp_path: Path) -> None:
    document = call("save", "dead", "--no-wait", "--run-dir", tmp_path, "--json").document
    assert " ".join(document) == "run kind arguments verdict request step detail"
    assert document["arguments"] == {"tag": "manual"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["set-lr", "dead", "much"], 2, "'value'"),
        (["set-lr", "dead", "inf"], 1, "value=inf is not allowed"),
        (["save", "dead", "--tag", "a\nb"], 1, "tag="),
        (["stop", "dead", "--reason", "two\nlines"], 1, "The reason must be one line"),
        (["stop", "dead", "--timeout", "-1"], 2, "--timeout"),
        (["stop"], 2, "RUN"),
        (["stop", "nobody"], 1, "There is no run 'nobody'"),
    ],
)
def test_wrong_arguments_are_told(
    live: RunDirectory, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    called = call(*arguments, *(["--run-dir", str(tmp_path)] if len(arguments) > 1 else []))
    assert called.code == code
    assert message in called.error
    assert not live.inbox.exists()


def test_chinese_answers_in_chinese(written: Path) -> None:
    assert "被拒绝：" in call("pause", "cnn", "--run-dir", written, language="zh").out
