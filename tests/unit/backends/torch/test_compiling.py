from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lineside.backends.torch.compiling import compiled
from lineside.errors import OptionError

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def no_compiled_code_of_others() -> None:
    torch.compiler.reset()


class Backend:
    """A compiler that counts its graphs, and fails if that is wanted."""

    def __init__(self, error: Exception | None = None) -> None:
        self.graphs = 0
        self.error = error

    def __call__(self, graph: Any, inputs: Any, **options: Any) -> Any:
        if self.error is not None:
            raise self.error
        self.graphs += 1
        return graph.forward


@pytest.mark.parametrize("model", [nn.Linear(2, 1), nn.Sequential(nn.Linear(2, 1))])
def test_what_is_called_is_compiled_and_the_model_stays_as_it_is(model: nn.Module) -> None:
    backend, kind, names = Backend(), type(model), list(model.state_dict())
    called = compiled(model, {"backend": backend}, CPU)
    tried = backend.graphs
    output = called(torch.ones(3, 2))
    assert backend.graphs == tried + 1
    torch.testing.assert_close(output, model(torch.ones(3, 2)))
    assert backend.graphs == tried + 1
    assert type(model) is kind
    assert list(model.state_dict()) == names


def test_every_module_of_several_is_compiled() -> None:
    backend = Backend()
    called = compiled({"a": nn.Linear(2, 1), "b": nn.Linear(1, 1)}, {"backend": backend}, CPU)
    tried = backend.graphs
    called["a"](torch.ones(1, 2))
    called["b"](torch.ones(1, 1))
    assert backend.graphs == tried + 2


def test_modes_are_those_of_the_model() -> None:
    model = nn.Sequential(nn.Dropout(0.5))
    called = compiled(model, {"backend": Backend()}, CPU)
    called(torch.ones(64))
    model.eval()
    assert torch.equal(called(torch.ones(64)), torch.ones(64))
    model.train()
    assert not torch.equal(called(torch.ones(64)), torch.ones(64))


def test_without_a_compiler_a_warning_says_so_and_the_model_is_as_before(caplog: pytest.LogCaptureFixture) -> None:
    backend, model = Backend(RuntimeError("No working C++ compiler found\nSee above")), nn.Linear(2, 1)
    assert compiled(model, {"backend": backend}, CPU) is model
    assert "torch.compile does not work here" in caplog.text
    assert "No working C++ compiler found" in caplog.text
    assert "g++" in caplog.text


def test_false_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda *_, **__: pytest.fail("not asked for"))
    model = nn.Linear(2, 1)
    assert compiled(model, False, CPU) is model


@pytest.mark.parametrize("options", [{"backend": "no-such-backend"}, {"colour": "blue"}, "inductor", 1, None])
def test_what_torch_does_not_take_is_refused(options: Any) -> None:
    with pytest.raises(OptionError, match="compile="):
        compiled(nn.Linear(2, 1), options, CPU)
