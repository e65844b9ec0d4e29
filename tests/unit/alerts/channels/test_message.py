from __future__ import annotations

from typing import Any

import pytest

from lineside.alerts.channels.message import Message, cut
from tests.unit.alerts.channels.payloads import payload


def test_all_of_it_as_text() -> None:
    lines = Message.of(payload()).plain().splitlines()
    assert lines[:5] == [
        "Warning: val/loss is 12.5 (> 10)",
        "It has held for 2 epochs.",
        "",
        "Run: digits / run-1",
        "At: epoch 3, step 1,240",
    ]
    assert lines[5] == "Machine: gpu-7"
    assert lines[6].startswith("Time: 2026-11-2")


def test_chinese_is_that_of_the_alert_and_not_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "en")
    said = Message.of(payload(language="zh", title="损失异常", text="", attempt=2)).plain()
    assert said.startswith(
        "警告：损失异常\n\n训练：digits / run-1\n进度：第 3 轮，第 1,240 步，第 2 次尝试\n机器：gpu-7\n时间："
    )


def test_an_end_is_over_whatever_its_level() -> None:
    assert Message.of(payload(phase="end", level="info")).heading.startswith("Over: ")


@pytest.mark.parametrize("field", ["title", "project", "run", "machine"])
def test_names_of_others_cannot_begin_a_line(field: str) -> None:
    message = Message.of(payload(**{field: "a\nBcc: b\r\u2028c\x1b[2J"}))
    shown = [message.heading, *(value for _, value in message.facts)]
    assert all(text.isprintable() for text in shown)


@pytest.mark.parametrize("letter", ["x", "长", "𝄞"])
@pytest.mark.parametrize("most", [60, 200, 2048])
@pytest.mark.parametrize("field", ["title", "text", "run"])
def test_it_is_cut_by_bytes_of_utf_8_and_never_in_a_character(letter: str, most: int, field: str) -> None:
    long: dict[str, Any] = {field: letter * 3000}
    said = Message.of(payload(**long)).plain(most)
    assert most // 2 - 60 < len(said.encode()) <= most
    assert "…" in said
    if most > 200 and field != "run":
        assert "digits / run-1" in said  # the run is found by it


def test_a_short_text_stays_as_it_is() -> None:
    message = Message.of(payload())
    assert message.plain(2048) == message.plain()


def test_nothing_is_left_where_nothing_fits() -> None:
    assert (cut("abc", 3), cut("abcd", 3), cut("abcd", 2)) == ("abc", "", "")
    assert cut("abcdef", 5) == "ab…"
