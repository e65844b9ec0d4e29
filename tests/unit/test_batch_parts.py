from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from lineside.batch_parts import inputs_of, outputs_of, targets_of


class Array:
    """Something with a shape."""

    shape = (3, 2)


@dataclass
class Batch:
    x: Any = None
    y: Any = None
    image: Any = None


X, Y, Z = Array(), Array(), Array()


@pytest.mark.parametrize(
    ("batch", "inputs", "targets"),
    [
        ((X, Y), X, Y),
        ([X, Y, Z], X, Y),
        (X, X, None),
        ((X,), X, None),
        ({"image": X, "label": Y}, X, Y),
        ({"pixel_values": X, "labels": Y, "id": Z}, X, Y),
        ({"input_ids": X, "attention_mask": Z}, X, None),
        ({"a": X, "b": Y}, None, None),
        (Batch(X, Y), X, Y),
        (Batch(image=X), X, None),
        (["a text", "another"], ["a text", "another"], None),
        ((["a text"], Y), ["a text"], Y),
        ((), None, None),
        (None, None, None),
        (object(), None, None),
    ],
)
def test_the_usual_places_are_found(batch: Any, inputs: Any, targets: Any) -> None:
    assert inputs_of(batch) is inputs or inputs_of(batch) == inputs
    assert targets_of(batch) is targets


@pytest.mark.parametrize(
    ("batch", "key", "part"),
    [
        ({"a": X, "b": Y}, "b", Y),
        ({"a": X}, "b", None),
        ((X, Y, Z), 2, Z),
        ((X, Y, Z), -1, Z),
        ((X, Y), 5, None),
        (Batch(X, Y), "y", Y),
        (Batch(X, Y), "z", None),
        (X, "a", None),
        (X, 0, None),
    ],
)
def test_a_place_can_be_given(batch: Any, key: Any, part: Any) -> None:
    assert inputs_of(batch, key) is part
    assert targets_of(batch, key) is part
    assert outputs_of(batch, key) is part


@pytest.mark.parametrize(
    ("outputs", "part"),
    [(X, X), ((X, Y), X), ({"loss": Y, "logits": X}, X), ({"a": X}, None), (None, None), ((), None)],
)
def test_predictions_are_found(outputs: Any, part: Any) -> None:
    assert outputs_of(outputs) is part


def test_an_object_with_logits_is_one_of_a_library_of_models() -> None:
    class Output:
        loss, logits = Y, X

    assert outputs_of(Output()) is X
