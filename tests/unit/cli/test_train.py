from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lineside.cli import main
from lineside.store.catalogue import find_runs
from lineside.store.reader import RunReader

ROOT = Path(__file__).resolve().parents[3]
TOYS = "tests.unit.config.toys"
FILE = f"""\
model: {TOYS}:Net
data: {TOYS}:loaders
optimizer:
  torch.optim:SGD: {{lr: 0.1, momentum: 0.9}}
loss: torch.nn.functional:cross_entropy
metrics:
  accuracy: {TOYS}:accuracy
callbacks:
  - model-checkpoint
trainer:
  project: toys
  epochs: 3
"""


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    """Work beside a file `toy.yaml`."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "toy.yaml"
    path.write_text(FILE, "utf-8")
    return path


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["lineside", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lineside", *arguments],
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def losses(directory: Path) -> list[float]:
    with RunReader.open(directory) as reader:
        return list(reader.series("batch/loss").values)


def test_it_trains_tests_and_says_what_came_out(monkeypatch, capsys) -> None:
    assert run(monkeypatch, "train", "toy.yaml", "trainer.epochs=2") == 0
    out = capsys.readouterr().out
    (directory,) = find_runs(Path("runs"), "toys")
    assert directory.status() == "completed"
    for expected in ("epoch 2/2", "all 2 epochs are done", "train/loss ", "val/accuracy ", "test/loss "):
        assert expected in out
    assert f"run   {directory.path.resolve()}\n" in out
    assert "best  " in out


def test_what_a_callback_of_the_file_shows_is_enough(monkeypatch, capsys, config) -> None:
    config.write_text(FILE.replace("- model-checkpoint", "- training-monitor"))
    assert run(monkeypatch, "train", "toy.yaml", "trainer.epochs=1") == 0
    assert capsys.readouterr().out.count("epoch 1/1") == 1
    assert run(monkeypatch, "train", "toy.yaml", "trainer.epochs=1", "--quiet", "callbacks=[]") == 0
    assert "epoch 1/1" not in capsys.readouterr().out


def test_json_is_all_that_stands_in_the_output(monkeypatch, capsys) -> None:
    assert run(monkeypatch, "train", "toy.yaml", "--json", "trainer.epochs=1") == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    (directory,) = find_runs(Path("runs"))
    assert told["run"] == str(directory.path.resolve())
    assert told["reason"] == "the one epoch is done"
    assert {"train/loss", "val/accuracy", "test/loss"} <= told["metrics"].keys()
    assert Path(told["best"]).is_dir()
    assert "epoch 1/1" in captured.err


def test_a_smoke_run_has_a_name_of_its_own(monkeypatch, capsys) -> None:
    assert run(monkeypatch, "train", "toy.yaml", "--smoke", "trainer.epochs=100") == 0
    (directory,) = find_runs(Path("runs"))
    assert directory.name.startswith("run-smoke-")
    assert "test/loss" not in capsys.readouterr().out


@pytest.mark.parametrize(("language", "words"), [("en", "toy.yaml has 2 mistakes:"), ("zh", "toy.yaml 有 2 处错误：")])
def test_mistakes_end_it_with_2_before_anything_is_made(monkeypatch, capsys, language, words) -> None:
    monkeypatch.setenv("LINESIDE_LANG", language)
    assert run(monkeypatch, "train", "toy.yaml", "trainer.epoch=3", "optimizer.lr=fast") == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"lineside: {words}\ncommand line, ")
    assert "Did you mean 'epochs'?" in captured.err
    assert captured.out == ""
    assert not Path("runs").exists()


def test_an_error_of_lineside_ends_it_with_1(monkeypatch, capsys) -> None:
    assert run(monkeypatch, "train", "toy.yaml", "--resume", "nothing") == 1
    assert "There is no run 'nothing'" in capsys.readouterr().err


def test_modules_beside_the_file_are_found(config) -> None:
    other = config.parent / "there"
    other.mkdir()
    (other / "my_parts.py").write_text(f"from {TOYS} import Net, loaders\n")
    (other / "toy.toml").write_text(
        'model = "my_parts:Net"\ndata = "my_parts:loaders"\nloss = "torch.nn:CrossEntropyLoss"\n'
        'optimizer = {"torch.optim:SGD" = {lr = 0.1}}\n[trainer]\nepochs = 1\n'
    )
    done = process("train", "there/toy.toml", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the one epoch is done" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_after_a_signal_it_ends_with_128_and_more_and_goes_on_where_it_was(monkeypatch, config, number) -> None:
    assert run(monkeypatch, "train", "toy.yaml", "--quiet", "trainer.name=whole") == 0
    signalling = f"  - {TOYS}:SignalAt: {{step: 6, signal: {int(number)}, marker: signalled}}\n"
    config.write_text(FILE.replace("  - model-checkpoint\n", f"  - model-checkpoint\n{signalling}"))
    done = process("train", "toy.yaml", "trainer.name=cut")
    assert done.returncode == 128 + number
    assert "To go on: lineside train toy.yaml trainer.name=cut --resume auto\n" in done.stderr
    (cut,) = find_runs(Path("runs"), "toys", "cut")
    assert cut.status() == "interrupted"
    assert run(monkeypatch, "train", "toy.yaml", "trainer.name=cut", "--resume", "auto") == 0
    assert cut.status() == "completed"
    (whole,) = find_runs(Path("runs"), "toys", "whole")
    assert losses(cut.path) == losses(whole.path)


def test_after_a_callback_has_interrupted_it_it_ends_with_75_and_says_how_to_go_on(monkeypatch, capsys, config) -> None:
    limit = "  - TimeLimit: {limit: 1.1 s, reserve: 1 s}\n"
    config.write_text(FILE.replace("  - model-checkpoint\n", f"  - model-checkpoint\n{limit}"))
    assert run(monkeypatch, "train", "toy.yaml", "--quiet", "trainer.epochs=1000000") == 75
    (directory,) = find_runs(Path("runs"))
    assert directory.status() == "interrupted"
    expected = "Interrupted; saved. To go on: lineside train toy.yaml trainer.epochs=1000000 --resume auto\n"
    assert capsys.readouterr().err.endswith(expected)


def test_ctrl_c_before_the_training_ends_it_with_130(monkeypatch, capsys) -> None:
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("lineside.config.loading.load", interrupted)
    assert run(monkeypatch, "train", "toy.yaml") == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_help_loads_nothing_that_only_the_training_needs() -> None:
    code = "import sys, lineside.cli\ntry: lineside.cli.main()\nexcept SystemExit: print(sorted(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code, "train", "--help"], check=True, capture_output=True, text=True)
    loaded = shown.stdout.splitlines()[-1]
    assert [name for name in ("torch", "yaml", "lineside.config") if f"'{name}'" in loaded] == []
