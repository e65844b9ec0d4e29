from __future__ import annotations

import pytest

from lineside.errors import OptionError
from lineside.run.hosts import host_for_loop
from lineside.run.plain_host import PlainHost


def test_without_a_model_a_run_watches() -> None:
    host = host_for_loop(None, None, None, {}, None)
    assert isinstance(host, PlainHost)
    assert "validate" not in host.capabilities.abilities
    assert "validate" in host_for_loop(None, None, None, {}, lambda: None).capabilities.abilities


@pytest.mark.parametrize(("optimizer", "scheduler"), [(object(), None), (None, object())])
def test_an_optimizer_without_its_model_is_refused(optimizer: object, scheduler: object) -> None:
    with pytest.raises(OptionError, match="needs model= as well"):
        host_for_loop(None, optimizer, scheduler, {}, None)


@pytest.mark.parametrize("model", [object(), {"a": object()}, "resnet18"])
def test_a_model_of_an_unknown_library_is_refused_by_its_type(model: object) -> None:
    with pytest.raises(OptionError, match=r"got a builtins\.(object|str); it takes a torch\.nn\.Module"):
        host_for_loop(model, None, None, {}, None)


def test_a_torch_model_gets_the_host_of_its_backend() -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(2, 1)
    host = host_for_loop(model, torch.optim.SGD(model.parameters(), lr=0.5), None, {}, None)
    assert "model" in host.capabilities.abilities
    assert set(host.lr().values()) == {0.5}
