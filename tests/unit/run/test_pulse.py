from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

from lineside.progress import Progress
from lineside.run.pulse import QUIET, Pulse
from lineside.run.safe_points import SafePoints
from tests.unit.run.toys import MakeRun, ask, train


@dataclass
class Training:
    """What a pulse reads of a run."""

    stage: str = "train"
    batch: int = 0
    progress: Progress = field(default_factory=Progress)
    points: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(paused=False))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_training_that_moves_is_seen_to_move_in_its_validation_as_well() -> None:
    run, clock = Training(), Clock()
    pulse = Pulse(run, clock)  # type: ignore[arg-type]
    for change in ("step", "batches_done", "epoch"):
        clock.now += QUIET
        setattr(run.progress, change, 1)
        assert pulse.look()["moved"] == clock.now
    clock.now += QUIET
    run.stage, run.batch = "val", 7
    seen = pulse.look()
    assert (seen["moved"], seen["stage"], "at" in seen) == (clock.now, "val", False)


def test_a_pause_is_no_standstill() -> None:
    run, clock = Training(), Clock()
    pulse = Pulse(run, clock)  # type: ignore[arg-type]
    run.points.paused = True
    pulse.look()
    clock.now += 3600
    seen = pulse.look()
    assert (seen["paused"], seen["moved"], "at" in seen) == (True, clock.now, False)


def test_an_attempt_has_begun_when_it_is_beyond_its_first_batch() -> None:
    run = Training(progress=Progress(batches_done=5))  # it was resumed
    pulse = Pulse(run, Clock())  # type: ignore[arg-type]
    assert pulse.look()["begun"] is False
    assert pulse.look()["begun"] is False
    run.progress.batches_done = 6
    assert pulse.look()["begun"] is True


def test_where_nothing_moves_it_tells_where_the_training_thread_stands() -> None:
    run, clock = Training(), Clock()
    made, may_end = threading.Event(), threading.Event()
    pulses: list[Pulse] = []

    def hang_in_here() -> None:
        pulses.append(Pulse(run, clock))  # type: ignore[arg-type]
        made.set()
        may_end.wait()

    thread = threading.Thread(target=hang_in_here)
    thread.start()
    made.wait()
    pulses[0].look()
    clock.now += QUIET
    seen = pulses[0].look()
    may_end.set()
    thread.join()
    assert seen["moved"] == 1000.0
    assert any(line.startswith("run/test_pulse.py:") and line.endswith(" hang_in_here") for line in seen["at"])


def test_the_record_of_a_run_holds_it(make_run: MakeRun) -> None:
    def report(run: object) -> None:
        wiring = made.wiring
        wiring._reported = -1e9
        wiring._report()

    made = make_run(ask("reports", "on_val_end", report))
    with made as run:
        assert isinstance(run.points, SafePoints)
        train(run, epochs=1)
    pulse = run._session.record.pulse
    assert (pulse["stage"], pulse["paused"]) == ("val", False)
