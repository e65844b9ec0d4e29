from __future__ import annotations

import math
from datetime import timedelta

import pytest

import lineside
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.checkpoints.retention import EveryNthEpoch, KeepBest, KeepLast, OnePerInterval
from lineside.control import Kind
from lineside.errors import AttachError, MonitorError, OptionError, TemplateError
from lineside.events import Event
from lineside.testing import CallbackContract, FakeModel, FakeRun

NAN, INF = math.nan, math.inf


class TestContract(CallbackContract):
    inline_only = True

    def make(self, **options):
        return ModelCheckpoint("ep{epoch}_{val_loss:.2f}.pt", keep_best=2, **options)


class TestContractOfSteps(CallbackContract):
    inline_only = True

    def make(self, **options):
        return ModelCheckpoint(every="3 steps", save_weights_only=True, **options)


def saved(run) -> list[tuple[int, list[str]]]:
    """Return the step and the tags of every checkpoint."""
    return [(checkpoint.step, list(checkpoint.tags)) for checkpoint in run.checkpoints]


def played(values, **options) -> FakeRun:
    """Play one epoch of two steps for each value of the validation loss."""
    run = FakeRun([ModelCheckpoint(**options)])
    return run.play(len(values), lambda epoch: {"val/loss": values[epoch]})


# ---- when it saves -------------------------------------------------------------------------------------------------


def test_it_saves_each_epoch_and_says_which_is_the_best() -> None:
    run = played([0.5, 0.4, 0.6])
    assert saved(run) == [(2, ["best", "periodic"]), (4, ["best", "periodic"]), (6, ["periodic"])]
    reasons = [request.reason for request in run.requests if request.arguments["tag"] == "best"]
    assert reasons == ["val/loss = 0.5", "val/loss = 0.4, better than 0.5"]


def test_it_saves_nothing_but_the_best_if_told_so() -> None:
    assert saved(played([0.5, 0.6, 0.4], save_best_only=True)) == [(2, ["best"]), (6, ["best"])]


@pytest.mark.parametrize(
    ("every", "steps"),
    [
        ("2 epochs", [6, 12]),
        ("4 steps", [4, 8, 12]),
        ("5 batches", [5, 10]),
        ("16 samples", [4, 8, 12]),
        ("7 s", [7]),
        (timedelta(seconds=7), [7]),
    ],
)
def test_it_saves_at_any_interval(every, steps) -> None:
    run = FakeRun([ModelCheckpoint(monitor=None, every=every)], batches=3).play(4)
    assert [checkpoint.step for checkpoint in run.checkpoints] == steps


def test_an_interval_of_epochs_costs_nothing_in_batches() -> None:
    assert Event.BATCH_END not in ModelCheckpoint().hooks()
    assert Event.BATCH_END not in ModelCheckpoint(every="3 steps", save_best_only=True).hooks()
    assert Event.BATCH_END in ModelCheckpoint(every="3 steps").hooks()


def test_weights_alone_are_saved_if_told_so() -> None:
    run = played([0.5, 0.4], save_weights_only=True)
    assert [checkpoint.weights_only for checkpoint in run.checkpoints] == [True, True]
    assert not any(checkpoint.weights_only for checkpoint in played([0.5, 0.4]).checkpoints)


# ---- what is the best ----------------------------------------------------------------------------------------------


def test_a_best_value_of_a_validation_in_mid_epoch_is_saved_with_its_weights() -> None:
    run = FakeRun([ModelCheckpoint()], batches=4)
    run.batch_end()
    run.val_end(loss=0.3)
    run.epoch_end(val_loss=0.4)
    assert saved(run) == [(1, ["best"]), (4, ["periodic"])]


def test_lightning_every_n_steps_tags_checkpoints_with_the_previous_epochs_value() -> None:
    run = FakeRun([ModelCheckpoint(every="4 steps")], batches=10)
    run.epoch_end(val_loss=0.5)
    run.epoch_end(val_loss=0.4)
    best = [checkpoint for checkpoint in run.checkpoints if "best" in checkpoint.tags]
    assert [(checkpoint.step, checkpoint.metrics["val/loss"]) for checkpoint in best] == [(10, 0.5), (20, 0.4)]
    assert [step for step, tags in saved(run) if tags == ["periodic"]] == [4, 8, 12, 16, 20]


