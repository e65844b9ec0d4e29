"""Trainings of Hugging Face that are interrupted and go on."""

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

pytest.importorskip(
    "transformers", reason="the bridge to Hugging Face needs transformers: pip install transformers accelerate"
)

import torch

from lineside.bridges.transformers import transformers as bridge
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.model_checkpoint import ModelCheckpoint
from lineside.errors import LinesideError, RunStateError
from lineside.events import Event
from lineside.testing.toy_callbacks import Asks, CountsEpochs
from tests.architecture.repository import ROOT
from tests.frameworks.transformers import killed
from tests.frameworks.transformers.line import InOrder, Line, trainer


class Worsens(InOrder):
    """Its evaluation gets worse from the second epoch on."""

    def evaluate(self, *arguments: Any, **options: Any) -> Any:
        return {**super().evaluate(*arguments, **options), "eval_loss": abs(float(self.state.epoch) - 2)}


def _fails(_: Any) -> None:
    raise RuntimeError("boom")


def _cut(epoch: int, batch: int = 1) -> Asks:
    return Asks(_fails, Event.BATCH_END, epoch=epoch, batch=batch, on_error="raise", name="cut")


def test_the_counter_of_early_stopping_goes_on(tmp_path: Path) -> None:
    """Hugging Face: the early-stopping counter restarts after resume."""
    whole = trainer(
        tmp_path, bridge([EarlyStopping(patience=3)], run_dir=tmp_path / "whole"), kind=Worsens, num_train_epochs=20
    )
    whole.train()
    cut = bridge([EarlyStopping(patience=3), ModelCheckpoint(), _cut(3)], run_dir=tmp_path)
    with suppress(RuntimeError):
        trainer(tmp_path, cut, kind=Worsens, num_train_epochs=20).train()
    again = bridge([EarlyStopping(patience=3), ModelCheckpoint()], run_dir=tmp_path, resume="auto")
    resumed = trainer(tmp_path, again, kind=Worsens, num_train_epochs=20)
    resumed.train()
    assert resumed.state.epoch == whole.state.epoch == 5
    assert again.run.attempt == 2


def test_two_callbacks_of_one_class_keep_their_own_state(tmp_path: Path) -> None:
    """Hugging Face: two callbacks of one class restore wrongly."""
    early = [CountsEpochs(name="one"), CountsEpochs(name="two"), ModelCheckpoint()]
    early[0].epochs = 0
    with suppress(RuntimeError):
        trainer(tmp_path, bridge([*early, _cut(2)], run_dir=tmp_path)).train()
    one, two = CountsEpochs(name="one"), CountsEpochs(name="two")
    # The second is given first: states belong to names, not to places.
    trainer(tmp_path, bridge([two, one, ModelCheckpoint()], run_dir=tmp_path, resume="auto")).train()
    assert (one.epochs, two.epochs) == (3, 3)


def test_an_incomplete_last_checkpoint_blocks_nothing(tmp_path: Path) -> None:
    """Hugging Face: an incomplete last checkpoint blocks resume."""
    cut = bridge([ModelCheckpoint(keep_last=2), _cut(2)], run_dir=tmp_path)
    with suppress(RuntimeError):
        trainer(tmp_path, cut).train()
    damaged = cut.run.checkpoints.last
    (damaged.path / "model.safetensors").write_bytes(b"half of")
    again = bridge([ModelCheckpoint()], run_dir=tmp_path, resume="auto")
    model = Line()
    trainer(tmp_path, again, model=model).train()
    whole = Line()
    trainer(tmp_path, bridge(run_dir=tmp_path / "whole"), model=whole).train()
    assert damaged.step == 8
    assert again.run.step == 12
    assert torch.equal(model.layer.weight, whole.layer.weight)


def test_a_run_and_another_checkpoint_do_not_go_on_together(tmp_path: Path) -> None:
    theirs = trainer(tmp_path, save_strategy="epoch")
    theirs.train()
    with pytest.raises(RunStateError, match="do not belong together"):
        trainer(tmp_path, bridge(run_dir=tmp_path)).train(
            resume_from_checkpoint=str(tmp_path / "transformers" / "checkpoint-4")
        )


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    class Wider(Line):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 2)

    with suppress(RuntimeError):
        trainer(tmp_path, bridge([ModelCheckpoint(), _cut(1)], run_dir=tmp_path)).train()
    with pytest.raises((LinesideError, RuntimeError), match=r"layer\.weight|size mismatch"):
        trainer(tmp_path, bridge(run_dir=tmp_path, resume="auto"), model=Wider()).train()


def test_a_real_kill(tmp_path: Path) -> None:
    """Early stopping stops where it does without a kill, the best stays the best, and the rate goes on."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.frameworks.transformers.killed", str(tmp_path / "ours")]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == -signal.SIGKILL
    shutil.copytree(tmp_path / "ours", tmp_path / "theirs")
    whole = killed.train(tmp_path / "whole").run
    for where, by_itself in (("ours", None), ("theirs", True)):
        rest = killed.train(tmp_path / where, resume="auto", by_itself=by_itself).run
        assert (rest.attempt, rest.epoch) == (2, 6)
        assert (rest.reason, rest.step) == (whole.reason, whole.step)
        assert rest.history == whole.history
        assert whole.history["lr"][0] > 9 * whole.history["lr"][3] > 0
        best, kept = (run.checkpoints.best for run in (whole, rest))
        assert (best.step, best.metrics["val/loss"].value) == (kept.step, kept.metrics["val/loss"].value) == (8, 0.0)


def test_a_checkpoint_that_is_not_that_of_the_run_is_refused(tmp_path: Path) -> None:
    """Also one of the same step, which no count of steps tells from ours."""
    theirs = trainer(tmp_path, save_strategy="epoch")
    theirs.train()
    with suppress(RuntimeError):
        trainer(tmp_path, bridge([ModelCheckpoint(), _cut(1)], run_dir=tmp_path)).train()
    again = bridge([ModelCheckpoint()], run_dir=tmp_path, resume="auto")
    same_step = str(tmp_path / "transformers" / "checkpoint-4")
    with pytest.raises(RunStateError, match=r"checkpoint-4.*the run goes on from .*step00000004"):
        trainer(tmp_path, again).train(resume_from_checkpoint=same_step)


def test_a_real_sigterm_leaves_a_resumable_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.frameworks.transformers.interrupted", str(tmp_path)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 143, ended.stderr
    whole, rest = Line(), Line()
    untouched = trainer(tmp_path, bridge(run_dir=tmp_path / "whole"), model=whole)
    untouched.train()
    again = bridge(run_dir=tmp_path, resume="auto")
    resumed = trainer(tmp_path, again, model=rest)
    resumed.train()
    assert again.run.attempt == 2
    assert resumed.seen == untouched.seen[6:]
    assert torch.equal(rest.layer.weight, whole.layer.weight)
