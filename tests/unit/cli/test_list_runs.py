from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from lineside.store import RunDirectory
from tests.unit.cli import written_runs
from tests.unit.cli.commands import call


def test_runs_are_listed_the_newest_first_with_their_states(written: Path) -> None:
    called = call("list", "--run-dir", written)
    lines = called.out.splitlines()
    assert called.code == 0
    assert [line.split()[0].rpartition("-")[0].rpartition("-")[0].rpartition("-")[0] for line in lines[1:]] == [
        "digits/broken",
        "words/lstm",
        "digits/cnn",
        "digits/dead",
    ]
    assert [line.split()[1] for line in lines[1:]] == ["failed", "stopped", "completed", "killed"]
    assert lines[1].split()[2:4] == ["1/10", "3"]
    assert lines[2].split()[2:4] == ["1/10", "3"]
    assert lines[3].split()[2:4] == ["4/4", "20"]
    assert lines[4].split()[2:4] == ["3/10", "25"]
    assert lines[4].endswith(" ago")


def test_project_state_and_limit_choose(written: Path) -> None:
    assert [run["project"] for run in call("list", "--project", "words", "--run-dir", written, "--json").document] == [
        "words"
    ]
    killed = call("list", "--state", "killed", "--run-dir", written, "--json").document
    assert [run["name"] for run in killed] == ["dead"]
    called = call("list", "--limit", "1", "--run-dir", written)
    assert called.out.splitlines()[-1] == "… and 3 older: --limit 4"
    assert len(call("list", "-n", "1", "--run-dir", written, "--json").document) == 1


def test_an_unknown_state_names_the_nearest(written: Path) -> None:
    called = call("list", "--state", "runing", "--run-dir", written)
    assert called.code == 1
    assert "Did you mean 'running'?" in called.error


def test_metrics_are_shown_where_there_are_any(written: Path) -> None:
    runs = call("list", "-m", "val_loss", "-m", "batch/loss", "--run-dir", written, "--json").document
    values = {run["name"]: run["metrics"] for run in runs}
    assert values["cnn"] == {"val_loss": pytest.approx(0.3), "batch/loss": pytest.approx(1 / 4.4)}
    assert values["dead"] == {"val_loss": None, "batch/loss": pytest.approx(1 / 28)}
    assert values["broken"] == {"val_loss": None, "batch/loss": "nan"}
    assert "0.3" in call("list", "-m", "val_loss", "--run-dir", written).out


def test_the_shape_of_the_json(written: Path) -> None:
    run = call("list", "--project", "words", "--run-dir", written, "--json").document[0]
    assert " ".join(run) == "run project path name state reason created updated attempt progress metrics"
    assert run["reason"] == "enough"
    assert run["progress"] == {"epoch": 1, "total_epochs": 10, "step": 3, "total_steps": None}


def test_a_damaged_record_hides_no_other(tmp_path: Path) -> None:
    run = written_runs.killed(tmp_path)
    other = RunDirectory(tmp_path / "digits" / "other")
    other.path.mkdir()
    other.record_path.write_text("{")
    assert [(each["run"], each["state"]) for each in call("list", "--run-dir", tmp_path, "--json").document] == [
        (run.name, "killed"),
        ("other", "damaged"),
    ]
    assert "damaged" in call("list", "--run-dir", tmp_path, "-m", "x").out


def test_no_runs_is_a_sentence_and_an_empty_list(tmp_path: Path) -> None:
    assert call("list", "--run-dir", tmp_path / "nowhere").out.startswith("There are no such runs in ")
    assert call("list", "--run-dir", tmp_path, "--json").document == []


def test_narrow_takes_two_lines_a_run_and_wide_shows_the_reason(written: Path) -> None:
    narrow = call("list", "--run-dir", written, width=44).out.splitlines()
    assert narrow[2].startswith("digits/broken-")
    assert narrow[3].split()[:3] == ["failed", "1/10", "3"]
    assert max(map(len, narrow)) <= 44
    assert "enough" in call("list", "--run-dir", written, width=120).out


def test_names_of_others_do_not_steer_the_terminal(written: Path) -> None:
    out = call("list", "--run-dir", written, width=None).out
    assert "\x1b" not in out
    assert r"no more \x1b[31mred" in out


def test_chinese_columns_stand_in_line(written: Path) -> None:
    lines = call("list", "--run-dir", written, language="zh").out.splitlines()
    assert "状态" in lines[0]
    place = cell_len(lines[0][: lines[0].index("状态")])
    for line, state in zip(lines[1:], ("失败", "已停止", "已完成", "被终止"), strict=True):
        assert cell_len(line[: line.index(state)]) == place
