from __future__ import annotations

from typing import Any

import pytest
import torch

from lineside.callback import Callback
from lineside.callbacks.swa import SWA
from lineside.control import Kind
from lineside.errors import AttachError, OptionError, RequestRefused
from lineside.testing import FakeModel, FakeRun


class Learns(Callback):
    """Sets the only weight to the number of the step."""

    def on_backward_end(self, run: Any) -> None:
        run.model.load({"w": [float(run.step + 1)]})


def made(swa: SWA, **options: Any) -> FakeRun:
    return FakeRun([Learns(), swa], batches=2, model=FakeModel({"w": [0.0]}), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "100%"}, "below 100%"),
        ({"start": 15}, "start=15"),
        ({"start": "half"}, "start='half'"),
        ({"lr": -0.1}, "lr"),
        ({"lr": {"0": float("nan")}}, "lr=nan"),
        ({"anneal_epochs": -1}, "anneal_epochs"),
        ({"anneal_strategy": "cosine"}, "Did you mean 'cos'"),
        ({"update_bn": 1}, "update_bn=1 must be True or False"),
        ({"background": True}, "background=True has no model"),
    ],
)
def test_wrong_options_are_refused_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        SWA(**options)


@pytest.mark.parametrize(
    ("start", "epochs", "mean"),
    [
        ("50%", 4, (6 + 8) / 2),
        ("75%", 4, 8.0),
        ("75%", 1, 2.0),  # rounded down, as Lightning does
        ("60%", 4, (6 + 8) / 2),
        ("0%", 3, (2 + 4 + 6) / 3),
        ("3 epochs", 4, 8.0),
        ("5 steps", 4, 8.0),  # it begins with an epoch
    ],
)
def test_the_mean_of_the_ends_of_the_last_epochs(start: str, epochs: int, mean: float) -> None:
    run = made(SWA(start)).play(epochs)
    assert run.model.capture() == {"w": [pytest.approx(mean)]}


def test_a_training_that_is_counted_in_steps_has_its_share_too() -> None:
    run = made(swa := SWA("50%"))
    run.start()
    run.total_steps = 8
    for _ in range(4):
        run.epoch_end(loss=1.0)
    assert swa.state_dict()["averaged"] == 2


def test_the_last_epoch_counts_also_when_the_run_is_stopped_in_it() -> None:
    class Stops(Callback):
        def on_batch_end(self, run: Any) -> None:
            if run.step == 5:
                run.stop("enough")

    run = FakeRun([Learns(), Stops(), SWA("1 epoch")], batches=2, model=FakeModel({"w": [0.0]})).play(9)
    assert run.model.capture() == {"w": [pytest.approx((4 + 5) / 2)]}


def test_the_end_is_saved_with_statistics_of_its_own() -> None:
    run = made(SWA("50%")).play(4)
    assert run.model.bn_updates == 1
    (saved,) = run.checkpoints
    assert (saved.tags, saved.weights_only) == (["swa"], True)
    assert run.requests[-1].reason == "the mean of 2 epochs"
    assert made(SWA("50%", update_bn=False)).play(4).model.bn_updates == 0


def test_what_it_needs_is_what_it_does() -> None:
    assert SWA().needs == {"model", "average", "update_bn"}
    assert SWA(lr=0.1, update_bn=False).needs == {"model", "average", "schedule_lr"}


def test_statistics_that_cannot_be_had_are_an_alert() -> None:
    class Once(FakeModel):
        def update_bn(self) -> None:
            raise RequestRefused("the training data gave no batch")

    run = FakeRun([SWA("50%")], model=Once({"w": [0.0]})).play(2)
    assert [alert.title for alert in run.alerts] == ["swa could not update BatchNorm"]
    assert run.checkpoints


@pytest.mark.parametrize("start", ["3 epochs", "5 steps"])
def test_a_training_that_ends_before_it_began_says_so(start: str) -> None:
    run = made(SWA(start)).play(2)
    assert [alert.title for alert in run.alerts] == ["swa averaged nothing"]
    assert not run.checkpoints


