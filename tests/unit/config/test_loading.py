from __future__ import annotations

from pathlib import Path

import pytest

from lineside.config.loading import load
from lineside.errors import ConfigError, MissingDependency
from tests.unit.config import toys
from tests.unit.config.conftest import SOUND

TOYS = "tests.unit.config.toys"


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Write a file, and return its path."""
    monkeypatch.chdir(tmp_path)

    def write(text=SOUND, name="f.yaml"):
        Path(name).write_text(text, "utf-8")
        return Path(name)

    return write


def test_a_sound_file_is_an_experiment(file) -> None:
    experiment = load(file())
    assert experiment.model.found is toys.Net
    assert experiment.optimizer.keywords == {"lr": 0.1}
    assert experiment.optimizer.filled == ("params",)
    assert (experiment.trainer, experiment.fit) == ({}, {"epochs": 2})
    assert experiment.hparams == {
        "model": f"{TOYS}:Net",
        "data": f"{TOYS}:loaders",
        "optimizer": "torch.optim:SGD",
        "optimizer.lr": 0.1,
        "loss": "torch.nn.functional:cross_entropy",
    }
    assert experiment.document == f"# The effective configuration of this run, from f.yaml.\n{SOUND}"


def test_toml_says_the_same(file) -> None:
    text = f"""
model = "{TOYS}:Net"
data = "{TOYS}:loaders"
loss = "torch.nn.functional:cross_entropy"
optimizer = {{"torch.optim:SGD" = {{lr = 1e-1}}}}
[trainer]
epochs = 2
"""
    one, other = load(file()), load(file(text, "f.toml"))
    assert (one.hparams, one.fit, one.optimizer.keywords) == (other.hparams, other.fit, other.optimizer.keywords)


def test_the_command_line_wins_and_is_kept(file) -> None:
    experiment = load(file(), ["trainer.epochs=5", "optimizer.lr=${LR:-0.5}", "trainer.seed=null"])
    assert experiment.fit == {"epochs": 5}
    assert experiment.trainer == {"seed": None}
    assert "lr: ${LR:-0.5}\n" in experiment.document
    assert experiment.hparams["optimizer.lr"] == 0.5


def test_options_of_the_trainer_and_of_fit_stand_in_one_section(file) -> None:
    text = f"{SOUND}  precision: 32\n  validate_every: 2 epochs\n  hparams: {{note: '${{WHO}}', key: '${{API_KEY}}'}}\n"
    experiment = load(file(text), environment={"WHO": "me", "API_KEY": "hunter2"})
    assert experiment.trainer == {"precision": "32"}
    assert experiment.fit == {"epochs": 2, "validate_every": "2 epochs"}
    assert experiment.hparams == {"note": "me", "key": "***"}
    assert "hunter2" not in experiment.document


def test_here_is_the_directory_of_the_file(file) -> None:
    experiment = load(file(f"{SOUND}  run_dir: ${{here}}/runs\n"))
    assert experiment.trainer == {"run_dir": str(Path.cwd() / "runs")}
    assert f"run_dir: {Path.cwd()}/runs" in experiment.document


def test_all_kinds_of_mistakes_are_told_at_once(mistakes) -> None:
    told = mistakes(
        """\
model:
  tests.unit.config.toys:Nett: {hidden: 3}
data: tests.unit.config.toys:loaders
optimiser: {torch.optim:SGD: {lr: 0.1}}
scheduler: [{torch.optim.lr_scheduler:StepLR: {step_size: '3', gama: 1}}, steps]
loss: torch.nn.functional.cross_entropy
step: tests.unit.config.toys:own_step
metrics: {accuracy: nothing_here:accuracy}
callbacks:
  - iron-triangel
  - EarlyStopping: {patience: ten, mode: mim}
trainer:
  epochs: 1e1
  epochs: 2
  precision: 31
  projct: ${NOPE}
