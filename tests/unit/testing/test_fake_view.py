from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from lineside import Callback, Records, Sink, every
from lineside.errors import AttachError, CallbackNotFound, NotInline, OptionError
from lineside.events import Event
from lineside.ports import RunView
from lineside.testing import FakeClock, FakeModel, FakeRun


class Watch(Callback):
    """Keeps what it saw, and the run that it saw it in."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.seen: list[str] = []
        self.run: RunView | None = None

    def on_setup(self, run) -> None:
        self.seen.append("setup")
        self.run = run

    def on_validation_end(self, run) -> None:
        self.seen.append("val_end")
        self.run = run

    def on_alert(self, run, alert) -> None:
        self.seen.append(alert.title)


def test_the_real_mapping_of_hooks_is_used() -> None:
    watch = Watch()
    FakeRun([watch]).epoch_end(val_loss=0.3)
    assert watch.seen == ["setup", "val_end"]


def test_single_events_can_be_shown() -> None:
    watch = Watch()
    run = FakeRun([watch])
    run.emit(Event.SETUP)
    run.emit("on_val_end")
    run.emit("on_validation_end")
    assert watch.seen == ["setup", "val_end", "val_end"]
    assert run.step == 0
    with pytest.raises(OptionError, match="on_val_end"):
        run.emit("on_val_ende")


def test_names_and_presets_are_resolved() -> None:
    names = [info.name for info in FakeRun(["iron-triangle", "terminate-on-nan"]).callbacks]
    assert names == ["model-checkpoint", "early-stopping", "reduce-lr-on-plateau", "terminate-on-nan"]
    with pytest.raises(CallbackNotFound):
        FakeRun(["early-stoping"])
    with pytest.raises(AttachError, match="Two callbacks are called 'watch'"):
        FakeRun([Watch(), Watch()])


def test_callbacks_are_called_in_order_and_background_ones_behind() -> None:
    order = []

    class Ordered(Callback):
        def on_setup(self, run) -> None:
            order.append(self.name)

    FakeRun([Ordered(name="a", background=True), Ordered(name="b"), Ordered(name="c")]).start()
    assert order == ["b", "c", "a"]


def test_one_that_is_not_enabled_sees_nothing_and_is_listed() -> None:
    watch = Watch(enabled=False)
    run = FakeRun([watch])
    run.start()
    assert watch.seen == []
    assert [(info.name, info.kind, info.enabled) for info in run.callbacks] == [("watch", "Watch", False)]


def test_ranks_other_than_zero_run_only_what_wants_all() -> None:
    zero, everywhere = Watch(name="zero"), Watch(name="all", ranks="all")
    run = FakeRun([zero, everywhere], rank=1, world_size=2)
    run.start()
    assert (zero.seen, everywhere.seen) == ([], ["setup"])


def test_background_callbacks_get_a_frozen_snapshot_without_the_model() -> None:
    watch = Watch(background=True)
    run = FakeRun([watch], hparams={"depth": 3})
    run.epoch_end(val_loss=0.3)
    run.epoch_end(loss=0.1)
    assert (watch.run.metrics["val_loss"], watch.run.step, run.step) == (0.3, 2, 4)
    assert watch.run.hparams == {"depth": 3}
    with pytest.raises(NotInline, match=r"watch reached for run\.model"):
        _ = watch.run.model


def test_inline_callbacks_get_the_model_and_the_batch() -> None:
    seen = []

    class Inspect(Callback):
        def on_batch_end(self, run) -> None:
            seen.append((run.batch_data, run.outputs, run.loss, dict(run.model.parameters())))

    run = FakeRun([Inspect()], model=FakeModel({"w": [1.0]}))
    run.batch_end(data="batch", outputs="logits", loss=0.5)
    assert seen == [("batch", "logits", 0.5, {"w": [1.0]})]
    assert (run.batch_data, run.outputs, run.loss) == (None, None, None)


def test_every_filters_a_hook_by_steps_epochs_and_the_fake_clock() -> None:
    class Sometimes(Callback):
        def __init__(self) -> None:
            super().__init__()
            self.steps, self.epochs, self.seconds = [], [], []

        @every("3 steps")
        def on_step_end(self, run) -> None:
            self.steps.append(run.step)

        @every("2 epochs")
        def on_epoch_end(self, run) -> None:
            self.epochs.append(run.epoch)

        @every(timedelta(seconds=4))
        def on_batch_end(self, run) -> None:
            self.seconds.append(run.elapsed)

    sometimes = Sometimes()
    FakeRun([sometimes], batches=2).play(5)
    assert sometimes.steps == [3, 6, 9]
    assert sometimes.epochs == [1, 3]
    assert sometimes.seconds == [4.0, 8.0]


def test_sinks_write_what_was_logged_between_events() -> None:
    class Keep(Sink):
        def __init__(self) -> None:
            super().__init__()
            self.records: list[tuple[int, Records]] = []

        def write(self, records, run) -> None:
            self.records.append((run.step, records))

    keep = Keep()
    run = FakeRun([keep], batches=1)
    run.epoch_end(loss=0.5)
    run.log_text("note", "hello")
    run.train_end()
    rows = [row for _, records in keep.records for row in records.rows]
    assert rows == run.logged
    assert [medium.tag for _, records in keep.records for medium in records.media] == ["note"]
    assert all(step == 1 for step, _ in keep.records)


def test_alerts_are_shown_when_the_event_is_over_and_not_endlessly_deep() -> None:
    class Alarm(Callback):
        def on_setup(self, run) -> None:
            run.alert("first")

        def on_alert(self, run, alert) -> None:
            if alert.title == "first":
                run.alert("second")

    watch = Watch()
    FakeRun([Alarm(), watch]).start()
    assert watch.seen == ["setup", "first", "second"]


def test_what_a_callback_raises_reaches_the_test() -> None:
    class Broken(Callback):
        def on_setup(self, run) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        FakeRun([Broken()]).start()


def test_the_directory_is_temporary_unless_given(tmp_path: Path) -> None:
    run = FakeRun()
    path = run.dir
    assert path.is_dir()
    del run
    assert not path.exists()
    assert FakeRun(dir=tmp_path / "run").dir == tmp_path / "run"
    assert (tmp_path / "run").is_dir()


def test_what_callbacks_read_can_be_chosen() -> None:
    clock = FakeClock()
    clock.advance(5.0)
    run = FakeRun(epochs=3, batches=4, has_validation=None, lr={"body": 0.1, "head": 0.2}, clock=clock)
    assert (run.total_epochs, run.total_batches, run.total_steps, run.has_validation) == (3, 4, 12, None)
    assert run.lr == {"body": 0.1, "head": 0.2}
    assert run.elapsed == 0.0
    unsized = FakeRun(epochs=3, sized=False)
    assert (unsized.total_batches, unsized.total_steps) == (None, None)


def test_learning_rates_are_scheduled_scaled_and_set_as_in_a_real_run() -> None:
    class Scales(Callback):
        def on_train_start(self, run) -> None:
            run.scale_lr(0.5)

    run = FakeRun([Scales()], lr={"body": 0.1, "head": 0.4}, schedulers=["StepLR"], optimizers={"": "an optimizer"})
    run.start()
    run.schedule_lr(0.2, "body")
    run.set_lr(0.1, "head")
    run.settle()
    assert run.lr == {"body": 0.1, "head": 0.1}
    assert run.scheduled_lr == {"body": 0.2, "head": 0.4}
    run.add_scheduler(FakeClock())
    assert run.schedulers == ("StepLR", "FakeClock")
    assert run.optimizers == {"": "an optimizer"}
