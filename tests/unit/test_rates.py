from __future__ import annotations

import json
import math

import pytest

from lineside.errors import RequestRefused
from lineside.rates import Layers, check_rate


def test_with_nothing_on_top_a_rate_is_what_was_found() -> None:
    layers = Layers()
    assert layers.effective("0", 0.3) == layers.scheduled("0", 0.3) == 0.3
    assert not layers.on("0")
    assert not layers.governs("0")


def test_layers_are_put_on_in_order() -> None:
    layers = Layers()
    layers.planned["0"] = 0.2
    layers.scale(0.5, "warm-up")
    layers.set("0", 0.05, 0.9)
    assert layers.scheduled("0", 0.9) == 0.2
    assert layers.effective("0", 0.9) == 0.05
    layers.scale(1.0, "warm-up")
    assert layers.effective("0", 0.9) == pytest.approx(0.1)
    assert layers.effective("other", 0.9) == 0.9
    assert layers.on("0")
    assert not layers.on("other")


def test_the_factors_of_two_callbacks_are_multiplied_and_end_one_by_one() -> None:
    layers = Layers()
    layers.scale(0.5, "one")
    layers.scale(0.25, "other")
    assert layers.effective("0", 1.0) == 0.125
    layers.scale(0.1, "one")
    layers.scale(1.0, "other")
    assert layers.effective("0", 1.0) == 0.1
    layers.scale(1.0, "one")
    assert not layers.on("0")


def test_a_rate_that_callbacks_wrote_is_governed_but_not_covered() -> None:
    layers = Layers()
    layers.written.add("0")
    assert layers.governs("0")
    assert not layers.on("0")


def test_the_factors_of_callbacks_are_not_saved() -> None:
    layers, again = Layers(), Layers()
    layers.planned["body"] = 0.3
    layers.written.add("head")
    layers.scale(0.5, "warm-up")
    layers.set("body", 0.1, 0.9)
    again.load_state_dict(json.loads(json.dumps(layers.state_dict())))
    layers.scale(1.0, "warm-up")
    assert again.effective("body", 0.9) == layers.effective("body", 0.9)
    assert again.governs("head")
    assert again.effective("head", 0.9) == 0.9


def test_a_rate_of_zero_cannot_be_scaled_to_another() -> None:
    layers = Layers()
    layers.check_scalable("0", 0.0, 0.0)
    with pytest.raises(RequestRefused, match="'0' is 0 at this step"):
        layers.check_scalable("0", 0.1, 0.0)
    layers.scale(0.0, "warm-up")
    with pytest.raises(RequestRefused, match="no factor"):
        layers.check_scalable("0", 0.1, 0.5)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_what_is_no_rate_or_factor_is_refused(value: float) -> None:
    with pytest.raises(RequestRefused, match="no learning rate"):
        check_rate(value)
    with pytest.raises(RequestRefused, match="cannot scale"):
        Layers().scale(value, "somebody")
