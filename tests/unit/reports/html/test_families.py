from __future__ import annotations

import pytest

from lineside.reports.html.families import MOST_CURVES, families, resource, short


def test_stages_share_a_chart_as_in_any_plot() -> None:
    assert list(families(["val/loss", "train/loss", "lr"])) == [
        ("loss", ["train/loss", "val/loss"]),
        ("learning rate", ["lr"]),
    ]


def test_layers_classes_and_devices_share_a_chart_with_one_unit() -> None:
    names = [
        *("gradients/total", "gradients/conv1", "classes/recall/cat", "classes/recall/dog"),
        *("system/cpu_percent", "system/rank1/cpu_percent", "system/gpu0/memory_gib"),
    ]
    assert list(families(names)) == [
        ("gradients", ["gradients/total", "gradients/conv1"]),
        ("classes/recall", ["classes/recall/cat", "classes/recall/dog"]),
        ("system/cpu_percent", ["system/cpu_percent", "system/rank1/cpu_percent"]),
        ("system/gpu0/memory_gib", ["system/gpu0/memory_gib"]),
    ]


def test_what_was_logged_in_batches_shares_a_chart_as_well() -> None:
    names = ["batch/gradients/0", "batch/gradients/total", "gradients/0", "gradients/total", "batch/gap", "gap"]
    assert list(families(names)) == [
        ("gradients", ["gradients/0", "gradients/total"]),
        ("gap", ["batch/gap", "gap"]),
    ]


def test_what_tells_how_well_it_went_comes_before_rates_and_those_before_diagnostics() -> None:
    names = ["gradients/0", "gradients/1", "lr", "train/loss", "val/accuracy"]
    assert [title for title, _ in families(names)] == ["loss", "accuracy", "learning rate", "gradients"]


def test_one_alone_goes_by_its_own_name() -> None:
    assert list(families(["gap", "custom/gap", "val/accuracy"])) == [
        ("accuracy", ["val/accuracy"]),
        ("gap", ["gap"]),
        ("custom/gap", ["custom/gap"]),
    ]


def test_very_many_are_spread_over_charts() -> None:
    names = [f"gradients/{index}" for index in range(2 * MOST_CURVES + 1)]
    found = list(families(names))
    assert [title for title, _ in found] == ["gradients 1–12", "gradients 13–24", "gradients 25–25"]
    assert [name for _, members in found for name in members] == names


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("system/cpu_percent", "cpu (%)"),
        ("system/rank1/disk_read_mib_s", "disk read (MiB/s)"),
        ("system/memory_limit_gib", "memory limit (GiB)"),
        ("system/cpus", "cpus"),
    ],
)
def test_a_resource_is_named_with_its_unit(title: str, shown: str) -> None:
    assert resource(title) == shown


@pytest.mark.parametrize(
    ("name", "title", "label"),
    [
        ("gradients/conv1", "gradients", "conv1"),
        ("system/gpu0/memory_percent", "system/memory_percent", "gpu0"),
        ("system/cpu_percent", "system/cpu_percent", "system/cpu_percent"),
        ("lr", "learning rate", "lr"),
    ],
)
def test_a_curve_is_named_by_what_tells_it_from_the_others(name: str, title: str, label: str) -> None:
    assert short(name, title) == label
