from __future__ import annotations

import math

from lineside.checkpoints.format import Contents, MetricRecord
from lineside.checkpoints.retention import KeepLast
from lineside.reports.html.checkpoints import checkpoints, saved
from lineside.reports.html.result import outcomes
from lineside.reports.html.wording import Wording
from tests.unit.checkpoints.toys import contents, save
from tests.unit.reports.html.recorded import Recorded

SAY = Wording("en")


def test_each_with_its_metrics_and_why_it_is_kept(recorded: Recorded) -> None:
    store = recorded.checkpoints()
    store.set_retention([KeepLast(4)])
    names = [
        save(store, 10, loss=0.5, tags=["best", "periodic"]),
        save(store, 20, loss=0.25, tags=["best"], pins=["early-stopping"]),
        save(store, 30, loss=math.nan, tags=["periodic"]),
        save(store, 40, tags=["mine"], pins=["tag:mine"]),
    ]
    recorded.metric("val/loss", [0.5, 0.25])
    for name in [*names, "gone"]:
        recorded.event("checkpoint", {"name": name})
    evidence = recorded.evidence()
    kept = checkpoints(evidence, outcomes(evidence), SAY)
    assert [one.name for one in kept] == names
    assert [one.why for one in kept] == [
        ["retention"],
        ["the best", "pinned by early-stopping"],
        ["retention"],
        ["the newest", "pinned by mine"],
    ]
    assert [dict(one.metrics) for one in kept][:2] == [{"val/loss": 0.5}, {"val/loss": 0.25}]
    assert math.isnan(kept[2].metrics["val/loss"])
    assert (kept[0].step, kept[0].epoch, kept[0].tags, kept[0].resumable) == (10, 1, ["best", "periodic"], True)
    assert kept[0].size > 100
    assert saved(evidence) == 5


def test_the_one_that_was_resumed_from_and_one_of_weights_alone(recorded: Recorded) -> None:
    store = recorded.checkpoints()
    first = save(store, 10)
    weights = Contents(files=contents().files, documents={})
    store.save(weights, step=20, epoch=2, parent=first, metrics={"val/f1": MetricRecord(0.5, 20, 2)}, weights="ema")
    kept = checkpoints(recorded.evidence(), [], Wording("zh"))
    assert [(one.why, one.resumable) for one in kept] == [(["由此恢复训练"], True), (["最新"], False)]
    assert (dict(kept[1].metrics), kept[0].weights, kept[1].weights) == ({}, "raw", "ema")


def test_a_run_without_checkpoints_has_none(recorded: Recorded) -> None:
    assert checkpoints(recorded.evidence(), [], SAY) == []
    assert saved(recorded.evidence()) == 0
