from __future__ import annotations

import json
import random
import sys

import pytest
import torch

from lineside.backends.torch.generators import GeneratorStates, Stream, derive, seed_all, seeded
from lineside.errors import MissingDependency

np = pytest.importorskip("numpy")


def draw() -> list[float]:
    """Numbers of every generator; the normal ones leave a second number waiting inside of their generator."""
    return [random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn(), *torch.randn(3).tolist()]


def test_a_seed_depends_on_every_word_and_stays_the_same_for_ever() -> None:
    assert derive(0, "train", 3) == 5684830522523107084
    assert len({derive(0, "train", 3), derive(1, "train", 3), derive(0, "val", 3), derive(0, "train", 4)}) == 4
    assert derive(0, "a", "b") != derive(0, "ab")
    assert 0 <= derive(-5, "x") < 2**63


def test_seeding_everything_repeats_everything() -> None:
    seed_all(7)
    first = draw()
    seed_all(7)
    assert draw() == first
    seed_all(-1)  # any whole number will do
    assert draw() != first


def test_states_come_back_bit_for_bit_also_through_json() -> None:
    seed_all(1)
    draw()
    states = GeneratorStates.capture()
    expected = [draw() for _ in range(300)]  # beyond the block of numbers that a Mersenne twister makes at once
    for saved in (states, GeneratorStates.from_plain(json.loads(json.dumps(states.plain(), allow_nan=False)))):
        draw()
        saved.restore()
        assert [draw() for _ in range(300)] == expected


def test_capturing_draws_nothing() -> None:
    seed_all(2)
    first = draw()
    seed_all(2)
    GeneratorStates.capture().plain()
    assert draw() == first


def test_seeded_numbers_depend_on_the_words_and_leave_no_trace() -> None:
    seed_all(3)
    draw()
    expected = draw()
    seed_all(3)
    draw()
    with seeded(3, "order", 0):
        inside = draw()
    assert draw() == expected
    with seeded(3, "order", 0):
        assert draw() == inside
    with seeded(3, "order", 1):
        assert draw() != inside


def test_an_error_inside_leaves_no_trace_either() -> None:
    seed_all(3)
    expected = draw()
    seed_all(3)
    with pytest.raises(ZeroDivisionError), seeded(3):
        draw()[0] / 0
    assert draw() == expected


def test_a_stream_goes_on_where_it_was_left() -> None:
    with seeded(4):
        expected = [draw(), draw()]
    stream = Stream(derive(4))
    seed_all(0)
    with stream:
        first = draw()
    draw()
    with stream:
        second = draw()
    assert [first, second] == expected


def test_a_generator_that_belongs_to_the_code_is_part_of_its_stream() -> None:
    generator = torch.Generator().manual_seed(11)
    untouched = torch.Generator().manual_seed(11)
    stream = Stream(6, [(generator, 11)])
    with stream:
        inside = torch.rand(3, generator=generator)
    assert torch.equal(torch.rand(3, generator=generator), torch.rand(3, generator=untouched))
    with Stream(6, [(generator, 11)]):
        assert torch.equal(torch.rand(3, generator=generator), inside)
    with Stream(6, [(generator, 12)]):  # made with another seed by its user
        assert not torch.equal(torch.rand(3, generator=generator), inside)


def test_a_state_of_numpy_needs_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    states = GeneratorStates.capture()
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(MissingDependency, match=r"lineside\[torch\]"):
        states.restore()


def test_a_device_that_is_not_here_is_named(caplog: pytest.LogCaptureFixture) -> None:
    if torch.cuda.is_available():
        pytest.skip("needs a machine without CUDA")
    plain = GeneratorStates.capture().plain()
    plain["devices"] = {"cuda": [plain["torch"]]}
    GeneratorStates.from_plain(plain).restore()
    assert "made on cuda, which is not here" in caplog.text
