from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, namedtuple
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineside.backends.tree import flatten, unflatten
from lineside.errors import CheckpointContentsError, StateMismatch

SRC = Path(__file__).resolve().parents[3] / "src"


class FakeTensor:
    """Stands for a tensor: identity is all that counts."""


def is_tensor(value: object) -> bool:
    return isinstance(value, FakeTensor)


def through_json(tree: Any) -> Any:
    plain, tensors = flatten(tree, is_tensor)
    return unflatten(json.loads(json.dumps(plain, allow_nan=False)), tensors)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
KEYS = SCALARS | st.tuples(st.integers(), st.text())
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner), max_leaves=20
)


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all the way down: `1 == True == 1.0` does not pass."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        pairs = zip(one.items(), other.items(), strict=True)
        return len(one) == len(other) and all(same(a, c) and same(b, d) for (a, b), (c, d) in pairs)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other and math.copysign(1, one) == math.copysign(1, other) if isinstance(one, float) else one == other


@given(TREES)
def test_plain_data_comes_back_with_its_types(tree: Any) -> None:
    assert same(through_json(tree), tree)


@given(st.dictionaries(st.sampled_from(["$tuple", "$tensor", "$dict", "$", "a"]), SCALARS | st.just([1])))
def test_dicts_that_look_like_tags_come_back(tree: dict[str, Any]) -> None:
    assert same(through_json(tree), tree)


def test_not_a_number_and_infinities_come_back() -> None:
    back = through_json({"nan": math.nan, "inf": math.inf, "-inf": -math.inf})
    assert math.isnan(back["nan"])
    assert (back["inf"], back["-inf"]) == (math.inf, -math.inf)


def test_a_counter_and_an_ordered_dict_come_back_and_other_dicts_as_dicts() -> None:
    milestones = Counter({30: 1, 80: 2})
    ordered = OrderedDict([("b", 1), ("a", 2)])
    back = through_json([milestones, ordered, defaultdict(list, {"a": [1]})])
    assert (type(back[0]), back[0]) == (Counter, milestones)
    assert (type(back[1]), list(back[1].items())) == (OrderedDict, [("b", 1), ("a", 2)])
    assert (type(back[2]), back[2]) == (dict, {"a": [1]})


def test_a_subclass_of_a_plain_type_becomes_the_plain_type() -> None:
    class Color(IntEnum):
        RED = 3

    (back,) = through_json([Color.RED])
    assert (type(back), back) == (int, 3)


def test_tensors_are_named_by_their_path_and_come_back_where_they_were() -> None:
    a, b, c = FakeTensor(), FakeTensor(), FakeTensor()
    tree = {"state": {0: {"exp_avg": a}}, "list": [b, (c,)]}
    plain, tensors = flatten(tree, is_tensor)
    assert tensors == {"state.0.exp_avg": a, "list.0": b, "list.1.0": c}
    assert unflatten(plain, tensors) == tree


def test_a_tensor_at_two_places_has_one_name_and_comes_back_as_one() -> None:
    tensor = FakeTensor()
    plain, tensors = flatten({"a": tensor, "b": [tensor]}, is_tensor)
    assert tensors == {"a": tensor}
    back = unflatten(plain, tensors)
    assert back["a"] is back["b"][0] is tensor


def test_two_paths_that_read_alike_get_two_names() -> None:
    first, second = FakeTensor(), FakeTensor()
    tree = {"a": {"b": first}, "a.b": second}
    plain, tensors = flatten(tree, is_tensor)
    assert len(tensors) == 2
    assert unflatten(plain, tensors) == tree


def test_a_tensor_alone_has_a_name() -> None:
    tensor = FakeTensor()
    plain, tensors = flatten(tensor, is_tensor)
    assert tensors == {"value": tensor}
    assert unflatten(plain, tensors) is tensor


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the untyped kind is what old state dicts hold


@pytest.mark.parametrize("value", [len, lambda: 0, object(), {1, 2}, 1j, Point(1, 2), Path("x"), bytearray(b"x")])
def test_what_is_neither_data_nor_tensor_is_refused_with_its_path(value: object) -> None:
    with pytest.raises(CheckpointContentsError) as caught:
        flatten({"lr_lambdas": [0, {"f": value}]}, is_tensor)
    assert "the state['lr_lambdas'][1]['f'] is a " in str(caught.value)
    assert type(value).__qualname__ in str(caught.value)


def test_a_tree_that_contains_itself_is_refused_with_its_path() -> None:
    tree: dict[str, Any] = {"a": [1]}
    tree["a"].append(tree)
    with pytest.raises(CheckpointContentsError, match=r"\['a'\]\[1\] contains itself"):
        flatten(tree, is_tensor)


def test_one_list_at_two_places_is_no_cycle() -> None:
    shared = [1]
    assert through_json([shared, shared]) == [[1], [1]]


def test_a_missing_tensor_and_an_unknown_tag_are_named() -> None:
    with pytest.raises(StateMismatch, match=r"'state\.0\.exp_avg' is missing"):
        unflatten({"$tensor": "state.0.exp_avg"}, {})
    with pytest.raises(StateMismatch, match=r"\$object"):
        unflatten([{"$object": "os.system"}], {})


def test_it_needs_no_tensor_library() -> None:
    code = "import sys, lineside.backends.tree as t; t.flatten([1], lambda v: False); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(SRC)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "False"
