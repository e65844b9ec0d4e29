from __future__ import annotations

import json

from lineside.backends.torch.generators import GeneratorStates
from lineside.backends.torch.loader import ResumableLoader
from tests.unit.backends.torch.loader_cases import Placed


def test_a_loader_with_a_state_goes_on_from_it() -> None:
    source = ResumableLoader(Placed(), 1, "train")
    iteration = source.batches(0)
    for _ in range(2):
        next(iteration)
    state, saved = json.loads(json.dumps(source.state(), allow_nan=False)), GeneratorStates.capture()
    expected = [*iteration, *source.batches(1)]
    fresh = Placed()
    resumed = ResumableLoader(fresh, 1, "train")
    resumed.load_state(state)
    saved.restore()
    assert [*resumed.batches(0, skip=2), *resumed.batches(1)] == expected
    assert fresh.passed_over == 4 + 6  # nothing was loaded twice
    assert resumed.exact


def test_a_loader_with_a_state_but_none_given_is_replayed() -> None:
    fresh = Placed()
    assert [int(batch) for batch in ResumableLoader(fresh, 1, "train").batches(0, skip=4)] == [5, 6]
    assert fresh.passed_over == 6


def test_other_loaders_have_no_state() -> None:
    source = ResumableLoader([1], 0, "train")
    assert source.state() is None
    source.load_state(None)
    assert list(source.batches(0)) == [1]
