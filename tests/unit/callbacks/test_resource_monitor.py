from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lineside.callbacks import resource_monitor as module
from lineside.callbacks.resource_monitor import ResourceMonitor
from lineside.errors import MissingDependency, OptionError
from lineside.testing import FakeRun

HEALTHY = {
    "system/cpus": 4.0,
    "system/cpu_percent": 50.0,
    "system/rss_gib": 1.0,
    "system/memory_percent": 40.0,
    "system/memory_limit_gib": 16.0,
    "system/disk_free_gib": 80.0,
    "system/disk_free_percent": 50.0,
}


class Machine:
    """What a meter finds, look by look; the last look lasts."""

    def __init__(self) -> None:
        self.looks: list[dict[str, float]] = [dict(HEALTHY)]
        self.said: list[str] = []
        self.asked: list[tuple[Path | None, dict[str, Any]]] = []

    def __call__(self, directory: Path | None, **options: Any) -> Machine:
        self.asked.append((directory, options))
        return self

    def look(self) -> dict[str, float]:
        return self.looks.pop(0) if len(self.looks) > 1 else dict(self.looks[0])

    def notes(self) -> list[str]:
        said, self.said = self.said, []
        return said


class Ticker:
    """A sampler that looks when the test says so."""

    made: list[Ticker]

    def __init__(self, method: Callable[[], None], interval: float, name: str) -> None:
        self.tick, self.interval, self.running = method, interval, False
        self.made.append(self)

    def start(self) -> None:
        self.running = True

    def close(self) -> None:
        self.running = False


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(module, "Meter", machine)
    monkeypatch.setattr(Ticker, "made", [], raising=False)
    monkeypatch.setattr(module, "Sampler", Ticker)
    return machine


def started(*, rank: int = 0, **options: Any) -> FakeRun:
    run = FakeRun([ResourceMonitor(gpu=False, **options)], batches=4, rank=rank, world_size=rank + 1)
    run.start()
    return run


def tick(run: FakeRun, times: int = 1) -> None:
    """Look as often, and let the run publish what was found."""
    for _ in range(times):
        Ticker.made[-1].tick()
    run.emit("on_epoch_start")


def account(run: FakeRun) -> str:
    (text,) = [medium.data for medium in run.media if medium.kind == "text"]
    return str(text)


# ---- looking ---------------------------------------------------------------------------------------------------------


def test_it_publishes_what_it_finds_at_the_start_and_at_the_interval(machine: Machine) -> None:
    machine.looks = [HEALTHY, {**HEALTHY, "system/memory_percent": 60.0}]
    run = started(every="5 s")
    assert run.metrics["system/memory_percent"] == 40.0
    assert (Ticker.made[0].running, Ticker.made[0].interval) == (True, 5.0)
    tick(run)
    assert run.metrics["system/memory_percent"] == 60.0
    run.train_end()
    assert not Ticker.made[0].running


def test_options_say_what_is_looked_at(machine: Machine) -> None:
    run = started(disk=False, network=False)
    assert machine.asked == [(None, {"network": False, "gpu": False})]
    run = started()
    assert machine.asked[1] == (run.dir, {"network": True, "gpu": False})


def test_other_ranks_publish_under_their_number(machine: Machine) -> None:
    run = started(rank=2)
    assert run.metrics["system/rank2/memory_percent"] == 40.0
    assert "system/memory_percent" not in run.metrics
    run.train_end()
    assert [medium.tag for medium in run.media] == ["resource-monitor/rank2"]


def test_what_cannot_be_watched_is_logged(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.said = ["GPUs are not watched."]
    started()
    assert [record.message for record in caplog.records] == ["GPUs are not watched."]


def test_an_evaluation_outside_of_training_is_not_watched(machine: Machine) -> None:
    run = FakeRun([ResourceMonitor(gpu=False)])
    for event in ("on_setup", "on_val_start", "on_val_end", "on_teardown"):
        run.emit(event)
    assert (machine.asked, run.media) == ([], [])


# ---- data ------------------------------------------------------------------------------------------------------------


def test_the_share_of_waiting_is_that_since_the_last_look(machine: Machine) -> None:
    run = started()
    wait = run.data_wait
    assert "system/data_wait_percent" not in run.metrics
    wait.batches, wait.first_seconds, wait.busy_seconds = 3, 1.0, 3.0
    tick(run)
    assert run.metrics["system/data_wait_percent"] == 25.0
    wait.seconds, wait.busy_seconds = 9.0, 4.0
    tick(run)
    assert run.metrics["system/data_wait_percent"] == 90.0
    before = run.metrics.point("system/data_wait_percent")
    tick(run)  # one batch takes longer than the interval: nothing is known of it yet
    assert run.metrics.point("system/data_wait_percent") == before


def test_a_validation_between_two_batches_is_no_work(machine: Machine) -> None:
    run = started()
    wait = run.data_wait
    wait.among_batches, wait.busy_seconds = True, 10.0
    run.emit("on_val_start")
    run.clock.advance(6.0)
    run.emit("on_val_end")
    assert wait.busy_seconds == 4.0
    wait.among_batches = False
    run.val_end(val_loss=0.5)
    assert wait.busy_seconds == 4.0


def test_the_account_names_slow_data_and_what_to_try(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    run = started()
    wait = run.data_wait
    wait.batches, wait.seconds, wait.first_seconds, wait.busy_seconds, wait.workers = 50, 70.0, 1.0, 29.0, 0
    run.train_end()
    sentence = "data loading takes 71 % of a step: raise `num_workers` above 0"
    assert account(run).splitlines()[0] == "data: waited for 71 % of the time (71 of 100 s, 0 workers)"
    assert account(run).splitlines()[-1] == sentence
    assert sentence in caplog.messages


# ---- alerts ----------------------------------------------------------------------------------------------------------


def test_memory_that_stays_full_is_one_alert(machine: Machine) -> None:
    full = {**HEALTHY, "system/memory_percent": 97.0}
    machine.looks = [HEALTHY, full, HEALTHY, full, full, full, HEALTHY, full, full]
    run = started()
    tick(run, 3)
    assert run.alerts == []  # twice full, but not in a row
    tick(run)
    assert [(alert.title, alert.author) for alert in run.alerts] == [("Memory is nearly full", "resource-monitor")]
    tick(run, 4)
    assert len(run.alerts) == 1


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"system/disk_free_gib": 4.0}, "The disk is nearly full"),
        ({"system/swap_mib_s": 20.0, "system/swap_gib": 1.0}, "The machine is swapping"),
        ({"system/cpus": 1.0, "system/cpu_percent": 99.0}, None),
    ],
)
def test_only_what_is_serious_is_an_alert(machine: Machine, values: dict[str, float], title: str | None) -> None:
    machine.looks = [{**HEALTHY, **values}]
    run = started()
    tick(run, 3)
    assert [alert.title for alert in run.alerts] == ([title] if title else [])


