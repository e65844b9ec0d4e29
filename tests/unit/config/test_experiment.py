from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from lineside.callbacks.early_stopping import EarlyStopping
from lineside.cli.outcome import digest
from lineside.config.loading import load
from lineside.errors import ConfigError
from lineside.fit_result import FitResult
from lineside.trainer import Trainer
from tests.unit.config import toys
from tests.unit.config.conftest import SOUND

FULL = """\
model:
  tests.unit.config.toys:Net:
    hidden: 6
    dropout: 0.2
    act:
      torch.nn:Tanh:
data:
  tests.unit.config.toys:loaders:
    batch: 8
optimizer:
  torch.optim:Adam:
    lr: 1e-2
    betas: [0.8, 0.9]
scheduler:
  - torch.optim.lr_scheduler:StepLR: {step_size: 3, gamma: 0.5}
  - step
loss:
  torch.nn.functional:cross_entropy:
    label_smoothing: 0.1
metrics:
  accuracy: tests.unit.config.toys:accuracy
callbacks:
  - model-checkpoint
  - EarlyStopping:
      patience: 1
      min_delta: 1.0
      restore_best_weights: true
trainer:
  epochs: 6
  accumulate: 2
  clip_norm: 1
  seed: 3
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Write a file, and return its path."""
    monkeypatch.chdir(tmp_path)

    def write(text):
        Path("f.yaml").write_text(text, "utf-8")
        return "f.yaml"

    return write


def in_python() -> tuple[FitResult, nn.Module]:
    torch.manual_seed(3)
    model = toys.Net(6, dropout=0.2, act=nn.Tanh())
    data = toys.loaders(batch=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, betas=(0.8, 0.9))
    trainer = Trainer(
        model,
        optimizer,
        nn.CrossEntropyLoss(label_smoothing=0.1),
        {"accuracy": toys.accuracy},
        ["model-checkpoint", EarlyStopping(patience=1, min_delta=1.0, restore_best_weights=True)],
        scheduler=(torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5), "step"),
        accumulate=2,
        clip_norm=1.0,
        seed=3,
        run_dir="python",
    )
    return trainer.fit(data.train, data.val, 6), model


def test_the_file_and_python_give_the_same_run(config) -> None:
    training = load(config(FULL)).prepare()
    told = training.fit()
    written, model = in_python()
    assert digest(training.trainer.model.state_dict()) == digest(model.state_dict())
    assert len(told.history["val/loss"]) == 2  # it stopped, so that there were best weights to put back
    clock = {"time/epoch"}
    assert told.history.keys() == written.history.keys()
    for name in told.history.keys() - clock:
        assert told.history[name] == written.history[name], name
    assert told.reason == written.reason


def test_the_run_keeps_its_configuration(config) -> None:
    result = load(config(SOUND), ["trainer.epochs=1"]).prepare().fit()
    kept = (result.run / "config.yaml").read_text()
    assert "epochs: 1\n" in kept
    record = json.loads((result.run / "run.json").read_text())
    assert record["hparams"]["optimizer.lr"] == 0.1
    # What a run keeps is itself a configuration, of the same run.
    again = load(result.run / "config.yaml").prepare().fit()
    assert again.history["train/loss"] == result.history["train/loss"]


def test_no_secret_is_kept(config, monkeypatch) -> None:
    monkeypatch.setenv("MAIL_TOKEN", "hunter2-token")
    monkeypatch.setenv("MAIL_PASSWORD", "hunter2-password")
    mailer = "{token: '${MAIL_TOKEN}', password: '${MAIL_PASSWORD}', address: 'smtp://me:${MAIL_PASSWORD}@host'}"
    training = load(config(f"{SOUND}callbacks:\n  - tests.unit.config.toys:Mailer: {mailer}\n")).prepare()
    (mail,) = [one for one in training.trainer.callbacks if isinstance(one, toys.Mailer)]
    assert (mail.token.reveal(), mail.password) == ("hunter2-token", "hunter2-password")
    result = training.fit()
    assert "${MAIL_PASSWORD}" in (result.run / "config.yaml").read_text()
    kept = [path for path in result.run.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
    assert kept == []


def test_the_seed_decides_the_first_weights(config) -> None:
    def weights(*assignments):
        return digest(load(config(SOUND), assignments).prepare().trainer.model.state_dict())

    assert weights() == weights() == weights("trainer.seed=0") != weights("trainer.seed=1")
    torch.manual_seed(1)
    free = weights("trainer.seed=null")
    torch.manual_seed(1)
    assert weights("trainer.seed=null") == free == weights("trainer.seed=1")


def test_objects_of_ones_own_get_model_and_optimizer(config) -> None:
    text = SOUND.replace("torch.optim:SGD", "tests.unit.config.toys:grouped")
    text = text.replace("loss: torch.nn.functional:cross_entropy", "step: tests.unit.config.toys:own_step")
    text += (
        "scheduler:\n  torch.optim.lr_scheduler:SequentialLR:\n    milestones: [1]\n    schedulers:\n"
        "      - torch.optim.lr_scheduler:ConstantLR: {factor: 0.5}\n"
        "      - torch.optim.lr_scheduler:ExponentialLR: {gamma: 0.9}\n"
    )
    result = load(config(text)).prepare().fit()
    assert result.history["lr/1"] == pytest.approx([0.05, 0.1])


def test_loaders_may_be_given_one_by_one(config) -> None:
    loader = "tests.unit.config.toys:loader"
    data = f"data:\n  train:\n    {loader}: {{size: 24, batch: 8, shuffle: true}}\n  val: {loader}\n  test: {loader}\n"
    text = SOUND.replace("data: tests.unit.config.toys:loaders\n", data)
    training = load(config(text)).prepare()
    assert training.fit().last.step == 2 * 3
    assert training.test().keys() == {"test/loss"}
    assert load(config(SOUND.replace("toys:loaders", "toys:loader"))).prepare().test() == {}


def test_what_the_trainer_refuses_is_told_with_its_place(config) -> None:
    with pytest.raises(ConfigError, match=r"f\.yaml:9:15: trainer: accumulate=0 must be a whole number"):
        load(config(f"{SOUND}  accumulate: 0\n")).prepare()


def test_an_error_in_the_code_of_others_says_where_in_the_file_it_comes_from(config) -> None:
    text = SOUND.replace("model: tests.unit.config.toys:Net", "model:\n  tests.unit.config.toys:Net: {hidden: -1}")
    with pytest.raises(RuntimeError) as failed:
        load(config(text)).prepare()
    assert failed.value.__notes__ == ["This happened in tests.unit.config.toys:Net, f.yaml:2:3."]


def test_a_smoke_run_is_a_smoke_run(config) -> None:
    result = load(config(SOUND), ["trainer.epochs=100"]).prepare().fit(smoke=True)
    assert result.reason == "all 2 epochs are done"
