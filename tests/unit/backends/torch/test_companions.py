from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Optimizer, lr_scheduler
from torch.optim.swa_utils import AveragedModel

from lineside.backends.torch.host import TorchHost
from lineside.errors import CheckpointContentsError, OptionError
from tests.unit.backends.torch.saved import SavedFolder
from tests.unit.backends.torch.training import Training, bits, host, net

SCHEDULERS: dict[str, Callable[[Optimizer], Any]] = {
    "StepLR": lambda one: lr_scheduler.StepLR(one, 3, 0.5),
    "MultiStepLR": lambda one: lr_scheduler.MultiStepLR(one, [2, 5, 5], 0.5),
    "CosineAnnealingLR": lambda one: lr_scheduler.CosineAnnealingLR(one, 10),
    "CosineAnnealingWarmRestarts": lambda one: lr_scheduler.CosineAnnealingWarmRestarts(one, 3),
    "OneCycleLR": lambda one: lr_scheduler.OneCycleLR(one, 0.3, total_steps=20),
    "CyclicLR": lambda one: lr_scheduler.CyclicLR(one, 0.01, 0.2, step_size_up=3),
    "LambdaLR": lambda one: lr_scheduler.LambdaLR(one, lambda epoch: 0.9**epoch),
    "SequentialLR": lambda one: lr_scheduler.SequentialLR(
        one, [lr_scheduler.LinearLR(one, 0.1, total_iters=3), lr_scheduler.ExponentialLR(one, 0.9)], [3]
    ),
    "ReduceLROnPlateau": lambda one: lr_scheduler.ReduceLROnPlateau(one, patience=1, threshold=1.0),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_scheduler_goes_on_where_it_was(name: str, tmp_path: Path) -> None:
    whole = Training(make_scheduler=SCHEDULERS[name])
    whole.train(0, 4)
    saved = whole.save(tmp_path)
    whole.train(4, 4)
    resumed = Training(make_scheduler=SCHEDULERS[name], seed=77)
    resumed.restore(saved)
    resumed.train(4, 4)
    assert resumed.everything() == whole.everything()


def test_the_gradient_scaler_goes_on_where_it_was(tmp_path: Path) -> None:
    def make() -> tuple[torch.amp.GradScaler, TorchHost]:
        model = net()
        scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=3)
        return scaler, host(model, SGD(model.parameters(), 0.1), scaler=scaler)

    def use(scaler: torch.amp.GradScaler, times: int) -> list[float]:
        parameter = nn.Parameter(torch.ones(1))
        optimizer = SGD([parameter], 0.1)
        scales = []
        for _ in range(times):
            scaler.scale(parameter.sum()).backward()
            scaler.step(optimizer)
            scaler.update()
            scales.append(scaler.get_scale())
        return scales

    scaler, one = make()
    use(scaler, 5)
    saved = SavedFolder(tmp_path, one.capture())
    expected = use(scaler, 5)
    fresh, other = make()
    other.restore(saved)
    assert use(fresh, 5) == expected
    assert 256.0 in expected  # it grew: at other steps without its state


def test_extras_come_back_and_new_ones_keep_their_state(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = net()
    averaged = AveragedModel(model)
    averaged.update_parameters(model)
    saved = SavedFolder(tmp_path, host(model, None, extras={"ema": averaged, "old": averaged}).capture())
    fresh, new = AveragedModel(net()), AveragedModel(net())
    before = bits(new.state_dict())
    host(net(), None, extras={"ema": fresh, "new": new}).restore(saved)
    assert bits(fresh.state_dict()) == bits(averaged.state_dict())
    assert bits(new.state_dict()) == before
    assert "Restored extras; new here: ['new']; left in the checkpoint: ['old']" in caplog.text


def test_parts_without_a_state_are_refused() -> None:
    with pytest.raises(OptionError, match=r"extras\['ema'\].*object"):
        host(net(), None, extras={"ema": object()})
    with pytest.raises(OptionError, match=r"scheduler=.*function"):
        host(net(), None, schedulers=[net])
    with pytest.raises(OptionError, match="not a str"):
        host(net(), "adam")


def test_a_state_that_is_no_data_is_refused_with_its_path() -> None:
    class Odd:
        def state_dict(self) -> dict[str, Any]:
            return {"calls": [print]}

        def load_state_dict(self, state: Any) -> None: ...

    with pytest.raises(CheckpointContentsError, match=r"the state\['odd'\]\['calls'\]\[0\] is a builtins"):
        host(net(), None, extras={"odd": Odd()}).capture()
