from __future__ import annotations

import functools

import pytest
from torch import nn

from lineside.config.targets import Target, complete, is_called, made
from lineside.config.tree import Place

HERE = Place("f.yaml", 3, 5)


def area(width, height=1):
    return width * height


def fails():
    raise RuntimeError("not today")


def test_classes_and_functions_are_called() -> None:
    assert Target("m:area", HERE, area, positional=(2,), keywords={"height": 3}).make({}) == 6
    assert isinstance(Target("torch.nn:ReLU", HERE, nn.ReLU).make({}), nn.ReLU)
    assert Target("m:partial", HERE, functools.partial(area, 4)).make({}) == 4


def test_an_object_is_taken_as_it_is() -> None:
    relu = nn.ReLU()
    assert Target("m:relu", HERE, relu).make({}) is relu


def test_where_a_function_is_wanted_it_is_not_called() -> None:
    assert Target("m:area", HERE, area, "function").make({}) is area
    bound = Target("m:area", HERE, area, "function", keywords={"height": 5}).make({})
    assert bound(2) == 10
    assert isinstance(Target("torch.nn:MSELoss", HERE, nn.MSELoss, "function").make({}), nn.MSELoss)
    assert is_called(nn.MSELoss, "function")
    assert not is_called(area, "function")


def test_arguments_are_made_at_every_depth() -> None:
    inner = Target("m:area", HERE, area, positional=(2,))
    outer = Target("m:area", HERE, area, keywords={"width": inner})
    assert made({"a": [outer, {"b": inner}], "c": (1,)}, {}) == {"a": [2, {"b": 2}], "c": (1,)}


def test_the_training_fills_in_what_is_asked_for() -> None:
    target = Target("m:area", HERE, area, filled=("width",))
    assert target.make({"width": lambda: 7}) == 7
    assert not target.complete
    assert not complete([{"a": Target("m:area", HERE, area, positional=(target,))}])
    assert complete(["a", {"b": Target("m:area", HERE, area, positional=(1,))}])


def test_an_error_says_where_in_the_file_it_comes_from() -> None:
    with pytest.raises(RuntimeError) as failed:
        Target("m:fails", HERE, fails).make({})
    assert failed.value.__notes__ == ["This happened in m:fails, f.yaml:3:5."]
