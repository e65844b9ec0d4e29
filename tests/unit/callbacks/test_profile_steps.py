from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from lineside.callbacks.profile_steps import ProfileSteps
from lineside.errors import AttachError, OptionError, RunStateError
from lineside.run.attach import attach
from lineside.run.plain_host import PlainHost
from lineside.testing import FakeRun
from lineside.testing.fake_model import FakeModel
from lineside.testing.fake_profiling import FakeProfiling


def profilers(run: FakeRun) -> list[FakeProfiling]:
    model = run.model
    assert isinstance(model, FakeModel)
    return model.profilings


def traces(run: FakeRun) -> dict[str, list[int]]:
    """Return the steps that were begun in each trace of a run."""
    found = {}
    for path in sorted((run.dir / "profile").glob("*.json.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            found[path.name] = [int(event["name"].split()[1]) for event in json.load(file)["traceEvents"]]
    return found


# ---- when ------------------------------------------------------------------------------------------------------------


def test_the_chosen_steps_are_recorded_and_the_profiler_runs_for_no_others() -> None:
    run = FakeRun([ProfileSteps("5-7", warmup=2)], batches=10)
    running = []
    for _ in range(9):
        run.batch_end()
        running.append([one.running for one in profilers(run)])
    # It is started at the end of step 2, for two steps of warming up, and stopped at the end of step 7.
    assert running == [[], *[[True]] * 5, *[[False]] * 3]
    assert traces(run) == {"steps-5-7.json.gz": [5, 6, 7]}


@pytest.mark.parametrize("warmup", [0, 5])
def test_the_very_first_steps_can_be_had_and_have_no_time_for_warming_up(warmup: int) -> None:
    run = FakeRun([ProfileSteps("1-2", warmup=warmup)], batches=4).play(1)
    assert traces(run) == {"steps-1-2.json.gz": [1, 2]}


def test_one_step_and_several_windows_in_any_order() -> None:
    run = FakeRun([ProfileSteps("8-9, 3,6-7")], batches=10).play(1)
    assert traces(run) == {"steps-3.json.gz": [3], "steps-6-7.json.gz": [6, 7], "steps-8-9.json.gz": [8, 9]}
    assert traces(FakeRun([ProfileSteps(2)], batches=10).play(1)) == {"steps-2.json.gz": [2]}


def test_a_step_is_one_of_the_optimizer_however_many_batches_it_takes() -> None:
    run = FakeRun([ProfileSteps("2")], batches=9)
    for batch in range(9):
        run.batch_end(stepped=batch % 3 == 2)
    assert traces(run) == {"steps-2.json.gz": [2]}


def test_validation_and_the_end_of_an_epoch_are_left_out() -> None:
    run = FakeRun([ProfileSteps("2-7")], batches=4)
    for _ in range(3):
        run.batch_end()
    run.val_end(val_loss=0.5)
    assert traces(run) == {"steps-2-3.json.gz": [2, 3, 4]}
    assert [one.running for one in profilers(run)] == [False, True]
    run.epoch_end(val_loss=0.5)
    assert not profilers(run)[-1].running
    run.epoch_end(val_loss=0.5)
    assert traces(run) == {"steps-2-3.json.gz": [2, 3, 4], "steps-4.json.gz": [4, 5], "steps-5-7.json.gz": [5, 6, 7]}


def test_a_host_that_takes_several_steps_at_once_passes_over_windows() -> None:
    run = FakeRun([ProfileSteps("2, 5-6, 30")], batches=10)
    run.batch_end()
    run.step += 9
    run.batch_end()
    run.batch_end()
    assert not any(one.running for one in profilers(run))
    assert "steps-5-6.json.gz" not in traces(run)


# ---- what ------------------------------------------------------------------------------------------------------------


def test_the_trace_and_the_costliest_operators_are_files_and_published() -> None:
    run = FakeRun([ProfileSteps("2-3", record_shapes=True, with_stack=True)], batches=4).play(1)
    table = (run.dir / "profile" / "steps-2-3.txt").read_text("utf-8")
    assert table.startswith("steps 2-3 (profile/steps-2-3.json.gz)\n\nCPU: 500 ms a step in operators\n")
    assert table.splitlines()[-1].split() == ["fake", "1", "500", "100%"]
    text, artifact = run.media
    assert (text.kind, text.tag, text.data, text.step) == ("text", "profile-steps", table.rstrip("\n"), 3)
    path = str(run.dir / "profile" / "steps-2-3.json.gz")
    assert (artifact.kind, artifact.tag, artifact.data) == ("artifact", "profile-steps/steps-2-3.json.gz", path)
    assert profilers(run)[0].options == {"record_shapes": True, "profile_memory": False, "with_stack": True}


def test_files_of_a_second_one_bear_its_name() -> None:
    run = FakeRun([ProfileSteps("2"), ProfileSteps("3", name="later", warmup=0)], batches=4).play(1)
    assert list(traces(run)) == ["later-steps-3.json.gz", "steps-2.json.gz"]
    assert [medium.tag for medium in run.media if medium.kind == "text"] == ["profile-steps", "later"]


def test_the_text_is_in_the_language_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    run = FakeRun([ProfileSteps("1-2, 90")], batches=4).play(1)
    assert run.media[0].data.startswith("第 1-2 步（profile/steps-1-2.json.gz）")
    assert [alert.title for alert in run.alerts] == ["第 90 步没有被剖析"]


# ---- ends that come early --------------------------------------------------------------------------------------------


def test_a_stop_in_the_middle_leaves_what_there_is_and_says_what_is_missing() -> None:
    run = FakeRun([ProfileSteps("3-20, 40-50")], batches=6)
    run.epoch_end()
    run.train_end()
    assert traces(run) == {"steps-3-6.json.gz": [3, 4, 5, 6, 7]}
    (alert,) = run.alerts
    assert (alert.title, alert.level) == ("Steps 7-20, 40-50 were not profiled", "info")
    assert "ended after step 6" in alert.text


@pytest.mark.parametrize("steps", ["3-20", "1-4"])
def test_a_failure_in_the_middle_leaves_the_steps_before_it(steps: str) -> None:
    run = FakeRun([ProfileSteps(steps, warmup=0)], batches=9)
    for _ in range(4):
        run.batch_end()
    run.fail(RuntimeError("out of memory"))
    assert [held[-1] >= 4 for held in traces(run).values()] == [True]
    assert not any(one.running for one in profilers(run))


def test_a_failure_before_a_whole_step_leaves_no_file() -> None:
    run = FakeRun([ProfileSteps("3-4", warmup=1)], batches=9)
    run.batch_end()
    run.fail(RuntimeError("boom"))
    assert not profilers(run)[0].running
    assert traces(run) == {}


def test_no_steps_at_all() -> None:
    run = FakeRun([ProfileSteps("1-2")])
    run.start()
    run.train_end()
    assert traces(run) == {}
    assert [alert.title for alert in run.alerts] == ["Steps 1-2 were not profiled"]


# ---- resume and reuse ------------------------------------------------------------------------------------------------


def test_a_run_that_is_resumed_inside_of_the_steps_records_the_rest() -> None:
    run = FakeRun([ProfileSteps("3-6")], batches=10)
    for _ in range(4):
        run.batch_end()
    again = FakeRun.resumed(run.state(), [ProfileSteps("3-6")], batches=10).play(1)
    assert traces(again) == {"steps-5-6.json.gz": [5, 6]}


def test_a_run_that_is_resumed_behind_the_steps_does_not_record_them_again() -> None:
    run = FakeRun([ProfileSteps("3-6")], batches=10)
    for _ in range(6):
        run.batch_end()
    again = FakeRun.resumed(run.state(), [ProfileSteps("3-6")], batches=10).play(1)
    assert profilers(again) == []
    assert again.alerts == []


def test_a_second_fit_is_profiled_again() -> None:
    profile = ProfileSteps("2-3")
    for _ in range(2):
        assert traces(FakeRun([profile], batches=4).play(1)) == {"steps-2-3.json.gz": [2, 3]}


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", ["", "a", "0-3", "5-2", "3-", "-3", "1.5", "1-2-3", "3,,4", 0, "1-4, 4-6"])
def test_steps_that_are_none_are_refused(steps: Any) -> None:
    with pytest.raises(OptionError, match=r"profile-steps: steps="):
        ProfileSteps(steps)


@pytest.mark.parametrize("option", [{"warmup": -1}, {"warmup": 1.5}, {"row_limit": 0}])
def test_numbers_are_checked(option: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(option))):
        ProfileSteps(**option)


@pytest.mark.parametrize(
    ("second", "refused"),
    [
        (ProfileSteps("1, 10-12", name="second"), True),
        (ProfileSteps("11-12", name="second"), True),  # it would warm up while the first is at work
        (ProfileSteps("11-12", warmup=0, name="second"), False),
        (ProfileSteps("3", name="second"), True),  # the first would warm up while it is at work
        (ProfileSteps("10-12", name="second", enabled=False), False),
    ],
)
def test_two_that_would_be_at_work_at_once_are_refused(second: ProfileSteps, refused: bool) -> None:
    run = FakeRun([ProfileSteps("5-10", warmup=2), second])
    if refused:
        with pytest.raises(AttachError, match=r"profile-steps profiles steps 5-10 and second steps \d+"):
            run.start()
    else:
        run.start()


def test_a_host_without_a_profiler_refuses_it_and_says_why() -> None:
    with pytest.raises(AttachError, match=r"needs profile, which the host 'loop' does not have: this run has no model"):
        attach([ProfileSteps()], "loop", PlainHost().capabilities)


class Busy(FakeModel):
    """A model that somebody else profiles."""

    def profile(self, step: int, first: int, **options: bool) -> FakeProfiling:
        raise RunStateError("at work already")


def test_where_another_profiler_is_at_work_it_fails_once_and_leaves_these_steps_out() -> None:
    run = FakeRun([ProfileSteps("3-4", warmup=0)], batches=9, model=Busy({"weight": [0.5]}))
    run.batch_end()
    with pytest.raises(RunStateError):
        run.batch_end()
    for _ in range(5):
        run.batch_end()
    assert traces(run) == {}
