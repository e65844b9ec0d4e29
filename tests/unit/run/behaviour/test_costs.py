"""What each callback costs, and who is named for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lineside.dispatch import dispatcher
from lineside.testing.clock import FakeClock
from tests.unit.run.toys import (
    Made,
    MakeRun,
    ask,
    train,
)


def test_of_ten_callbacks_the_slow_one_is_named_with_its_share(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    monkeypatch.setattr(dispatcher, "perf_counter_ns", lambda: round(clock.monotonic() * 1e9))

    def takes(seconds: float) -> Callable[[Any], None]:
        return lambda run: clock.advance(seconds)

    callbacks = [Made(f"quick-{number}", on_batch_end=takes(0.001)) for number in range(9)]
    with make_run(*callbacks, Made("slow", on_batch_end=takes(0.25))) as run:
        run.progress.clock = clock.monotonic
        run.progress.open_clock()
        train(run, epochs=5, validation=None, do=lambda run, value: clock.advance(0.241))
    assert run.elapsed == pytest.approx(10 * 0.5)
    assert run.summary is not None
    lines = run.summary.splitlines()
    assert lines[1].split()[:6] == ["slow", "inline", "10", "2.5", "s", "250"]
    assert lines[1].split()[-1] == "50.0%"
    assert lines[2].split()[-1] == "0.2%"
    said = [line for line in lines if " took " in line]
    assert len(said) == 1
    assert said[0].startswith("slow took 50% of the run (2.5 s in 10 calls)")
    assert said[0] in caplog.text


def test_the_summary_is_there_at_teardown_and_not_before(make_run: MakeRun) -> None:
    seen: list[Any] = []
    spy = Made(
        "spy",
        on_train_end=lambda run: seen.append(run.summary),
        on_teardown=lambda run: seen.append(run.summary.splitlines()[0].split()),
    )
    with make_run(spy) as run:
        train(run)
    assert seen == [None, ["callback", "lane", "calls", "total", "mean", "p99", "share"]]


def test_background_callbacks_are_in_the_table_with_their_own_thread(make_run: MakeRun) -> None:
    with make_run(Made("beside", on_epoch_end=lambda run: None, background=True)) as run:
        train(run, epochs=3)
    assert run.summary is not None
    assert run.summary.splitlines()[1].split()[:3] == ["beside", "background", "3"]


def test_callbacks_see_how_long_the_newest_save_took(make_run: MakeRun) -> None:
    seen: list[float | None] = []
    look = Made(
        "look",
        on_batch_end=lambda run: seen.append(run.save_seconds),
        on_checkpoint=lambda run, checkpoint: seen.append(run.save_seconds),
    )
    with make_run(ask("saves", "on_batch_end", lambda run: run.save()), look) as run:
        train(run, epochs=1)
    assert seen[0] is None
    assert seen[1] is not None
    assert seen[1] > 0.0
    assert seen[1] == seen[2]
