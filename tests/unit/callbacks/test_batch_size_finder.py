from __future__ import annotations

import json
import logging
import math
from typing import Any

import pytest

from lineside.callbacks.batch_size_finder import BatchSizeFinder
from lineside.control import Kind
from lineside.errors import OptionError, RequestRefused
from lineside.run.plain_host import PlainHost
from lineside.testing import FakeRun, FakeTrials


def looked(fits: int, *, most: int | None = None, **options: Any) -> tuple[BatchSizeFinder, FakeTrials, FakeRun]:
    finder, trials = BatchSizeFinder(**options), FakeTrials(fits, most=most)
    run = FakeRun([finder], trials=trials)
    run.start()
    return finder, trials, run


def sizes(trials: FakeTrials) -> list[int]:
    return list(dict.fromkeys(trials.tried))


# ---- the search -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fits", "tried", "suggested"),
    [
        (100, [2, 4, 8, 16, 32, 64, 128, 68], 64),
        (65, [2, 4, 8, 16, 32, 64, 128, 68], 32),
        (2, [2, 4, 3], 1),
        (1, [2, 1], 1),
        (0, [2, 1], None),
    ],
)
def test_power_doubles_and_keeps_a_power_that_leaves_a_margin(
    fits: int, tried: list[int], suggested: int | None
) -> None:
    finder, trials, _ = looked(fits)
    assert sizes(trials) == tried
    assert finder.optimal_batch_size == suggested


@pytest.mark.parametrize(("fits", "suggested"), [(100, 95), (64, 60), (1000, 950), (3, 2), (1, 1), (0, None)])
def test_binsearch_finds_the_very_size_and_leaves_a_margin(fits: int, suggested: int | None) -> None:
    finder, trials, _ = looked(fits, mode="binsearch")
    assert finder.optimal_batch_size == suggested
    assert fits == 0 or fits in trials.tried


@pytest.mark.parametrize(("mode", "suggested"), [("power", 64), ("binsearch", 100)])
def test_without_a_margin_the_largest_is_suggested(mode: str, suggested: int) -> None:
    finder, trials, _ = looked(100, mode=mode, margin=0.0)
    assert finder.optimal_batch_size == suggested
    assert len(sizes(trials)) == len(trials.tried) / 3 or max(trials.tried) > 100


@pytest.mark.parametrize(("mode", "suggested"), [("power", 256), ("binsearch", 300)])
def test_there_is_a_limit_beyond_which_only_the_margin_is_tried(mode: str, suggested: int) -> None:
    finder, trials, _ = looked(10**9, mode=mode, max_val=300)
    assert finder.optimal_batch_size == suggested
    assert max(trials.tried) == math.ceil(suggested / 0.95)


def test_a_limit_that_leaves_no_margin_is_lowered() -> None:
    finder, _, _ = looked(300, mode="binsearch", max_val=300)
    assert finder.optimal_batch_size == 285


@pytest.mark.parametrize("mode", ["power", "binsearch"])
def test_a_batch_need_not_be_larger_than_the_data(mode: str) -> None:
    finder, _, _ = looked(10**9, mode=mode, most=48)
    assert finder.optimal_batch_size == (32 if mode == "power" else 48)


@pytest.mark.parametrize(("init_val", "first"), [(1, 1), (48, 48), (10_000, 8192)])
def test_it_begins_where_it_is_told_to(init_val: int, first: int) -> None:
    _, trials, _ = looked(10**9, init_val=init_val)
    assert trials.tried[0] == first


def test_a_beginning_that_does_not_fit_is_halved_and_nothing_larger_is_tried_again() -> None:
    finder, trials, _ = looked(20, init_val=100)
    assert sizes(trials) == [100, 50, 25, 12, 24, 13]
    assert finder.optimal_batch_size == 12


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_each_size_gets_its_steps_and_one_that_does_not_fit_gets_one(steps: int) -> None:
    _, trials, _ = looked(4, steps_per_trial=steps)
    assert trials.tried == [2] * steps + [4] * steps + [8] + [5]


# ---- what is said ---------------------------------------------------------------------------------------------------


