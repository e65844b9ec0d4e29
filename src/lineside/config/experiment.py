"""`Experiment`: a training as a file describes it, checked; it is made into a trainer with its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineside.callback import Callback
from lineside.config.callbacks import CallbackEntry
from lineside.config.loaders import Loaders, loaders_of
from lineside.config.problems import Problem, place_of_option
from lineside.config.record import ConfigRecord
from lineside.config.targets import Target, made
from lineside.config.tree import Place
from lineside.errors import ConfigError, OptionError

if TYPE_CHECKING:
    from lineside.fit_result import FitResult
    from lineside.trainer import Trainer


@dataclass(frozen=True, slots=True)
class Experiment:
    """What a file describes.

    Attributes:
        path: of the file.
        document: the effective configuration in YAML: with what the command line set, and with references in place of
            what comes from the environment.
        model: makes the model.
        data: makes all loaders, or one by each name: train, val, test.
        optimizer: makes the optimizer.
        scheduler: makes the scheduler, and says when it is stepped; None for none.
        functions: loss, or step.
        metrics: by name.
        callbacks: in the order of the file.
        trainer: options of the trainer.
        fit: options of its `fit`.
        hparams: for the record.
        places: where the options of trainer and fit stand.
    """

    path: Path
    document: str
    model: Target
    data: Target | Mapping[str, Target]
    optimizer: Target
    scheduler: tuple[Target, str | None] | None
    functions: Mapping[str, Target]
    metrics: Mapping[str, Target]
    callbacks: Sequence[CallbackEntry]
    trainer: Mapping[str, Any]
    fit: Mapping[str, Any]
    hparams: Mapping[str, Any]
    places: Mapping[str, Place]

    def prepare(self, callbacks: Sequence[Callback] = ()) -> Training:
        """Seed the generators, then make model, data, optimizer and all others, in this order.

        Args:
            callbacks: further ones, behind those of the file.

        Raises:
            ConfigError: the trainer refuses an option, or the data are no loaders.
        """
        from lineside.backends.torch.generators import seed_all
        from lineside.backends.torch.modes import modules_of
        from lineside.trainer import Trainer

        # The trainer seeds when its run opens; the first weights are drawn before.
        seed = self.trainer.get("seed", 0)
        if seed is not None:
            seed_all(seed)
        parts: dict[str, Callable[[], Any]] = {}
        model = self.model.make(parts)
        data = loaders_of(self.data, parts)
        parts["model"] = lambda: model
        parts["params"] = lambda: list(chain.from_iterable(module.parameters() for module in modules_of(model)))
        optimizer = self.optimizer.make(parts)
        parts["optimizer"] = lambda: optimizer
        options = made(self.trainer, parts)
        if self.scheduler is not None:
            target, interval = self.scheduler
            scheduler = target.make(parts)
            options["scheduler"] = scheduler if interval is None else (scheduler, interval)
        options |= {name: target.make(parts) for name, target in self.functions.items()}
        options["metrics"] = {name: target.make(parts) for name, target in self.metrics.items()}
        beside = [ConfigRecord(self.document), *(entry.make(parts) for entry in self.callbacks), *callbacks]
        try:
            trainer = Trainer(model, optimizer, callbacks=beside, hparams=self.hparams, **options)
        except OptionError as error:
            place = place_of_option(str(error), self.places, Place(str(self.path)))
            raise ConfigError([Problem(place, "trainer", str(error))]) from error
        return Training(trainer, data, dict(self.fit))


@dataclass(frozen=True, slots=True)
class Training:
    """A trainer with its data.

    Attributes:
        trainer: with the model, the optimizer and all callbacks.
        data: the loaders.
        options: of `Trainer.fit`.
    """

    trainer: Trainer
    data: Loaders
    options: Mapping[str, Any]

    def fit(self, **changed: Any) -> FitResult:
        """Train; what is given here is taken instead of what the file says. See `Trainer.fit`."""
        return self.trainer.fit(self.data.train, self.data.val, **{**self.options, **changed})

    def test(self) -> dict[str, float]:
        """Return the metrics of a test with the weights as they are; none if there are no test data."""
        return self.trainer.test(self.data.test) if self.data.test is not None else {}
