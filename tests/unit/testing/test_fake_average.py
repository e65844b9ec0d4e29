from __future__ import annotations

from lineside.testing import FakeModel


def test_it_begins_at_the_present_values_and_moves_towards_later_ones() -> None:
    model = FakeModel({"weight": [0.0, 4.0]})
    average = model.average(buffers=True)
    model.load({"weight": [1.0, 4.0]})
    average.update(0.25)
    assert average.tensors == {"weight": [0.25, 4.0]}
    assert model.capture() == {"weight": [1.0, 4.0]}


def test_what_is_frozen_joins_when_it_is_trained() -> None:
    model = FakeModel({"weight": [1.0], "bias": [2.0]})
    model.freeze(["bias"])
    average = model.average(buffers=True)
    assert average.tensors == {"weight": [1.0]}
    model.unfreeze(["bias"])
    average.update(0.5)
    assert average.tensors == {"weight": [1.0], "bias": [2.0]}


def test_saved_averages_are_taken_back_as_a_copy() -> None:
    model = FakeModel({"weight": [1.0]})
    saved = {"weight": [3.0]}
    average = model.average(buffers=True)
    average.load(saved)
    average.update(0.5)
    assert average.tensors == {"weight": [2.0]}
    assert saved == {"weight": [3.0]}
