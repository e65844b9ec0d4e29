from __future__ import annotations

import json

import pytest
from rich.text import Text

from lineside.cli.terminal import console, heading, indented, print_json, printable, table


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("损失 loss", "损失 loss"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        (3, "3"),
    ],
)
def test_what_could_steer_a_terminal_is_spelt_out(given: object, shown: str) -> None:
    assert printable(given) == shown


def test_json_is_ascii_and_strict(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"损失": float("nan"), "limits": [float("inf"), -float("inf")], 3: ("\x1b", None, True, 0.5)})
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("\n") == 1
    assert json.loads(out) == {"损失": "nan", "limits": ["inf", "-inf"], "3": ["\x1b", None, True, 0.5]}


def test_a_file_is_wide_unless_somebody_says_how_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console().width == 240
    monkeypatch.setenv("COLUMNS", "50")
    assert console().width == 50


def test_markup_in_names_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    out = console()
    heading(out, "[red]title[/red]")
    rows = table("[b]a[/b]", {"header": "b", "justify": "right"})
    rows.add_row("[x]", Text("[y]"))
    out.print("[red]:smile:")
    indented(out, rows)
    assert capsys.readouterr().out.splitlines()[1:3] == ["[red]title[/red]", "[red]:smile:"]
