"""Advice at the start of a run: once, through the log, and into the records."""

from __future__ import annotations

import logging

import pytest

from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from lineside.errors import OptionError
from lineside.store import RunReader
from tests.unit.run.toys import MakeRun, train

# What the machine is, is not asked here.
QUIET = "-container-volume"


def said(caplog: pytest.LogCaptureFixture) -> dict[str, int]:
    return {
        record.name.removeprefix("lineside.advice."): record.levelno
        for record in caplog.records
        if record.name.startswith("lineside.advice.")
    }


def recorded(run) -> list[str]:
    with RunReader.open(run.dir) as reader:
        return [event.data["rule"] for event in reader.events("advice")]


@pytest.fixture
def callbacks() -> list[object]:
    return [EarlyStopping(patience=3), EarlyStopping("train/loss", name="second", restore_best_weights=False)]


def test_it_is_said_once_and_recorded(make_run: MakeRun, callbacks, monkeypatch, caplog) -> None:
    monkeypatch.setenv("LINESIDE_ADVICE", QUIET)
    with caplog.at_level(logging.INFO, "lineside"), make_run(*callbacks) as run:
        train(run, epochs=2)
    assert said(caplog) == {"restore-best-weights": logging.INFO, "min-delta": logging.INFO}
    assert recorded(run) == ["restore-best-weights", "restore-best-weights", "min-delta"]
    first = next(record.getMessage() for record in caplog.records if record.name.startswith("lineside.advice."))
    assert first.endswith(
        "See https://keras.io/api/callbacks/early_stopping/ (silence it: LINESIDE_ADVICE=-restore-best-weights)."
    )


def test_the_environment_silences_it(make_run: MakeRun, callbacks, monkeypatch, caplog) -> None:
    monkeypatch.setenv("LINESIDE_ADVICE", "off")
    with caplog.at_level(logging.INFO, "lineside"), make_run(*callbacks) as run:
        train(run, epochs=1)
    assert said(caplog) == {}
    assert recorded(run) == []


def test_a_logger_silences_it_in_code(make_run: MakeRun, callbacks, monkeypatch, caplog) -> None:
    monkeypatch.setenv("LINESIDE_ADVICE", QUIET)
    logger = logging.getLogger("lineside.advice.min-delta")
    logger.setLevel(logging.ERROR)
    try:
        with caplog.at_level(logging.INFO, "lineside"), make_run(*callbacks) as run:
            train(run, epochs=1)
    finally:
        logger.setLevel(logging.NOTSET)
    assert set(said(caplog)) == set(recorded(run)) == {"restore-best-weights"}


def test_a_word_that_nobody_knows_ends_the_run_before_it_began(make_run: MakeRun, monkeypatch) -> None:
    monkeypatch.setenv("LINESIDE_ADVICE", "-early-stoping")
    with pytest.raises(OptionError, match="LINESIDE_ADVICE"), make_run():
        pass


def test_the_trainer_tells_its_optimizer_and_its_initial_rate(tmp_path, monkeypatch, caplog) -> None:
    torch = pytest.importorskip("torch")
    from lineside.trainer import Trainer

    monkeypatch.setenv("LINESIDE_ADVICE", QUIET)
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    data = [(torch.zeros(2, 2), torch.zeros(2, 1))]
    trainer = Trainer(
        model, optimizer, torch.nn.functional.mse_loss, callbacks=[ReduceLROnPlateau(min_lr=1e-4)], run_dir=tmp_path
    )
    with caplog.at_level(logging.INFO, "lineside"):
        trainer.fit(data, data, epochs=1)
    assert said(caplog) == {"few-cuts": logging.WARNING, "plateau-beside-adam": logging.INFO}
    caplog.clear()
    with caplog.at_level(logging.INFO, "lineside"):
        trainer.validate(data)
    assert said(caplog) == {}
