"""A trainer whose model is compiled: the same training, the same names, the same files."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import lineside
from lineside.callbacks.ema import EMA
from lineside.callbacks.freeze_unfreeze import FreezeUnfreeze
from tests.unit.trainer.toys import loader, points

pytestmark = pytest.mark.usefixtures("quick")


class Counting:
    """Takes what Dynamo captures as it is, without waiting for a C++ compiler, and counts the operations."""

    def __init__(self) -> None:
        self.captured = 0

    def __call__(self, graph: Any, inputs: Any) -> Any:
        self.captured += sum(node.op != "placeholder" for node in graph.graph.nodes)
        return graph.forward


BACKEND = Counting()
COMPILED = {"backend": BACKEND}
OPERATIONS = 4
"""No less than those of the tiny function that is tried first."""


@pytest.fixture(autouse=True)
def nothing_captured_before() -> None:
    torch.compiler.reset()
    BACKEND.captured = 0


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def fit(make: Any, *callbacks: Any, compiled: Any = False, **options: Any) -> tuple[nn.Module, Any, Any]:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    trainer = make(model, optimizer=optimizer, callbacks=list(callbacks), compile=compiled)
    return model, trainer, trainer.fit(loader(shuffle=True), loader(), **{"epochs": 2, **options})


def test_the_training_is_compiled_and_comes_out_the_same(make: Any) -> None:
    plain, _, expected = fit(make)
    model, _, result = fit(make, compiled=COMPILED)
    assert BACKEND.captured > OPERATIONS
    assert result.history == expected.history
    for name, tensor in plain.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_names_in_checkpoints_are_those_of_the_bare_model(make: Any) -> None:
    _, _, result = fit(make, EMA(0.9), compiled=COMPILED)
    for file in ("model.safetensors", "callbacks/ema.safetensors"):
        assert set(load_file(result.last.file(file))) == set(net().state_dict())


@pytest.mark.parametrize(("first", "second"), [(COMPILED, COMPILED), (False, COMPILED)])
def test_a_resumed_run_ends_as_the_uninterrupted_one_compiled_or_not(make: Any, first: Any, second: Any) -> None:
    class Interrupts(lineside.Callback):
        def on_batch_end(self, run: Any) -> None:
            if run.step == 6:
                signal.raise_signal(signal.SIGTERM)

    whole, _, _ = fit(make)
    with pytest.raises(SystemExit):
        fit(make, Interrupts(), compiled=first)
    model, _, _ = fit(make, compiled=second, resume="auto")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_what_is_frozen_and_unfrozen_is_compiled_anew(make: Any) -> None:
    schedule = {"1 epoch": "0.*"}
    plain, _, _ = fit(make, FreezeUnfreeze(["0.*", "1.*"], schedule))
    model, _, _ = fit(make, FreezeUnfreeze(["0.*", "1.*"], schedule), compiled=COMPILED)
    for name, tensor in plain.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_predictions_and_exports_are_those_of_the_model(make: Any, tmp_path: Path) -> None:
    model, trainer, _ = fit(make, compiled=COMPILED)
    inputs = points().tensors[0]
    bare = net()
    bare.load_state_dict(model.state_dict())
    expected = bare.eval()(inputs).detach()
    torch.testing.assert_close(trainer.predict(loader()), expected)
    exported = torch.export.load(trainer.export(tmp_path / "model.pt2")).module()
    torch.testing.assert_close(exported(inputs), expected)


def test_a_step_of_ones_own_gets_the_compiled_model(make: Any) -> None:
    def step(model: nn.Module, batch: Any, run: Any) -> torch.Tensor:
        return nn.functional.cross_entropy(model(batch[0]), batch[1])

    make(net(), step=step, compile=COMPILED).fit(loader(), epochs=1)
    assert BACKEND.captured > OPERATIONS
