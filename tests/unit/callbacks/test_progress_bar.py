from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from lineside.callback import Callback
from lineside.callbacks import progress_bar
from lineside.callbacks.progress_bar import ProgressBar
from lineside.callbacks.training_monitor import TrainingMonitor
from lineside.errors import OptionError
from lineside.ports import RunView
from lineside.reports.progress_display import Standing
from lineside.testing import CallbackContract, FakeClock, FakeRun


class TestContract(CallbackContract):
    def make(self, **options: Any) -> ProgressBar:
        return ProgressBar(stream=io.StringIO(), **options)


class Recorder:
    """A display that writes down what it is told."""

    def __init__(self) -> None:
        self.standings: list[Standing] = []
        self.lines: list[str] = []
        self.open = False

    def update(self, standing: Standing) -> None:
        self.open = True
        self.standings.append(standing)

    def say(self, line: str) -> None:
        self.lines.append(line)

    def close(self) -> None:
        self.open = False


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(progress_bar, "choose", lambda *_: recorder)
    return recorder


def bar(clock: FakeClock, **options: Any) -> ProgressBar:
    made = ProgressBar(**options)
    made._clock = clock.monotonic
    return made


def fake_run(*others: Callback, **options: Any) -> FakeRun:
    """A run in which each batch takes a second of the clock that the bar looks at."""
    clock = FakeClock()
    given = {name: options.pop(name) for name in ("refresh", "lines", "metrics") if name in options}
    return FakeRun([bar(clock, **given), *others], clock=clock, **options)


def test_a_bar_shows_epoch_batch_loss_and_time_left(recorder: Recorder) -> None:
    run = fake_run(epochs=2, batches=4)
    for loss in (0.5, 0.25, 0.0):
        run.batch_end(loss=loss)
    assert recorder.standings == [
        Standing("epoch 1/2", 1, 4, "loss 0.5000", None),
        Standing("epoch 1/2", 2, 4, "loss 0.2500", 6.0),
        Standing("epoch 1/2", 3, 4, "loss 0.0000", 5.0),
    ]


@pytest.mark.parametrize(("refresh", "shown"), [("1 s", [1, 2, 3, 4, 5, 6]), ("3 s", [1, 4]), ("100 s", [1])])
def test_it_refreshes_no_more_often_than_asked_for(recorder: Recorder, refresh: str, shown: list[int]) -> None:
    run = fake_run(refresh=refresh, batches=6)
    for _ in range(6):
        run.batch_end(loss=0.5)
    assert [standing.done for standing in recorder.standings] == shown


