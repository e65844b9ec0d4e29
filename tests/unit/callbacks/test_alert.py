from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lineside.alerts.rules.loss_spike import LossSpike
from lineside.callbacks.alert import Alert
from lineside.control import Kind
from lineside.errors import AttachError, MonitorError, OptionError
from lineside.secret import Secret
from lineside.testing import FakeRun


def told(run: FakeRun) -> list[tuple[str, str, str]]:
    return [(alert.phase, alert.level, alert.title) for alert in run.alerts]


def losses(*values: float) -> Any:
    return lambda epoch: {"train/loss": 0.5, "val/loss": values[epoch]}


def played(alert: Alert, *values: float, **options: Any) -> FakeRun:
    return FakeRun([alert], **options).play(len(values), losses(*values))


def test_one_alert_when_it_begins_and_one_when_it_is_over() -> None:
    run = played(Alert("val/loss > 10"), 1, 12, 30, 2)
    assert told(run) == [
        ("begin", "warning", "val/loss is 12 (> 10)"),
        ("end", "info", "val/loss is 2, no longer > 10"),
    ]


def test_it_must_have_held_for_a_while_which_the_alert_says() -> None:
    run = played(Alert("val/loss > 10", for_="2 epochs", level="error"), 12, 1, 12, 13, 14)
    assert told(run) == [("begin", "error", "val/loss is 13 (> 10)")]
    assert run.alerts[0].text == "It has held for 2 epochs."


def test_it_speaks_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    run = played(Alert("val/loss > 10", for_="1 epoch"), 12, 1)
    assert [alert.title for alert in run.alerts] == ["val/loss 为 12（> 10）", "val/loss 为 1，不再 > 10"]
    assert run.alerts[0].text == "已持续 1 轮。"


@pytest.mark.parametrize(("then", "kind"), [("stop", Kind.STOP), ("save", Kind.SAVE), ("pause", Kind.PAUSE)])
def test_what_it_asks_of_the_run(then: Any, kind: Kind) -> None:
    run = played(Alert("val/loss > 10", then=then), 1, 12, 13)
    (request,) = run.requests
    assert (request.kind, request.reason, request.author) == (kind, "val/loss is 12 (> 10)", "alert")


def test_the_cool_down_swallows_alerts_but_never_what_they_ask_for() -> None:
    alert = Alert("val/loss > 10", then="save", cool_down="100 s")
    run = played(alert, 12, 1, 12, 1, 12, *[1] * 60, 12)
    assert [phase for phase, *_ in told(run)] == ["begin", "end", "begin"]
    assert run.alerts[2].text == "It also began 2 × since the last alert."
    assert len(run.requests) == 4


def test_nan_is_told_once_and_neither_begins_nor_ends_anything() -> None:
    nan = float("nan")
    run = played(Alert("val/loss > 10"), 12, nan, nan, 12, nan, 1)
    assert [(phase, title) for phase, _, title in told(run)] == [
        ("begin", "val/loss is 12 (> 10)"),
        ("once", "val/loss = nan: val/loss > 10 cannot be told"),
        ("once", "val/loss = nan: val/loss > 10 cannot be told"),
        ("end", "val/loss is 1, no longer > 10"),
    ]


def test_two_metrics_are_compared_when_both_are_fresh() -> None:
    run = FakeRun([Alert("val/loss > train/loss")])
    run.epoch_end({"train/loss": 1.0, "val/loss": 0.5})
    run.batch_end({"train/loss": 0.1})
    run.val_end({"val/loss": 0.4})  # above the loss of the epoch before, which is stale
    assert run.alerts == []
    run.epoch_end({"train/loss": 0.1, "val/loss": 0.4})
    assert [alert.title for alert in run.alerts] == ["val/loss is 0.4 (> train/loss = 0.1)"]


def test_values_of_batches_are_looked_at_as_often_as_one_says() -> None:
    run = FakeRun([Alert("train/loss > 10", every="2 steps", cool_down=None)], batches=100)
    for value in (1.0, 1.0, 20.0, 1.0, 20.0, 20.0, 1.0, 1.0):
        run.batch_end({"train/loss": value})
    assert [phase for phase, *_ in told(run)] == ["begin", "end"]


def test_a_rule_by_name_with_options_or_as_an_object() -> None:
    for when in ({"loss-spike": {"factor": 3.0, "window": 10}}, LossSpike(factor=3.0, window=10)):
        run = FakeRun([Alert(when, every="1 step")], batches=100)
        for value in (*[1.0, 1.1, 0.9, 1.0, 1.0] * 3, 9.0, 9.0, 1.0):
            run.batch_end({"train/loss": value})
        assert told(run) == [
            ("begin", "warning", "train/loss spikes: 9"),
            ("end", "info", "train/loss is usual again: 1"),
        ]


