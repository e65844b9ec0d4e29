"""Runs that were really written, one of each fate, for the commands that read them."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

from lineside.run import Run
from lineside.store import RunDirectory, RunRecord, StoreWriter
from tests.unit.run.steered import SteeredHost
from tests.unit.run.toys import Made

ENVIRONMENT = {"python": "3.11.7", "packages": {"torch": "2.13.0"}, "hostname": "box", "argv": ["train.py", "--lr"]}
EPOCHS = 4
STEPS_AN_EPOCH = 5


def completed(run_dir: Path, name: str = "cnn", lr: float = 0.1, **options: Any) -> Path:
    """A run that came to its end, in which something was decided, refused, saved and warned of."""

    def decide(run: Any) -> None:
        if run.epoch == 1:
            run.set_lr(lr / 10, reason="the loss has flattened")
            run.set_lr(lr, group="nobody", reason="who knows")
            run.save("special", reason="the best so far")
        if run.epoch == 2:
            run.alert("Overfitting", "The gap is 0.67\nand grows.")

    with Run(
        callbacks=[Made("decider", on_epoch_end=decide)],
        host=SteeredHost(),
        run_dir=run_dir,
        project="digits",
        name=name,
        hparams={"lr": lr, "model": {"width": 32}},
        **options,
    ) as run:
        for epoch in run.epochs(EPOCHS):
            for batch in run.batches(range(STEPS_AN_EPOCH)):
                run.log({"loss": lr * 10 / (1 + epoch + batch / 10)})
                run.stepped()
            with run.validation():
                for _ in run.batches([0]):
                    run.log({"loss": lr * 12 / (1 + epoch), "accuracy": epoch / EPOCHS})
    return run.dir


def stopped(run_dir: Path) -> Path:
    """A run that was stopped in its first epoch, of another project."""
    with Run(run_dir=run_dir, project="words", name="lstm", callbacks=[stop_at_end("enough")]) as run:
        for _ in run.epochs(10):
            for _ in run.batches(range(3)):
                run.log({"loss": 2.0})
                run.stepped()
    return run.dir


def stop_at_end(reason: str) -> Made:
    return Made("stopper", on_epoch_end=lambda run: run.stop(reason))


def failed(run_dir: Path) -> Path:
    """A run that ended with an error whose text would steer a terminal."""
    try:
        with Run(run_dir=run_dir, project="digits", name="broken") as run:
            for _ in run.epochs(10):
                for batch in run.batches(range(3)):
                    run.log({"loss": float("nan") if batch else 1.0})
                    run.stepped()
                run.log_text("note", "the last thing that was said")
                raise ValueError("no more \x1b[31mred\x1b[0m")
    except ValueError:
        return run.dir
    raise AssertionError("it should have failed")


def killed(run_dir: Path, *, age: float = 100.0, host: str = "", name: str = "dead") -> RunDirectory:
    """What a process leaves that was killed `age` seconds ago: a record that says running, and a free lock."""
    run = RunDirectory.create(run_dir, "digits", name, datetime.now().astimezone())
    now = time.time() - age
    record = RunRecord(
        run.name, "digits", name, "running", now - 60, now, host=host, pid=4711, environment=ENVIRONMENT,
        progress={"epoch": 2, "total_epochs": 10, "step": 25, "total_steps": None},
    )  # fmt: skip
    run.write_record(record)
    writer = StoreWriter(run.database, 1, lambda: now)
    writer.begin_attempt(1, None, now - 60)
    writer.rows([(step, step // 10, now - 30 + step, {"batch/loss": 1.0 / (1 + step)}) for step in range(1, 28)])
    writer.event("alert", step=20, epoch=2, time=now - 5, data={"title": "Loss spike", "text": "", "level": "error"})
    writer.close()
    return run
