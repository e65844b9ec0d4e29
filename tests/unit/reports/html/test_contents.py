from __future__ import annotations

import pytest

from lineside.control import Kind, Outcome
from tests.unit.checkpoints.toys import save
from tests.unit.reports.html.recorded import BEGAN, Recorded


def sections(recorded: Recorded) -> list[str]:
    return [name for name, _ in recorded.contents()["sections"]]


def test_only_sections_that_have_something_are_there(recorded: Recorded) -> None:
    assert sections(recorded) == ["result", "costs", "attempts", "environment"]
    recorded.metric("val/loss", [1.0])
    recorded.metric("system/cpu_percent", [50.0])
    recorded.request(Kind.STOP, Outcome(applied=True, step=1))
    recorded.event("alert", {"title": "hot"})
    recorded.text("notes", "hello")
    recorded.record(hparams={"lr": 0.1})
    save(recorded.checkpoints(), 1)
    assert sections(recorded) == [
        *("result", "curves", "decisions", "alerts", "resources", "costs", "checkpoints", "attempts"),
        *("notes", "hparams", "environment"),
    ]
    assert dict(recorded.contents("zh")["sections"])["decisions"] == "决策"


def test_a_resource_that_never_changed_is_told_and_not_drawn(recorded: Recorded) -> None:
    recorded.metric("system/cpus", [2.0, 2.0])
    recorded.metric("system/swap_gib", [0.0])
    recorded.metric("system/cpu_percent", [50.0, 60.0])
    shown = recorded.contents()
    assert shown["constants"] == [("cpus", "2"), ("swap (GiB)", "0")]
    assert [chart.title for chart, _ in shown["resources"]] == ["cpu (%)"]


def test_counts_of_what_was_trained(recorded: Recorded) -> None:
    recorded.record(progress={"total_epochs": 5, "total_steps": None})
    recorded.metric("train/loss", [1.0, 0.5], every=30)
    for epoch in range(2):
        recorded.event("epoch_end", step=30 * (epoch + 1), epoch=epoch)
    shown = recorded.contents()
    assert [shown[name] for name in ("epochs", "total_epochs", "steps", "total_steps")] == [2, 5, 60, None]


def test_the_time_is_what_the_run_counted_itself_or_that_of_its_records(recorded: Recorded) -> None:
    recorded.event("train_start")
    recorded.ended()
    assert recorded.contents()["seconds"] == 12.0
    recorded.attempt(2, resumed_step=0)
    recorded.event("train_start")
    # Of an attempt that was killed only the records tell how long it was.
    assert 0 < recorded.contents()["seconds"] < recorded.now() - BEGAN


def test_a_failure_is_shown_with_the_end_of_its_traceback(recorded: Recorded) -> None:
    recorded.event("exception", {"error": "ValueError: boom", "traceback": "x" * 9000 + "ValueError: boom"})
    assert recorded.contents()["traceback"] == ""
    recorded.end("failed")
    shown = recorded.contents()["traceback"]
    assert shown.endswith("ValueError: boom")
    assert len(shown) == 8000


@pytest.mark.parametrize("packages", [{"torch": "2.13", "numpy": "2.4"}, "odd"])
def test_the_environment_with_packages_in_one_line(recorded: Recorded, packages: object) -> None:
    recorded.record(
        environment={"python": "3.11", "packages": packages}, seed=7, parent="runs/a/b", git={"commit": "abc"}
    )
    shown = dict(recorded.contents()["environment"])
    assert shown["packages"] == ("torch 2.13, numpy 2.4" if isinstance(packages, dict) else "odd")
    assert (shown["seed"], shown["branched from"], shown["git.commit"]) == ("7", "runs/a/b", "abc")
    assert shown["directory"] == str(recorded.path)
