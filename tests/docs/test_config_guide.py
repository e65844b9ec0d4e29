"""The guide to configurations: its file and its Python give the same run, and what it shows is what is there."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from lineside.checkpoints.catalog import Catalog
from lineside.config.loading import load
from lineside.config.names import importable
from lineside.errors import ConfigError
from lineside.store.catalogue import find_runs
from lineside.store.reader import RunReader
from tests.docs.test_documents import ROOT

GUIDE = ROOT / "docs" / "guide" / "config.md"
PACKAGE = ROOT / "examples" / "lineside-bell"


def blocks(language: str) -> list[str]:
    tokens = MarkdownIt("commonmark").parse(GUIDE.read_text("utf-8"))
    return [token.content for token in tokens if token.type == "fence" and token.info.strip() == language]


def run(*command: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "CUDA_VISIBLE_DEVICES": ""}
    environment.pop("RUN_DIR", None)
    done = subprocess.run([sys.executable, *command], env=environment, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(f"{command}\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout


def test_the_file_and_the_python_form_give_the_same_run() -> None:
    parts, in_python = blocks("python")[:2]
    Path("digit_parts.py").write_text(parts, "utf-8")
    Path("config.yaml").write_text(blocks("yaml")[0], "utf-8")
    Path("train.py").write_text(f"from digit_parts import *\n{parts}{in_python}", "utf-8")
    out = run("-m", "lineside", "train", "config.yaml", "trainer.project=file")
    run("train.py")
    (told,), (written,) = find_runs(Path("runs"), "file"), find_runs(Path("runs"), "digits")
    with RunReader.open(told.path) as one, RunReader.open(written.path) as other:
        names = [name for name in one.metric_names() if not name.startswith("time/")]
        assert {"train/loss", "val/accuracy", "test/accuracy", "batch/loss", "lr"} <= set(names)
        for name in names:
            assert list(one.series(name).values) == list(other.series(name).values), name
        advice = [event.data["rule"] for reader in (one, other) for event in reader.events("advice")]
        assert set(advice) <= {"container-volume"}  # what a guide shows follows the advice that Lineside gives
    last = [Catalog(each.checkpoints, each.name).last for each in (told, written)]
    weights = [checkpoint.file("model.safetensors").read_bytes() for checkpoint in last if checkpoint is not None]
    assert len(weights) == 2
    assert weights[0] == weights[1]
    assert f"run   {told.path.resolve()}\n" in out


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[None]:
    """Make the module of the guide importable."""
    Path("digit_parts.py").write_text(blocks("python")[0], "utf-8")
    with importable(tmp_path):
        yield
    sys.modules.pop("digit_parts", None)


@pytest.mark.usefixtures("parts")
def test_the_toml_form_is_sound() -> None:
    Path("config.toml").write_text(blocks("toml")[0], "utf-8")
    assert load("config.toml").model.keywords == {"hidden": 32}


@pytest.mark.usefixtures("parts")
def test_the_command_line_that_is_shown_is_understood() -> None:
    (command,) = [block for block in blocks("console") if "trainer.hparams" in block]
    _, _, *arguments = shlex.split(command.replace("\\\n", ""))
    Path("config.yaml").write_text(blocks("yaml")[0], "utf-8")
    experiment = load(*arguments[:1], arguments[1:])
    assert experiment.fit == {"epochs": 20}
    assert experiment.hparams == {"note": "wider"}
    assert "TensorBoard" in [entry.cls.__name__ for entry in experiment.callbacks]


@pytest.mark.usefixtures("parts")
def test_the_mistakes_that_are_shown_are_those_of_this_file() -> None:
    faulty = blocks("yaml")[0]
    for right, wrong in {
        "optimizer:": "optimiser:",
        "T_max: 8": "T_max: '8'",
        "iron-tri": "iron-tir",
        "accuracy\n\n": "acuracy\n\n",
    }.items():
        assert right in faulty
        faulty = faulty.replace(right, wrong)
    Path("config.yaml").write_text(faulty, "utf-8")
    with pytest.raises(ConfigError) as refused:
        load("config.yaml", ["trainer.epoch=3"])
    assert blocks("text")[0].splitlines()[1:] == str(refused.value).splitlines()


def test_the_package_that_is_shown_is_the_one_in_the_examples() -> None:
    assert blocks("toml")[1] == (PACKAGE / "pyproject.toml").read_text("utf-8")
