from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.unit.cli import written_runs
from tests.unit.cli.commands import call


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("pair")
    written_runs.completed(run_dir, "fast", lr=0.1)
    written_runs.completed(run_dir, "slow", lr=0.05, seed=7)
    return run_dir


def test_runs_stand_side_by_side_with_what_differs(pair: Path) -> None:
    out = call("compare", "fast", "slow", "--run-dir", pair).out
    assert re.search(r"^1 +digits/fast-\S+ +completed +4/4 +20$", out, flags=re.MULTILINE)
    assert re.search(r"^2 +digits/slow-\S+ +completed +4/4 +20$", out, flags=re.MULTILINE)
    assert re.search(r"^ +val/loss +0\.3 +0\.15$", out, flags=re.MULTILINE)
    assert re.search(r"^ +val/accuracy +0\.75 +0\.75$", out, flags=re.MULTILINE)
    assert re.search(r"^ +lr +0\.1 +0\.05$", out, flags=re.MULTILINE)
    assert re.search(r"^ +seed +0 +7$", out, flags=re.MULTILINE)
    assert "model.width" not in out
    assert "batch/loss" not in out
    everything = call("compare", "fast", "slow", "--all", "--run-dir", pair).out
    assert re.search(r"^ +model\.width +32 +32$", everything, flags=re.MULTILINE)


def test_what_one_run_lacks_is_a_dash(written: Path) -> None:
    out = call("compare", "cnn", "lstm", "broken", "--run-dir", written).out
    assert re.search(r"^ +val/loss +0\.3 +– +–$", out, flags=re.MULTILINE)
    assert re.search(r"^ +lr +0\.1 +– +–$", out, flags=re.MULTILINE)


def test_runs_without_a_difference_say_so(pair: Path) -> None:
    out = call("compare", "fast", "fast", "slow", "-m", "val/accuracy", "--run-dir", pair)
    assert [line.split()[0] for line in out.out.splitlines()[1:3]] == ["1", "2"]
    assert "val/loss" not in out.out


def test_the_best_and_not_the_newest_value_is_compared(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written_runs.killed(tmp_path, name=name)
    document = call("compare", "a", "b", "-m", "batch/loss", "--run-dir", tmp_path, "--json").document
    assert [metric["lowest"]["step"] for metric in document["metrics"]["batch/loss"]] == [27, 27]
    out = call("compare", "a", "b", "--run-dir", tmp_path).out
    assert "the same in all runs" in out


@pytest.mark.parametrize("names", [("cnn",), ("cnn", "cnn")])
def test_one_run_cannot_be_compared(written: Path, names: tuple[str, ...]) -> None:
    called = call("compare", *names, "--run-dir", written)
    assert called.code == 1
    assert "name two runs or more" in called.error


def test_a_metric_that_no_run_has_is_an_error(written: Path) -> None:
    called = call("compare", "cnn", "lstm", "-m", "val/nothing", "--run-dir", written)
    assert called.code == 1
    assert "no metric 'val/nothing'" in called.error


def test_the_shape_of_the_json(pair: Path) -> None:
    document = call("compare", "fast", "slow", "--run-dir", pair, "--json").document
    assert list(document) == ["runs", "metrics", "hparams", "environment"]
    assert [list(run) for run in document["runs"]] == [["run", "project", "path", "state"]] * 2
    assert document["hparams"] == {"lr": [0.1, 0.05], "model.width": [32, 32]}
    assert document["environment"]["seed"] == [0, 7]
    assert [metric["value"] for metric in document["metrics"]["val/loss"]] == [pytest.approx(0.3), pytest.approx(0.15)]


@pytest.mark.parametrize("width", [40, 80])
def test_nothing_is_wider_than_the_terminal(pair: Path, width: int) -> None:
    out = call("compare", "fast", "slow", "--all", "--run-dir", pair, width=width, language="zh").out
    assert max(map(cell_len, out.splitlines())) <= width