""",
        "trainer.seed=x",
        "x.y=1",
    )
    starts = [
        "f.yaml:2:3: model: tests.unit.config.toys has no 'Nett'. Did you mean 'Net'?",
        "f.yaml:4:1: there is no section 'optimiser'. Did you mean 'optimizer'?",
        "f.yaml:5:59: scheduler.step_size: '3' must be a whole number. Leave out the quotes.",
        "f.yaml:5:64: scheduler: there is no 'gama'. Did you mean 'gamma'?",
        "f.yaml:5:75: scheduler: 'steps' must be 'epoch' or 'step'. Did you mean 'step'?",
        "f.yaml:6:7: loss: 'torch.nn.functional.cross_entropy' must be written as package.module:name. Did you mean",
        "f.yaml:7:1: give either 'loss'",
        "f.yaml:8:21: metrics.accuracy: there is no module 'nothing_here'.",
        "f.yaml:10:5: callbacks: No callback is registered as 'iron-triangel'. Did you mean 'iron-triangle'?",
        "f.yaml:11:31: callbacks.EarlyStopping.patience: 'ten' must be a whole number.",
        "f.yaml:11:42: callbacks.EarlyStopping.mode: 'mim' must be 'auto' or 'min' or 'max'. Did you mean 'min'?",
        "f.yaml:13:11: trainer.epochs: 1e1 must be a whole number or null. Write 10.",
        "f.yaml:14:3: epochs: this key stands twice; the first is in line 13.",
        "f.yaml:15:14: trainer.precision: 31 must be '32' or 'bf16' or 'fp16'. Did you mean '32'?",
        "f.yaml:16:3: trainer: there is no 'projct'. Did you mean 'project'?",
        "f.yaml:16:11: trainer.projct: the environment variable NOPE is not set.",
        "command line, x.y: there is no section 'x'.",
        "command line, trainer.seed: 'x' must be a whole number or null.",
    ]
    assert len(told) == len(starts)
    assert [line.startswith(start) for line, start in zip(told, starts, strict=True)] == [True] * len(starts)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (SOUND.replace("loss: torch.nn.functional:cross_entropy\n", ""), "f.yaml:1: give either 'loss'"),
        (SOUND.replace("model: tests.unit.config.toys:Net\n", ""), "f.yaml:1: model: this section is missing"),
        (SOUND.replace("epochs: 2", "seed: 1"), "f.yaml:8:3: trainer: 'epochs' or 'steps' must say how long"),
        (SOUND.replace("epochs: 2", "epochs:"), "f.yaml:8:3: trainer: 'epochs' or 'steps' must say how long"),
        (SOUND.replace("\n  epochs: 2", " 3"), "f.yaml:7:10: trainer: 3 must be a mapping: 'epochs: 10'."),
        (SOUND + "metrics: [a]\n", "f.yaml:9:10: metrics: a list must be a mapping: 'accuracy: package.module:name'."),
        (SOUND + "metrics: {builtins:len: {}}\n", "f.yaml:9:10: metrics: a mapping must be a mapping"),
        (SOUND.replace(f"data: {TOYS}:loaders", "data: {trian: a:b}"), "f.yaml:2:7: data: 'train' is missing."),
    ],
)
def test_what_a_section_must_have(mistakes, text, problem) -> None:
    assert mistakes(text)[0].startswith(problem)


def test_what_the_training_fills_in_is_not_asked_for_but_elsewhere_it_is(mistakes) -> None:
    assert mistakes(SOUND.replace("torch.optim:SGD", f"{TOYS}:grouped")) == []
    (told,) = mistakes(SOUND.replace(f"{TOYS}:loaders", f"{TOYS}:grouped"))
    assert told == f"f.yaml:2:7: data: {TOYS}:grouped needs 'model'; give it."


def test_variables_of_what_is_switched_off_may_be_missing(mistakes) -> None:
    item = "callbacks:\n  - {}: {{enabled: {}, address: '${{NOPE}}'}}\n".format
    assert mistakes(SOUND + item(f"{TOYS}:Mailer", "false")) == []
    assert mistakes(SOUND + item(f"{TOYS}:Mailer", "'${ON}'"), ON="false") == []
    (told,) = mistakes(SOUND + item(f"{TOYS}:Mailer", "'${ON}'"), ON="true")
    assert "the environment variable NOPE is not set." in told


def test_a_missing_library_is_named_with_the_line_that_installs_it(file, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(MissingDependency, match=r"PyYAML.*pip install 'lineside\[config\]'"):
        load(file())
    monkeypatch.undo()
    monkeypatch.setattr("lineside.config.sections.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"PyTorch.*pip install 'lineside\[torch\]'"):
        load(file())


def test_a_file_that_is_not_there_is_a_mistake(tmp_path) -> None:
    with pytest.raises(ConfigError, match="it cannot be read"):
        load(tmp_path / "no.yaml")
