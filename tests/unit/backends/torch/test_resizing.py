from __future__ import annotations

from collections import OrderedDict, UserDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch

from lineside.backends.torch.batches import batch_size
from lineside.backends.torch.resizing import resized
from lineside.errors import RequestRefused


class Pair(NamedTuple):
    x: Any
    y: Any


@dataclass(frozen=True)
class Item:
    x: Any
    words: list[str]


X, Y = torch.arange(6.0).reshape(3, 2), torch.tensor([0, 1, 2])


def test_samples_are_repeated_in_turn() -> None:
    x, y = resized((X, Y), 7)
    assert x[:, 0].tolist() == [0, 2, 4, 0, 2, 4, 0]
    assert y.tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_samples_are_left_out() -> None:
    assert resized([X, Y], 2)[1].tolist() == [0, 1]


def test_a_batch_of_the_same_size_is_equal() -> None:
    assert torch.equal(resized(X, 3), X)


@pytest.mark.parametrize(
    ("batch", "kind"),
    [
        (X, torch.Tensor),
        ((X, Y), tuple),
        ([X, Y], list),
        ({"x": X, "y": Y}, dict),
        (OrderedDict(x=X), OrderedDict),
        (UserDict(x=X), UserDict),
        (Pair(X, Y), Pair),
        (Item(X, ["a", "b", "c"]), Item),
        ({"x": (X, {"mask": Y})}, dict),
    ],
)
def test_what_holds_the_samples_stays_what_it_is(batch: Any, kind: type) -> None:
    made = resized(batch, 5)
    assert type(made) is kind
    assert batch_size(made) == 5
    assert batch_size(batch) == 3


def test_texts_and_numbers_in_lists_are_samples_too() -> None:
    made = resized({"x": X, "names": ["a", "b", "c"], "lengths": (1, 2, 3)}, 4)
    assert made["names"] == ["a", "b", "c", "a"]
    assert made["lengths"] == (1, 2, 3, 1)


def test_what_does_not_count_samples_is_left_alone() -> None:
    scale, table = torch.tensor(2.0), torch.zeros(9, 2)
    made = resized({"x": X, "scale": scale, "table": table, "name": "train", "none": None}, 4)
    assert made["scale"] is scale
    assert made["table"] is table
    assert (made["name"], made["none"]) == ("train", None)


def test_a_pair_of_two_samples_is_no_list_of_two_samples() -> None:
    x, y = resized([X[:2], Y[:2]], 4)
    assert (len(x), len(y)) == (4, 4)


@pytest.mark.parametrize("batch", ["text", 3, None, [1, "a"]])
def test_what_holds_no_samples_is_refused(batch: Any) -> None:
    with pytest.raises(RequestRefused, match="cannot be made larger or smaller"):
        resized(batch, 4)
