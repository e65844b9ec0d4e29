"""Trainings of which a part is frozen for a while."""

from __future__ import annotations

import signal
from typing import Any

import pytest
import torch
from torch import nn

import lineside
from lineside.callbacks.freeze_unfreeze import FreezeUnfreeze
from tests.unit.trainer.toys import loader

pytestmark = pytest.mark.usefixtures("quick")


def net() -> nn.Module:
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
    return nn.Sequential(nn.ModuleDict({"backbone": backbone})["backbone"], nn.Linear(8, 2))


class Weights(lineside.Callback):
    """Keeps the weights at the ends of the epochs."""

    on_error = "raise"

    def on_setup(self, run: Any) -> None:
        self.seen: list[dict[str, torch.Tensor]] = []

    def on_epoch_end(self, run: Any) -> None:
        self.seen.append({name: tensor.clone() for name, tensor in run.model.module.state_dict().items()})


def fit(make: Any, *callbacks: Any, epochs: int = 4, **options: Any) -> tuple[nn.Module, Any]:
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05, weight_decay=0.1)
    make(model, optimizer=optimizer, callbacks=list(callbacks)).fit(
        loader(shuffle=True), loader(), epochs=epochs, **options
    )
    return model, optimizer


def test_frozen_weights_and_statistics_stay_to_the_last_bit_until_they_are_unfrozen(make: Any) -> None:
    start = net().state_dict()
    weights = Weights()
    _, optimizer = fit(make, FreezeUnfreeze("0.*", {"2 epochs": "0.*"}), weights)
    of_backbone = [name for name in start if name.startswith("0.")]
    for seen in weights.seen[:2]:
        assert all(torch.equal(seen[name], start[name]) for name in of_backbone)
    assert not any(torch.equal(weights.seen[2][name], start[name]) for name in of_backbone)
    assert weights.seen[3]["0.1.num_batches_tracked"].item() == 8, "two epochs of four batches"
    steps = [int(optimizer.state[parameter]["step"]) for parameter in optimizer.param_groups[0]["params"]]
    assert steps == [8, 8, 8, 8, 16, 16], "the optimizer has state only for what it stepped"


def test_statistics_may_follow_the_data_while_the_weights_stay(make: Any) -> None:
    weights = Weights()
    fit(make, FreezeUnfreeze("0.*", freeze_bn=False), weights, epochs=1)
    assert torch.equal(weights.seen[0]["0.0.weight"], net()[0][0].weight)
    assert weights.seen[0]["0.1.num_batches_tracked"].item() == 4


@pytest.mark.parametrize("step", [3, 8, 11])
def test_interrupted_anywhere_it_ends_bit_for_bit_as_the_uninterrupted_run(make: Any, step: int) -> None:
    class Interrupts(lineside.Callback):
        def on_batch_end(self, run: Any) -> None:
            if run.step == step:
                signal.raise_signal(signal.SIGTERM)

    def schedule() -> FreezeUnfreeze:
        return FreezeUnfreeze("0.*", {"2 epochs": "0.0.*", "11 steps": "0.*"})

    whole, _ = fit(make, schedule())
    with pytest.raises(SystemExit):
        fit(make, schedule(), Interrupts())
    model, _ = fit(make, schedule(), resume="auto")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_an_evaluation_afterwards_leaves_what_is_trained_alone(make: Any) -> None:
    model = net()
    trainer = make(model, callbacks=[FreezeUnfreeze("0.*", {"1 epoch": "0.*"})])
    trainer.fit(loader(), epochs=2)
    trainer.test(loader())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_gradients_that_accumulate_are_not_stepped_with_after_a_freeze(make: Any) -> None:
    """A second fit freezes what the first has trained, and a gradient may be left of that."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    trainer = make(model, optimizer=optimizer, callbacks=[])
    trainer.fit(loader(), epochs=1)
    model[0][0].weight.grad = torch.ones_like(model[0][0].weight)
    before = model[0][0].weight.detach().clone()
    trainer.add_callback(FreezeUnfreeze("0.*"))
    trainer.fit(loader(), epochs=1)
    assert torch.equal(model[0][0].weight, before)
