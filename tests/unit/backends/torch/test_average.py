from __future__ import annotations

import pytest
import torch
from torch import nn

from lineside.backends.torch.trained_model import TrainedTorchModel


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def move(module: nn.Module, by: float = 1.0) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(by)


def test_it_begins_at_the_present_weights_and_does_not_follow_by_itself() -> None:
    module = net()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    average = TrainedTorchModel(module).average(buffers=True)
    move(module)
    assert average.tensors.keys() == before.keys()
    assert all(torch.equal(average.tensors[name], before[name]) for name in before)


def test_an_update_goes_so_far_towards_the_model() -> None:
    module = net()
    start = module[0].weight.detach().clone()
    average = TrainedTorchModel(module).average(buffers=False)
    move(module)
    average.update(0.25)
    assert torch.allclose(average.tensors["0.weight"], start + 0.25)
    average.update(1.0)
    assert torch.equal(average.tensors["0.weight"], module[0].weight)


def test_updates_are_those_of_torchs_averaged_model() -> None:
    module = net()
    theirs = torch.optim.swa_utils.AveragedModel(
        module, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9), use_buffers=True
    )
    theirs.update_parameters(module)
    ours = TrainedTorchModel(module).average(buffers=True)
    for _ in range(5):
        module(torch.randn(8, 3))
        move(module, 0.1)
        theirs.update_parameters(module)
        ours.update(1.0 - 0.9)
    for name, tensor in theirs.module.state_dict().items():
        if tensor.is_floating_point():  # torch averages counters, too, and rounds them down
            torch.testing.assert_close(ours.tensors[name], tensor)


def test_integers_are_copied_and_buffers_left_out_unless_wanted() -> None:
    module = net()
    with_buffers = TrainedTorchModel(module).average(buffers=True)
    without = TrainedTorchModel(module).average(buffers=False)
    module(torch.randn(8, 3))
    with_buffers.update(0.001)
    without.update(0.001)
    assert with_buffers.tensors["1.num_batches_tracked"].item() == 1
    assert with_buffers.tensors["1.num_batches_tracked"].dtype is torch.int64
    assert not torch.equal(with_buffers.tensors["1.running_mean"], module[1].running_mean)
    assert set(without.tensors) == {name for name, _ in module.named_parameters()}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_averaged_in_single_where_small_steps_are_not_lost(dtype: torch.dtype) -> None:
    module = nn.Linear(2, 1, bias=False).to(dtype)
    with torch.no_grad():
        module.weight.fill_(1.0)
    average = TrainedTorchModel(module).average(buffers=False)
    with torch.no_grad():
        module.weight.fill_(2.0)
    for _ in range(100):
        average.update(1e-4)
    assert average.tensors["weight"].dtype is torch.float32
    assert average.tensors["weight"][0, 0].item() == pytest.approx(2.0 - (1.0 - 1e-4) ** 100, rel=1e-5)
    port = TrainedTorchModel(module)
    port.load(average.tensors)
    assert module.weight.dtype is dtype


def test_double_precision_stays() -> None:
    module = nn.Linear(2, 1).double()
    average = TrainedTorchModel(module).average(buffers=False)
    average.update(0.5)
    assert average.tensors["weight"].dtype is torch.float64


def test_what_is_frozen_is_left_out_and_joins_when_it_is_trained() -> None:
    module = net()
    port = TrainedTorchModel(module)
    port.freeze(["0.weight"])
    average = port.average(buffers=False)
    assert "0.weight" not in average.tensors
    average.update(0.1)
    assert "0.weight" not in average.tensors
    port.unfreeze(["0.weight"])
    move(module)
    average.update(0.1)
    assert torch.equal(average.tensors["0.weight"], module[0].weight)
    start = module[0].weight.detach().clone()
    move(module)
    average.update(0.5)
    assert torch.allclose(average.tensors["0.weight"], start + 0.5)


def test_what_is_frozen_later_is_averaged_on() -> None:
    module = net()
    port = TrainedTorchModel(module)
    average = port.average(buffers=False)
    move(module)
    port.freeze(["0.weight"])
    average.update(1.0)
    assert torch.equal(average.tensors["0.weight"], module[0].weight)


def test_tied_weights_are_averaged_once() -> None:
    module = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    module[1].weight = module[0].weight
    assert list(TrainedTorchModel(module).average(buffers=True).tensors) == ["0.weight"]


def test_a_lazy_layer_joins_when_it_has_a_shape() -> None:
    module = nn.Sequential(nn.LazyLinear(2), nn.Linear(2, 1))
    average = TrainedTorchModel(module).average(buffers=True)
    assert set(average.tensors) == {"1.weight", "1.bias"}
    module(torch.ones(1, 3))
    average.update(0.5)
    assert average.tensors["0.weight"].shape == (2, 3)


def test_a_parameter_that_was_replaced_is_followed() -> None:
    module = nn.Linear(2, 1)
    average = TrainedTorchModel(module).average(buffers=False)
    module.weight = nn.Parameter(torch.full((1, 2), 5.0))
    average.update(1.0)
    assert average.tensors["weight"].tolist() == [[5.0, 5.0]]


def test_saved_averages_are_taken_back_exactly() -> None:
    module = net()
    port = TrainedTorchModel(module)
    first = port.average(buffers=True)
    move(module)
    first.update(0.3)
    saved = {name: tensor.clone() for name, tensor in first.tensors.items()}
    second = port.average(buffers=True)
    second.load({**saved, "another.weight": torch.ones(1)})
    for average in (first, second):
        average.update(0.3)
    assert second.tensors.keys() == first.tensors.keys()
    assert all(torch.equal(second.tensors[name], first.tensors[name]) for name in saved)


def test_what_was_not_saved_joins_at_the_next_update() -> None:
    module = net()
    port = TrainedTorchModel(module)
    average = port.average(buffers=True)
    average.load({"0.weight": torch.zeros(4, 3)})
    assert set(average.tensors) == {"0.weight"}
    average.update(0.5)
    assert torch.equal(average.tensors["2.weight"], module[2].weight)
    assert torch.allclose(average.tensors["0.weight"], module[0].weight / 2)
