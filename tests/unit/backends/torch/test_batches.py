from __future__ import annotations

from collections import OrderedDict, UserDict, defaultdict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from lineside.backends.torch.batches import batch_size, inputs_and_targets, to_device
from lineside.errors import OptionError

CPU = torch.device("cpu")
META = torch.device("meta")  # a second device that every machine has
Pair = namedtuple("Pair", "x y")  # noqa: PYI024 - loaders give the untyped kind


@dataclass(frozen=True)
class Sample:
    image: torch.Tensor
    name: str


class Encoding(UserDict[str, Any]):
    """Moves itself, in place, and takes the device alone, as older tokenizers' batches do."""

    def to(self, device: torch.device) -> Encoding:
        self.data = {key: value.to(device) for key, value in self.data.items()}
        return self


class Graphs:
    """Moves itself and counts itself, as a batch of graphs does."""

    num_graphs = 7

    def __init__(self) -> None:
        self.x = torch.ones(30, 2)

    def to(self, device: torch.device, non_blocking: bool = False) -> Graphs:
        self.x = self.x.to(device, non_blocking=non_blocking)
        return self


def tensor(*shape: int) -> torch.Tensor:
    return torch.zeros(*shape)


BATCHES: dict[str, Any] = {
    "tensor": tensor(4, 2),
    "tuple": (tensor(4, 2), tensor(4)),
    "list": [tensor(4, 2), tensor(4)],
    "dict": {"x": tensor(4, 2), "ids": ["a", "b"]},
    "nested": {"views": [tensor(4, 2), (tensor(4), {"deep": tensor(4)})], "n": 4, "none": None},
    "named tuple": Pair(tensor(4, 2), 3),
    "ordered": OrderedDict(b=tensor(4), a=tensor(4)),
    "default": defaultdict(list, x=tensor(4)),
    "dataclass": Sample(tensor(4, 2), "name"),
    "encoding": Encoding(input_ids=tensor(4, 2)),
    "texts": ["a", "b"],
    "empty": (),
    "number": 3,
}


def leaves(batch: Any) -> list[Any]:
    if isinstance(batch, (dict, UserDict)):
        return [leaf for value in batch.values() for leaf in leaves(value)]
    if isinstance(batch, (list, tuple)):
        return [leaf for value in batch for leaf in leaves(value)]
    return leaves(list(vars(batch).values())) if isinstance(batch, Sample) else [batch]


@pytest.mark.parametrize("name", BATCHES)
def test_what_is_there_already_is_the_very_same_object(name: str) -> None:
    assert to_device(BATCHES[name], CPU) is BATCHES[name]


@pytest.mark.parametrize("name", sorted(BATCHES.keys() - {"encoding"}))
def test_every_tensor_moves_and_the_rest_stays(name: str) -> None:
    batch = BATCHES[name]
    moved = to_device(batch, META)
    assert type(moved) is type(batch)
    for before, after in zip(leaves(batch), leaves(moved), strict=True):
        if isinstance(before, torch.Tensor):
            assert (before.device, after.device) == (CPU, META)  # the user's own batch is not changed
        else:
            assert after is before


def test_parts_that_need_not_move_are_not_copied() -> None:
    there = [torch.zeros(2, device="meta")]
    moved = to_device((tensor(2), there), META)
    assert moved[1] is there


def test_objects_move_themselves() -> None:
    encoding, graphs = Encoding(x=tensor(2)), Graphs()
    assert to_device({"e": encoding}, META)["e"]["x"].device == META
    assert to_device(graphs, META).x.device == META


def test_a_copy_to_the_cpu_is_waited_for() -> None:
    asked = []

    class Far(torch.Tensor):
        device = META  # type: ignore[assignment]

        def to(self, *args: Any, **options: Any) -> Any:
            asked.append((*args, options))
            return self

    far = torch.zeros(2).as_subclass(Far)
    to_device(far, CPU)
    to_device(far, torch.device("cuda"))
    to_device(far, torch.device("cuda"), non_blocking=False)
    assert [options["non_blocking"] for _, options in asked] == [False, True, False]


@pytest.mark.parametrize(
    ("batch", "size"),
    [
        (tensor(5, 2), 5),
        ((tensor(5, 2), tensor(9)), 5),
        ({"step": torch.tensor(1), "x": [tensor(6)]}, 6),
        (Pair(3, tensor(2)), 2),
        (Sample(tensor(8, 2), "name"), 8),
        (Encoding(input_ids=tensor(3, 4)), 3),
        (Graphs(), 7),
        (torch.tensor(1.0), 1),
        (["a", "b"], 1),
        (tensor(0, 2), 0),
        (None, 1),
    ],
)
def test_the_size_is_the_first_dimension_of_the_first_tensor(batch: Any, size: int) -> None:
    assert batch_size(batch) == size


def test_pairs_are_taken_apart() -> None:
    x, y = tensor(2), tensor(3)
    assert inputs_and_targets((x, y)) == (x, y)
    assert inputs_and_targets([{"a": x}, y]) == ({"a": x}, y)
    assert inputs_and_targets(Pair(x, y)) == (x, y)


@pytest.mark.parametrize(
    ("batch", "what"),
    [
        ((1, 2, 3), "a tuple of 3"),
        ({"image": 1, "label": 2}, "a dict with image, label"),
        (tensor(2, 2), "a Tensor"),
        ([1], "a list of 1"),
    ],
)
def test_what_is_no_pair_needs_a_step(batch: Any, what: str) -> None:
    with pytest.raises(OptionError, match=f"The batch is {what}.*step="):
        inputs_and_targets(batch)
