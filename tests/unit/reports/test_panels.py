from __future__ import annotations

import pytest

from lineside.reports.panels import is_logarithmic, panels


def test_stages_share_a_panel_the_loss_comes_first_and_rates_last() -> None:
    names = ["lr/body", "val/accuracy", "lr", "custom", "batch/loss", "train/loss", "val/loss", "test/accuracy"]
    assert panels(names) == {
        "loss": ["batch/loss", "train/loss", "val/loss"],
        "accuracy": ["test/accuracy", "val/accuracy"],
        "custom": ["custom"],
        "learning rate": ["lr", "lr/body"],
    }
    assert list(panels(names)) == ["loss", "accuracy", "custom", "learning rate"]


def test_there_is_no_panel_of_nothing() -> None:
    assert panels([]) == {}


@pytest.mark.parametrize(
    ("panel", "values", "log"),
    [
        ("loss", [1.0, 0.01], True),
        ("loss", [1.0, 0.02], False),
        ("learning rate", [1.0, 0.1], True),
        ("accuracy", [1.0, 0.001], False),
        ("loss", [1.0, 0.0], False),
        ("loss", [1.0, -1.0], False),
        ("loss", [], False),
    ],
)
def test_only_losses_and_rates_over_decades_are_logarithmic(panel: str, values: list[float], log: bool) -> None:
    assert is_logarithmic(panel, values) is log
