from __future__ import annotations

import json

from lineside.backends.torch.loader import ResumableLoader
from tests.unit.backends.torch.loader_cases import Placed, plain


def test_a_loader_with_a_state_goes_on_from_it() -> None:
    whole = [plain(batch) for batch in ResumableLoader(Placed(), 1, "train").batches(0)]
    source = ResumableLoader(Placed(), 1, "train")
    iteration = source.batches(0)
    first = [next(iteration) for _ in range(2)]
    state = json.loads(json.dumps(source.state(), allow_nan=False))
    fresh = Placed()
    resumed = ResumableLoader(fresh, 1, "train")
    resumed.load_state(state)
    assert first + list(resumed.batches(0, skip=2)) == whole
    assert fresh.passed_over == 4  # nothing was loaded twice
    assert list(resumed.batches(1)) == list(ResumableLoader(Placed(), 1, "train").batches(1))
    assert resumed.exact


def test_a_loader_with_a_state_but_none_given_is_replayed() -> None:
    whole = list(ResumableLoader(Placed(), 1, "train").batches(0))
    assert list(ResumableLoader(Placed(), 1, "train").batches(0, skip=4)) == whole[4:]


def test_other_loaders_have_no_state() -> None:
    source = ResumableLoader([1], 0, "train")
    assert source.state() is None
    source.load_state(None)
    assert list(source.batches(0)) == [1]
