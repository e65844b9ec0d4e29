from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lineside.backends.torch import metric_state
from lineside.backends.torch.document import packed, unpacked
from lineside.errors import OptionError, StateMismatch
from tests.unit.backends.torch.saved import SavedFolder

torchmetrics = pytest.importorskip("torchmetrics")


class Counted:
    """A metric of one's own, with a state of its own."""

    def __init__(self) -> None:
        self.total = 0.0

    def update(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        self.total += outputs.sum().item()

    def compute(self) -> float:
        return self.total

    def state_dict(self) -> dict[str, Any]:
        return {"total": self.total}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.total = state["total"]


METRICS: dict[str, Callable[[], Any]] = {
    "accuracy": lambda: torchmetrics.classification.MulticlassAccuracy(3),
    "mean": torchmetrics.MeanMetric,
    "curve in lists": lambda: torchmetrics.classification.MulticlassAUROC(3, thresholds=None),
    "collection": lambda: torchmetrics.MetricCollection(
        {
            "precision": torchmetrics.classification.MulticlassPrecision(3),
            "recall": torchmetrics.classification.MulticlassRecall(3),
            "auroc": torchmetrics.classification.MulticlassAUROC(3),
        }
    ),
    "wrapper": lambda: torchmetrics.ClasswiseWrapper(torchmetrics.classification.MulticlassAccuracy(3, average="none")),
    "composition": lambda: torchmetrics.classification.MulticlassAccuracy(3) * 2 + torchmetrics.MeanMetric(),
    "own": Counted,
}


def update(metric: Any, seeds: range) -> None:
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        outputs = torch.rand(10, 3, generator=generator).softmax(1)
        targets = torch.randint(3, (10,), generator=generator)
        if isinstance(metric, torchmetrics.MeanMetric):
            metric.update(outputs)
        elif isinstance(metric, torchmetrics.metric.CompositionalMetric):
            metric.metric_a.metric_a.update(outputs, targets)
            metric.metric_b.update(outputs)
        else:
            metric.update(outputs, targets)


def numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: numbers(item) for name, item in value.items()}
    return value.tolist() if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("name", METRICS)
def test_what_was_accumulated_goes_on(name: str, tmp_path: Path) -> None:
    metric = METRICS[name]()
    metric_state.check_metric(name, metric)
    update(metric, range(3))
    saved = SavedFolder(tmp_path, packed("metrics", metric_state.capture(metric)))
    update(metric, range(3, 6))
    fresh = METRICS[name]()
    state = unpacked("metrics", saved)
    metric_state.check(name, fresh, state)
    metric_state.restore(fresh, state)
    update(fresh, range(3, 6))
    assert numbers(fresh.compute()) == numbers(metric.compute())


@pytest.mark.parametrize("name", METRICS)
def test_restoring_into_a_metric_in_use_replaces_what_it_holds(name: str, tmp_path: Path) -> None:
    metric = METRICS[name]()
    update(metric, range(3))
    saved = SavedFolder(tmp_path, packed("metrics", metric_state.capture(metric)))
    expected = numbers(copy.deepcopy(metric).compute())
    update(metric, range(3, 6))
    metric.compute()  # torchmetrics keeps the result
    metric_state.restore(metric, unpacked("metrics", saved))
    assert numbers(metric.compute()) == expected


def test_every_member_of_a_collection_comes_back_also_those_that_another_one_updates() -> None:
    collection, fresh = METRICS["collection"](), METRICS["collection"]()
    update(collection, range(3))
    metric_state.restore(fresh, metric_state.capture(collection))
    assert {name: metric.update_count for name, metric in fresh.items()} == {"precision": 3, "recall": 3, "auroc": 3}


def test_a_metric_that_has_seen_nothing_comes_back_as_such(tmp_path: Path) -> None:
    metric, fresh = torchmetrics.MeanMetric(), torchmetrics.MeanMetric()
    fresh.update(3.0)
    metric_state.restore(fresh, unpacked("m", SavedFolder(tmp_path, packed("m", metric_state.capture(metric)))))
    assert fresh.update_count == 0
    fresh.update(5.0)
    assert fresh.compute() == 5.0


def test_a_metric_that_accumulates_other_values_is_refused(tmp_path: Path) -> None:
    state = metric_state.capture(METRICS["accuracy"]())
    with pytest.raises(StateMismatch, match="The metric 'auroc' accumulates"):
        metric_state.check("auroc", METRICS["collection"](), state)


def test_a_metric_without_a_state_is_refused() -> None:
    class Forgetful:
        def update(self) -> None: ...
        def compute(self) -> float:
            return 0.0

    with pytest.raises(OptionError, match="'f1' is a Forgetful without state_dict"):
        metric_state.check_metric("f1", Forgetful())
