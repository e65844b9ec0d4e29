from __future__ import annotations

import random
from typing import Any

import pytest

from lineside.errors import OptionError, RequestRefused
from lineside.events import Event
from lineside.run.plain_host import PlainHost, ReplayedSource


class Axisless:
    """An array without axes: it has a length that cannot be asked for."""

    def __len__(self) -> int:
        raise TypeError("len() of unsized object")


@pytest.mark.parametrize(
    ("batch", "samples"),
    [
        ([1.0, 2.0, 3.0], 3),
        ([], 0),
        (["a", "bcd"], 2),
        (([1, 2, 3], [0, 1, 0]), 3),
        ([[1, 2, 3], [0, 1, 0]], 3),
        ({"x": [1, 2], "y": [0, 1]}, 2),
        ({"x": {"ids": [1, 2, 3, 4]}, "y": 1}, 4),
        ((([1, 2], "mask"), [0, 1]), 2),
        (("text", 1), 1),
        ("text", 1),
        ({}, 0),
        (1.0, 1),
        (None, 1),
        ((1.0, 2.0), 1),
        (Axisless(), 1),
        ((Axisless(), Axisless()), 1),
        (range(5), 5),
    ],
)
def test_a_batch_counts_its_samples(batch: Any, samples: int) -> None:
    assert PlainHost().batch_size(batch) == samples


def test_numpy_batches_count_their_first_axis() -> None:
    np = pytest.importorskip("numpy")
    assert PlainHost().batch_size((np.zeros((8, 3)), np.zeros(8))) == 8
    assert PlainHost().batch_size(np.float64(1.0)) == 1
    assert PlainHost().batch_size(np.array(1.0)) == 1


def test_numbers_are_read_at_once() -> None:
    np = pytest.importorskip("numpy")
    assert PlainHost().freeze(np.array([0.5])) == 0.5
    assert PlainHost().freeze(np.float32(0.5)) == 0.5
    assert PlainHost().freeze(2) == 2.0
    assert PlainHost().read([1, 2.5]) == [1.0, 2.5]


def test_an_epoch_is_entered_by_reading_past_what_is_over() -> None:
    source = ReplayedSource([1, 2, 3, 4])
    assert source.length == 4
    assert source.inexact_reason is None
    assert source.workers is None
    assert list(source.batches(0)) == [1, 2, 3, 4]
    assert list(source.batches(1, skip=3)) == [4]
    assert list(source.batches(1, skip=9)) == []


def test_an_iterator_says_that_it_cannot_be_read_twice() -> None:
    source = ReplayedSource(iter([1, 2]))
    assert source.length is None
    assert source.inexact_reason == "the data is an iterator, which cannot be read twice"


def test_what_cannot_be_iterated_is_refused() -> None:
    with pytest.raises(OptionError, match="a int cannot be iterated"):
        PlainHost().source(3, 0, "train")


class Saved:
    def __init__(self, documents: dict[str, Any]) -> None:
        self.documents = documents

    def document(self, name: str) -> Any:
        return self.documents[name]


def test_pythons_generator_is_saved_and_put_back() -> None:
    host = PlainHost()
    host.seed(3)
    random.gauss(0, 1)
    state = host.generators()
    expected = [random.random(), random.gauss(0, 1)]
    host.seed(4)
    host.restore_generators(Saved(dict(state.documents)))  # type: ignore[arg-type]
    assert [random.random(), random.gauss(0, 1)] == expected


def test_a_seed_repeats_the_numbers() -> None:
    host, drawn = PlainHost(), []
    for _ in range(2):
        host.seed(7)
        drawn.append(random.random())
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    "ask",
    [
        lambda host: host.model,
        lambda host: host.set_lr(0.1, None),
        lambda host: host.schedule_lr(0.1, None),
        lambda host: host.scale_lr(0.1, "me"),
        lambda host: host.add_scheduler(None),
        lambda host: host.rehearsal(),
        lambda host: host.restore(None, weights_only=True),
        lambda host: host.tensor_file({}),
        lambda host: host.read_tensors("x"),
        lambda host: host.weight_file(".pt"),
    ],
)
def test_what_needs_a_model_is_refused_with_the_fix(ask: Any) -> None:
    with pytest.raises(RequestRefused, match="pass model= and optimizer= to Run"):
        ask(PlainHost())


def test_a_validation_is_the_function_that_was_given() -> None:
    done: list[int] = []
    PlainHost(lambda: done.append(1)).validate()
    assert done == [1]
    with pytest.raises(RequestRefused, match="pass validate="):
        PlainHost().validate()


def test_it_declares_what_it_emits_and_what_it_can_do() -> None:
    capabilities = PlainHost().capabilities
    assert set(Event) - capabilities.events == {Event.BACKWARD_END, Event.EXPORT_START, Event.EXPORT_END}
    assert capabilities.abilities == {"pause", "batch_data", "resume_in_epoch"}
    assert PlainHost().lr() == PlainHost().scheduled_lr() == {}
    assert (list(PlainHost().schedulers), dict(PlainHost().optimizers)) == ([], {})
    assert (dict(PlainHost().capture().files), dict(PlainHost().capture().documents)) == ({}, {})
