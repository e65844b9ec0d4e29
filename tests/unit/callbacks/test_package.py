from __future__ import annotations

from importlib.metadata import entry_points

import pytest

import lineside
from lineside import callbacks, registry


def test_every_built_in_callback_can_be_imported_from_the_package() -> None:
    elsewhere = {entry.name for entry in entry_points(group=registry.GROUP)}
    found = [registry.find(name) for name in registry.names() if name not in {*elsewhere, *registry._PRESETS}]
    assert {cls.__name__ for cls in found} == set(callbacks.__all__) == set(dir(callbacks))
    assert [getattr(callbacks, cls.__name__) for cls in found] == found


def test_a_misspelt_one_is_named_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'EarlyStoping'\. Did you mean 'EarlyStopping'\?"):
        _ = callbacks.EarlyStoping


def test_who_looks_for_one_in_lineside_itself_is_told_where_it_is() -> None:
    with pytest.raises(AttributeError, match=r"from lineside\.callbacks import EarlyStopping"):
        _ = lineside.EarlyStopping  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="Did you mean 'Trainer'"):
        _ = lineside.Trianer  # type: ignore[attr-defined]
