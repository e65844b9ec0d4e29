from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import pytest

from lineside.ramps import Shape, done_of, ramp
from lineside.units import Duration


@dataclass
class Here:
    epoch: int = 0
    batch: int = 0
    total_batches: int | None = 4
    epochs_done: int = 0
    step: int = 0
    batches_done: int = 0
    samples: int = 0
    elapsed: float = 0.0


@pytest.mark.parametrize("shape", get_args(Shape))
@pytest.mark.parametrize(("start", "end"), [(0.1, 1.0), (1.0, 0.25)])
def test_every_way_leads_from_the_start_to_the_end_and_stays_there(shape: Shape, start: float, end: float) -> None:
    values = [ramp(shape, start, end, step / 10) for step in range(11)]
    assert values[0] == pytest.approx(start)
    assert values[-1] == end == ramp(shape, start, end, 7.0)
    assert values == sorted(values, reverse=start > end)


def test_the_middle_of_each_way() -> None:
    assert ramp("linear", 0.0, 1.0, 0.5) == 0.5
    assert ramp("exponential", 0.01, 1.0, 0.5) == pytest.approx(0.1)
    assert ramp("cosine", 1.0, 0.0, 0.5) == pytest.approx(0.5)
    assert ramp("cosine", 1.0, 0.0, 0.25) == pytest.approx(0.853553)
    assert ramp("constant", 0.3, 1.0, 0.999) == 0.3


def test_epochs_are_counted_in_fractions() -> None:
    epochs = Duration(5, "epochs")
    assert [done_of(epochs, Here(epoch=2, batch=batch)) for batch in range(4)] == [0.4, 0.45, 0.5, 0.55]
    assert done_of(epochs, Here(epoch=2, batch=3, total_batches=None)) == 0.4
    assert done_of(epochs, Here(epoch=5)) == 1.0


def test_all_else_is_measured() -> None:
    here = Here(step=3, samples=40, batches_done=6)
    assert done_of(Duration(12, "steps"), here) == 0.25
    assert done_of(Duration(80, "samples"), here) == 0.5
    assert done_of(Duration(3, "batches"), here) == 2.0
