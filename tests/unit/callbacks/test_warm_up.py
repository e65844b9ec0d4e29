from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch.optim import lr_scheduler

from lineside.callback import Callback
from lineside.callbacks.learning_rate_scheduler import LearningRateScheduler
from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from lineside.callbacks.warm_up import WarmUp
from lineside.control import Kind, Request
from lineside.errors import AttachError, OptionError
from lineside.testing import FakeRun
from tests.unit.callbacks.rate_trainings import check_resumed, fit
from tests.unit.run.conftest import no_environment, no_waiting_for_the_disk

__all__ = ["no_environment", "no_waiting_for_the_disk"]
"""Fixtures that make real trainings quick."""


class RateOfBatches(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_backward_end(self, run: Any) -> None:
        self.seen.append(run.lr["0"])


def factors(warm_up: WarmUp, epochs: int = 3, batches: int = 4, **options: Any) -> list[float]:
    rates = RateOfBatches()
    FakeRun([warm_up, rates], lr=1.0, batches=batches, **options).play(epochs)
    return rates.seen


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"duration": 5}, "duration=5 is not a duration"),
        ({"duration": "10 min"}, "'600 s' is a time.*give epochs, steps"),
        ({"start_factor": 1.0}, "start_factor=1.0 must be below 1"),
        ({"start_factor": -0.1}, "start_factor"),
        ({"mode": "lineal"}, "mode='lineal'. Did you mean 'linear'"),
        ({"mode": "exponential", "start_factor": 0.0}, "use mode='linear'"),
        ({"background": True}, "background=True would set the rates of later steps"),
    ],
)
def test_wrong_options_are_refused_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        WarmUp(**options)


def test_it_rises_step_by_step_and_ends() -> None:
    assert factors(WarmUp("4 steps", start_factor=0.2)) == pytest.approx([0.2, 0.4, 0.6, 0.8] + [1.0] * 8)
    assert factors(WarmUp("4 steps", start_factor=0.0))[:5] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert factors(WarmUp("2 steps", start_factor=0.01, mode="exponential"))[:3] == pytest.approx([0.01, 0.1, 1.0])
    assert factors(WarmUp("3 steps", start_factor=0.3, mode="constant"))[:5] == [0.3, 0.3, 0.3, 1.0, 1.0]


def test_epochs_are_divided_by_their_batches() -> None:
    assert factors(WarmUp("2 epochs", start_factor=0.2)) == pytest.approx(
        [0.2 + 0.1 * step for step in range(8)] + [1.0] * 4
    )


def test_it_can_be_longer_than_the_training() -> None:
    assert factors(WarmUp("100 steps", start_factor=0.0), epochs=1)[-1] == pytest.approx(0.03)


def test_epochs_of_unknown_length_are_refused_where_the_first_batch_comes() -> None:
    with pytest.raises(AttachError, match=r"warm-up: duration='5 epochs' .* give the duration in steps"):
        factors(WarmUp(), sized=False)
    assert factors(WarmUp("2 steps", start_factor=0.5), sized=False)[:3] == [0.5, 0.75, 1.0]


def test_a_host_that_cannot_schedule_refuses_it() -> None:
    assert WarmUp.needs == {"schedule_lr"}


def test_every_group_keeps_its_proportion() -> None:
    run = FakeRun([WarmUp("4 steps", start_factor=0.5)], lr={"body": 0.1, "head": 0.4})
    run.batch_end()
    assert run.lr == {"body": 0.05, "head": 0.2}
    assert run.scheduled_lr == {"body": 0.1, "head": 0.4}


def test_what_is_set_meanwhile_keeps_its_proportion() -> None:
    run = FakeRun([WarmUp("4 steps", start_factor=0.5)], lr=1.0, batches=8)
    run.batch_end()
    run.request(Request(Kind.SET_LR, "", "operator", "operator", {"value": 0.25, "group": None}))
    run.batch_end()
    assert run.lr["0"] == 0.25  # where 0.625 was scheduled
    for _ in range(4):
        run.batch_end()
    assert run.lr["0"] == pytest.approx(0.4)


def test_two_of_them_are_multiplied() -> None:
    rates = RateOfBatches()
    other = WarmUp("2 steps", start_factor=0.5, mode="constant", name="other")
    FakeRun([WarmUp("4 steps", start_factor=0.0), other, rates], lr=1.0, batches=5).play(1)
    assert rates.seen == [0.0, 0.125, 0.5, 0.75, 1.0]


def test_gradients_that_are_accumulated_count_once() -> None:
    rates = RateOfBatches()
    run = FakeRun([WarmUp("2 steps", start_factor=0.5), rates], lr=1.0, batches=6)
    for batch in range(6):
        run.batch_end(stepped=batch % 2 == 1)
    assert rates.seen == [0.5, 0.5, 0.75, 0.75, 1.0, 1.0]


def schedulers(optimizer: Any) -> Any:
    return lr_scheduler.ExponentialLR(optimizer, 0.5)


def test_on_nothing_it_resumes_bit_for_bit(tmp_path: Path) -> None:
    rates = check_resumed(tmp_path, lambda: [WarmUp("6 steps", start_factor=0.1)], groups=True)
    assert rates == pytest.approx([0.02 + 0.03 * step for step in range(6)] + [0.2] * 6)


def test_on_a_scheduler_of_the_trainer_it_resumes_bit_for_bit(tmp_path: Path) -> None:
    rates = check_resumed(tmp_path, lambda: [WarmUp("2 epochs", start_factor=0.2)], scheduler=schedulers)
    scheduled = [0.1] * 4 + [0.05] * 4 + [0.025] * 4
    factor = [0.2 + 0.1 * step for step in range(8)] + [1.0] * 4
    assert rates == pytest.approx([one * other for one, other in zip(scheduled, factor, strict=True)])


def test_with_everything_else_it_resumes_bit_for_bit(tmp_path: Path) -> None:
    def callbacks() -> list[Callback]:
        return [
            ReduceLROnPlateau(factor=0.5, patience=1, min_delta=100.0),
            WarmUp("6 steps", start_factor=0.1, mode="exponential"),
            LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch)),
        ]

    rates = check_resumed(tmp_path, callbacks)
    # After the second epoch the plateau halves what is scheduled, and again after the third.
    assert rates[6:] == pytest.approx([0.05, 0.05, *[0.1 / 3 / 2] * 4])


def test_it_leaves_the_optimizer_as_it_was(tmp_path: Path) -> None:
    used, _, _ = fit(tmp_path, [WarmUp("100 steps")], epochs=1)
    assert used.rates[0] == pytest.approx(0.01)
    again, _, _ = fit(tmp_path, [], epochs=1)
    assert again.rates == [0.1] * 4


def test_a_second_fit_warms_up_anew(tmp_path: Path) -> None:
    warm_up = WarmUp("2 steps", start_factor=0.5)
    for _ in range(2):
        used, _, _ = fit(tmp_path, [warm_up], epochs=1)
        assert used.rates == pytest.approx([0.05, 0.075, 0.1, 0.1])
