from __future__ import annotations

import re
from pathlib import Path

import pytest

from lineside.cli.exit_codes import ExitCode, meanings
from lineside.run import safe_points
from tests.unit.cli.commands import call
from tests.unit.cli.written_live import Training

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide" / "terminal.md"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_code_is_explained(monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.setenv("LINESIDE_LANG", language)
    words = meanings().replace("：", ": ").replace("；", "; ").replace(":", "").replace(";", "").split()
    assert [int(word) for word in words if word.isdigit()] == list(ExitCode)


def test_the_guide_has_a_line_for_every_code() -> None:
    table = GUIDE.read_text("utf-8").partition("### Exit codes")[2]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == list(ExitCode)


def test_an_interrupted_training_ends_with_the_code_that_is_explained() -> None:
    assert safe_points.TRY_AGAIN == ExitCode.TRY_AGAIN


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("sohw dead", ExitCode.USAGE),
        ("list --stat failed", ExitCode.USAGE),
        ("list --limit 0", ExitCode.USAGE),
        ("list --limit many", ExitCode.USAGE),
        ("show", ExitCode.USAGE),
        ("list --state runing", ExitCode.FAILED),
        ("show nothing", ExitCode.FAILED),
        ("show cnn -m val/nothing", ExitCode.FAILED),
        ("callbacks nothing", ExitCode.FAILED),
        ("verify cnn:nothing", ExitCode.FAILED),
        ("stop cnn", ExitCode.REFUSED),
    ],
)
def test_what_cannot_be_read_is_usage_and_what_is_not_there_is_a_failure(
    written: Path, arguments: str, code: ExitCode
) -> None:
    words = arguments.split()
    where = [] if words[0] == "callbacks" else ["--run-dir", written]
    assert call(*words, *where).code == code


@pytest.mark.parametrize(("value", "code"), [("fast", ExitCode.USAGE), ("nan", ExitCode.FAILED)])
def test_a_rate_that_is_no_number_is_usage_and_one_that_is_refused_a_failure(
    training: Training, value: str, code: ExitCode
) -> None:
    run = training.run.path
    assert call("set-lr", run, value, "--no-wait").code == code
