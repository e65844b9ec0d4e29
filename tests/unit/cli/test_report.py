from __future__ import annotations

import json
import sys
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lineside.cli import main
from tests.unit.reports.html.recorded import Recorded

Lineside = Callable[..., int]


@pytest.fixture
def run_dir() -> Iterator[Path]:
    memory = Path("/dev/shm")
    with TemporaryDirectory(prefix="lineside-", dir=memory if memory.is_dir() else None) as directory:
        yield Path(directory)


@pytest.fixture
def recorded(run_dir: Path) -> Recorded:
    run = Recorded(run_dir)
    run.metric("val/loss", [1.0, 0.5])
    run.event("train_start")
    run.end("running")  # and nobody holds its lock: it was killed
    return run


@pytest.fixture
def lineside(monkeypatch: pytest.MonkeyPatch, run_dir: Path) -> Lineside:
    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["lineside", "report", *arguments, "--run-dir", str(run_dir)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return call


def test_the_page_of_a_killed_run_by_a_part_of_its_name(
    lineside: Lineside, recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lineside("cnn") == 0
    written = recorded.path / "report.html"
    assert capsys.readouterr().out == f"{written}\n"
    assert "</span>killed</p>" in written.read_text("utf-8")


def test_elsewhere_in_chinese_as_json_and_shown(
    lineside: Lineside,
    recorded: Recorded,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    page = tmp_path / "page.html"
    assert lineside("last", "--lang", "zh", "--output", str(page), "--json", "--open") == 0
    assert json.loads(capsys.readouterr().out) == {"report": str(page)}
    assert '<html lang="zh-CN">' in page.read_text("utf-8")
    assert shown == [page.as_uri()]


def test_a_run_that_there_is_not_and_a_place_that_cannot_be_written(
    lineside: Lineside, recorded: Recorded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lineside("vgg") == 1
    assert "There is no run 'vgg'" in capsys.readouterr().err
    assert lineside("cnn", "-o", str(tmp_path / "no" / "page.html")) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_language_that_there_is_not_is_wrong_usage(
    lineside: Lineside, recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lineside("cnn", "--lang", "fr") == 2
    assert "'fr'" in capsys.readouterr().err