def test_a_run_that_nobody_knows_the_length_of_has_no_share() -> None:
    run = made(SWA())
    run.epoch_end(loss=1.0)
    run.train_end()
    assert "nobody knew how long" in run.alerts[0].text


# ---- the learning rate -----------------------------------------------------------------------------------------------


def rates(swa: SWA, epochs: int, **options: Any) -> list[Any]:
    run = made(swa, **options)
    return [dict(run.lr) for _ in run.safe_points(epochs)][::3]


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_the_rate_moves_as_torchs_scheduler_moves_it(strategy: Any) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = torch.optim.swa_utils.SWALR(optimizer, swa_lr=0.02, anneal_epochs=3, anneal_strategy=strategy)
    theirs = [0.1, 0.1]
    for _ in range(5):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    swa = SWA("2 epochs", 0.02, anneal_epochs=3, anneal_strategy=strategy)
    assert [rate["0"] for rate in rates(swa, 7, lr=0.1)] == pytest.approx(theirs)


def test_without_annealing_the_rate_is_set_at_once() -> None:
    assert [rate["0"] for rate in rates(SWA("2 epochs", 0.02, anneal_epochs=0), 4, lr=0.1)] == [0.1, 0.1, 0.02, 0.02]


def test_groups_may_have_rates_of_their_own_or_keep_theirs() -> None:
    swa = SWA("1 epoch", {"head": 0.5}, anneal_epochs=0)
    assert rates(swa, 2, lr={"body": 0.1, "head": 0.2}) == [{"body": 0.1, "head": 0.2}, {"body": 0.1, "head": 0.5}]


def test_without_a_rate_the_schedule_stays() -> None:
    assert [rate["0"] for rate in rates(SWA("1 epoch"), 3, lr=0.1)] == [0.1] * 3


def test_an_unknown_group_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(AttachError, match="Did you mean 'head'"):
        made(SWA(lr={"haed": 0.1}), lr={"body": 0.1, "head": 0.2}).start()


def test_who_puts_other_weights_back_at_the_end_is_refused_by_name() -> None:
    class Restores(Callback):
        restore_best_weights = False

        def __init__(self, restore: bool, **options: Any) -> None:
            self.restore_best_weights = restore
            super().__init__(**options)

    with pytest.raises(AttachError, match="restores restore_best_weights=False"):
        FakeRun([SWA(), Restores(True)]).start()
    FakeRun([SWA(), Restores(False)]).start()
    FakeRun([SWA(), Restores(True, enabled=False)]).start()


def test_a_resumed_run_averages_on_at_every_step() -> None:
    whole = made(SWA("1 epoch", 0.02, anneal_epochs=2)).play(4)
    cut = made(SWA("1 epoch", 0.02, anneal_epochs=2))
    for _ in cut.safe_points(4):
        again = FakeRun.resumed(
            cut.state(),
            [Learns(), SWA("1 epoch", 0.02, anneal_epochs=2)],
            batches=2,
            model=FakeModel({"w": [float(cut.step)]}),
        ).play(4)
        assert again.model.capture() == whole.model.capture()
        assert again.lr == whole.lr
        assert [one.kind for one in again.requests] == [Kind.SAVE]


def test_weights_that_go_back_take_the_mean_with_them() -> None:
    assert SWA.restored_with_weights
    run = made(swa := SWA("0%"))
    run.total_epochs = 9
    run.epoch_end(loss=1.0)
    state, tensors = swa.state_dict(), {"w": list(swa.state_tensors()["w"])}
    run.epoch_end(loss=1.0)
    swa.load_state_dict(state)
    swa.load_state_tensors(tensors)
    run.epoch_end(loss=1.0)
    assert swa.state_tensors() == {"w": [pytest.approx((2 + 6) / 2)]}
    swa.load_state_dict({"epochs": 0, "averaged": 0, "rates": {}})
    assert not swa.state_tensors()
