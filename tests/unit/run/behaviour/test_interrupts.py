"""SIGTERM and Ctrl-C: a checkpoint within a step, a clean end, and a run that can be resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lineside.run import Run, safe_points
from lineside.store import find_runs
from tests.unit.run.steered import while_paused
from tests.unit.run.toys import (
    Made,
    MakeRun,
    Trace,
    ask,
    status,
    train,
    validate,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")

SCRIPT = Path(__file__).parents[1] / "interrupted.py"


def when(hook: str, number: signal.Signals = signal.SIGTERM, at: Callable[[Any], bool] = lambda run: True) -> Made:
    """Return a callback that signals its own process at a hook, once."""
    sent: list[bool] = []

    def send(run: Any) -> None:
        if not sent and at(run):
            sent.append(True)
            signal.raise_signal(number)

    return Made("signals", **{hook: send})


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_in_training_it_saves_at_the_next_safe_point_and_only_teardown_follows(
    make_run: MakeRun, number: signal.Signals, code: int
) -> None:
    with pytest.raises(SystemExit) as ended, make_run(when("on_batch_start", number), trace := Trace()) as run:
        train(run)
    assert ended.value.code == code
    assert trace.seen[2:] == [
        *("on_epoch_start", "on_batch_start", "on_step_end", "on_batch_end"),
        *("on_checkpoint", "on_teardown"),
    ]
    assert status(run) == "interrupted"
    assert run.reason == f"interrupted by {number.name}"
    assert (run.checkpoints.last.step, run.checkpoints.last.tags) == (1, ("interrupt",))


def test_in_validation_it_does_not_wait_for_the_end_and_the_validation_starts_again(make_run: MakeRun) -> None:
    signals = when("on_val_batch_start", at=lambda run: run.batch == 1)
    with pytest.raises(SystemExit), make_run(signals, trace := Trace()) as run:
        train(run, validation=[1.0, 2.0, 3.0])
    assert trace.seen[-4:] == ["on_val_batch_start", "on_val_batch_end", "on_checkpoint", "on_teardown"]
    assert run.checkpoints.last.step == 2
    with make_run(again := Trace(), resume="auto") as resumed:
        train(resumed, validation=[1.0, 2.0, 3.0])
    assert resumed.history == {"train/loss": [1.5, 1.5], "val/loss": [2.0, 2.0]}
    validation = ["on_val_start", *["on_val_batch_start", "on_val_batch_end"] * 3, "on_val_end"]
    first = again.seen.index("on_train_epoch_end") + 1
    assert again.seen[first : first + 9] == ["on_train_start", *validation]
    assert again.seen.count("on_train_epoch_end") == 2


def test_a_validation_that_was_asked_for_is_done_again_and_its_requests_are_kept(make_run: MakeRun) -> None:
    def both(run: Any) -> None:
        run.validate("look")
        run.save("behind")

    def start(**options: Any) -> tuple[Run, Trace, SystemExit | None]:
        trace = Trace()
        callbacks = [ask("asks", "on_batch_end", both), trace]
        if "resume" not in options:
            callbacks.append(when("on_val_batch_start"))
        run = make_run(*callbacks, validate=lambda: validate(run), **options)
        try:
            with run:
                train(run, epochs=1, validation=None)
        except SystemExit as ended:
            return run, trace, ended
        return run, trace, None

    first, _, ended = start()
    assert ended is not None
    assert first.checkpoints.last.step == 1
    run, trace, ended = start(resume="auto")
    assert ended is None
    assert trace.seen.count("on_val_end") == 1 + 1  # the second one is that of the next batch, asked for by "asks"
    assert run.step == 2
    assert "val/loss" in run.metrics


def test_between_epochs_it_ends_at_the_safe_point_of_the_epoch(make_run: MakeRun) -> None:
    with pytest.raises(SystemExit), make_run(when("on_epoch_end"), trace := Trace()) as run:
        train(run)
    assert trace.seen[-3:] == ["on_fit_epoch_end", "on_checkpoint", "on_teardown"]
    with make_run(trace := Trace(), resume="auto") as resumed:
        train(resumed)
    assert resumed.history == {"train/loss": [1.5, 1.5], "val/loss": [3.0, 3.0]}
    assert trace.seen.count("on_epoch_end") == 2


def test_behind_the_last_safe_point_the_training_ends_and_then_the_process(make_run: MakeRun) -> None:
    with pytest.raises(SystemExit) as ended, make_run(when("on_teardown"), trace := Trace()) as run:
        train(run)
    assert ended.value.code == 143
    assert trace.seen[-2:] == ["on_train_end", "on_teardown"]
    assert status(run) == "completed"


def test_a_paused_run_can_be_interrupted_and_is_paused_when_it_is_resumed(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_points, "PAUSE_POLL", 0.001)
    pauses = ask("pauses", "on_batch_end", lambda run: run.pause("lunch"))
    signals = ask("signals", "on_batch_start", lambda run: while_paused(run, lambda: signal.raise_signal(15)))
    with pytest.raises(SystemExit), make_run(pauses, signals) as run:
        train(run)
    assert status(run) == "interrupted"
    waited: list[int] = []
    with make_run(resume="auto") as resumed:
        while_paused(resumed, lambda: (waited.append(resumed.step), resumed.unpause()))
        train(resumed)
    assert waited == [1]
    assert resumed.step == 4


def test_a_pause_and_a_signal_at_one_safe_point_do_not_hang(make_run: MakeRun) -> None:
    pauses = ask("pauses", "on_batch_end", lambda run: run.pause("lunch"))
    with pytest.raises(SystemExit), make_run(pauses, when("on_batch_end")) as run:
        train(run)
    assert status(run) == "interrupted"


def test_a_second_ctrl_c_goes_through_exception_and_earlier_commits_stay(make_run: MakeRun) -> None:
    saves = ask("saves", "on_batch_end", lambda run: run.save())

    def twice(run: Run, value: float) -> None:
        if run.step == 2:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), make_run(saves, trace := Trace()) as run:
        train(run, do=twice)
    assert trace.seen[-2:] == ["on_exception", "on_teardown"]
    assert status(run) == "failed"
    assert run.checkpoints.newest_sound().step == 1


def test_the_former_handlers_are_back_afterwards(make_run: MakeRun) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with make_run() as run:
        train(run)
        assert signal.getsignal(signal.SIGTERM) != before[1]
    with pytest.raises(SystemExit), make_run(when("on_batch_end")) as run:
        train(run)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_in_another_thread_a_run_leaves_signals_alone(make_run: MakeRun) -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[Any] = []

    def work() -> None:
        with make_run() as run:
            train(run, do=lambda run, value: seen.append(signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert set(seen) == {before}
    assert len(seen) == 4


def spoken(run_dir: Path, where: str, signals: list[signal.Signals]) -> tuple[int, list[str]]:
    """Train in a process of its own, send each signal when it is ready, and return its exit code and what it said."""
    waiting, said = list(signals), []
    with subprocess.Popen(
        [sys.executable, SCRIPT, str(run_dir), where, str(len(signals))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "ready\n":
                process.send_signal(waiting.pop(0))
            else:
                said.append(line.strip())
        return process.wait(60), said


@pytest.mark.parametrize(
    ("where", "signals", "code", "said", "ended", "step"),
    [
        ("training", [signal.SIGTERM], 143, ["on_teardown 3"], "interrupted", 3),
        ("validation", [signal.SIGINT], 130, ["on_teardown 4"], "interrupted", 4),
        (
            "training",
            [signal.SIGINT, signal.SIGINT],
            -signal.SIGINT,
            ["on_exception KeyboardInterrupt", "on_teardown 3"],
            "failed",
            None,
        ),
    ],
)
def test_a_process_ends_with_the_documented_code(
    run_dir: Path, where: str, signals: list[signal.Signals], code: int, said: list[str], ended: str, step: int | None
) -> None:
    assert spoken(run_dir, where, signals) == (code, said)
    (directory,) = find_runs(run_dir)
    assert directory.status() == ended
    saved = sorted(path.name for path in directory.checkpoints.iterdir() if path.name.startswith("epoch"))
    assert len(saved) == (step is not None)
    assert all(f"step{step:08d}" in name for name in saved)
