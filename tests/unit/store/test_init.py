from __future__ import annotations

import pytest

import lineside.store


def test_every_public_name_is_found() -> None:
    assert {getattr(lineside.store, name).__name__ for name in dir(lineside.store)} == set(lineside.store.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'lineside\.store' has no attribute 'Shop'"):
        lineside.store.Shop  # noqa: B018