def test_more_can_be_better() -> None:
    run = FakeRun([ModelCheckpoint(monitor="val/accuracy", save_best_only=True)])
    for value in (0.5, 0.4, 0.6):
        run.epoch_end(val_accuracy=value)
    assert [step for step, _ in saved(run)] == [2, 6]


def test_an_equal_value_is_no_better() -> None:
    assert [step for step, _ in saved(played([0.5, 0.5], save_best_only=True))] == [2]


def test_a_value_has_to_beat_the_threshold() -> None:
    run = played([0.5, 0.4, 0.35, 0.3], save_best_only=True, threshold=0.4)
    assert [step for step, _ in saved(run)] == [6, 8]


def test_the_first_few_of_the_best_are_saved_too() -> None:
    run = played([0.5, 0.7, 0.6, 0.4, 0.65], keep_best=2, save_best_only=True)
    assert saved(run) == [(2, ["best"]), (4, ["top"]), (6, ["top"]), (8, ["best"])]


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_what_is_not_finite_is_never_the_best(value) -> None:
    run = played([value, 0.5, value, 0.4, value], save_best_only=True)
    assert [step for step, _ in saved(run)] == [4, 8]


def test_keras_nan_in_the_first_epoch_stays_best() -> None:
    checkpoint = ModelCheckpoint()
    FakeRun([checkpoint]).play(3, lambda epoch: {"val/loss": [NAN, 0.5, 0.6][epoch]})
    assert checkpoint.best == 0.5


def test_tnt_zero_counts_as_missing() -> None:
    run = played([0.5, 0.0, 0.1], save_best_only=True)
    assert [step for step, _ in saved(run)] == [2, 4]


def test_keras_save_best_only_with_a_missing_metric_saves_anyway() -> None:
    run = FakeRun([ModelCheckpoint(save_best_only=True)])
    with pytest.raises(MonitorError, match="model-checkpoint monitors 'val/loss'"):
        run.epoch_end(val_accuracy=0.5)
    assert run.checkpoints == []


def test_a_run_without_validation_is_refused_with_both_ways_out() -> None:
    run = FakeRun([ModelCheckpoint()], has_validation=False)
    with pytest.raises(MonitorError, match=r"such as 'train/loss'\. monitor=None keeps the last checkpoints alone"):
        run.start()


def test_without_a_metric_the_last_are_kept_alone() -> None:
    run = FakeRun([ModelCheckpoint(monitor=None)], has_validation=False).play(2, lambda _: {"train/loss": 0.5})
    assert saved(run) == [(2, ["periodic"]), (4, ["periodic"])]
    assert run.policies == [KeepLast(1)]


# ---- what stays ----------------------------------------------------------------------------------------------------


def test_lightning_last_may_link_to_best() -> None:
    """Best and last are kept by policies of their own, and are checkpoints of their own."""
    run = played([0.5, 0.6])
    assert run.policies == [KeepLast(1), KeepBest(1, "min", "val/loss")]
    run.restore("best")
    run.restore("last")
    run.settle()
    assert run.restored == [run.checkpoints[0].name, run.checkpoints[1].name]


def test_every_policy_is_an_option_of_its_own() -> None:
    run = played([0.5], keep_best=3, keep_last=0, keep_every_nth_epoch=10, keep_one_per="6 h")
    assert run.policies == [KeepLast(0), EveryNthEpoch(10), OnePerInterval(6 * 3600.0), KeepBest(3, "min", "val/loss")]


def test_the_best_are_kept_under_the_name_that_the_metric_really_has() -> None:
    run = FakeRun([ModelCheckpoint(monitor="metrics/mAP50(B)")])
    run.epoch_end({"val/mAP50(B)": 0.5})
    assert run.policies[-1] == KeepBest(1, "max", "val/mAP50(B)")


def test_a_resumed_run_keeps_the_best_from_its_start_on() -> None:
    run = FakeRun([ModelCheckpoint(monitor="val_loss")])
    run.epoch_end(val_loss=0.5)
    resumed = FakeRun.resumed(run.state(), [ModelCheckpoint(monitor="val_loss")])
    resumed.start()
    assert resumed.policies == [KeepLast(1), KeepBest(1, "min", "val/loss")]


