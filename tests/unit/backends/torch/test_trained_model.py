from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from lineside.backends.torch.trained_model import TrainedTorchModel
from lineside.errors import RequestRefused
from lineside.ports import ModelPort


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def port(module: nn.Module, forward: Callable[[], None] | None = None) -> TrainedTorchModel:
    return TrainedTorchModel(module, [torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)], forward)


def test_it_is_a_model_port() -> None:
    assert isinstance(port(net()), ModelPort)


def test_frozen_parameters_are_named_and_have_no_gradient() -> None:
    module = net()
    model = port(module)
    module(torch.randn(8, 3)).sum().backward()
    model.freeze(["0.weight", "0.bias"])
    assert model.trainable() == {
        **dict.fromkeys(["0.weight", "0.bias"], False),
        **dict.fromkeys(["1.weight", "1.bias", "2.weight", "2.bias"], True),
    }
    assert module[0].weight.grad is None
    assert module[2].weight.grad is not None
    model.unfreeze(["0.weight"])
    assert model.trainable()["0.weight"]
    assert not model.trainable()["0.bias"]


def test_an_optimizer_with_momentum_and_decay_leaves_frozen_parameters_alone() -> None:
    module = net()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    model = TrainedTorchModel(module, [optimizer])
    module(torch.randn(8, 3)).sum().backward()
    optimizer.step()
    model.freeze(["0.weight"])
    before = module[0].weight.detach().clone()
    optimizer.step()
    assert torch.equal(module[0].weight, before)


def test_tied_parameters_are_frozen_under_either_name() -> None:
    module = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    module[1].weight = module[0].weight
    model = port(module)
    model.freeze(["1.weight"])
    assert model.trainable() == {"0.weight": False, "1.weight": False}


def test_what_an_optimizer_holds() -> None:
    module = net()
    model = TrainedTorchModel(module, [torch.optim.SGD(module[2].parameters(), lr=0.1)])
    assert model.stepped() == {"2.weight", "2.bias"}
    assert TrainedTorchModel(module).stepped() == frozenset()


def test_names_are_those_of_the_bare_model_also_when_it_is_wrapped() -> None:
    module = net()
    wrapped = torch.compile(module, backend="eager")
    model = port(wrapped)  # type: ignore[arg-type]
    assert model.statistics() == ("1.running_mean",)
    model.freeze(["2.weight"])
    assert not module[2].weight.requires_grad
    assert "0.weight" in model.stepped()


def test_layers_with_statistics_change_their_mode() -> None:
    module = net()
    model = port(module)
    module.train()
    model.track_statistics(["1.running_mean"], tracked=False)
    assert [layer.training for layer in module] == [True, False, True]
    model.track_statistics(["1.running_mean"], tracked=True)
    assert module[1].training


def test_statistics_are_computed_anew_from_the_data() -> None:
    module = net().train()
    batch = torch.randn(16, 3)
    port(module, lambda: module(batch)).update_bn()
    with torch.no_grad():
        torch.testing.assert_close(module[1].running_mean, module[0](batch).mean(0))


def test_statistics_of_frozen_layers_stay() -> None:
    module = net().train()
    model = port(module, lambda: module(torch.randn(16, 3)))
    model.track_statistics(["1.running_mean"], tracked=False)
    before = module[1].running_mean.clone()
    model.update_bn()
    assert torch.equal(module[1].running_mean, before)


def test_without_statistics_no_data_is_read() -> None:
    module = nn.Linear(3, 2)
    port(module, lambda: pytest.fail("nothing to be computed")).update_bn()


def test_a_loop_that_keeps_its_data_to_itself_is_told_so() -> None:
    with pytest.raises(RequestRefused, match="owner"):
        port(net().train()).update_bn()
