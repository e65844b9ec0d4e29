from __future__ import annotations

import io
import sys

import pytest

from lineside.reports.speech import say


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_text_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    say("hello [bold]", out, "yellow")
    assert out.getvalue() == "hello [bold]\n"


def test_colour_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    say("careful", out, "yellow")
    say("plain", out)
    assert out.getvalue() == "\x1b[33mcareful\x1b[0m\nplain\n"


def test_no_colour_if_the_user_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    say("careful", out, "yellow")
    assert out.getvalue() == "careful\n"


def test_characters_that_the_stream_does_not_know_are_replaced() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    say("轮 1", out)
    assert raw.getvalue() == b"? 1\n"


def test_a_program_without_a_console_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    say("hello")
    assert sys.stdout is None