def test_values_are_read_only_when_it_refreshes(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    run = fake_run(refresh="3 s", batches=6)
    view = type(run)

    def batch_metrics(self: FakeRun) -> Any:
        reads.append(self.batch)
        return self._batch_table.view

    monkeypatch.setattr(view, "batch_metrics", property(batch_metrics))
    for _ in range(6):
        run.batch_end(loss=0.5)
    assert sorted(set(reads)) == [0, 3]


def test_an_unknown_length_is_counted(recorder: Recorder) -> None:
    run = fake_run(sized=False)
    run.batch_end(loss=0.5)
    run.batch_end(loss=0.5)
    assert recorder.standings[-1] == Standing("epoch 1", 2, None, "loss 0.5000", None)


def test_the_time_left_is_known_by_steps_as_well(recorder: Recorder) -> None:
    run = fake_run(sized=False)
    run.total_steps = 10
    run.batch_end(loss=0.5)
    run.batch_end(loss=0.5)
    assert recorder.standings[-1].eta == 8.0


def test_a_resumed_epoch_goes_on_where_it_was_at_the_speed_of_this_attempt(recorder: Recorder) -> None:
    first = fake_run(epochs=2, batches=4)
    first.batch_end(loss=0.5)
    first.clock.advance(1000.0)
    first.batch_end(loss=0.5)
    clock = FakeClock()
    again = FakeRun.resumed(first.state(), [bar(clock)], epochs=2, batches=4, clock=clock)
    again.batch_end(loss=0.5)
    again.batch_end(loss=0.5)
    assert [(standing.done, standing.eta) for standing in recorder.standings[-2:]] == [(3, None), (4, 4.0)]


def test_a_validation_in_between_is_shown_and_training_goes_on(recorder: Recorder) -> None:
    run = fake_run(epochs=2, batches=4)
    run.batch_end(loss=0.5)
    run.clock.advance(1.0)
    run.val_end(val_loss=0.5)
    run.clock.advance(1.0)
    run.batch_end(loss=0.5)
    labels = [standing.label for standing in recorder.standings]
    assert labels == ["epoch 1/2", "epoch 1/2  validation", "epoch 1/2"]


def test_a_test_outside_of_training_is_shown(recorder: Recorder) -> None:
    run = fake_run()
    run.emit("on_setup")
    run.stage = "test"
    run.emit("on_test_batch_end")
    assert recorder.standings[-1].label == "test"
    run.emit("on_teardown")
    assert not recorder.open


def test_an_epoch_leaves_a_line(recorder: Recorder) -> None:
    run = fake_run(epochs=2, lr=1e-3)
    run.epoch_end(loss=0.5, val_loss=0.25)
    assert recorder.lines == ["epoch 1/2  loss 0.5000  val_loss 0.2500  lr 1e-3  2.0 s"]


@pytest.mark.parametrize(("enabled", "count"), [(True, 0), (False, 1)])
def test_the_line_is_left_to_a_training_monitor(recorder: Recorder, enabled: bool, count: int) -> None:
    run = fake_run(TrainingMonitor(stream=io.StringIO(), enabled=enabled))
    run.epoch_end(loss=0.5)
    assert len(recorder.lines) == count


@pytest.mark.parametrize("end", ["train_end", "fail", "teardown"])
def test_the_bar_goes_away_however_the_training_ends(recorder: Recorder, end: str) -> None:
    run = fake_run()
    run.batch_end(loss=0.5)
    assert recorder.open
    if end == "train_end":
        run.train_end()
    elif end == "fail":
        run.fail(KeyboardInterrupt())
    else:
        run.emit("on_teardown")
    assert not recorder.open


def test_metrics_of_ones_own_by_any_name(recorder: Recorder) -> None:
    run = fake_run(metrics=["accuracy", "never", "train_loss"])
    run.batch_end(loss=0.5, accuracy=0.75)
    assert recorder.standings[-1].values == "accuracy 0.7500  loss 0.5000"


def test_in_a_log_there_are_plain_lines_every_ten_seconds() -> None:
    out = io.StringIO()
    clock = FakeClock()
    run = FakeRun([bar(clock, stream=out)], clock=clock, epochs=2, batches=25, lr=0.5)
    run.epoch_end(loss=0.5)
    assert out.getvalue().splitlines() == [
        "epoch 1/2  11/25  44 %  loss 0.5000  ETA 0:39",
        "epoch 1/2  21/25  84 %  loss 0.5000  ETA 0:29",
        "epoch 1/2  loss 0.5000  lr 5e-1  25.0 s",
    ]
    assert "\r" not in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    out = io.StringIO()
    clock = FakeClock()
    run = FakeRun([bar(clock, stream=out, lines="1 s")], clock=clock, epochs=1, batches=2)
    run.epoch_end(loss=0.5, val_loss=0.25)
    assert out.getvalue().splitlines() == [
        "第 1/1 轮  2/2  100 %  loss 0.5000  剩余 0:00",
        "第 1/1 轮  loss 0.5000  val_loss 0.2500  学习率 1e-1  2.0 秒",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stdout a terminal; in the body of a test, since pytest itself replaces stdout after the fixtures."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    return shown


class Raising(Callback):
    on_error = "raise"

    def on_batch_end(self, run: RunView) -> None:
        raise RuntimeError("boom")


def test_in_a_terminal_printed_lines_stand_above_the_bar_and_nothing_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = terminal(monkeypatch)
    run = FakeRun([ProgressBar(), TrainingMonitor()], epochs=2)
    run.batch_end(loss=0.5)
    assert sys.stdout is not screen
    print("from the user's script")
    run.epoch_end(loss=0.5)
    run.train_end()
    assert sys.stdout is screen
    shown = screen.getvalue()
    assert "from the user's script\n" in shown
    assert "epoch 1/2  loss 0.5000" in shown
    assert is_cursor_visible(shown)


def is_cursor_visible(shown: str) -> bool:
    return shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_a_failure_gives_the_terminal_back(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    run = FakeRun([ProgressBar(), Raising()])
    with pytest.raises(RuntimeError, match="boom") as caught:
        run.batch_end(loss=0.5)
    assert sys.stdout is not screen
    run.fail(caught.value)
    assert sys.stdout is screen
    assert is_cursor_visible(screen.getvalue())


def test_a_killed_process_leaves_the_cursor_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    run = FakeRun([ProgressBar()])
    run.batch_end(loss=0.5)
    shown = screen.getvalue()
    run.train_end()
    assert is_cursor_visible(shown)


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    monkeypatch.setenv("TERM", "dumb")
    FakeRun([ProgressBar()]).play(1)
    assert screen.getvalue().startswith("epoch 1/1  loss 1.0000")
    assert "\x1b" not in screen.getvalue()


def test_a_second_fit_looks_anew_where_the_output_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    callback = ProgressBar()
    FakeRun([callback]).play(1)
    log = io.StringIO()
    monkeypatch.setattr(sys, "stdout", log)
    FakeRun([callback]).play(1)
    assert "\x1b" in screen.getvalue()
    assert log.getvalue().startswith("epoch 1/1")
    assert "\x1b" not in log.getvalue()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"refresh": "3 steps"}, "refresh='3 steps' must be a time"),
        ({"lines": 10}, "lines=10 is not a duration"),
        ({"display": "terminals"}, "Did you mean 'terminal'"),
        ({"metrics": "loss"}, r"\['loss'\]"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ProgressBar(**options)
