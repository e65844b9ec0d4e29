from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.optim import LBFGS, SGD, Adafactor, Adam, AdamW, Optimizer, RMSprop

from lineside.backends.torch.host import TorchHost
from tests.unit.backends.torch.saved import SavedFolder
from tests.unit.backends.torch.training import Training, bits, host

OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "SGD": partial(SGD, lr=0.1, momentum=0.9, nesterov=True),
    "SGD without momentum": partial(SGD, lr=0.1),
    "Adam": partial(Adam, lr=0.01, amsgrad=True),
    "AdamW": partial(AdamW, lr=0.01, betas=(0.8, 0.95)),
    "AdamW, tensor rate": lambda parameters: AdamW(parameters, lr=torch.tensor(0.01)),
    "AdamW, fused": partial(AdamW, lr=0.01, fused=True),
    "RMSprop": partial(RMSprop, lr=0.01, centered=True),
    "Adafactor": partial(Adafactor, lr=0.01),
    "LBFGS": partial(LBFGS, lr=0.5, max_iter=3, history_size=4),
    "LBFGS, line search": partial(LBFGS, max_iter=3, line_search_fn="strong_wolfe"),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_resumed_training_ends_bit_for_bit_where_an_uninterrupted_one_ends(name: str, tmp_path: Path) -> None:
    whole = Training(OPTIMIZERS[name])
    whole.train(0, 4)
    saved = whole.save(tmp_path)
    whole.train(4, 4)
    resumed = Training(OPTIMIZERS[name], seed=77)
    resumed.restore(saved)
    resumed.train(4, 4)
    assert resumed.everything() == whole.everything()


def test_state_keeps_a_dtype_that_is_not_the_parameters(tmp_path: Path) -> None:
    """torch's own load_state_dict casts it to that of the parameter."""
    training = Training(partial(SGD, lr=0.1, momentum=0.9), dtype=torch.bfloat16)
    training.train(0, 2)
    for state in training.optimizer.state.values():
        state["momentum_buffer"] = state["momentum_buffer"].float() + 1e-4
        state["history"] = [state["momentum_buffer"].double()]
    resumed = Training(partial(SGD, lr=0.1, momentum=0.9), dtype=torch.bfloat16, seed=77)
    resumed.restore(training.save(tmp_path))
    assert resumed.everything() == training.everything()


def test_state_keeps_the_strides_of_its_parameter(tmp_path: Path) -> None:
    def make(seed: int) -> tuple[nn.Module, Adam, TorchHost]:
        torch.manual_seed(seed)
        model = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
        optimizer = Adam(model.parameters())
        return model, optimizer, host(model, optimizer)

    model, optimizer, one = make(0)
    model(torch.randn(1, 2, 5, 5)).sum().backward()
    optimizer.step()
    fresh, again, other = make(1)
    other.restore(SavedFolder(tmp_path, one.capture()))
    state = again.state[fresh.weight]["exp_avg"]
    assert state.stride() == optimizer.state[model.weight]["exp_avg"].stride() == fresh.weight.stride()
    assert torch.equal(state, optimizer.state[model.weight]["exp_avg"])


def test_a_tensor_rate_stays_the_tensor_that_graphs_and_schedulers_know(tmp_path: Path) -> None:
    rate = torch.tensor(0.5)
    saved = Training(OPTIMIZERS["AdamW, tensor rate"]).save(tmp_path)
    resumed = Training(lambda parameters: AdamW(parameters, lr=rate))
    resumed.restore(saved)
    assert resumed.optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == torch.tensor(0.01).item()


def gan(seed: int) -> tuple[dict[str, nn.Module], dict[str, Optimizer], TorchHost]:
    torch.manual_seed(seed)
    models = {"generator": nn.Linear(2, 2), "critic": nn.Linear(2, 1)}
    optimizers = {name: Adam(model.parameters(), lr=0.1) for name, model in models.items()}
    for name, model in models.items():
        model(torch.randn(4, 2)).sum().backward()
        optimizers[name].step()
    return models, optimizers, host(models, optimizers)


def test_several_models_and_optimizers(tmp_path: Path) -> None:
    models, optimizers, one = gan(0)
    saved = SavedFolder(tmp_path, one.capture())
    assert "generator.weight" in load_file(saved.file("model.safetensors"))
    assert "critic.state.0.exp_avg" in load_file(saved.file("optimizer.safetensors"))
    others, again, other = gan(1)
    other.restore(saved)
    for name, model in models.items():
        assert bits(others[name].state_dict()) == bits(model.state_dict())
        assert bits(again[name].state_dict()) == bits(optimizers[name].state_dict())
    assert other.lr() == {"generator.0": 0.1, "critic.0": 0.1}
