from __future__ import annotations

import io

import pytest

from lineside import Callback
from lineside.checkpoints.retention import KeepLast
from lineside.control import Kind
from lineside.errors import OptionError
from lineside.ports import Alert
from lineside.testing import FakeClock, FakeRun, Offload


class Asker(Callback):
    """Asks for everything once."""

    def on_epoch_end(self, run) -> None:
        run.stop("enough")
        run.save("mine", "why", pin="asker", file="model.pt", weights_only=True)
        run.validate("again")
        run.pause("wait")
        run.unpause("go on")
        run.set_lr(0.5, "0", "faster")
        run.restore("best", "back", weights_only=False)


ASKED = [
    (Kind.STOP, "enough", {}),
    (Kind.SAVE, "why", {"tag": "mine", "pin": "asker", "file": "model.pt", "weights_only": True}),
    (Kind.VALIDATE, "again", {}),
    (Kind.PAUSE, "wait", {}),
    (Kind.UNPAUSE, "go on", {}),
    (Kind.SET_LR, "faster", {"value": 0.5, "group": "0"}),
    (Kind.RESTORE, "back", {"checkpoint": "best", "weights_only": False}),
]


def test_requests_are_written_down_in_order_with_their_author() -> None:
    run = FakeRun([Asker()])
    run.epoch_end(loss=0.5)
    assert [(one.kind, one.reason, one.arguments) for one in run.requests] == ASKED
    assert {(one.author, one.origin, one.step) for one in run.requests} == {("asker", "callback", None)}


def test_requests_from_the_background_bear_their_step() -> None:
    run = FakeRun([Asker(background=True)], batches=3)
    run.epoch_end(loss=0.5)
    assert [(one.kind, one.reason, one.arguments) for one in run.requests] == ASKED
    assert {(one.author, one.origin, one.step) for one in run.requests} == {("asker", "background", 3)}


def test_what_the_test_asks_for_comes_from_the_loop() -> None:
    run = FakeRun()
    run.stop("the test says so")
    assert [(one.author, one.origin) for one in run.requests] == [("loop", "loop")]


def test_values_of_batches_and_epochs_are_logged_in_rows() -> None:
    run = FakeRun(batches=1, clock=FakeClock(unix=100.0))
    run.epoch_end(loss=0.5, val_loss=0.4)
    run.log({"system/disk": 7})
    assert run.logged == [
        (1, 0, 101.0, {"batch/loss": 0.5}),
        (1, 0, 101.0, {"train/loss": 0.5, "lr": 0.1}),
        (1, 0, 101.0, {"val/loss": 0.4}),
        (1, 0, 101.0, {"time/epoch": 1.0}),
        (1, 1, 101.0, {"system/disk": 7.0}),
    ]


class Logger(Callback):
    """Logs within a batch."""

    def on_step_end(self, run) -> None:
        run.log({"train/norm": float(run.step)})


@pytest.mark.parametrize("background", [False, True])
def test_what_a_callback_logs_within_a_batch_is_a_value_of_the_batch(background) -> None:
    run = FakeRun([Logger(background=background)], batches=3)
    run.epoch_end()
    assert [row[3]["batch/norm"] for row in run.logged[:3]] == [1.0, 2.0, 3.0]
    assert run.batch_metrics["train/norm"] == 3.0
    assert run.metrics["train/norm"] == 2.0


def test_media_are_published_as_they_reach_sinks() -> None:
    from matplotlib.figure import Figure

    run = FakeRun()
    run.log_text("note", "hello")
    run.log_figure("curve", Figure())
    run.log_image("digit", [[0, 255], [255, 0]])
    run.log_artifact("out/model.pt")
    assert [(one.kind, one.tag) for one in run.media] == [
        ("text", "note"),
        ("figure", "curve"),
        ("image", "digit"),
        ("artifact", "model.pt"),
    ]
    assert run.media[0].data == "hello"
    assert all(io.BytesIO(one.data).read(8) == b"\x89PNG\r\n\x1a\n" for one in run.media[1:3])


def test_a_metric_that_is_no_number_is_refused_as_in_a_real_run() -> None:
    with pytest.raises(OptionError, match="log_text"):
        FakeRun().log({"loss": "low"})


def test_jobs_are_written_down_and_copied() -> None:
    run = FakeRun()
    arguments = {"values": [1]}
    run.offload("package.module:function", arguments, key="plot")
    arguments["values"].append(2)
    assert run.offloads == [Offload("package.module:function", {"values": [1]}, "plot")]


def test_retention_is_written_down() -> None:
    run = FakeRun()
    run.retain(KeepLast(2))
    assert run.policies == [KeepLast(2)]


def test_alerts_bear_their_author() -> None:
    class Alarm(Callback):
        def on_epoch_end(self, run) -> None:
            run.alert("Too hot", "90 °C", "error", durable=True)

    run = FakeRun([Alarm(), Alarm(name="behind", background=True)])
    run.epoch_end()
    assert run.alerts == [Alert("Too hot", "90 °C", "error", author, True) for author in ("alarm", "behind")]
