from __future__ import annotations

import pytest

from lineside.config.callback_items import expand_presets
from lineside.config.checking import data_of
from lineside.config.overrides import apply_overrides
from lineside.config.problems import Problems

SECTIONS = ("model", "data", "optimizer", "metrics", "callbacks", "trainer")
FILE = """\
model:
  m:Net:
    encoder:
      m:Encoder: {width: 4}
data:
  train: m:loader
optimizer: torch.optim:SGD
callbacks:
  - iron-triangle
  - EarlyStopping: {name: second, patience: 3}
  - tests.unit.config.toys:Mailer
trainer:
  epochs: 2
"""


@pytest.fixture
def override(tree):
    """Return what a file holds with values set, and what is wrong with them."""

    def override(*assignments, text=FILE):
        root, problems = tree(text), Problems()
        expand_presets(root.entries.get("callbacks"), problems)
        apply_overrides(root, assignments, problems)
        return data_of(root), [str(problem) for problem in problems.found()]

    return override


@pytest.mark.parametrize(
    ("assignment", "section", "value"),
    [
        ("trainer.epochs=5", "trainer", {"epochs": 5}),
        ("trainer.name=a=b", "trainer", {"epochs": 2, "name": "a=b"}),
        ("trainer.hparams.lr=1e-3", "trainer", {"epochs": 2, "hparams": {"lr": 0.001}}),
        ("trainer.hparams={a: [1, b]}", "trainer", {"epochs": 2, "hparams": {"a": [1, "b"]}}),
        ("trainer.epochs=", "trainer", {"epochs": None}),
        ("optimizer.lr=0.1", "optimizer", {"torch.optim:SGD": {"lr": 0.1}}),
        ("optimizer=torch.optim:Adam", "optimizer", "torch.optim:Adam"),
        ("model.depth=2", "model", {"m:Net": {"encoder": {"m:Encoder": {"width": 4}}, "depth": 2}}),
        ("model.encoder.width=9", "model", {"m:Net": {"encoder": {"m:Encoder": {"width": 9}}}}),
        ("model.encoder=m:Other", "model", {"m:Net": {"encoder": "m:Other"}}),
        ("data.train.batch=8", "data", {"train": {"m:loader": {"batch": 8}}}),
        ("metrics.accuracy=m:accuracy", "metrics", {"accuracy": "m:accuracy"}),
    ],
)
def test_values_are_set_through_the_names_of_objects(override, assignment, section, value) -> None:
    data, told = override(assignment)
    assert told == []
    assert data[section] == value


@pytest.mark.parametrize(
    ("word", "index"),
    [
        ("second", 3),
        ("ModelCheckpoint", 0),
        ("model_checkpoint", 0),
        ("reduce-lr-on-plateau", 2),
        ("Mailer", 4),
        ("mailer", 4),
    ],
)
def test_callbacks_are_addressed_by_their_names_those_of_a_preset_too(override, word, index) -> None:
    data, told = override(f"callbacks.{word}.enabled=false")
    assert told == []
    ((_, options),) = data["callbacks"][index].items()
    assert options["enabled"] is False


def test_later_values_win(override) -> None:
    data, told = override("optimizer.lr=0.1", "optimizer.lr=0.2", "optimizer.momentum=0.9")
    assert told == []
    assert data["optimizer"] == {"torch.optim:SGD": {"lr": 0.2, "momentum": 0.9}}


def test_a_value_knows_that_it_comes_from_the_command_line(tree) -> None:
    root = tree("trainer: {epochs: 2}")
    apply_overrides(root, ["trainer.epochs=x"], Problems())
    assert str(root.entries["trainer"].entries["epochs"].place) == "command line, trainer.epochs"


@pytest.mark.parametrize(
    ("assignment", "problem"),
    [
        ("trainer.epochs", "command line: 'trainer.epochs' must be section.option=value."),
        ("trainer..epochs=1", "command line: 'trainer..epochs' must be section.option=value."),
        ("=1", "command line: '' must be section.option=value."),
        ("trianer.epochs=1", "command line, trianer.epochs: there is no section 'trianer'. Did you mean 'trainer'?"),
        (
            "epochs=1",
            "command line, epochs: there is no section 'epochs'. It is an option of the trainer: trainer.epochs",
        ),
        ("trainer.epochs=[1", "command line, trainer.epochs: this is not YAML"),
        ("trainer.epochs.more=1", "command line, trainer.epochs.more: epochs is 2 in line 13, which has no options"),
        (
            "callbacks.EarlyStopping.patience=1",
            "command line, callbacks.EarlyStopping.patience: 2 callbacks are called",
        ),
        ("callbacks.TensorBord.x=1", "command line, callbacks.TensorBord.x: the file has no callback 'TensorBord'."),
        ("callbacks.Mailer=1", "command line, callbacks.Mailer: an option is missing: callbacks.NAME.option=value."),
    ],
)
def test_what_cannot_be_set_is_told(override, assignment, problem) -> None:
    _, told = override(assignment)
    assert len(told) == 1
    assert told[0].startswith(problem)


def test_a_secret_on_the_command_line_is_not_shown(mistakes) -> None:
    told = mistakes("callbacks: [tests.unit.config.toys:Mailer]\n", "callbacks.Mailer.password=hunter2")
    (about,) = [line for line in told if "password" in line]
    assert about.startswith("command line, callbacks.Mailer.password: ")
    assert "hunter2" not in "".join(told)
