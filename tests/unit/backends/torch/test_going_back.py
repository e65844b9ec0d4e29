"""Going back in the middle of a training: what belongs to the weights goes back, the place in the training goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import SGD, Adam, Optimizer, lr_scheduler

from lineside.errors import StateMismatch
from tests.unit.backends.torch.saved import SavedFolder
from tests.unit.backends.torch.training import Training, host, net

SCHEDULES: dict[str, Callable[[Optimizer], Any]] = {
    "from the step": lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step)),
    "from the rate before": lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, 50),
    "with betas": lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=50),
}
GOES_ON = {"groups", "scheduler"}


@pytest.fixture(params=SCHEDULES)
def make(request: pytest.FixtureRequest) -> Callable[[], Training]:
    return lambda: Training(Adam, SCHEDULES[request.param])


def test_weights_and_the_optimizers_memory_go_back(make: Callable[[], Training], tmp_path: Path) -> None:
    training = make()
    training.train(0, 3)
    saved, then = training.save(tmp_path), training.everything()
    training.train(3, 4)
    before = training.everything()
    training.host.go_back(saved, same_epoch=True)
    after = training.everything()
    assert {name: after[name] for name in GOES_ON} == {name: before[name] for name in GOES_ON}
    assert {name: one for name, one in after.items() if name not in GOES_ON} == {
        name: one for name, one in then.items() if name not in GOES_ON
    }


def test_the_schedule_from_there_on_is_that_of_a_training_that_never_went_back(
    make: Callable[[], Training], tmp_path: Path
) -> None:
    undisturbed, training = make(), make()
    for one in (undisturbed, training):
        one.train(0, 3)
    saved = training.save(tmp_path)
    for one in (undisturbed, training):
        one.train(3, 4)
    training.host.go_back(saved, same_epoch=True)
    rates = set()
    for step in range(7, 12):
        for one in (undisturbed, training):
            one.train(step, 1)
        rates.add(training.host.lr()["0"])
        assert training.everything()["groups"] == undisturbed.everything()["groups"]
    assert len(rates) == 5, "a schedule that stood still would prove nothing"


@pytest.mark.parametrize("schedule", [None, SCHEDULES["from the rate before"]])
def test_a_rate_that_was_set_since_stays(schedule: Any, tmp_path: Path) -> None:
    training = Training(make_scheduler=schedule)
    training.train(0, 2)
    saved = training.save(tmp_path)
    training.host.set_lr(0.005, None)
    training.host.go_back(saved, same_epoch=True)
    assert training.host.lr() == {"0": 0.005}


def test_a_rate_that_is_a_tensor_stays_and_is_the_same_tensor(tmp_path: Path) -> None:
    rate = torch.tensor(0.1)
    model = net()
    here = host(model, SGD(model.parameters(), lr=rate))
    saved = SavedFolder(tmp_path, here.capture())
    rate.fill_(0.05)
    here.go_back(saved, same_epoch=True)
    assert here.lr() == {"0": pytest.approx(0.05)}
    assert float(rate) == pytest.approx(0.05)


class Counting:
    """Anything with a state: a metric object, or an object of the user's."""

    def __init__(self) -> None:
        self.count = 0

    def reset(self) -> None:
        self.count = 0

    def state_dict(self) -> dict[str, int]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.count = state["count"]


@pytest.mark.parametrize(("same_epoch", "counted"), [(True, 3), (False, 0)])
def test_metrics_go_back_within_an_epoch_and_begin_anew_in_another(
    same_epoch: bool, counted: int, tmp_path: Path
) -> None:
    model, metric, extra, scaler = net(), Counting(), Counting(), torch.amp.GradScaler("cpu", init_scale=8.0)
    parts = {"metrics": {"train.accuracy": metric}, "extras": {"mine": extra}, "scaler": scaler}
    here = host(model, SGD(model.parameters(), lr=0.1), **parts)
    metric.count = extra.count = 3
    scaler.scale(torch.ones(()))
    saved = SavedFolder(tmp_path, here.capture())
    metric.count = extra.count = 5
    scaler.update(2.0)
    here.go_back(saved, same_epoch=same_epoch)
    assert (metric.count, extra.count, scaler.get_scale()) == (counted, 3, 8.0)


def test_what_does_not_fit_is_refused_before_anything_is_changed(tmp_path: Path) -> None:
    training, other = Training(Adam), Training()
    other.train(0, 2)
    saved, before = other.save(tmp_path), training.everything()
    with pytest.raises(StateMismatch, match=r"made with the optimizer SGD; this run has Adam"):
        training.host.go_back(saved, same_epoch=True)
    assert training.everything() == before
