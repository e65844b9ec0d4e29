from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from lineside import Callback, registry
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.errors import AttachError, CallbackNotFound


class Mine(Callback):
    """A callback of another package."""

    def on_epoch_end(self, run) -> None: ...


@pytest.fixture
def other_packages(monkeypatch):
    """Let other packages register what a test says."""

    def register(**entries: str) -> None:
        found = [EntryPoint(name.replace("_", "-"), value, registry.GROUP) for name, value in entries.items()]
        monkeypatch.setattr(registry, "entry_points", lambda *, group: found if group == registry.GROUP else [])

    return register


@pytest.mark.parametrize(
    "spelling", ["early-stopping", "early_stopping", "EarlyStopping", "EarlyStoppingCallback", "early stopping"]
)
def test_spellings_of_one_name(spelling) -> None:
    assert registry.find(spelling) is EarlyStopping


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("LogMetrics", "log-metrics"),
        ("LogMetricsCallback", "log-metrics"),
        ("log_metrics", "log-metrics"),
        ("tensor-board", "tensorboard"),
        ("TensorBoard", "tensorboard"),
        ("ReduceLROnPlateau", "reduce-lr-on-plateau"),
        ("TerminateOnNaN", "terminate-on-nan"),
        ("PlotTrainingCurve", "plot-training-curve"),
        ("LambdaCallback", "lambda"),
        ("Lambda", "lambda"),
    ],
)
def test_every_spelling_finds_the_class_that_bears_the_name(spelling, name) -> None:
    assert registry.find(spelling).name == name


@pytest.mark.parametrize("name", [name for name in registry.names() if name != "iron-triangle"])
def test_every_registered_name_is_that_of_its_class(name) -> None:
    assert registry.find(name).name == name


def test_a_name_that_is_not_registered_is_refused_with_the_nearest_and_all_there_are() -> None:
    with pytest.raises(CallbackNotFound, match="Did you mean 'early-stopping'") as refused:
        registry.find("early-stoping")
    assert all(name in str(refused.value) for name in registry.names())
    with pytest.raises(CallbackNotFound, match="Did you mean 'model-checkpoint'"):
        registry.find("ModelCheckpoints")


def test_names_are_not_imported_before_they_are_asked_for() -> None:
    code = (
        "import sys; from lineside.registry import names; names(); print([m for m in sys.modules if 'callbacks.' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_list_of_objects_names_and_presets_becomes_objects() -> None:
    mine = Mine()
    resolved = registry.resolve(["terminate-on-nan", "iron-triangle", mine])
    assert [callback.name for callback in resolved] == [
        *("terminate-on-nan", "model-checkpoint", "early-stopping", "reduce-lr-on-plateau", "mine"),
    ]
    assert resolved[-1] is mine


def test_in_the_iron_triangle_the_rate_is_lowered_well_before_the_run_is_stopped() -> None:
    _, stopping, plateau = registry.resolve(["iron-triangle"])
    assert plateau.patience < stopping.patience


def test_a_class_is_refused_and_the_object_is_shown() -> None:
    with pytest.raises(
        AttachError, match=r"callbacks\[1\] is the class EarlyStopping: give an object, EarlyStopping\(\)"
    ):
        registry.resolve(["terminate-on-nan", EarlyStopping])


@pytest.mark.parametrize("item", [print, None, 3, object])
def test_what_is_no_callback_is_refused_and_the_way_out_is_named(item) -> None:
    with pytest.raises(AttachError, match=r"callbacks\[0\] is .*Wrap it in a Callback"):
        registry.resolve([item])


@pytest.mark.parametrize("items", ["early-stopping", Mine(), None, {"early-stopping"}])
def test_what_is_no_list_is_refused(items) -> None:
    with pytest.raises(AttachError, match="give a list"):
        registry.resolve(items)


def test_other_packages_register_through_entry_points(other_packages) -> None:
    other_packages(mine=f"{Mine.__module__}:Mine")
    assert "mine" in registry.names()
    assert registry.find("Mine") is Mine


def test_a_built_in_name_cannot_be_taken(other_packages) -> None:
    other_packages(early_stopping="somewhere:Else")
    assert registry.find("early-stopping") is EarlyStopping


def test_a_name_that_two_packages_claim_is_refused(monkeypatch) -> None:
    entries = [EntryPoint("mine", value, registry.GROUP) for value in ("a:Mine", "b:Mine")]
    monkeypatch.setattr(registry, "entry_points", lambda *, group: entries)
    with pytest.raises(CallbackNotFound, match="claimed by a:Mine and b:Mine"):
        registry.find("mine")


def test_what_is_registered_and_no_callback_class_is_refused(other_packages) -> None:
    other_packages(mine="json:dumps")
    with pytest.raises(CallbackNotFound, match="json:dumps, which is no Callback class"):
        registry.find("mine")


def test_presets_stand_for_several_callbacks() -> None:
    assert registry.presets() == ["iron-triangle"]
    assert set(registry.presets()) < set(registry.names())