def test_thresholds_are_options(machine: Machine) -> None:
    run = started(max_memory_percent=30.0, min_disk_free_gib=90.0)
    tick(run)
    assert [alert.title for alert in run.alerts] == ["Memory is nearly full", "The disk is nearly full"]
    run.train_end()
    assert [line.partition(" ")[0] for line in account(run).splitlines()[-2:]] == ["memory", "the"]


@pytest.mark.parametrize(("seconds", "titles"), [(59.0, []), (61.0, ["Training waits for data"])])
def test_much_waiting_for_data_is_an_alert(machine: Machine, seconds: float, titles: list[str]) -> None:
    run = started()
    wait = run.data_wait
    wait.batches, wait.seconds, wait.busy_seconds, wait.workers = 50, seconds, 40.0, 0
    tick(run, 2)
    assert [alert.title for alert in run.alerts] == titles


def test_alerts_are_in_the_language_that_was_asked_for(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    machine.looks = [{**HEALTHY, "system/disk_free_gib": 1.0}]
    run = started()
    tick(run)
    assert [alert.title for alert in run.alerts] == ["磁盘将满"]


# ---- ends ------------------------------------------------------------------------------------------------------------


def test_the_account_is_of_the_whole_training_and_is_given_once(machine: Machine) -> None:
    machine.looks = [{**HEALTHY, "system/cpu_percent": 10.0}, {**HEALTHY, "system/cpu_percent": 90.0}]
    run = started()
    run.train_end()
    run.emit("on_teardown")
    assert "CPU: 50 % on average, 90 % at most, of 4" in account(run)


def test_a_training_that_fails_is_accounted_for(machine: Machine) -> None:
    run = started()
    run.fail(RuntimeError("boom"))
    assert not Ticker.made[0].running
    assert account(run).endswith("no bottleneck was found")


def test_a_second_fit_begins_anew(machine: Machine) -> None:
    monitor = ResourceMonitor(gpu=False, min_disk_free_gib=90.0)
    for _ in range(2):
        run = FakeRun([monitor])
        run.start()
        tick(run)
        assert len(run.alerts) == 1
        run.train_end()
        assert "CPU" in account(run)
    assert [ticker.running for ticker in Ticker.made] == [False, False]


# ---- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"every": "5 steps"}, "every='5 steps' must be a time"),
        ({"every": "0.05 s"}, "0.1 s or more"),
        ({"every": 10}, "every=10 is not a duration"),
        ({"gpu": "automatic"}, "gpu='automatic'. Did you mean 'auto'?"),
        ({"max_memory_percent": 100.0}, "max_memory_percent=100.0 must be below 100"),
        ({"min_disk_free_gib": -1}, "min_disk_free_gib=-1 must be at least 0"),
        ({"background": False}, "background=False"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError) as caught:
        ResourceMonitor(**options)
    assert words in str(caught.value)


def test_without_psutil_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineside.system.meter.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"pip install 'lineside\[system\]'"):
        ResourceMonitor()


def test_without_the_library_of_nvidia_only_gpus_that_are_asked_for_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lineside.system.meter.find_spec", lambda name: object() if name == "psutil" else None)
    ResourceMonitor()
    with pytest.raises(MissingDependency, match="nvidia-ml-py"):
        ResourceMonitor(gpu=[0])


def test_the_real_machine_is_watched_on_threads_that_end(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="lineside"):
        run = FakeRun([ResourceMonitor("0.1 s", gpu=False)]).play(2)
    assert run.metrics["system/rss_gib"] > 0
    assert "memory: " in account(run)
    assert not caplog.records
