from __future__ import annotations

import pytest

from lineside.ports import ModelPort
from lineside.testing import FakeModel


@pytest.fixture
def model() -> FakeModel:
    return FakeModel({"weight": [3.0, 4.0], "bias": [0.5]}, gradients={"weight": [0.0, 2.0]}, module="the framework's")


def test_it_is_a_model_port(model) -> None:
    assert isinstance(model, ModelPort)
    assert model.module == "the framework's"


def test_parameters_gradients_and_norms(model) -> None:
    assert dict(model.parameters()) == {"weight": [3.0, 4.0], "bias": [0.5]}
    assert dict(model.gradients()) == {"weight": [0.0, 2.0]}
    assert model.norms("parameters") == {"weight": 5.0, "bias": 0.5}
    assert model.norms("gradients") == {"weight": 2.0}


def test_values_are_flat_and_of_double_precision(model) -> None:
    values = model.values([[1.0, 2.0], [3.0, 4.0]])
    assert values.dtype == "float64"
    assert values.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_captured_weights_are_a_copy_that_can_be_put_back(model) -> None:
    captured = model.capture()
    model.load({"bias": [9.0]})
    assert captured["bias"] == [0.5]
    model.load(captured)
    assert dict(model.parameters())["bias"] == [0.5]


def test_swapped_weights_come_back_after_an_error(model) -> None:
    seen = []

    def fail() -> None:
        with model.swapped({"bias": [9.0]}):
            seen.append(dict(model.parameters())["bias"].copy())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert seen == [[9.0]]
    assert dict(model.parameters())["bias"] == [0.5]


def test_frozen_parameters_are_not_trained_and_have_no_gradient(model) -> None:
    model.freeze(["weight"])
    assert model.trainable() == {"weight": False, "bias": True}
    assert dict(model.parameters()) == {"bias": [0.5]}
    assert model.norms("gradients") == {}
    assert set(model.capture()) == {"weight", "bias"}
    model.unfreeze(["weight"])
    assert model.trainable() == {"weight": True, "bias": True}
    assert model.stepped() == {"weight", "bias"}


def test_statistics_have_a_mode_and_are_counted_when_they_are_computed_anew() -> None:
    model = FakeModel({"weight": [1.0]}, statistics=["bn.running_mean"])
    model.track_statistics(["bn.running_mean"], tracked=False)
    assert (model.statistics(), model.tracked) == (("bn.running_mean",), {"bn.running_mean": False})
    model.update_bn()
    assert model.bn_updates == 1


def test_a_part_of_the_weights_can_be_loaded(model) -> None:
    model.load({"bias": [2.0]}, partial=True)
    assert model.capture() == {"weight": [3.0, 4.0], "bias": [2.0]}
