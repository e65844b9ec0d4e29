"""The sections of a file, read into an `Experiment`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from lineside.config.callbacks import read_callbacks
from lineside.config.experiment import Experiment
from lineside.config.loaders import STAGES
from lineside.config.names import is_name
from lineside.config.problems import Problems
from lineside.config.reader import Reader
from lineside.config.record import hyper_parameters, recorded
from lineside.config.signatures import Options, options_of
from lineside.config.targets import Target
from lineside.config.tree import Items, Node, Place, Scalar, Table, is_null
from lineside.config.writing import to_yaml
from lineside.errors import MissingDependency, nearest

SECTIONS: Final = ("model", "data", "optimizer", "scheduler", "loss", "step", "metrics", "callbacks", "trainer")
INTERVALS: Final = ("epoch", "step")
FUNCTIONS: Final = ("loss", "step")

_REQUIRED: Final = ("model", "data", "optimizer")
_HYPER_PARAMETERS: Final = ("model", "data", "optimizer", "scheduler", "loss")
_OBJECTS: Final = {"model", "optimizer", "loss", "step", "metrics", "scheduler", "callbacks"}
_DATA: Final = {"self", "train_loader", "val_loader"}
_FOR_OPTIMIZER: Final = ("model", "params")
_FOR_OTHERS: Final = ("model", "optimizer")


def trainer_options() -> tuple[Options, Options]:
    """Return the options of the trainer and those of its `fit` that may stand in the section ``trainer``.

    Raises:
        MissingDependency: PyTorch is not installed.
    """
    if find_spec("torch") is None:
        raise MissingDependency("Training from a file", "PyTorch", "torch")
    from lineside.trainer import Trainer

    return _without(options_of(Trainer), _OBJECTS), _without(options_of(Trainer.fit), _DATA)


def no_section(name: str) -> str:
    """Return what is said of a section that there is not: where an option of the trainer belongs, or what there is."""
    if any(name in options.named for options in trainer_options()):
        return (
            f"there is no section {name!r}. It is an option of the trainer: trainer.{name}, below 'trainer' in a file."
        )
    hint = nearest(name, SECTIONS) or f" There is: {', '.join(SECTIONS)}."
    return f"there is no section {name!r}.{hint}"


def _without(options: Options, names: set[str]) -> Options:
    return Options({name: option for name, option in options.named.items() if name not in names})


class SectionReader:
    """Reads all sections, and notes all mistakes.

    Args:
        path: of the file.
        root: what it holds, with references resolved.
        problems: where mistakes are noted.
    """

    def __init__(self, path: Path, root: Table, problems: Problems) -> None:
        self._path = path
        self._root = root
        self._problems = problems
        self._reader = Reader(problems)

    def read(self) -> Experiment | None:
        """Return the experiment; None if there are mistakes."""
        self._check_sections()
        model = self._target("model")
        data = self._data()
        optimizer = self._target("optimizer", _FOR_OPTIMIZER)
        scheduler = self._scheduler()
        functions = {name: target for name in FUNCTIONS if (target := self._function(name)) is not None}
        metrics = self._metrics()
        callbacks = read_callbacks(self._section("callbacks"), self._reader, _FOR_OTHERS)
        of_trainer, of_fit, places = self._trainer()
        if len(self._problems) or model is None or data is None or optimizer is None:
            return None
        hparams = of_trainer.pop("hparams", None)
        return Experiment(
            path=self._path,
            document=f"# The effective configuration of this run, from {self._path.name}.\n{to_yaml(self._root)}",
            model=model,
            data=data,
            optimizer=optimizer,
            scheduler=scheduler,
            functions=functions,
            metrics=metrics,
            callbacks=callbacks,
            trainer=of_trainer,
            fit=of_fit,
            hparams=hyper_parameters(self._root, _HYPER_PARAMETERS) if hparams is None else hparams,
            places=places,
        )

    def _section(self, name: str) -> Node | None:
        node = self._root.entries.get(name)
        return None if node is None or is_null(node) else node

    def _check_sections(self) -> None:
        for name, place in self._root.keys.items():
            if name not in SECTIONS:
                self._problems.add(place, "", no_section(name))
        start = Place(str(self._path), 1)
        misspelt = "".join(nearest(name, SECTIONS) for name in self._root.entries if name not in SECTIONS)
        for name in _REQUIRED:
            if self._section(name) is None and repr(name) not in misspelt:
                self._problems.add(start, name, "this section is missing; give package.module:name with its arguments.")
        given = [name for name in FUNCTIONS if self._section(name) is not None]
        if len(given) != 1:
            place = self._root.keys[given[1]] if given else start
            self._problems.add(
                place, "", "give either 'loss', called as loss(outputs, targets), or 'step', called as step(model, …)."
            )

    def _target(self, name: str, parts: tuple[str, ...] = ()) -> Target | None:
        node = self._section(name)
        return None if node is None else self._reader.target(node, name, parts=parts)

    def _function(self, name: str) -> Target | None:
        node = self._section(name)
        return None if node is None else self._reader.target(node, name, use="function", parts=_FOR_OTHERS)

    def _data(self) -> Target | dict[str, Target] | None:
        node = self._section("data")
        if not isinstance(node, Table) or any(is_name(key) for key in node.entries):
            return self._target("data")
        for stage in node.entries:
            if stage not in STAGES:
                known = f"{nearest(stage, STAGES)} Use {', '.join(STAGES)}."
                self._problems.add(node.keys[stage], "data", f"there is no {stage!r}.{known}")
        if STAGES[0] not in node.entries:
            self._problems.add(node.place, "data", "'train' is missing.")
        loaders = {
            stage: self._reader.target(node.entries[stage], f"data.{stage}")
            for stage in STAGES
            if stage in node.entries
        }
        return {stage: target for stage, target in loaders.items() if target is not None}

    def _scheduler(self) -> tuple[Target, str | None] | None:
        node, interval = self._section("scheduler"), None
        if isinstance(node, Items) and len(node.items) == 2:
            node, when = node.items
            interval = when.text if isinstance(when, Scalar) else None
            if interval not in INTERVALS:
                hint = nearest(interval or "", INTERVALS)
                self._problems.add(when.place, "scheduler", f"{when.shown} must be 'epoch' or 'step'.{hint}")
        target = None if node is None else self._reader.target(node, "scheduler", parts=_FOR_OTHERS)
        return None if target is None else (target, interval)

    def _metrics(self) -> dict[str, Target]:
        node = self._section("metrics")
        if node is None:
            return {}
        if not isinstance(node, Table) or any(is_name(key) for key in node.entries):
            self._problems.add(
                node.place, "metrics", f"{node.shown} must be a mapping: 'accuracy: package.module:name'."
            )
            return {}
        read = {
            name: self._reader.target(below, f"metrics.{name}", use="function", parts=_FOR_OTHERS)
            for name, below in node.entries.items()
        }
        return {name: target for name, target in read.items() if target is not None}

    def _trainer(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Place]]:
        of_trainer, of_fit = trainer_options()
        node = self._section("trainer") or Table(Place(str(self._path), 1))
        if not isinstance(node, Table):
            self._problems.add(node.place, "trainer", f"{node.shown} must be a mapping: 'epochs: 10'.")
            return {}, {}, {}
        if all(name not in node.entries or is_null(node.entries[name]) for name in ("epochs", "steps")):
            self._problems.add(node.place, "trainer", "'epochs' or 'steps' must say how long to train.")
        values = self._reader.options(node, Options(of_trainer.named | of_fit.named), "trainer")
        if (hparams := node.entries.get("hparams")) is not None and values.get("hparams") is not None:
            values["hparams"] = recorded(hparams)
        return (
            {name: value for name, value in values.items() if name in of_trainer.named},
            {name: value for name, value in values.items() if name in of_fit.named},
            {name: below.place for name, below in node.entries.items()},
        )
