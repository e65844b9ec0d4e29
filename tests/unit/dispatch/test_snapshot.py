from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from lineside.control import Kind
from lineside.dispatch.snapshot import FIELDS, RunSnapshot
from lineside.errors import NotInline, OptionError
from lineside.ports import Alert, RunView
from tests.unit.dispatch.toys import VALUES, Desk, snapshot

INLINE = (
    *("model", "batch_data", "outputs", "loss", "measure_data_wait"),
    *("optimizers", "schedulers", "add_scheduler", "scheduled_lr", "schedule_lr", "scale_lr", "validate_with"),
    *("rehearsing", "rehearse", "end_rehearsal", "trials"),
)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_snapshot_has_everything_that_a_run_shows_to_callbacks() -> None:
    taken = snapshot()
    for name, member in inspect.getmembers(RunView):
        if not name.startswith("_") and name not in INLINE:
            found = getattr(taken, name)
            assert callable(found) is not isinstance(member, property), name


def test_what_changes_is_copied_and_what_never_changes_is_shared() -> None:
    taken = snapshot()
    assert {name: getattr(taken, name) for name in FIELDS} == VALUES
    assert (taken.project, taken.name, taken.host, taken.attempt) == ("project", "run-1", "loop", 1)
    assert (taken.rank, taken.world_size, taken.dir) == (0, 1, Path("runs/project/run-1"))
    assert taken.hparams == {"width": 3}


@pytest.mark.parametrize("name", INLINE)
def test_the_live_model_is_out_of_reach_and_the_culprit_is_named(name: str) -> None:
    with pytest.raises(NotInline, match=rf"spy reached for run\.{name}, .*background=False"):
        getattr(snapshot().by("spy"), name)
    assert not hasattr(snapshot(), name)


def test_what_no_run_has_is_told_as_such() -> None:
    with pytest.raises(AttributeError, match="A snapshot of the run has no 'histroy'"):
        _ = snapshot().histroy


def test_retention_is_set_inline(desk: Desk) -> None:
    with pytest.raises(NotInline, match=r"run\.retain\(\)"):
        snapshot(desk).by("spy").retain("policy")


@pytest.mark.parametrize(
    ("ask", "kind", "arguments"),
    [
        (lambda run: run.stop("why"), Kind.STOP, {}),
        (lambda run: run.pause("why"), Kind.PAUSE, {}),
        (lambda run: run.unpause("why"), Kind.UNPAUSE, {}),
        (lambda run: run.validate("why"), Kind.VALIDATE, {}),
        (lambda run: run.set_lr(0.5, "head", "why"), Kind.SET_LR, {"value": 0.5, "group": "head"}),
        (lambda run: run.restore("best", "why"), Kind.RESTORE, {"checkpoint": "best", "weights_only": True}),
        (
            lambda run: run.save("best", "why", pin="me"),
            Kind.SAVE,
            {"tag": "best", "pin": "me", "file": None, "weights_only": False},
        ),
    ],
)
def test_requests_go_to_the_run_with_author_and_step(desk: Desk, ask: Any, kind: Kind, arguments: Any) -> None:
    ask(snapshot(desk, step=7).by("spy"))
    (request,) = desk.requests
    assert (request.kind, request.reason, request.author, request.origin) == (kind, "why", "spy", "background")
    assert request.arguments == arguments
    assert request.step == 7


def test_metrics_are_named_as_in_the_stage_of_the_snapshot(desk: Desk) -> None:
    snapshot(desk, stage="val").by("spy").log({"f1": 0.5, "train/x": 1, "lr": 2})
    snapshot(desk).by("spy").log({"f1": 0.5})
    assert desk.published == [({"val/f1": 0.5, "train/x": 1, "lr": 2}, "spy"), ({"train/f1": 0.5}, "spy")]
    with pytest.raises(OptionError, match="cannot name a metric"):
        snapshot(desk).log({3: 0.5})  # type: ignore[dict-item]


def test_alerts_media_and_jobs_are_handed_on(desk: Desk) -> None:
    run = snapshot(desk).by("spy")
    run.alert("fire", "in the hold", "error", durable=True)
    run.log_text("note", "hello")
    run.log_figure("curve", b"png")
    run.log_image("digit", b"png")
    run.log_artifact("a/b.txt")
    run.log_artifact("a/b.txt", "c")
    run.offload("a:b", {"x": 1}, "k")
    run.offload("a:c", {}, at_end=True)
    run.offload("a:d", {}, figure="curve")
    assert desk.alerts == [Alert("fire", "in the hold", "error", "spy", durable=True)]
    assert [(kind, tag) for kind, tag, _ in desk.media] == [
        ("text", "note"), ("figure", "curve"), ("image", "digit"), ("artifact", "b.txt"), ("artifact", "c"),
    ]  # fmt: skip
    assert desk.jobs == [
        ("a:b", {"x": 1}, "k", False, None), ("a:c", {}, None, True, None), ("a:d", {}, None, False, "curve"),
    ]  # fmt: skip


def test_each_callback_has_its_own_look_at_one_snapshot() -> None:
    shared = snapshot()
    first, second = shared.by("first"), shared.by("second")
    first.step = 99
    assert (second.step, shared.step) == (20, 20)
    assert first.metrics == second.metrics == shared.metrics


class OnDevice:
    shape = ()

    def __init__(self) -> None:
        self.reads = 0

    def __float__(self) -> float:
        self.reads += 1
        return 0.5


def test_taking_a_snapshot_waits_for_no_device() -> None:
    value = OnDevice()
    taken: RunSnapshot = snapshot(metrics={"val/f1": value}).by("spy")
    assert value.reads == 0
    assert taken.metrics["val_f1"] == 0.5
    assert taken.metrics["val/f1"] == 0.5
    assert value.reads == 1
