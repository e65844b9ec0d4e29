"""Lightning's own loggers go on working beside ours, and show what our callbacks log."""

from __future__ import annotations

from pathlib import Path

import pytest

for needed in ("lightning", "wandb", "comet_ml", "tensorboard"):
    pytest.importorskip(needed, reason=f"{needed} is logged to here, and is not installed")

from lineside.testing import toy
from tests.frameworks.offline_trackers import comet_metric, scalars, train_offline, wandb_history

pytestmark = pytest.mark.filterwarnings("ignore")  # of the trackers


def test_tensorboard_wandb_and_comet(tmp_path: Path) -> None:
    train_offline("tests.frameworks.lightning.logged", tmp_path)
    assert scalars(tmp_path / "tensorboard", "ours") == [(toy.BATCHES, 7.0), (2 * toy.BATCHES, 8.0)]
    (run,) = tmp_path.rglob("run-*.wandb")
    (experiment,) = (tmp_path / "comet").glob("*.zip")
    assert wandb_history(run, "ours") == comet_metric(experiment, "ours") == [7.0, 8.0]
    values = [value for _, value in scalars(tmp_path / "tensorboard", "val_loss")]
    assert len(values) == 2
    assert wandb_history(run, "val_loss") == pytest.approx(values)
    assert comet_metric(experiment, "val_loss") == pytest.approx(values)
