from __future__ import annotations

from pathlib import Path

import pytest

from lineside.advice import advise, recorded_facts
from lineside.advice.record import EVENT
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.errors import NoRecords, StoreDamaged
from lineside.run import Run
from lineside.store import StoreWriter
from tests.unit.run.toys import train

NOISE = [0.5, 0.4] * 6


def test_a_run_that_is_over_gets_advice_by_its_curves(tmp_path: Path) -> None:
    with Run(callbacks=[EarlyStopping(patience=100)], run_dir=tmp_path) as run:
        for epoch in run.epochs(len(NOISE)):
            with run.validation():
                run.log({"loss": NOISE[epoch]})
    facts = recorded_facts(run.dir)
    assert facts.curves["val/loss"] == NOISE
    assert facts.directory == str(run.dir)
    assert [one.options["patience"] for one in facts.enabled("EarlyStopping")] == [100]
    texts = {one.rule: one.text for one in advise(facts, "")}
    assert "moves up and down by about 0.1" in texts["min-delta"]


def test_the_newest_attempt_counts(tmp_path: Path) -> None:
    with Run(callbacks=[EarlyStopping(patience=7)], run_dir=tmp_path) as run:
        train(run, epochs=1)
    with Run(callbacks=[EarlyStopping(patience=9)], run_dir=tmp_path, resume=run.dir) as again:
        train(again, epochs=2)
    assert [one.options["patience"] for one in recorded_facts(run.dir).callbacks] == [9]


def test_a_run_without_facts_gets_none(tmp_path: Path) -> None:
    with pytest.raises(NoRecords):
        recorded_facts(tmp_path)
    _store(tmp_path, None)
    assert recorded_facts(tmp_path).callbacks == ()


def test_facts_that_nobody_could_have_recorded_are_named(tmp_path: Path) -> None:
    _store(tmp_path, {"callbacks": 3})
    with pytest.raises(StoreDamaged, match="facts"):
        recorded_facts(tmp_path)


def _store(path: Path, facts: dict[str, int] | None) -> None:
    writer = StoreWriter(path / "run.db", 1, lambda: 0.0)
    writer.begin_attempt(1, None, 0.0, None)
    if facts is not None:
        writer.event(EVENT, step=0, epoch=0, time=0.0, data=facts)
    writer.close()
