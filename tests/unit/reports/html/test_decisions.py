from __future__ import annotations

from typing import Any

import pytest

from lineside.control import Kind, Outcome
from lineside.reports.html.charts import Mark
from lineside.reports.html.decisions import Decision, decisions, kinds, marks
from lineside.reports.html.result import headline, outcomes
from lineside.reports.html.wording import Wording
from tests.unit.reports.html.recorded import Recorded


def told(recorded: Recorded, language: Any = "en") -> list[Decision]:
    return decisions(recorded.evidence(), Wording(language))


def applied(step: int) -> Outcome:
    return Outcome(applied=True, step=step)


def test_who_asked_what_and_why_and_what_became_of_it_by_step(recorded: Recorded) -> None:
    recorded.request(Kind.STOP, applied(90), author="early-stopping", origin="callback", reason="no better")
    recorded.request(Kind.SET_LR, Outcome(False, 60, "no group 'head'"), value=0.5, group="head")
    recorded.request(Kind.SET_LR, applied(30), value=0.001, reason="it jumps")
    recorded.request(Kind.PAUSE, None)
    assert told(recorded) == [
        Decision("set_lr", "learning rate → 0.001", "it jumps", "ada", "operator", "applied", 30),
        Decision("set_lr", "learning rate → 0.5 (group head)", "", "ada", "operator", "refused", 60, "no group 'head'"),
        Decision("stop", "stop", "no better", "early-stopping", "callback", "applied", 90),
        Decision("pause", "pause", "", "ada", "operator", "waiting", None),
    ]


def test_in_chinese(recorded: Recorded) -> None:
    recorded.request(Kind.RESTORE, applied(30), checkpoint="best", author="early-stopping", origin="callback")
    (one,) = told(recorded, "zh")
    assert (one.title, one.origin) == ("还原 best", "回调")


def test_saves_stand_with_the_checkpoints_unless_they_were_refused(recorded: Recorded) -> None:
    recorded.request(Kind.SAVE, applied(10), tag="best")
    recorded.request(Kind.SAVE, Outcome(False, 20, "the disk is full"), tag="periodic")
    (one,) = told(recorded)
    assert (one.title, one.state, one.detail) == ("save periodic", "refused", "the disk is full")


def test_of_very_many_alike_the_first_and_the_last_are_shown(recorded: Recorded) -> None:
    for step in range(100):
        recorded.request(Kind.SET_LR, applied(step), value=1.0 / (step + 1), author="schedule", origin="callback")
    recorded.request(Kind.STOP, applied(100))
    shown = told(recorded)
    assert [one.step for one in shown] == [0, 1, 2, 97, 98, 99, 100]
    assert [one.count for one in shown if one.state == "skipped"] == [95]


def test_of_very_many_different_ones_as_well(recorded: Recorded) -> None:
    for step in range(400):
        recorded.request(Kind.SET_LR, applied(step), value=0.1, author=f"author {step}")
    shown = told(recorded)
    assert len(shown) == 201
    assert [(one.count, one.step) for one in shown if one.state == "skipped"] == [(200, 299)]


@pytest.mark.parametrize("value", ["<b>", None, [1], float("inf")])
def test_arguments_that_no_run_has_written_are_shown_as_they_are(recorded: Recorded, value: Any) -> None:
    recorded.request(Kind.SET_LR, applied(1), value=value)
    assert told(recorded)[0].title == f"learning rate → {value}"


def test_the_charts_mark_what_happened(recorded: Recorded) -> None:
    recorded.metric("val/loss", [1.0, 0.5, 0.75], every=10)
    recorded.request(Kind.SET_LR, applied(20), value=0.1)
    recorded.request(Kind.SET_LR, Outcome(False, 25, "no"), value=0.1)
    recorded.request(Kind.RESTORE, applied(30), checkpoint="best")
    recorded.request(Kind.STOP, applied(30))
    recorded.attempt(2, resumed_step=35)
    evidence = recorded.evidence()
    found = marks(evidence, headline(outcomes(evidence)))
    assert found == [Mark(20, "cut"), Mark(30, "restore"), Mark(30, "stop"), Mark(35, "resume"), Mark(20, "best")]
    assert kinds(found) == ["best", "cut", "restore", "stop", "resume"]


def test_a_schedule_is_not_marked(recorded: Recorded) -> None:
    for step in range(13):
        recorded.request(Kind.SET_LR, applied(step), value=0.1)
    assert marks(recorded.evidence(), None) == []
