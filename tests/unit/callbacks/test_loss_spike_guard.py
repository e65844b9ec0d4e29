from __future__ import annotations

import math
from typing import Any

import pytest

from lineside.callbacks.loss_spike_guard import LossSpikeGuard
from lineside.control import Kind
from lineside.errors import AttachError, MonitorError, OptionError
from lineside.run import Run
from lineside.testing import FakeRun

NAN, INF = math.nan, math.inf
USUAL = [1.0, 1.1, 0.9, 1.05, 0.95] * 4


def played(losses: list[float], *, lr: Any = 0.1, batches: int = 10_000, **options: Any) -> FakeRun:
    """Play a batch for each loss, until it is stopped; look at every step unless told otherwise."""
    run = FakeRun([LossSpikeGuard(**{"check_every": "1 step", "every": "5 steps", **options})], lr=lr, batches=batches)
    run.start()
    for loss in losses:
        if run.stopped:
            break
        run.batch_end(loss=loss)
    return run


def reasons(run: FakeRun, kind: Kind = Kind.RESTORE) -> list[str]:
    return [request.reason for request in run.requests if request.kind is kind]


# ---- what is trouble -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [NAN, INF, -INF])
def test_a_loss_that_is_not_finite_is_acted_on_at_once(loss: float) -> None:
    run = played([1.0, 1.0, loss])
    where = "back to step 0, past the data of steps 1–3 (rollback 1/3)"
    assert reasons(run) == [f"train/loss is {loss} at step 3; {where}"]
    assert run.requests[-1].arguments == {"checkpoint": "loss-spike-guard-0", "weights_only": False}
    assert run.restored == ["step-000000-0"]


def test_a_spike_has_to_last() -> None:
    assert not reasons(played([*USUAL, 9.0, 9.0, 1.0, 9.0, 9.0, 1.0]))
    run = played([*USUAL, 9.0, 9.0, 9.0])
    where = "back to step 15, past the data of steps 16–23 (rollback 1/3)"
    assert reasons(run) == [f"train/loss is 9, and 1 ± 0.074 is usual at step 23; {where}"]


@pytest.mark.parametrize(("loss", "spikes"), [(1.7, False), (1.75, True)])
def test_how_far_from_the_usual_is_a_spike(loss: float, spikes: bool) -> None:
    """The median is 1.0, and the median absolute deviation 0.05: 0.0741 as a standard deviation."""
    assert bool(reasons(played([*USUAL, loss], factor=10.0, patience=1))) is spikes


@pytest.mark.parametrize(("loss", "spikes"), [(1.49, False), (1.51, True)])
def test_the_ripples_of_a_steady_loss_are_no_spikes(loss: float, spikes: bool) -> None:
    """Without any spread, 5 % of the median count as one."""
    assert bool(reasons(played([1.0] * 20 + [loss], factor=10.0, patience=1))) is spikes


@pytest.mark.parametrize("usual", [0.0, -0.0])
def test_a_loss_of_zero_has_no_spikes(usual: float) -> None:
    assert not reasons(played([usual] * 20 + [0.5] * 9, patience=1))


def test_a_loss_below_zero_can_spike() -> None:
    run = played([-value for value in USUAL] + [5.0], patience=1)
    assert len(reasons(run)) == 1


def test_a_loss_that_falls_is_no_spike() -> None:
    assert not reasons(played([*USUAL, 0.01, 0.01, 0.01]))


def test_there_are_no_spikes_before_ten_values_are_known() -> None:
    assert not reasons(played([1.0] * 9 + [100.0], patience=1))
    assert reasons(played([1.0] * 10 + [100.0], patience=1))


def test_spikes_do_not_become_usual() -> None:
    run = played([*USUAL, 9.0, 9.0, 1.0, *[9.0, 9.0, 1.0] * 20], window=20)
    assert not reasons(run)
    assert run.requests[-1].kind is Kind.SAVE, "and what is usual is saved"


def test_each_rule_can_be_left_out() -> None:
    assert not reasons(played([*USUAL, 9.0, 9.0, 9.0], factor=None))
    assert not reasons(played([*USUAL, NAN, NAN, NAN], check_finite=False))
    assert reasons(played([*USUAL, 9.0, NAN, 9.0, NAN, 9.0], check_finite=False)), "a NaN does not end a spike"


def test_an_alias_names_the_same_metric() -> None:
    assert reasons(played([1.0, NAN], monitor="loss")) == [
        "loss is nan at step 2; back to step 0, past the data of steps 1–2 (rollback 1/3)"
    ]


def test_it_says_so_in_the_language_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    run = played([1.0, NAN], action="lower_lr")
    assert reasons(run) == ["第 2 步：train/loss 为 nan；回退到第 0 步，跳过第 1–2 步的数据，学习率 × 0.5（回退 1/3）"]