# ---- other sources -------------------------------------------------------------------------------------------------


class Norms:
    """A model whose gradients have a norm."""

    value = 1.0

    def norms(self, kind: str, *, by: Any) -> Mapping[str, float]:
        assert kind == "gradients"
        assert by("layer.weight") == ("total",)
        return {"total": self.value}


def test_gradients() -> None:
    model: Any = Norms()
    run = FakeRun([Alert("exploding-gradient", every="2 steps")], model=model, batches=100)
    for step in range(30):
        model.value = 50.0 if step == 26 else 1.0
        run.batch_end()
    assert [title for *_, title in told(run)] == [
        "The gradient explodes: norm 50", "The gradient norm is usual again: 1",
    ]  # fmt: skip


def test_slow_steps_without_what_is_no_step() -> None:
    run = FakeRun([Alert("slow-step", every="1 step")], batches=1000)
    for _ in range(20):
        run.batch_end()
    run.clock.advance(100.0)
    run.val_end({"val/loss": 1.0})  # a long validation
    run.batch_end()
    assert run.alerts == []
    run.clock.advance(9.0)
    run.batch_end()
    run.batch_end()
    assert [title for *_, title in told(run)] == [
        "Steps are slow: 1e+04 ms each", "Steps take their usual time again: 1000 ms",
    ]  # fmt: skip


class Looks:
    """Stands for the sampler: looks when a test says so, from a thread, as the real one."""

    made: Looks

    def __init__(self, method: Any, interval: float, name: str) -> None:
        self.method, self.interval = method, interval
        Looks.made = self

    def start(self) -> None:
        """Wait to be told."""

    def close(self) -> None:
        """Do not look any more."""
        self.method = lambda: None

    def look(self) -> None:
        thread = threading.Thread(target=self.method)
        thread.start()
        thread.join()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> type[Looks]:
    monkeypatch.setattr("lineside.alerts.lookouts.beside.Sampler", Looks)
    return Looks


def test_a_disk_that_fills_up(looks: type[Looks], monkeypatch: pytest.MonkeyPatch) -> None:
    free = [100 * 2**30]
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free[0]}))
    run = FakeRun([Alert("disk-nearly-full")])
    run.start()
    for free[0] in (6 * 2**30, 4 * 2**30, 3 * 2**30, 8 * 2**30):
        looks.made.look()
    assert looks.made.interval == 30.0
    assert [title for *_, title in told(run)] == [
        "The disk is nearly full: 4 GiB free", "The disk has room again: 8 GiB free",
    ]  # fmt: skip
    run.train_end()


def test_a_training_that_stands_still_and_one_that_pauses(looks: type[Looks]) -> None:
    run = FakeRun([Alert({"stalled": {"after": "60 s"}}, to=["$ALERTS"])])
    run.batch_end()
    looks.made.look()
    run.clock.advance(59.0)
    looks.made.look()
    assert run.alerts == []
    run.clock.advance(2.0)
    looks.made.look()
    looks.made.look()
    run.batch_end()
    looks.made.look()
    assert told(run) == [
        ("begin", "error", "The training stands still for 61 s"),
        ("end", "info", "The training moves again"),
    ]
    assert {alert.author for alert in run.alerts} == {"alert"}


def test_idle_gpus(looks: type[Looks], monkeypatch: pytest.MonkeyPatch) -> None:
    used = {"gpu0": 90.0}
    monkeypatch.setattr("lineside.alerts.lookouts.beside._gpus", lambda _: lambda: used)
    run = FakeRun([Alert("gpu-idle", for_="2 min")])
    run.start()
    for used["gpu0"], seconds in ((1.0, 60.0), (0.0, 60.0), (2.0, 60.0), (80.0, 1.0)):
        run.clock.advance(seconds)
        looks.made.look()
    assert [title for *_, title in told(run)] == ["A GPU idles: gpu0 0 %", "The GPUs work again: gpu0 80 %"]


def test_the_beginning_and_the_end_of_a_run() -> None:
    rules = ("run-finished", "run-failed", "run-resumed", "run-died")
    run = FakeRun([Alert(rule, name=rule) for rule in rules]).play(2)
    assert told(run) == [("once", "info", "Training has finished: all epochs are done")]
    assert run.alerts[0].text == "train/loss 0.5, val/loss 0.75"

    failed = FakeRun([Alert("run-failed")])
    failed.fail(ValueError("password=CANARY"))
    assert told(failed) == [("once", "error", "Training has failed: ValueError")]

    first = FakeRun([Alert("run-resumed")])
    first.epoch_end(val_loss=1.0)
    again = FakeRun.resumed(first.state(), [Alert("run-resumed")])
    again.start()
    assert told(first) == []
    assert told(again) == [("once", "info", "Training goes on at step 2")]


# ---- pictures ------------------------------------------------------------------------------------------------------


