"""Ultralytics' trainer as the engine that callbacks live in."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from lineside.backends.torch.document import joined, packed, unpacked
from lineside.backends.torch.host import TorchHost
from lineside.backends.torch.model import NO_SAVED_MODEL
from lineside.bridges.ultralytics.average import Average
from lineside.bridges.ultralytics.ranks import Restored, is_several
from lineside.events import Event
from lineside.ports import Capabilities, HostState, SavedState, TensorWriter

SUFFIX = ".pt"
_STANDING = "ultralytics"
_AVERAGE = "model.average"
"""Named so that checkpoints of weights alone hold it as well."""

CAPABILITIES = Capabilities(
    frozenset(Event),
    frozenset(
        {"model", "gradients", "set_lr", "schedule_lr", "freeze", "restore", "pause", "validate", "profile"},
    ),
    {
        "average": "Ultralytics keeps an average of its own, and validates with that: trainer.ema",
        "update_bn": "Ultralytics averages the running statistics together with the weights, and validates with those",
        "batch_data": "Ultralytics shows callbacks neither batches nor outputs",
        "saved_model": f"{NO_SAVED_MODEL}: call yolo.export(format='saved_model')",
        "rehearse": "Ultralytics' loop cannot go back within an epoch",
        "trials": "Ultralytics' training step belongs to its loop",
        "resume_in_epoch": "Ultralytics cannot enter the batches of an epoch in their middle",
    },
)
_ALONE = "Ultralytics trains on several devices, each in a process, and callbacks run in the first alone"
SEVERAL = Capabilities(
    CAPABILITIES.events,
    CAPABILITIES.abilities - {"schedule_lr", "freeze", "validate"},
    {**CAPABILITIES.reasons, **dict.fromkeys(("schedule_lr", "freeze", "validate"), _ALONE)},
)


def evaluating_host(model: Any) -> TorchHost:
    """Return the host of an evaluation or an export; an exported model, which is no module, shows no weights."""
    return TorchHost("ultralytics", CAPABILITIES, model if isinstance(model, torch.nn.Module) else {}, None)


class UltralyticsHost(TorchHost):
    """The model, its average, the optimizer and the schedule of a trainer of Ultralytics.

    A checkpoint holds the raw weights and the average apart. What is validated is the average, so that is what
    stand-alone weight files hold and what a restore of the best weights gives back.

    Args:
        trainer: the trainer, with everything set up.
        owns_files: Ultralytics' files are written by this process.

    Attributes:
        restored: the weights that were put back alone, and not trained since; None for none.
        wrote_last: Ultralytics' ``last.pt`` is of this moment.
        put_back: checkpoints that were put back, for other processes that train as well; they take them from here.
    """

    def __init__(self, trainer: Any, *, owns_files: bool = True) -> None:
        self._trainer = trainer
        self._owns_files = owns_files
        self._average = Average(trainer)
        self.restored: Mapping[str, Any] | None = None
        self.wrote_last = False
        self.put_back: list[Restored] = []
        super().__init__(
            "ultralytics",
            SEVERAL if is_several(trainer) else CAPABILITIES,
            trainer.model,
            trainer.optimizer,
            schedulers=[trainer.scheduler],
            scaler=trainer.scaler,
            validate=None if is_several(trainer) else self._validate_now,
            announces_gradients=True,
            announces_steps=trainer.scaler.is_enabled() or not _is_averaged(trainer),
        )

    def _validate_now(self) -> None:
        # The trainer's own `validate` would count it among the candidates for best.pt.
        validator, plots = self._trainer.validator, self._trainer.validator.args.plots
        try:
            validator.args.plots = False
            validator(self._trainer)
        finally:
            validator.args.plots = plots

    @property
    def schedulers(self) -> tuple[str, ...]:
        """Kinds of the schedulers that there are; with ``lrf=1.0`` Ultralytics' own schedules nothing."""
        return () if self._trainer.args.lrf == 1.0 else super().schedulers

    def follow_schedule(self) -> None:
        """Have the present schedule saved: with ``time=`` Ultralytics makes a new one after each epoch."""
        self._companions.schedulers[:] = [self._trainer.scheduler]

    # ---- checkpoints ---------------------------------------------------------------------------------------------

    def capture(self) -> HostState:
        """Copy what a resumed run needs: where Ultralytics stands included, and the files that it has written."""
        trainer, stopper = self._trainer, self._trainer.stopper
        standing = {
            "best_fitness": None if trainer.best_fitness is None else float(trainer.best_fitness),
            "stopper": {"best_fitness": float(stopper.best_fitness), "best_epoch": int(stopper.best_epoch)},
            "order": _order(trainer),
        }
        average = packed(_AVERAGE, self._average.state_dict())
        state = joined(super().capture(), average, packed(_STANDING, standing))
        own = [path for path in (trainer.best, trainer.csv) if path.exists()]
        if self.wrote_last and trainer.last.exists():
            own.append(trainer.last)
        # Copied, not linked: Ultralytics writes its files anew in place.
        copies: dict[str, TensorWriter] = {path.name: partial(_copy, path) for path in own}
        pickled = frozenset(name for name in copies if name.endswith(SUFFIX))
        return HostState({**state.files, **copies}, state.documents, pickled)

    def restore(self, saved: SavedState, weights_only: bool = False) -> None:
        """Put a checkpoint back; weights alone are those that were validated. Raises as `TorchHost.restore` does."""
        super().restore(saved, weights_only)
        if weights_only:
            self._restore_validated(saved)
        else:
            self._restore_average(saved)
            if saved.has(f"{_STANDING}.json"):
                self._restore_standing(saved)
        self.put_back.append(Restored.of(saved, "weights" if weights_only else "all"))

    def go_back(self, saved: SavedState, *, same_epoch: bool) -> None:
        """Put back what belongs to the weights. Raises as `TorchHost.go_back` does."""
        super().go_back(saved, same_epoch=same_epoch)
        self._restore_average(saved)
        self.put_back.append(Restored.of(saved, "back", same_epoch=same_epoch))

    def _restore_average(self, saved: SavedState) -> None:
        if saved.has(f"{_AVERAGE}.json"):
            self._average.load_state_dict(unpacked(_AVERAGE, saved))

    def _restore_validated(self, saved: SavedState) -> None:
        if saved.has(f"{_AVERAGE}.json"):
            self.model.load(unpacked(_AVERAGE, saved)["weights"])
        self._average.module.load_state_dict(self.model.capture())
        self.restored = self.model.capture()

    def _restore_standing(self, saved: SavedState) -> None:
        trainer, standing = self._trainer, unpacked(_STANDING, saved)
        trainer.best_fitness = standing["best_fitness"]
        vars(trainer.stopper).update(standing["stopper"])
        if standing["order"] is not None and (generator := _generator(trainer)) is not None:
            generator.set_state(standing["order"])
            # The loader would draw the seeds of its workers from the same one, which it did long ago in this training.
            trainer.train_loader.generator = generator.clone_state()
        for path in (trainer.best, trainer.csv) if self._owns_files else ():
            if saved.has(path.name) and not path.exists():
                shutil.copyfile(saved.file(path.name), path)

    # ---- rates as on rank zero -----------------------------------------------------------------------------------

    def rates(self) -> dict[str, Any]:
        """Return what stands on top of the scheduled rates."""
        return self._rates.state_dict()

    def follow_rates(self, rates: Mapping[str, Any]) -> None:
        """Put the same on top as another process has."""
        self._rates.load_state_dict(rates)

    # ---- stand-alone weight files --------------------------------------------------------------------------------

    def weight_file(self, suffix: str, over: Mapping[str, Any] | None = None) -> TensorWriter:
        """Return a writer of a stand-alone file of the averaged weights; ``YOLO(path)`` loads a ``.pt``."""
        weights = over or self._average.weights()
        return partial(self._write, weights) if suffix == SUFFIX else super().weight_file(suffix, weights)

    def _write(self, weights: Mapping[str, Any], path: Path) -> None:
        model = deepcopy(self._average.module)
        model.load_state_dict(weights)
        model.criterion = None  # of the training alone
        document = {
            "model": model.half(),
            "ema": None,
            "epoch": -1,
            "train_args": dict(vars(self._trainer.args)),
            "version": import_module("ultralytics").__version__,
            "date": datetime.now().astimezone().isoformat(),
        }
        torch.save(document, path)


def _is_averaged(trainer: Any) -> bool:
    """Whether the average follows each step, and so counts them: in a step of Ultralytics' own, where it is kept."""
    return getattr(trainer.ema, "enabled", False) and type(trainer).optimizer_step.__module__.startswith("ultralytics.")


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _generator(trainer: Any) -> torch.Generator | None:
    """The generator from which the order of images is drawn."""
    found: torch.Generator | None = getattr(trainer.train_loader.sampler, "generator", None)
    return found


def _order(trainer: Any) -> Any:
    generator = _generator(trainer)
    return None if generator is None else generator.get_state()
