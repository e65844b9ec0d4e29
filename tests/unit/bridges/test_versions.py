"""A framework that is missing or too old is told when a bridge is made, not in the middle of a training."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

import lineside
from lineside.bridges.versions import check_version
from lineside.errors import MissingDependency, OptionError


@pytest.fixture
def framework(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that no distribution has installed, as that of Ultralytics' headless one has no metadata of its name."""
    module = ModuleType("yards")
    monkeypatch.setitem(sys.modules, "yards", module)
    return module


@pytest.mark.parametrize("version", ["8.4.142", "8.4.190", "8.5", "9.0.0rc1", "8.4.142+cpu", "8.4.142.dev0"])
def test_one_that_is_new_enough(framework: ModuleType, version: str) -> None:
    framework.__version__ = version
    check_version("yards", "8.4.142", extra="yards")


@pytest.mark.parametrize("version", ["8.4.141", "8.4", "7.9.999"])
def test_one_that_is_too_old(framework: ModuleType, version: str) -> None:
    framework.__version__ = version
    with pytest.raises(OptionError) as refusal:
        check_version("yards", "8.4.142", extra="yards")
    for words in (f"yards {version} is too old", "knows 8.4.142 and later", "pip install --upgrade 'yards>=8.4.142'"):
        assert words in str(refusal.value)


def test_one_that_is_missing() -> None:
    with pytest.raises(MissingDependency, match=r"pip install 'lineside\[yards\]'"):
        check_version("yards", "1", extra="yards")


def test_another_distribution_of_the_same_framework(framework: ModuleType) -> None:
    framework.__version__ = "2.5"
    check_version("rails", "2.5", "yards", extra="rails")


@pytest.mark.parametrize(
    ("bridge", "module", "old", "arguments"),
    [
        ("lightning", "lightning", "2.4.9", ()),
        ("transformers", "transformers", "4.57.1", ()),
        ("ultralytics", "ultralytics", "8.4.141", (None,)),
    ],
)
def test_every_bridge_looks_before_it_does_anything(
    bridge: str, module: str, old: str, arguments: tuple[None, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = ModuleType(module)
    stand_in.__version__ = old
    monkeypatch.setitem(sys.modules, module, stand_in)
    with pytest.raises(OptionError, match=f"{module} {old} is too old for this bridge"):
        getattr(lineside, bridge)(*arguments)
