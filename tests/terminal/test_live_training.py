"""A training in one process, and `lineside` in others."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from tests.unit.cli.commands import Called, call

TRAINING = Path(__file__).with_name("long_training.py")


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("LINESIDE_")} | {"COLUMNS": "120"}


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "lineside", *map(str, arguments)]


class Live:
    """A training that has begun; `lineside` calls a command on its run from another process."""

    def __init__(self, run_dir: Path, kind: str) -> None:
        self.run_dir = run_dir
        self.process = subprocess.Popen(
            [sys.executable, TRAINING, run_dir, kind], stdout=subprocess.PIPE, text=True, env=environment()
        )
        self.directory = Path(line_of(self.process.stdout))

    def lineside(self, name: str, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            command(name, "last", *arguments, "--run-dir", self.run_dir),
            check=False,
            capture_output=True,
            text=True,
            env=environment(),
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def call(self, name: str, *arguments: str, code: int = 0) -> Called:
        """Call a command within this process, which is another one than the training's as well."""
        called = call(name, "last", *arguments, "--run-dir", self.run_dir, width=120)
        assert called.code == code, called
        return called

    def answer(self, name: str, *arguments: str, code: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = self.call(name, *arguments, "--json", code=code).document
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def following(run_dir: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Follow the last run in a process of its own, which is not left behind when a test fails."""
    with subprocess.Popen(
        command("follow", "last", *arguments, "--run-dir", run_dir),
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as follower:
        try:
            yield follower
        finally:
            follower.kill()


def line_of(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().rstrip("\n")


@pytest.fixture
def live(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Live]:
    live = Live(tmp_path, request.param)
    yield live
    live.kill()
    assert live.process.stdout is not None
    live.process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("live", ["trainer"], indirect=True)
def test_a_training_is_steered_and_followed_from_other_processes(live: Live) -> None:
    with following(live.run_dir, "-n", "0") as follower:
        told = [line_of(follower.stdout)]
        assert told == ["● running"]
        said = live.lineside("pause", "--reason", "lunch")
        (step,) = map(int, re.findall(rf"^{live.directory.name}: pause: applied at step (\d+)$", said, re.MULTILINE))
        # That it waits is recorded a moment later; the follower shows it then.
        while told[-1] != "● paused":
            told.append(line_of(follower.stdout))
        assert "● paused" in live.call("show").out
        # A paused run stands still: everything is applied at the same step.
        assert live.answer("set-lr", "0.001", "--reason", "less")["step"] == step
        assert live.answer("set-lr", "0.1", "--group", "nobody", code=3)["verdict"] == "refused"
        saved = live.answer("save", "--tag", "for-lunch")
        assert (saved["verdict"], saved["step"]) == ("applied", step)
        assert (live.directory / "checkpoints" / saved["detail"] / "manifest.json").is_file()
        assert live.answer("validate")["step"] == step
        assert live.answer("unpause")["step"] == step
        said = live.lineside("stop", "--reason", "enough of it")
        assert int(said.split()[-1]) >= step
        told += (follower.stdout.read() if follower.stdout is not None else "").splitlines()
        assert follower.wait() == 0
    assert live.process.wait() == 0
    told = [line.strip() for line in told]
    place = f"step {step:,}"
    assert any(re.fullmatch(rf"{place}  pause by .+ \(lunch\): applied", line) for line in told)
    assert any(re.fullmatch(rf"{place}  set_lr 0\.001 by .+ \(less\): applied", line) for line in told)
    assert any(line.startswith(f"{place}  checkpoint {saved['detail']} (for-lunch)") for line in told)
    assert told[-1] == "● stopped: enough of it"
    assert live.answer("pause", code=3)["verdict"] == "over"
    decisions = live.call("show", "--json").document["decisions"]
    asked = [each["kind"] for each in decisions if each["origin"] == "operator"]
    assert asked == ["pause", "set_lr", "set_lr", "save", "validate", "unpause", "stop"]
    assert live.call("verify").out.count(": sound: ") >= 1


@pytest.mark.parametrize("live", ["loop"], indirect=True)
def test_a_training_that_is_killed_is_shown_as_dead(live: Live) -> None:
    live.answer("pause")
    with following(live.run_dir, "--json") as follower:
        states = (json.loads(line) for line in follower.stdout or ())
        assert any(line["event"] == "state" and line["state"] == "paused" for line in states)
        os.kill(live.process.pid, signal.SIGKILL)
        live.process.wait()
        assert [line["state"] for line in states if line["event"] == "state"] == ["killed"]
        assert follower.wait() == 1
    document = live.call("show", "--json").document
    assert document["state"] == "killed"
    assert document["last_words"]["heartbeat"] > document["created"]
    assert {"batch/loss", "train/loss"} & set(document["last_words"]["metrics"])
    assert "● killed: its process is gone" in live.call("show").out
    refused = live.answer("stop", code=3)
    assert (refused["verdict"], refused["request"]) == ("over", None)
    assert "Resume it first" in refused["detail"]