# ---- stand-alone files ---------------------------------------------------------------------------------------------


def test_a_file_is_written_at_every_periodic_save() -> None:
    run = played([0.5, 0.6], filepath="models/ep{epoch:02d}_loss{val_loss:.3f}.safetensors")
    files = [list(checkpoint.files) for checkpoint in run.checkpoints]
    assert files == [["models/ep01_loss0.500.safetensors"], ["models/ep02_loss0.600.safetensors"]]


def test_a_file_is_written_for_every_best_if_nothing_else_is_saved() -> None:
    run = played([0.5, 0.6, 0.4], filepath="best_{step}_{samples}.pt", save_best_only=True)
    assert [list(checkpoint.files) for checkpoint in run.checkpoints] == [["best_2_8.pt"], ["best_6_24.pt"]]


def test_batches_are_counted_from_one() -> None:
    run = FakeRun([ModelCheckpoint("{epoch}-{batch}.pt", monitor=None, every="2 steps")], batches=3).play(2)
    assert [list(checkpoint.files) for checkpoint in run.checkpoints] == [["1-2.pt"], ["2-1.pt"], ["2-3.pt"]]


def test_keras_a_template_with_a_missing_key_raises_only_after_a_whole_epoch() -> None:
    """No epoch is lost: the checkpoint is there, and the name that nothing fills is told."""
    run = played([0.5, 0.4], filepath="ep{epoch}_{val_los:.3f}.pt")
    assert saved(run) == [(2, ["best", "periodic"]), (4, ["best", "periodic"])]
    assert [list(checkpoint.files) for checkpoint in run.checkpoints] == [[], []]
    (alert,) = run.alerts
    assert (alert.level, alert.title) == ("error", "A checkpoint has no stand-alone file")
    assert "nothing fills {val_los}" in alert.text
    assert "Did you mean 'val/loss'" in alert.text


def test_no_file_bears_a_value_of_an_earlier_step() -> None:
    run = FakeRun([ModelCheckpoint("ep{epoch}_{val_loss:.2f}.pt")])
    run.epoch_end(val_loss=0.5)
    run.epoch_end(loss=0.1)
    assert [list(checkpoint.files) for checkpoint in run.checkpoints] == [["ep1_0.50.pt"], []]
    assert len(run.alerts) == 1


def test_a_metric_in_the_name_of_a_file_of_steps_is_refused_at_construction() -> None:
    with pytest.raises(OptionError, match=r"holds \{val_loss\}, which has no value of its own at every='500 steps'"):
        ModelCheckpoint("{step}_{val_loss:.2f}.pt", every="500 steps")
    ModelCheckpoint("{step}_{val_loss:.2f}.pt", every="500 steps", save_best_only=True)
    ModelCheckpoint("{step}_{samples}.pt", every="500 steps")


def test_a_template_with_a_mistake_is_refused_at_construction() -> None:
    with pytest.raises(TemplateError, match="format"):
        ModelCheckpoint("ep{epoch:02x.3}.pt")


def test_a_value_of_validation_in_the_name_is_refused_where_there_is_none() -> None:
    run = FakeRun([ModelCheckpoint("{val_loss:.2f}.pt", monitor="train/loss")], has_validation=False)
    with pytest.raises(AttachError, match=r"holds \{val_loss\}, but there is no validation"):
        run.start()


# ---- the final format ------------------------------------------------------------------------------------------------


def test_the_final_format_is_written_behind_the_training() -> None:
    checkpoint = ModelCheckpoint(final_format="saved_model")
    run = FakeRun([checkpoint], model=(model := FakeModel({"w": [1.0]})))
    run.epoch_end(val_loss=0.5)
    run.emit(Event.TRAIN_END)
    assert (model.exported, checkpoint.exported) == ([], None), "the best weights may not be back yet"
    run.emit(Event.TEARDOWN)
    assert model.exported == [checkpoint.exported] == [run.dir / "saved_model"]


def test_a_training_that_is_cut_off_has_no_final_format() -> None:
    run = FakeRun([ModelCheckpoint(final_format="saved_model")], model=(model := FakeModel({"w": [1.0]})))
    run.epoch_end(val_loss=0.5)
    run.fail(RuntimeError("boom"))
    assert model.exported == []


