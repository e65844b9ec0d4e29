from __future__ import annotations

import math
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lineside.errors import SlurmUnknown
from lineside.slurm import job_end

JOB = {"SLURM_JOB_ID": "4711"}
RECORD = "JobId=4711 JobName=cnn TimeLimit=12:00:00 StartTime=2026-11-20T10:00:00 EndTime={} Deadline=N/A"


def now() -> float:
    return 1_000_000.0


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine with the commands of Slurm that the test writes, and no others."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def command(name: str, script: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return command


def test_outside_of_a_job_there_is_no_end() -> None:
    assert job_end({}, now) is None
    assert job_end({"SLURM_JOB_ID": "", "SLURM_JOB_END_TIME": "2000000"}, now) is None


def test_the_variable_tells_the_end_without_a_question(cluster: Any) -> None:
    cluster("squeue", "exit 1")
    assert job_end(JOB | {"SLURM_JOB_END_TIME": "2000000"}, now) == 2_000_000.0


@pytest.mark.parametrize(
    ("left", "seconds"),
    [("05:30", 330), ("2:05:30", 7530), ("1-02:03:04", 93784), ("0:00", 0), ("UNLIMITED", math.inf)],
)
@pytest.mark.parametrize("variable", [{}, {"SLURM_JOB_END_TIME": "soon"}, {"SLURM_JOB_END_TIME": "0"}])
def test_squeue_tells_the_time_left(cluster: Any, variable: Any, left: str, seconds: float) -> None:
    cluster("squeue", f'[ "$*" = "--noheader --jobs=4711 --format=%L" ] && echo {left}')
    assert job_end(JOB | variable, now) == 1_000_000.0 + seconds


@pytest.mark.parametrize("squeue", ["exit 1", "echo INVALID", "echo NOT_SET", "true", None])
def test_scontrol_tells_the_end_where_squeue_does_not(cluster: Any, squeue: str | None) -> None:
    if squeue is not None:
        cluster("squeue", squeue)
    local = datetime.fromtimestamp(2_000_000, UTC).astimezone()
    record = RECORD.format(f"{local:%Y-%m-%dT%H:%M:%S}")
    cluster("scontrol", f'[ "$*" = "--oneliner show job 4711" ] && echo "{record}"')
    assert job_end(JOB, now) == 2_000_000.0


def test_a_job_whose_end_nobody_knows_says_who_was_asked_and_what_to_do(cluster: Any) -> None:
    cluster("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    cluster("scontrol", f'echo "{RECORD.format("Unknown")}"')
    with pytest.raises(SlurmUnknown) as unknown:
        job_end(JOB, now)
    assert str(unknown.value) == (
        "When the Slurm job 4711 ends is unknown: SLURM_JOB_END_TIME is not set; squeue: slurm_load_jobs error: Unable "
        "to contact slurm controller; scontrol: the job's record has no EndTime. Give the job's time yourself, such as "
        "limit='11.5 h'."
    )


def test_a_controller_that_does_not_answer_is_not_waited_for(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineside.slurm._PATIENCE", 0.01)
    cluster("squeue", "exec /bin/sleep 60")
    with pytest.raises(SlurmUnknown, match=r"squeue: .*timed out.*; scontrol: .*No such file"):
        job_end(JOB, now)


def test_the_variables_of_the_process_count_unless_others_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_JOB_END_TIME", "3000000")
    assert job_end() == 3_000_000.0
