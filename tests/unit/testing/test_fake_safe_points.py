from __future__ import annotations

import pytest

from lineside import Callback
from lineside.control import Kind, Outcome, Request
from lineside.testing import FakeRun, TraceRecorder


class Ask(Callback):
    """Asks, at one event, for what the test says."""

    def __init__(self, ask, event="on_epoch_end", **options) -> None:
        super().__init__(**options)
        self.ask = ask
        self.event = event

    def on_setup(self, run) -> None:
        self._at("on_setup", run)

    def on_batch_end(self, run) -> None:
        self._at("on_batch_end", run)

    def on_epoch_end(self, run) -> None:
        self._at("on_epoch_end", run)

    def on_checkpoint(self, run, checkpoint) -> None:
        self._at("on_checkpoint", run)

    def on_train_end(self, run) -> None:
        self._at("on_train_end", run)

    def _at(self, event, run) -> None:
        if event == self.event:
            self.ask(run)


def test_requests_are_applied_in_the_order_of_a_safe_point() -> None:
    def ask(run) -> None:
        run.stop("enough")
        run.save("mine")
        run.set_lr(0.5)
        run.validate()

    trace = TraceRecorder()
    run = FakeRun([Ask(ask), trace])
    run.epoch_end(val_loss=0.3)
    assert [request.kind for request, _ in run.outcomes] == [Kind.SET_LR, Kind.VALIDATE, Kind.SAVE, Kind.STOP]
    assert all(outcome == Outcome(applied=True, step=2) for _, outcome in run.outcomes)
    assert trace.events[-6:] == [
        *("on_fit_epoch_end", "on_val_start", "on_val_batch_start", "on_val_batch_end", "on_val_end", "on_checkpoint"),
    ]
    assert run.stopped


def test_a_learning_rate_is_set_for_a_group_or_for_all_that_have_the_same() -> None:
    run = FakeRun([Ask(lambda run: run.set_lr(0.5))], lr={"body": 0.1, "head": 0.1})
    run.epoch_end()
    assert run.lr == {"body": 0.5, "head": 0.5}
    run = FakeRun([Ask(lambda run: run.set_lr(0.5, "head"))], lr={"body": 0.1, "head": 0.2})
    run.epoch_end()
    assert run.lr == {"body": 0.1, "head": 0.5}


@pytest.mark.parametrize("group", [None, "neck"])
def test_a_group_that_names_none_or_too_many_is_refused_with_an_alert(group) -> None:
    run = FakeRun([Ask(lambda run: run.set_lr(0.5, group))], lr={"body": 0.1, "head": 0.2})
    run.epoch_end()
    ((_, outcome),) = run.outcomes
    assert str(outcome) == f"refused: group={group!r}: there is body, head"
    assert [alert.title for alert in run.alerts] == ["set_lr was refused"]


def test_an_operator_beats_callbacks() -> None:
    run = FakeRun([Ask(lambda run: run.set_lr(0.5), "on_setup")])
    run.request(Request(Kind.SET_LR, "by hand", "alice", "operator", {"value": 0.7}))
    run.start()
    assert run.lr == {"0": 0.7}


def test_all_saves_of_a_safe_point_are_one_checkpoint() -> None:
    def ask(run) -> None:
        run.save("best", pin="a", file="best.pt", weights_only=True)
        run.save("periodic", pin="b", file="best.pt")

    run = FakeRun([Ask(ask)])
    run.epoch_end(val_loss=0.3)
    (checkpoint,) = run.checkpoints
    assert (checkpoint.tags, checkpoint.pins, checkpoint.files) == (["best", "periodic"], ["a", "b"], ["best.pt"])
    assert (checkpoint.step, checkpoint.epoch, checkpoint.weights_only) == (2, 0, False)
    assert checkpoint.metrics["val/loss"] == 0.3
    assert run.pins == {"a": checkpoint.name, "b": checkpoint.name}


def test_weights_alone_are_saved_if_nobody_wants_more() -> None:
    run = FakeRun([Ask(lambda run: run.save(weights_only=True))])
    run.epoch_end()
    assert [(one.weights_only, one.tags) for one in run.checkpoints] == [(True, ["manual"])]


def test_a_checkpoint_is_restored_by_tag_pin_or_name() -> None:
    run = FakeRun([Ask(lambda run: (run.save("best", pin="mine"), run.save(f"at-{run.step}")))])
    run.epoch_end()
    run.epoch_end()
    first, second = (checkpoint.name for checkpoint in run.checkpoints)
    for wanted in ("best", "last", "mine", first, "at-2", "at-4"):
        run.restore(wanted)
    run.settle()
    assert run.restored == [second, second, second, first, first, second]


def test_a_checkpoint_that_is_not_there_is_refused() -> None:
    run = FakeRun()
    run.restore("best")
    run.settle()
    assert run.restored == []
    assert str(run.outcomes[0][1]) == "refused: there is no checkpoint 'best'"


def test_requests_of_hooks_that_a_save_fires_are_taken_in_one_further_round() -> None:
    run = FakeRun(
        [Ask(lambda run: run.save(), "on_batch_end"), Ask(lambda run: run.stop("now"), "on_checkpoint", name="b")]
    )
    run.batch_end()
    assert run.stopped


def test_a_validation_that_is_asked_for_gives_fresh_values() -> None:
    run = FakeRun()
    run.epoch_end(val_loss=0.3)
    before = run.metrics.point("val_loss")
    run.validate()
    run.settle()
    after = run.metrics.point("val_loss")
    assert (after.value, after.serial > before.serial) == (0.3, True)


def test_a_validation_is_refused_where_there_is_none() -> None:
    run = FakeRun(has_validation=False)
    run.validate()
    run.settle()
    assert str(run.outcomes[0][1]) == "refused: this run has no validation"


def test_a_pause_is_noted_and_taken_back() -> None:
    run = FakeRun()
    run.pause("wait")
    run.settle()
    assert run.paused
    run.unpause("go on")
    run.settle()
    assert not run.paused


def test_what_is_asked_for_at_the_end_is_applied() -> None:
    run = FakeRun([Ask(lambda run: run.save("end"), "on_train_end")])
    run.play(1)
    assert [one.tags for one in run.checkpoints] == [["end"]]
