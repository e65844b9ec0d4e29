"""`lineside demo` as people run it: a real training, a real kill -9, a real resume."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lineside.checkpoints.catalog import Catalog
from lineside.store.catalogue import find_runs
from lineside.store.directory import RunDirectory
from lineside.store.reader import RunReader

pytestmark = pytest.mark.slow

EPOCHS = 4


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Return what the demo printed, and where its runs lie."""
    for library in ("torch", "sklearn", "matplotlib", "tensorboard"):
        pytest.importorskip(library, reason="the demo needs lineside[demo]")
    run_dir = tmp_path_factory.mktemp("demo") / "runs"
    command = [sys.executable, "-m", "lineside", "demo", "--run-dir", str(run_dir), "--epochs", str(EPOCHS)]
    environment = os.environ | {"LINESIDE_LANG": "en", "COLUMNS": "200"}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, run_dir


@pytest.fixture(scope="module")
def killed(told: tuple[str, Path]) -> RunDirectory:
    (run,) = find_runs(told[1], "demo", "digits")
    return run


@pytest.fixture(scope="module")
def undisturbed(told: tuple[str, Path]) -> RunDirectory:
    (run,) = find_runs(told[1], "demo", "digits-undisturbed")
    return run


def test_it_was_killed_in_mid_epoch_and_resumed_from_the_newest_checkpoint(
    told: tuple[str, Path], killed: RunDirectory
) -> None:
    said = re.search(r"epoch0003-step(\d+)-[0-9a-f]{4}: epoch 3, batch (\d+) of (\d+)\.", told[0])
    assert said is not None
    step, batch, batches = map(int, said.groups())
    assert step == 2 * batches + batch
    assert 0 < batch < batches
    with RunReader.open(killed.path) as reader:
        assert [attempt.resumed_step for attempt in reader.attempts()][:2] == [None, step]
        assert f"resumed in epoch 3/{EPOCHS}, at step {step}" in told[0]


def test_both_trainings_came_to_the_same_end_bit_for_bit(
    told: tuple[str, Path], killed: RunDirectory, undisturbed: RunDirectory
) -> None:
    assert len(re.findall(r"([0-9a-f]{16})…\s+\1…\s+equal", told[0])) == 3
    assert "DIFFERENT" not in told[0]
    ends = [Catalog(run.checkpoints, run.name) for run in (killed, undisturbed)]
    for which in ("best", "last"):
        ours, theirs = (end.find(which) for end in ends)
        assert ours.step == theirs.step
        for file in ("model.safetensors", "optimizer.safetensors"):
            assert ours.file(file).read_bytes() == theirs.file(file).read_bytes()
    assert killed.status() == undisturbed.status() == "completed"


def test_everything_lies_where_it_says(told: tuple[str, Path], killed: RunDirectory) -> None:
    assert "MISSING" not in told[0]
    assert f"All of it lies in {killed.path}:" in told[0]
    best = re.search(r"best checkpoint\s+(\S+)", told[0])
    assert best is not None
    Catalog(killed.checkpoints, killed.name).find(Path(best[1]).name).verify()
    assert (killed.plots / "training_curve.png").read_bytes().startswith(b"\x89PNG")
    with (killed.path / "metrics.csv").open(encoding="utf-8", newline="") as file:
        epochs = [int(row["epoch"]) for row in csv.DictReader(file) if row["train/loss"]]
    assert epochs == list(range(EPOCHS))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(killed.tensorboard)).Reload()
    assert len(events.Scalars("val/loss")) == EPOCHS


def test_it_reads_digits_that_it_never_saw_and_tells_the_cost_of_every_callback(told: tuple[str, Path]) -> None:
    share = re.search(r"The model reads \d+ of 300 digits that it never saw: ([\d.]+)%", told[0])
    assert share is not None
    assert float(share[1]) > 90
    table = told[0].partition("What each callback cost")[2]
    for name in ("model-checkpoint", "early-stopping", "reduce-lr-on-plateau", "terminate-on-nan", "training-monitor"):
        assert re.search(rf"{name}\s+inline\s+\d", table)
    for name in ("log-metrics", "plot-training-curve", "tensorboard"):
        assert re.search(rf"{name}\s+background\s+\d", table)