def test_a_picture_of_the_metric_goes_with_the_beginning(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from lineside.reports.curves import draw

    run = played(Alert("val/loss > 10", name="watch"), 1, 2, 12, 1, dir=tmp_path)
    begin, end = run.alerts
    assert (begin.plot, end.plot) == ("plots/alerts/watch-6.png", None)
    (job,) = run.offloads
    assert job.target == "lineside.reports.curves:draw"
    assert job.arguments["series"] == {"val/loss": [[2, 0, 1.0], [4, 1, 2.0], [6, 2, 12.0]]}
    draw(**job.arguments)
    assert (tmp_path / begin.plot).read_bytes().startswith(b"\x89PNG")


def test_no_picture_where_there_is_nothing_to_draw_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert played(Alert("val/loss > 10", plot=False), 12).offloads == []
    monkeypatch.setattr("lineside.callbacks.alert.find_spec", lambda _: None)
    run = played(Alert("val/loss > 10"), 12)
    assert (run.offloads, run.alerts[0].plot) == ([], None)


# ---- routes --------------------------------------------------------------------------------------------------------


def test_its_routes_are_for_its_own_alerts_of_any_level() -> None:
    (route,) = Alert("val/loss > 10", name="watch", to="wecombot://${KEY}").routes
    assert route.reference == "wecombot://${KEY}"
    assert route.takes("info", "watch")
    assert not route.takes("error", "other")
    assert Alert("val/loss > 10").routes == ()


def test_what_the_supervisor_tells_goes_where_a_death_is_to_be_told() -> None:
    (route,) = Alert("run-died", to=["wecombot://${KEY}"]).routes
    assert route.takes("error", "supervisor")
    assert not Alert("stalled", to=["wecombot://${KEY}"]).routes[0].takes("error", "supervisor")


def test_an_address_with_a_secret_shows_nowhere() -> None:
    for given in ("slack://a/b/CANARY", Secret("slack://a/b/CANARY")):
        alert = Alert("val/loss > 10", to=[given])
        shown = [repr(alert), repr(alert.routes), str(alert.state_dict()), str(FakeRun([alert]).callbacks)]
        assert "CANARY" not in "".join(shown)
        assert alert.routes[0].reference.startswith("literal:slack-")


def test_what_an_address_lacks_is_said_at_the_start(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    FakeRun([Alert("val/loss > 10", to=["wecombot://${NOT_SET}"])]).start()
    assert "the environment variable NOT_SET is not set" in caplog.text


# ---- names and options ---------------------------------------------------------------------------------------------


def test_a_metric_that_never_comes_ends_the_run_with_the_nearest_name() -> None:
    run = FakeRun([Alert("train/lss > 1")])
    with pytest.raises(MonitorError, match="Did you mean 'train/loss'"):
        run.epoch_end(train_loss=0.5)
    with pytest.raises(MonitorError, match="no validation"):
        FakeRun([Alert("val/loss > 1")], has_validation=False).start()


def test_metrics_that_come_by_the_clock_may_come_late() -> None:
    run = FakeRun([Alert("system/cpu_percent > 90")]).play(2)
    assert [alert.title for alert in run.alerts] == ["alert never saw system/cpu_percent"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "warn"}, "level='warn'. Did you mean 'warning'?"),
        ({"then": "halt"}, "Use 'stop', 'save', 'pause'"),
        ({"for_": "2"}, "is not a duration"),
        ({"cool_down": "often"}, "is not a duration"),
        ({"every": "2 epoch s"}, "every"),
        ({"plot": "yes"}, "plot='yes' must be True or False"),
        ({"to": ["wecom"]}, "is no address"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as refused:
        Alert("val/loss > 10", **options)
    assert message in str(refused.value)


def test_where_a_rule_cannot_be_looked_at() -> None:
    with pytest.raises(OptionError, match="background=True: exploding-gradient looks at the live model"):
        Alert("exploding-gradient", background=True)
    with pytest.raises(OptionError, match="background=False: stalled is looked at by a thread"):
        Alert("stalled", background=False)
    with pytest.raises(OptionError, match="must count optimizer steps"):
        Alert("slow-step", every="10 s")
    with pytest.raises(OptionError, match="must be a time"):
        Alert("stalled", every="10 steps")


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(AttachError, match="alert-2"):
        FakeRun([Alert("val/loss > 10"), Alert("plateau")])


def test_a_resumed_run_with_another_rule_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    first = FakeRun([Alert("val/loss > 10")])
    first.epoch_end(val_loss=12.0)
    again = FakeRun.resumed(first.state(), [Alert("val/loss > 11")])
    again.epoch_end(val_loss=13.0)
    assert "watched val/loss > 10 before and watches val/loss > 11 now" in caplog.text
    assert told(again) == [("begin", "warning", "val/loss is 13 (> 11)")]
