from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from lineside.backends.torch.model import TorchModel
from lineside.backends.torch.norms import grouped


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))


def by_layer(name: str) -> tuple[str, str]:
    return name.partition(".")[0], "all"


def test_the_norm_of_a_group_is_that_of_all_its_members_together(model: nn.Module) -> None:
    norms = TorchModel(model).norms("parameters", by=by_layer)
    assert list(norms) == ["0", "all", "2"]
    for layer in ("0", "2"):
        together = torch.cat([p.detach().flatten() for p in model[int(layer)].parameters()])
        assert norms[layer].item() == pytest.approx(together.double().norm().item(), rel=1e-6)
    everything = nn.utils.parameters_to_vector(model.parameters())
    assert norms["all"].item() == pytest.approx(everything.norm().item(), rel=1e-6)


def test_parameters_without_a_gradient_do_not_count(model: nn.Module) -> None:
    model[2].weight.grad = torch.full((1, 4), 2.0)
    assert {name: norm.item() for name, norm in TorchModel(model).norms("gradients", by=by_layer).items()} == {
        "2": 4.0,
        "all": 4.0,
    }


def test_without_any_gradient_there_are_no_groups(model: nn.Module) -> None:
    assert TorchModel(model).norms("gradients", by=by_layer) == {}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_the_norm_of_a_change_is_that_of_the_difference(model: nn.Module, dtype: torch.dtype) -> None:
    model.to(dtype)
    port = TorchModel(model)
    before = port.capture()
    with torch.no_grad():
        model[0].bias.add_(0.5)
    changed = port.norms("parameters", since=before)
    assert changed["0.bias"].item() == pytest.approx(math.sqrt(4 * 0.25), rel=0.05)
    assert [changed[name].item() for name in ("0.weight", "2.weight", "2.bias")] == [0.0, 0.0, 0.0]
    grouped_changes = port.norms("parameters", by=by_layer, since=before)
    assert grouped_changes["all"].item() == pytest.approx(changed["0.bias"].item())


def test_a_large_norm_that_is_finite_does_not_overflow() -> None:
    norms = grouped({"a": torch.tensor(3e20), "b": torch.tensor(4e20)}, lambda name: ("both",))
    assert norms["both"].item() == pytest.approx(5e20)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_what_is_not_finite_stays_so_in_its_groups_alone(wrong: float) -> None:
    norms = grouped({"a": torch.tensor(wrong), "b": torch.tensor(4.0)}, lambda name: (name, "all"))
    assert norms["b"].item() == 4.0
    assert not math.isfinite(norms["a"].item())
    assert not math.isfinite(norms["all"].item())