@pytest.mark.parametrize(("value", "hint"), [("saved-model", "Did you mean 'saved_model'"), (True, "may be 'saved_m")])
def test_an_unknown_final_format_is_refused_by_name(value, hint) -> None:
    with pytest.raises(OptionError, match=f"final_format={value!r} is not known.*{hint}"):
        ModelCheckpoint(final_format=value)


def test_a_host_that_writes_none_refuses_the_final_format_when_it_is_attached() -> None:
    last = ModelCheckpoint(monitor=None, final_format="saved_model")
    with pytest.raises(AttachError, match=r"ModelCheckpoint.*needs saved_model, which the host 'loop' does not have"):
        lineside.Run(callbacks=[last]).__enter__()


# ---- resume and reuse ----------------------------------------------------------------------------------------------

VALUES = [0.9, NAN, 0.7, 0.8, 0.6, 0.65, 0.5]


@pytest.mark.parametrize("killed_after", range(1, 7))
@pytest.mark.parametrize("every", ["1 epoch", "3 steps", "5 s"])
def test_best_never_regresses_after_a_resume(killed_after, every) -> None:
    whole = played(VALUES, every=every)
    run = FakeRun([ModelCheckpoint(every=every)])
    for value in VALUES[:killed_after]:
        run.epoch_end(val_loss=value)
    resumed = FakeRun.resumed(run.state(), [ModelCheckpoint(every=every)])
    resumed.play(7, lambda epoch: {"val/loss": VALUES[epoch]})
    assert saved(run) + saved(resumed) == saved(whole)


def test_an_interval_of_another_length_begins_anew() -> None:
    run = FakeRun([ModelCheckpoint(monitor=None, every="1 step")], batches=4)
    run.epoch_end()
    resumed = FakeRun.resumed(run.state(), [ModelCheckpoint(monitor=None, every="2 epochs")], batches=4).play(4)
    assert [checkpoint.step for checkpoint in resumed.checkpoints] == [8, 16]


def test_a_resumed_run_may_keep_fewer() -> None:
    run = FakeRun([ModelCheckpoint(keep_best=3)])
    for value in (0.5, 0.4, 0.3):
        run.epoch_end(val_loss=value)
    again = ModelCheckpoint(keep_best=1, save_best_only=True)
    resumed = FakeRun.resumed(run.state(), [again])
    resumed.epoch_end(val_loss=0.35)
    assert resumed.checkpoints == []


def test_a_second_fit_begins_anew() -> None:
    checkpoint = ModelCheckpoint(save_best_only=True)
    FakeRun([checkpoint]).play(2, lambda _: {"val/loss": 0.1})
    assert len(FakeRun([checkpoint]).play(1, lambda _: {"val/loss": 0.5}).checkpoints) == 1


def test_a_checkpoint_holds_the_state_after_the_event() -> None:
    run = FakeRun([ModelCheckpoint(save_best_only=True)])
    run.epoch_end(val_loss=0.5)
    resumed = FakeRun.resumed(run.checkpoints[0].state, [ModelCheckpoint(save_best_only=True)])
    resumed.epoch_end(val_loss=0.6)
    assert resumed.checkpoints == []


# ---- options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("keep_best", 0), ("keep_best", -1), ("keep_last", -1), ("keep_every_nth_epoch", 0), ("threshold", NAN)),
        *(("every", "1"), ("every", 10), ("keep_one_per", "6"), ("mode", "minimum")),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(option, value) -> None:
    with pytest.raises(OptionError, match=f"{option}={value!r}"):
        ModelCheckpoint(**{option: value})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"monitor": None, "save_best_only": True}, "save_best_only=True needs a monitor="),
        ({"keep_one_per": "6 epochs"}, "keep_one_per='6 epochs' must be a time"),
        ({"background": True}, "background=True would save weights of a later moment"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message) -> None:
    with pytest.raises(OptionError, match=message):
        ModelCheckpoint(**options)


def test_it_is_never_disabled() -> None:
    assert ModelCheckpoint.disable_after is None


def test_it_asks_for_nothing_but_saves() -> None:
    assert {request.kind for request in played([0.5, 0.4, 0.6]).requests} == {Kind.SAVE}
