from __future__ import annotations

from types import SimpleNamespace

import pytest

from lineside.config.loaders import Loaders, loaders_of
from lineside.config.targets import Target
from lineside.config.tree import Place
from lineside.errors import ConfigError

A, B, C = [1], [2], [3]


class Iterable:
    def __iter__(self):
        return iter(())


def target(returned):
    return Target("m:f", Place("f.yaml", 3, 1), lambda: returned)


@pytest.mark.parametrize(
    ("returned", "loaders"),
    [
        ((A,), Loaders(A)),
        ((A, B), Loaders(A, B)),
        ([A, B, C], Loaders(A, B, C)),
        ({"train": A, "test": C}, Loaders(A, None, C)),
        (SimpleNamespace(train=A, val=B), Loaders(A, B)),
        (Loaders(A, B), Loaders(A, B)),
    ],
)
def test_loaders_come_in_several_forms(returned, loaders) -> None:
    assert loaders_of(target(returned), {}) == loaders


def test_one_loader_is_that_of_the_training() -> None:
    loader = Iterable()
    assert loaders_of(target(loader), {}) == Loaders(loader)


def test_each_may_have_a_target_of_its_own() -> None:
    assert loaders_of({"train": target(A), "val": target(B)}, {}) == Loaders(A, B)


@pytest.mark.parametrize("returned", [None, 3, (), (A, B, C, A), {"train": A, "valid": B}, {"val": B}, (None, B)])
def test_anything_else_is_refused(returned) -> None:
    with pytest.raises(ConfigError, match=f"f.yaml:3:1: data: m:f returned a {type(returned).__name__}"):
        loaders_of(target(returned), {})
