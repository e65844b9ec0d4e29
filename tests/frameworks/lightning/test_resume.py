"""Trainings of Lightning that are interrupted and go on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lightning", reason="the bridge to Lightning needs lightning: pip install lightning")

import torch

from lineside.bridges.lightning import lightning
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.errors import LinesideError, RunStateError
from lineside.events import Event
from lineside.testing.toy_callbacks import Asks
from tests.architecture.repository import ROOT
from tests.frameworks.lightning import killed
from tests.frameworks.lightning.line import Line, fit

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*:UserWarning:lightning"),
]


class Worsens(Line):
    """Its validation gets worse from the second epoch on."""

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", float(abs(self.current_epoch - 1)))


def _fails(_: Any) -> None:
    raise RuntimeError("boom")


def _cut(epoch: int, batch: int = 1) -> Asks:
    return Asks(_fails, Event.BATCH_END, epoch=epoch, batch=batch, on_error="raise", name="cut")


def test_early_stopping_stops_at_the_very_epoch(tmp_path: Path) -> None:
    """Lightning: an early-stopped run trains one more epoch when resumed."""
    whole = fit([lightning([EarlyStopping(patience=3)], run_dir=tmp_path / "whole")], Worsens(), max_epochs=20)
    with suppress(RuntimeError):
        cut = [EarlyStopping(patience=3), ModelCheckpoint(), _cut(3)]
        fit([lightning(cut, run_dir=tmp_path)], Worsens(), max_epochs=20)
    bridge = lightning([EarlyStopping(patience=3), ModelCheckpoint()], run_dir=tmp_path, resume="auto")
    assert fit([bridge], Worsens(), max_epochs=20).current_epoch == whole.current_epoch == 5
    name = bridge.run.name
    again, model = lightning([EarlyStopping(patience=3)], run_dir=tmp_path, resume=name), Worsens()
    with pytest.raises(LinesideError, match="a stop is final"):
        fit([again], model, max_epochs=20)
    assert model.seen == []


def test_an_epoch_that_was_under_way_begins_anew_with_all_its_batches(tmp_path: Path) -> None:
    """Lightning: a mid-epoch resume repeats some batches of the epoch and leaves others out."""
    saves = Asks(lambda run: run.save("periodic"), Event.BATCH_END, batch=1, name="saves")
    with suppress(RuntimeError):
        fit([lightning([saves, _cut(0, 2)], run_dir=tmp_path)], max_epochs=2)
    whole, model = Line(), Line()
    fit([lightning(run_dir=tmp_path / "whole")], whole, max_epochs=2)
    bridge = lightning(run_dir=tmp_path, resume="auto")
    fit([bridge], model, max_epochs=2)
    assert model.seen == whole.seen
    assert bridge.run.history["train/loss"][1:] != []


def test_the_schedule_goes_on(tmp_path: Path) -> None:
    whole, model = Line(halve=True), Line(halve=True)
    fit([lightning(run_dir=tmp_path / "whole")], whole, max_epochs=4)
    with suppress(RuntimeError):
        fit([lightning([ModelCheckpoint(), _cut(2)], run_dir=tmp_path)], Line(halve=True), max_epochs=4)
    bridge = lightning([ModelCheckpoint()], run_dir=tmp_path, resume="auto")
    fit([bridge], model, max_epochs=4)
    assert torch.equal(model.layer.weight, whole.layer.weight)
    assert bridge.run.attempt == 2


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    class Wider(Line):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 2)

    with suppress(RuntimeError):
        fit([lightning([ModelCheckpoint(), _cut(1)], run_dir=tmp_path)], max_epochs=2)
    with pytest.raises(LinesideError, match=r"layer\.weight"):
        fit([lightning(run_dir=tmp_path, resume="auto")], Wider(), max_epochs=2)


def test_a_file_of_lightning_that_is_no_part_of_the_checkpoint_is_refused(tmp_path: Path) -> None:
    made = fit([], max_epochs=1)
    made.save_checkpoint(tmp_path / "theirs.ckpt")
    own = {"ckpt_path": tmp_path / "theirs.ckpt", "weights_only": False}
    with pytest.raises(RunStateError, match=r"theirs\.ckpt, and the run .* begins: they do not belong together"):
        killed.train(tmp_path, resume="auto", **own)
    with suppress(RuntimeError):
        killed.train(tmp_path, _cut(2))
    with pytest.raises(RunStateError, match=r"step 8, of which that file is no part.*step00000008[^/]*/model\.ckpt"):
        killed.train(tmp_path, resume="auto", **own)


def test_a_real_kill(tmp_path: Path) -> None:
    """Early stopping stops where it does without a kill, the best stays the best, and the rate goes on."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.frameworks.lightning.killed", str(tmp_path / "ours")]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == -signal.SIGKILL
    shutil.copytree(tmp_path / "ours", tmp_path / "theirs")
    whole = killed.train(tmp_path / "whole").run
    newest = max((tmp_path / "theirs").rglob("model.ckpt"), key=lambda path: path.parent.name)
    for where, own in (("ours", {}), ("theirs", {"ckpt_path": newest, "weights_only": False})):
        rest = killed.train(tmp_path / where, resume="auto", **own).run
        assert (rest.attempt, rest.epoch) == (2, 6)
        assert (rest.reason, rest.step) == (whole.reason, whole.step)
        assert rest.history == whole.history
        assert whole.history["lr"][1:4] == pytest.approx([0.05, 0.05, 0.005])
        best, kept = (run.checkpoints.best for run in (whole, rest))
        assert (best.step, best.metrics["val/loss"].value) == (kept.step, kept.metrics["val/loss"].value) == (8, 0.0)


def test_a_real_sigterm_leaves_a_resumable_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.frameworks.lightning.interrupted", str(tmp_path)]
    ended = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONWARNINGS": "ignore"}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 143, ended.stderr
    whole, model = Line(), Line()
    fit([lightning(run_dir=tmp_path / "whole")], whole, max_epochs=3)
    bridge = lightning(run_dir=tmp_path, resume="auto")
    fit([bridge], model, max_epochs=3)
    assert bridge.run.attempt == 2
    assert model.seen == [one for one in whole.seen if one[0] >= 1]
    assert torch.equal(model.layer.weight, whole.layer.weight)