# ---- when it looks ---------------------------------------------------------------------------------------------------


class Lazy:
    """A scalar on a device, which tells when it is waited for."""

    def __init__(self, value: float, reads: list[float]) -> None:
        self.value, self.reads = value, reads
        self.shape = ()

    def __float__(self) -> float:
        self.reads.append(self.value)
        return self.value


def test_the_device_is_waited_for_at_looks_alone() -> None:
    reads: list[float] = []
    run = FakeRun([LossSpikeGuard(check_every="10 steps")], batches=10_000)
    for number in range(1, 36):
        run.batch_end({"train/loss": Lazy(float(number), reads)})  # type: ignore[dict-item]
    assert reads == [10.0, 20.0, 30.0]


def test_ten_steps_lie_between_two_looks_unless_told_otherwise() -> None:
    run = played([1.0, NAN] + [1.0] * 7 + [1.0], check_every="10 steps")
    assert not reasons(run), "a single one between looks is not seen"
    assert reasons(played([1.0, NAN] + [NAN] * 8, check_every="10 steps"))


def test_the_last_batch_of_an_epoch_is_looked_at_before_its_validation() -> None:
    run = FakeRun([LossSpikeGuard(check_every="100 steps")], batches=3)
    run.batch_end(loss=1.0)
    run.batch_end(loss=NAN)
    run.batch_end(loss=NAN)
    assert run.restored
    assert run.epochs_done == 0


def test_batches_in_which_no_optimizer_stepped_are_passed_over() -> None:
    """Mixed precision has skipped the step: the weights are what they were."""
    run = FakeRun([LossSpikeGuard(check_every="1 step")], batches=4)
    run.batch_end(loss=1.0)
    run.batch_end(loss=NAN, stepped=False)
    run.batch_end(loss=1.0)
    run.batch_end(loss=NAN, stepped=False)
    assert not reasons(run)


def test_a_stale_value_is_not_looked_at_twice() -> None:
    run = FakeRun([LossSpikeGuard(check_every="1 step")], batches=10_000)
    run.batch_end(loss=NAN)
    run.batch_end(accuracy=0.5)
    run.batch_end(accuracy=0.5)
    assert len(run.restored) == 1


# ---- checkpoints -----------------------------------------------------------------------------------------------------


def test_it_saves_at_the_start_and_at_its_interval_and_goes_back_past_the_newest() -> None:
    run = played([1.0] * 13 + [NAN])
    assert [(one.step, one.tags, one.weights_only) for one in run.checkpoints] == [
        (0, ["loss-spike-guard-0"], False),
        (5, ["loss-spike-guard-5"], False),
        (10, ["loss-spike-guard-10"], False),
    ]
    assert run.restored == ["step-000005-1"], "trouble that shows at 14 may be in that of 10"


def test_nothing_is_saved_while_the_loss_is_strange() -> None:
    run = played([*USUAL, 9.0, 9.0, 1.0, 1.0, 9.0, 9.0, 1.0], every="7 steps", patience=3)
    assert [one.step for one in run.checkpoints] == [0, 7, 14, 23], "21 was strange, and 22"


def test_a_checkpoint_that_was_made_before_the_trouble_showed_is_never_gone_back_to() -> None:
    run = played([1.0] * 11 + [NAN] + [1.0] * 2 + [NAN])
    assert run.restored == ["step-000005-1"] * 2


def test_what_was_usual_goes_back_with_the_weights() -> None:
    """Early in a training the loss falls quickly, and goes up again with a rollback: that is no spike."""
    falling = [16.0 * 0.8**step for step in range(30)]
    run = played([*falling, NAN, *falling], every="1000 steps", factor=3.0, patience=1)
    assert len(reasons(run)) == 1


def test_without_a_checkpoint_on_the_disk_the_run_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    run = FakeRun([LossSpikeGuard(check_every="1 step")], batches=100)
    monkeypatch.setattr(run, "_commit", lambda *_, **__: None)  # the disk is full
    run.batch_end(loss=NAN)
    assert run.stopped
    assert reasons(run, Kind.STOP) == ["train/loss is nan at step 1; there is no checkpoint to go back to"]
    assert not run.restored


# ---- what it does ----------------------------------------------------------------------------------------------------


def test_it_can_lower_the_rates_each_time() -> None:
    run = played([1.0, NAN, 1.0, NAN], action="lower_lr", lr_factor=0.5, lr={"body": 0.1, "head": 0.4})
    assert run.lr == {"body": 0.025, "head": 0.1}
    assert "learning rate × 0.5 (rollback 2/3)" in reasons(run, Kind.SET_LR)[-1]


def test_it_leaves_the_rate_alone_otherwise() -> None:
    assert not reasons(played([1.0, NAN]), Kind.SET_LR)