def test_it_says_what_fits_what_is_suggested_and_where_it_stops_paying(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "lineside"):
        _, _, run = looked(100)
    (alert,) = run.alerts
    assert (alert.title, alert.level) == ("Up to 68 samples fit into memory", "info")
    assert "batch_size=64" in alert.text
    assert "the loader's batches hold 4" in alert.text
    # A step takes 10 ms and 1 ms a sample: 872 samples/s at 68, of which 64 are 99 %.
    assert "64 samples already reach 99 % of the best throughput, 872 samples/s" in alert.text
    assert "batch-size-finder: 2 samples: 167 samples/s" in caplog.messages
    assert "batch-size-finder: 128 samples: out of memory" in caplog.messages
    (table,) = [medium.data for medium in run.media]
    assert "| 32 | 762 | 0.042 |" in table.splitlines()
    assert table.splitlines()[-1] == "| 128 | out of memory | |"
    assert run.metrics["system/suggested_batch_size"] == 64
    assert run.metrics["system/largest_batch_size"] == 68


def test_a_memory_that_was_not_filled_is_not_said_to_be_full() -> None:
    _, _, run = looked(10**9, max_val=16)
    assert run.alerts[0].title == "17 samples fit, and more were not tried"


def test_a_machine_too_small_for_one_sample_is_an_error_and_training_goes_its_way() -> None:
    finder, _, run = looked(0)
    assert (run.alerts[0].title, run.alerts[0].level) == ("Not even one sample fits into memory", "error")
    assert finder.optimal_batch_size is None
    assert "system/suggested_batch_size" not in run.metrics
    assert not run.requests


def test_it_is_said_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    _, _, run = looked(100)
    assert run.alerts[0].title == "内存最多放得下 68 个样本"


# ---- when -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fits", [100, 0])
def test_it_can_end_the_run_before_its_first_step(fits: int) -> None:
    _, _, run = looked(fits, then="stop")
    assert [request.kind for request in run.requests] == [Kind.STOP]
    assert (run.stopped, run.step) == (True, 0)


@pytest.mark.parametrize("then", ["report", "stop"])
def test_what_cannot_be_tried_is_told_and_not_raised(then: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: FakeRun) -> None:
        raise RequestRefused("the data is an iterator")

    monkeypatch.setattr(FakeRun, "trials", refuse)
    run = FakeRun([BatchSizeFinder(then=then)])
    run.start()
    assert [(alert.level, alert.text) for alert in run.alerts] == [("error", "the data is an iterator")]
    assert run.stopped == (then == "stop")


def test_a_resumed_run_does_not_look_again() -> None:
    _, _, run = looked(100)
    run.epoch_end(loss=0.5)
    state = json.loads(json.dumps(run.state()["callbacks"]["batch-size-finder"][0]))
    again, trials = BatchSizeFinder(), FakeTrials(10)
    resumed = FakeRun.resumed({**run.state(), "callbacks": {"batch-size-finder": (state, {})}}, [again], trials=trials)
    resumed.epoch_end(loss=0.4)
    assert trials.tried == []
    assert again.optimal_batch_size == 64


def test_a_second_fit_looks_again() -> None:
    finder, _, _ = looked(100)
    FakeRun([finder], trials=FakeTrials(10)).start()
    assert finder.optimal_batch_size == 8


# ---- options --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"mode": "powr"}, r"mode='powr'\. Did you mean 'power'\?"),
        ({"then": "apply"}, r"then='apply'.*Use 'report' or 'stop'"),
        ({"init_val": 0}, "init_val=0"),
        ({"max_val": 1.5}, "max_val=1.5"),
        ({"steps_per_trial": 0}, "steps_per_trial=0"),
        ({"margin": 1.0}, "margin=1.0"),
        ({"margin": -0.1}, "margin=-0.1"),
        ({"background": True}, "background=True"),
    ],
)
def test_bad_options_are_refused_at_construction(options: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError, match=rf"batch-size-finder: {named}"):
        BatchSizeFinder(**options)


def test_a_run_without_a_model_refuses_it() -> None:
    assert "trials" not in PlainHost().capabilities.abilities
    assert "trials" in PlainHost().capabilities.reasons
    with pytest.raises(RequestRefused):
        PlainHost().trials()
