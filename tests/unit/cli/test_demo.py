from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from rich.console import Console

from lineside.cli import demo as story
from lineside.cli import training_process
from lineside.cli.narrator import Narrator
from lineside.cli.training_process import Plan
from lineside.errors import MissingDependency, TrainingFailed
from tests.architecture.repository import ROOT

Told = Callable[[str | None], tuple[bool, str]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Told:
    """Return a function that tells the story of the toy training, and returns the verdict and what was said."""
    monkeypatch.delenv("LINESIDE_LANG", raising=False)
    monkeypatch.setattr(training_process, "MODULE", "tests.unit.cli.toy_training")
    monkeypatch.chdir(ROOT)  # where the toy can be found

    def tell(wrong: str | None = None) -> tuple[bool, str]:
        if wrong is not None:
            monkeypatch.setenv("TOY", wrong)
        page = io.StringIO()
        narrator = Narrator(Console(file=page, width=200))
        return story.tell(narrator, Plan(tmp_path / "runs", "demo", "toy", 3), tmp_path), page.getvalue()

    return tell


def test_a_training_that_is_killed_and_resumes_proves_that_nothing_was_lost(told: Told) -> None:
    proven, said = told(None)
    assert proven
    assert "in epoch 2, soon after step 12" in said
    assert "epoch 2, batch 2 of 10" in said
    assert said.count("equal") == 4
    assert "DIFFERENT" not in said
    assert "MISSING" not in said
    assert re.search(r"save-often +inline", said)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("different", "DIFFERENT"),
        ("forgetful", "did not resume from step 12"),
        ("hasty", "ended before it could be killed in epoch 2"),
    ],
)
def test_what_went_wrong_is_told_and_proves_nothing(told: Told, wrong: str, sentence: str) -> None:
    proven, said = told(wrong)
    assert not proven
    assert sentence in said


def test_a_training_that_fails_is_an_error(told: Told) -> None:
    with pytest.raises(TrainingFailed, match="code 3"):
        told("broken")


@pytest.mark.parametrize(("proven", "code"), [(True, None), (False, 1)])
def test_the_exit_code_is_the_verdict(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, proven: bool, code: int | None
) -> None:
    monkeypatch.setattr(story, "require_libraries", lambda: None)
    monkeypatch.setattr(story, "tell", lambda *_: proven)
    if code is None:
        story.demo(tmp_path, 3)
    else:
        with pytest.raises(typer.Exit) as ended:
            story.demo(tmp_path, 3)
        assert ended.value.exit_code == code


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(story, "require_libraries", lambda: None)
    monkeypatch.setattr(story, "tell", interrupted)
    with pytest.raises(typer.Exit) as ended:
        story.demo(tmp_path, 3)
    assert ended.value.exit_code == 130


def test_missing_libraries_are_named_with_the_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"torch", "matplotlib"}
    monkeypatch.setattr(story, "find_spec", lambda name: importlib.util.find_spec("json") if name in there else None)
    with pytest.raises(MissingDependency) as missing:
        story.require_libraries()
    assert str(missing.value) == (
        "lineside demo needs scikit-learn, TensorBoard, which is not installed. Run: pip install 'lineside[demo]'"
    )