def test_after_the_last_rollback_it_goes_back_once_more_and_stops() -> None:
    run = played([1.0, NAN, NAN, NAN, 1.0], max_rollbacks=2)
    assert run.step == 4
    assert run.restored == ["step-000000-0"] * 3, "the last weights are sound ones"
    assert reasons(run, Kind.STOP) == ["train/loss is nan at step 4; back to step 0 and no further (rollbacks: 2)"]
    assert [alert.level for alert in run.alerts] == ["warning", "warning", "error"]


def test_no_rollbacks_at_all_is_a_stop_with_sound_weights() -> None:
    run = played([1.0, NAN], max_rollbacks=0)
    assert run.stopped
    assert run.restored


def test_rollbacks_are_counted_over_the_whole_run() -> None:
    run = played([*USUAL, NAN] * 5, max_rollbacks=3)
    assert run.stopped
    assert len(run.restored) == 4


# ---- the run around it -----------------------------------------------------------------------------------------------


def test_a_run_that_branches_begins_with_a_checkpoint_of_its_own() -> None:
    parent = played([1.0] * 8 + [NAN])
    branch = FakeRun.resumed(parent.state(), [LossSpikeGuard(check_every="1 step", every="5 steps")], batches=10_000)
    branch.attempt = 1
    branch.batch_end(loss=1.0)
    assert branch.checkpoints[0].step == 9
    branch.batch_end(loss=NAN)
    assert reasons(branch)[-1].endswith("back to step 9, past the data of steps 10–11 (rollback 1/3)")


def test_one_that_joins_a_run_on_its_way_keeps_a_checkpoint_first() -> None:
    first = FakeRun(batches=10_000)
    for _ in range(7):
        first.batch_end(loss=1.0)
    run = FakeRun.resumed(first.state(), [LossSpikeGuard(check_every="1 step", every="5 steps")], batches=10_000)
    run.batch_end(loss=NAN)
    assert [one.step for one in run.checkpoints] == [7]
    assert reasons(run)[0].endswith("back to step 7, past the data of steps 8–8 (rollback 1/3)")


def test_two_guards_keep_checkpoints_of_their_own() -> None:
    guards = [LossSpikeGuard(check_every="1 step"), LossSpikeGuard("accuracy", check_every="1 step", name="other")]
    run = FakeRun(guards, batches=100)
    run.batch_end(loss=1.0, accuracy=NAN)
    assert run.checkpoints[0].tags == ["loss-spike-guard-0", "other-0"]
    assert [request.author for request in run.requests if request.kind is Kind.RESTORE] == ["other"]


def test_a_metric_that_no_batch_has_ends_the_run() -> None:
    run = FakeRun([LossSpikeGuard("train/los")])
    with pytest.raises(MonitorError, match=r"'train/los', which no training batch .* Did you mean 'train/loss'\?"):
        run.epoch_end(loss=0.5)


def test_an_epoch_without_batches_says_nothing_about_the_metric() -> None:
    run = FakeRun([LossSpikeGuard()], batches=0)
    run.epoch_end()
    assert not run.stopped


def test_a_host_that_cannot_restore_refuses_it(tmp_path: Any) -> None:
    with pytest.raises(AttachError, match=r"'loss-spike-guard'> needs restore, which the host 'loop'"):
        Run(callbacks=[LossSpikeGuard()], run_dir=tmp_path).__enter__()
    with pytest.raises(AttachError, match=r"needs restore, set_lr, which the host 'loop'"):
        Run(callbacks=[LossSpikeGuard(action="lower_lr")], run_dir=tmp_path).__enter__()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"monitor": "val_loss"}, r"monitor='val_loss' must be a metric of the training batches"),
        ({"monitor": 3}, r"monitor=3"),
        ({"check_every": "1 epoch"}, r"check_every='1 epochs' must count steps"),
        ({"check_every": 10}, r"check_every=10 is not a duration"),
        ({"every": 500}, r"every=500 is not a duration"),
        ({"factor": 0.5}, r"factor=0\.5 must be at least 1"),
        ({"factor": None, "check_finite": False}, r"leave nothing to look for"),
        ({"window": 5}, r"window=5 must be a whole number, 10 or more"),
        ({"patience": 0}, r"patience=0"),
        ({"max_rollbacks": -1}, r"max_rollbacks=-1"),
        ({"lr_factor": 1.0}, r"lr_factor=1\.0 must be below 1"),
        ({"lr_factor": 0.0}, r"lr_factor=0\.0"),
        ({"action": "lower-lr"}, r"action='lower-lr'\. Did you mean 'lower_lr'\?"),
        ({"background": True}, r"background=True would save weights of a later moment"),
    ],
)
def test_wrong_options_are_refused_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        LossSpikeGuard(**options)
