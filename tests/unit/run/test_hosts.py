from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

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


def test_a_torch_model_gets_the_host_of_its_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    class Module:
        pass

    given = []
    engines = ModuleType("lineside.backends.torch.engines")
    engines.loop_host = lambda *arguments: (given.append(arguments), "the host")[1]
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(nn=SimpleNamespace(Module=Module)))
    monkeypatch.setitem(sys.modules, engines.__name__, engines)
    models = {"generator": Module(), "critic": Module()}
    assert host_for_loop(models, "optimizer", "scheduler", {}, None) == "the host"
    assert given == [(models, "optimizer", "scheduler", {}, None)]
    with pytest.raises(OptionError, match="a dict of them"):
        host_for_loop({"generator": Module(), "critic": object()}, None, None, {}, None)
