from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineside.testing.robots import Reply, RobotServer
from tests.unit.cli.commands import call
from tests.unit.config.conftest import SOUND

pytest.importorskip("apprise")

KEY = "CANARY-0123456789abcdef"
CONFIG = """\
callbacks:
  - alert:
      when: loss-spike
      to: ["wecombot://${WECOM_KEY}?endpoint=ENDPOINT"]
  - email-alert:
      to: [ada@example.com]
      server: $MAIL_SERVER
"""


@pytest.fixture
def robots(monkeypatch: pytest.MonkeyPatch) -> Iterator[RobotServer]:
    monkeypatch.setenv("WECOM_KEY", KEY)
    with RobotServer(KEY) as server:
        yield server


def test_one_that_arrives(robots: RobotServer) -> None:
    address = f"wecombot://${{WECOM_KEY}}?endpoint={robots.endpoint}"
    called = call("alerts", "test", address, width=None)
    assert (called.code, called.out) == (0, f"{address}: delivered\n")
    assert call("alerts", "test", address, language="zh", width=None).out == f"{address}: 已送达\n"
    english, chinese = robots.received
    assert english.text.startswith("Info: This is a test\nIf you can read it")
    assert chinese.text.startswith("提示：这是一条测试提醒\n看到这条消息")


def test_a_whole_address_in_a_variable(robots: RobotServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTS", f"wecombot://{KEY}?endpoint={robots.endpoint}")
    called = call("alerts", "test", "$ALERTS")
    assert (called.code, called.out) == (0, "$ALERTS: delivered\n")


def test_one_that_is_refused_one_that_is_not_there_and_one_that_lacks_its_secret(
    robots: RobotServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    nobody = "wecombot://${WECOM_KEY}?endpoint=http://127.0.0.1:9"
    robots.replies.append(Reply({"errcode": 93000, "errmsg": f"invalid webhook url {KEY}"}))
    there = f"wecombot://${{WECOM_KEY}}?endpoint={robots.endpoint}"
    called = call("alerts", "test", nobody, width=None)
    assert called.code == 4
    assert called.out == f"{nobody}: not now: the receiver cannot be reached (ConnectionError); a run would try again\n"
    called = call("alerts", "test", nobody, there, "wecombot://${NOT_SET}", width=None)
    assert called.code == 1
    assert called.out.splitlines()[1:] == [
        f"{there}: refused: the receiver answered errcode 93000: invalid webhook url ***",
        "wecombot://${NOT_SET}: cannot be used: the environment variable NOT_SET is not set",
    ]


def test_json(robots: RobotServer) -> None:
    robots.replies.append(Reply("", 429, {"Retry-After": "5"}))
    address = f"wecombot://{KEY}?endpoint={robots.endpoint}"
    called = call("alerts", "test", "--json", address)
    (result,) = called.document
    assert result.pop("destination").startswith("literal:wecombot-")
    assert result == {"outcome": "unreachable", "reason": "the receiver answered 429", "after": 5.0}
    assert called.code == 4
    assert KEY not in called.out


def test_all_that_a_configuration_names(robots: RobotServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_SERVER", "mailtos://localhost:9")
    file = tmp_path / "config.yaml"
    file.write_text(SOUND + CONFIG.replace("ENDPOINT", robots.endpoint), "utf-8")
    called = call("alerts", "test", file, width=None)
    assert called.out.splitlines() == [
        f"wecombot://${{WECOM_KEY}}?endpoint={robots.endpoint}: delivered",
        (
            "${MAIL_SERVER}?to=ada%40example.com: not now: the mail server cannot be reached (ConnectionRefusedError); "
            "a run would try again"
        ),
    ]
    assert called.code == 4
    file.write_text(SOUND + CONFIG.replace("loss-spike", "loss-spkie"), "utf-8")
    called = call("alerts", "test", file, width=None)
    assert called.code == 2
    assert "Did you mean 'loss-spike'?" in called.out


@pytest.mark.parametrize("given", ["nonsense", f"wecomboot://{KEY}"])
def test_what_is_no_address_is_refused_without_showing_it(given: str) -> None:
    called = call("alerts", "test", given)
    assert called.code == 1
    assert called.error
    assert KEY not in called.out + called.error


def test_a_secret_that_stands_in_a_variable_with_a_wrong_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTS", f"wecomboot://{KEY}")
    called = call("alerts", "test", "$ALERTS")
    assert called.code == 1
    assert called.out.startswith("$ALERTS: cannot be used: wecomboot:// is unknown. Did you mean 'wecombot'?")
    assert KEY not in called.out
