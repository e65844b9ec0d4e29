"""Real trainings that are watched: what the machine gave, and where the steps' time went."""

from __future__ import annotations

import gzip
import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import lineside
from lineside.callbacks.profile_steps import ProfileSteps
from lineside.callbacks.resource_monitor import ResourceMonitor
from lineside.store import RunReader
from lineside.testing import FakeClock
from tests.unit.trainer.toys import loader, net


def steps(path: Path) -> set[int]:
    """Return the numbers of the steps in a trace that a browser would show."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    names = {event.get("name", "") for event in events}
    assert "aten::addmm" in names
    return {int(name.partition("#")[2]) for name in names if name.startswith("ProfilerStep#")}


def traces(run: Path) -> dict[str, set[int]]:
    return {path.name: steps(path) for path in sorted((run / "profile").glob("*.json.gz"))}


def texts(run: Path) -> dict[str, str]:
    with RunReader.open(run) as reader:
        return {text.tag: text.text for text in reader.texts()}


class Ask(lineside.Callback):
    """Does something at the end of one batch."""

    on_error = "raise"

    def __init__(self, step: int, act: Any) -> None:
        super().__init__()
        self.step, self.act = step, act

    def on_batch_end(self, run: lineside.RunView) -> None:
        if run.step == self.step:
            self.act(run)


# ---- ProfileSteps ----------------------------------------------------------------------------------------------------


def test_a_trace_and_the_costliest_operators(make: Any) -> None:
    result = make(callbacks=[ProfileSteps("2-3")]).fit(loader(), epochs=1)
    assert traces(result.run) == {"steps-2-3.json.gz": {2, 3}}
    table = texts(result.run)["profile-steps"]
    assert f"{table}\n" == (result.run / "profile" / "steps-2-3.txt").read_text("utf-8")
    head, _, total, columns, *rows = table.splitlines()
    assert head == "steps 2-3 (profile/steps-2-3.json.gz)"
    assert total.startswith("CPU: ")
    assert columns.split()[0] == "operator"
    assert len(rows) == 5


def test_profiling_does_not_change_the_training(make: Any) -> None:
    plain = net()
    make(plain).fit(loader(shuffle=True), epochs=2)
    watched = net()
    make(watched, callbacks=[ProfileSteps("2-7"), ResourceMonitor(gpu=False)]).fit(loader(shuffle=True), epochs=2)
    for one, other in zip(plain.parameters(), watched.parameters(), strict=True):
        assert torch.equal(one, other)


def test_an_exception_in_the_middle_leaves_a_trace_and_no_profiler_behind(make: Any) -> None:
    def fail(run: lineside.RunView) -> None:
        raise ValueError("no more")

    trainer = make(callbacks=[ProfileSteps("2-9"), Ask(3, fail)], name="failing")
    with pytest.raises(ValueError, match="no more"):
        trainer.fit(loader(), epochs=3)
    (run,) = (trainer._place["run_dir"] / "default").iterdir()
    assert traces(run) == {"steps-2-3.json.gz": {2, 3, 4}}  # the fourth had just begun
    assert not torch.autograd._profiler_enabled()


def test_an_interrupt_inside_of_the_steps_and_a_resume(make: Any) -> None:
    def options() -> dict[str, Any]:
        return {"project": "cut", "name": "cut", "callbacks": [ProfileSteps("2-6")]}

    first = make(**options())
    first.add_callback(Ask(3, lambda run: signal.raise_signal(signal.SIGTERM)))
    with pytest.raises(SystemExit):
        first.fit(loader(), epochs=2)
    result = make(**options()).fit(loader(), epochs=2, resume="auto")
    found = traces(result.run)
    assert list(found) == ["steps-2-3.json.gz", "steps-4.json.gz", "steps-5-6.json.gz"]
    assert {2, 3} <= found["steps-2-3.json.gz"]
    assert found["steps-5-6.json.gz"] == {5, 6}


def test_a_validation_in_mid_epoch_is_not_in_a_trace(make: Any) -> None:
    result = make(callbacks=[ProfileSteps("2-4", warmup=0)]).fit(loader(), loader(), epochs=1, validate_every="3 steps")
    found = traces(result.run)
    assert list(found) == ["steps-2-3.json.gz", "steps-4.json.gz"]
    assert 4 in found["steps-4.json.gz"]


def test_a_smoke_run_says_that_the_steps_never_came(make: Any) -> None:
    result = make(callbacks=["profile-steps"]).fit(loader(100), epochs=5, smoke=True)
    with RunReader.open(result.run) as reader:
        (alert,) = reader.events("alert")
    assert alert.data["title"] == "Steps 11-15 were not profiled"


# ---- ResourceMonitor -------------------------------------------------------------------------------------------------


class Slow(Dataset[Any]):
    """Every sample takes time, on the clock of the run."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> Any:
        self.clock.advance(self.seconds)
        return torch.ones(4), torch.tensor(0)


class OnFakeTime(lineside.Callback):
    """Puts the run onto a fake clock, on which a step takes two seconds."""

    on_error = "raise"

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock

    def on_setup(self, run: Any) -> None:
        run.progress.clock = self.clock.monotonic

    def on_step_end(self, run: lineside.RunView) -> None:
        self.clock.advance(2.0)


def test_series_of_the_machine_are_in_the_store(make: Any) -> None:
    result = make(callbacks=[ResourceMonitor("0.1 s", gpu=False)]).fit(loader(), epochs=2)
    with RunReader.open(result.run) as reader:
        names = set(reader.metric_names())
        rss = reader.series("system/rss_gib").values
    assert {"system/memory_percent", "system/memory_limit_gib", "system/disk_free_gib", "system/cpus"} <= names
    assert rss
    assert all(0 < value < 1000 for value in rss)


def test_slow_data_is_named_with_what_to_try(make: Any) -> None:
    clock = FakeClock()
    data = DataLoader(Slow(clock, 0.5), batch_size=10)
    result = make(callbacks=[OnFakeTime(clock), ResourceMonitor(gpu=False)]).fit(data, data, epochs=2)
    # Eight batches of ten samples; validation takes its time, too, and is not counted.
    first, *_, last = texts(result.run)["resource-monitor"].splitlines()
    assert first == "data: waited for 71 % of the time (40 of 56 s, 0 workers)"
    assert last.startswith("data loading takes 71 % of a step: ")


def test_a_validation_between_batches_is_not_counted_as_work(make: Any) -> None:
    clock = FakeClock()
    data = DataLoader(Slow(clock, 0.5), batch_size=10)
    result = make(callbacks=[OnFakeTime(clock), ResourceMonitor(gpu=False)]).fit(
        data, data, epochs=1, validate_every="2 steps"
    )
    first, *_ = texts(result.run)["resource-monitor"].splitlines()
    assert first == "data: waited for 71 % of the time (20 of 28 s, 0 workers)"


def test_a_training_that_fails_leaves_its_account(make: Any) -> None:
    def fail(run: lineside.RunView) -> None:
        raise ValueError("no more")

    trainer = make(callbacks=[ResourceMonitor(gpu=False), Ask(3, fail)])
    with pytest.raises(ValueError, match="no more"):
        trainer.fit(loader(), epochs=3)
    (run,) = (trainer._place["run_dir"] / "default").iterdir()
    assert "memory: " in texts(run)["resource-monitor"]
