from __future__ import annotations

import pytest

from lineside.errors import RunStateError
from lineside.run.validation_weights import ValidationWeights
from lineside.testing import FakeModel


def test_weights_are_in_the_model_until_the_validation_ends_and_are_noted_then() -> None:
    model, weights = FakeModel({"w": [1.0]}), ValidationWeights()
    weights.put_in(model, {"w": [5.0]}, "ema", "val")
    assert model.capture() == {"w": [5.0]}
    assert weights.newest == "raw", "the newest metrics are still those of an earlier validation"
    weights.take_out("val")
    assert model.capture() == {"w": [1.0]}
    assert weights.newest == "ema"


def test_a_validation_without_other_weights_is_raw_again() -> None:
    weights = ValidationWeights()
    weights.put_in(FakeModel({"w": [1.0]}), {"w": [5.0]}, "ema", "val")
    weights.take_out("val")
    weights.take_out("val")
    assert weights.newest == "raw"


def test_a_test_or_a_prediction_does_not_change_who_made_the_newest_validation() -> None:
    weights = ValidationWeights()
    weights.put_in(FakeModel({"w": [1.0]}), {"w": [5.0]}, "ema", "val")
    weights.take_out("val")
    weights.take_out("test")
    assert weights.newest == "ema"


def test_two_with_weights_of_their_own_are_refused_by_name() -> None:
    model, weights = FakeModel({"w": [1.0]}), ValidationWeights()
    weights.put_in(model, {"w": [5.0]}, "ema", "val")
    with pytest.raises(RunStateError, match="ema and ema-2 both want"):
        weights.put_in(model, {"w": [6.0]}, "ema-2", "val")


@pytest.mark.parametrize("stage", ["train", "test", "predict", "export"])
def test_outside_of_a_validation_it_is_refused(stage: str) -> None:
    with pytest.raises(RunStateError, match=f"on_val_start; this is stage '{stage}'"):
        ValidationWeights().put_in(FakeModel({"w": [1.0]}), {}, "ema", stage)
