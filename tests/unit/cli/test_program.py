from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import lineside
from lineside.cli import main, program
from lineside.errors import NothingToResume


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["lineside", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture(autouse=True)
def wide_and_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("LINESIDE_LANG", raising=False)


def test_the_version_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"lineside {lineside.__version__}\n"


@pytest.mark.parametrize(
    ("language", "of_the_program", "of_the_demo"),
    [
        ("en", "Exit codes: 0 done", "The most epochs to train."),
        ("zh", "退出码：0 完成", "最多训练多少轮。"),
    ],
)
def test_help_speaks_the_language_of_the_reader(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    language: str,
    of_the_program: str,
    of_the_demo: str,
) -> None:
    monkeypatch.setenv("LINESIDE_LANG", language)
    assert run(monkeypatch, "--help") == 0
    assert of_the_program in capsys.readouterr().out
    assert run(monkeypatch, "demo", "--help") == 0
    assert of_the_demo in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [("dmeo",), ("demo", "--epochs", "1"), ("demo", "--epoch", "3"), ("--verison",)])
def test_a_wrong_command_or_option_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert arguments[-1 if arguments[-1].startswith("--") or len(arguments) == 1 else 1] in capsys.readouterr().err


def test_an_error_of_lineside_is_a_message_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise NothingToResume("There is no run 'a'.")

    def with_broken() -> typer.Typer:
        app = typer.Typer(pretty_exceptions_enable=False)
        app.callback()(lambda: None)
        app.command()(broken)
        return app

    monkeypatch.setattr(program, "program", with_broken)
    assert run(monkeypatch, "broken") == 1
    assert capsys.readouterr().err == "lineside: There is no run 'a'.\n"


def test_names_in_an_error_do_not_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "show", "a\x1b[31m", "--run-dir", str(tmp_path)) == 1
    assert r"lineside: There is no run 'a\x1b[31m'" in capsys.readouterr().err


def test_a_terminal_that_cannot_show_a_character_gets_another(tmp_path: Path) -> None:
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii", "LINESIDE_LANG": "zh"}
    shown = subprocess.run(
        [sys.executable, "-m", "lineside", "list", "--run-dir", tmp_path],
        env=ascii_only,
        check=True,
        capture_output=True,
    )
    assert b"???" in shown.stdout


def test_an_unknown_language_is_a_message_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "klingon")
    assert run(monkeypatch, "--help") == 1
    assert "LINESIDE_LANG='klingon' is unknown" in capsys.readouterr().err


def test_help_loads_no_framework() -> None:
    code = "import sys, lineside.cli\ntry: lineside.cli.main()\nexcept SystemExit: print(sorted(sys.modules))"
    shown = subprocess.run(
        [sys.executable, "-c", code, "--help"], env=dict(os.environ), check=True, capture_output=True, text=True
    )
    loaded = shown.stdout.splitlines()[-1]
    assert "'lineside.cli.overview'" in loaded
    unwanted = ("torch", "numpy", "sklearn", "pydantic", "lineside.run", "lineside.cli.demo", "lineside.store.reader")
    assert [name for name in unwanted if f"'{name}'" in loaded] == []


def test_python_m_lineside_is_the_command() -> None:
    shown = subprocess.run([sys.executable, "-m", "lineside", "--version"], check=True, capture_output=True, text=True)
    assert shown.stdout == f"lineside {lineside.__version__}\n"
