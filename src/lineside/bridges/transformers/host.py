"""Hugging Face's trainer as the engine that callbacks live in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lineside.backends.torch.host import TorchHost
from lineside.backends.torch.model import NO_SAVED_MODEL
from lineside.errors import RequestRefused
from lineside.events import Event
from lineside.ports import Capabilities, Capability, HostState

STATE = "trainer_state.json"
"""Without it `Trainer.train(resume_from_checkpoint=…)` does not take a directory for a checkpoint."""

_GENERATORS = "rng_state.pth"
_EXPORTS = frozenset({Event.EXPORT_START, Event.EXPORT_END})
_TESTS = frozenset({Event.TEST_START, Event.TEST_BATCH_START, Event.TEST_BATCH_END, Event.TEST_END})
_ABILITIES: frozenset[Capability] = frozenset({"model", "gradients", "batch_data", "set_lr", "schedule_lr", "profile"})
_ABILITIES |= frozenset({"validate", "restore", "resume_in_epoch", "pause", "average", "freeze"})
CAPABILITIES = Capabilities(
    frozenset(Event) - _EXPORTS - _TESTS,
    _ABILITIES,
    {
        **dict.fromkeys((event.hook for event in _EXPORTS), "Hugging Face's trainer does not export"),
        **dict.fromkeys((event.hook for event in _TESTS), "Hugging Face's trainer validates and predicts, no more"),
        "saved_model": NO_SAVED_MODEL,
        "rehearse": "Hugging Face's loop cannot go back within an epoch",
        "trials": "the training step and its data belong to Hugging Face's loop",
        "update_bn": "the training data belongs to Hugging Face's loop",
    },
)


class TransformersHost(TorchHost):
    """The model, the optimizer and the schedule of a `transformers.Trainer`.

    A checkpoint of it is also one that ``Trainer.train(resume_from_checkpoint=…)`` takes: it holds the trainer's state
    and, trusted only, its file of generators. Optimizer and schedule come back from Lineside's own files.

    Args:
        trainer: the trainer.
        model: the model that is trained.
        optimizer: as accelerate has prepared it; None outside of training.
        scheduler: of the learning rate; None outside of training.
    """

    def __init__(self, trainer: Any, model: Any, optimizer: Any = None, scheduler: Any = None) -> None:
        scaler = getattr(trainer.accelerator, "scaler", None)
        super().__init__(
            "transformers",
            CAPABILITIES,
            model,
            getattr(optimizer, "optimizer", optimizer),
            schedulers=[scheduler] if scheduler is not None else [],
            scaler=scaler,
            # A scaler skips steps; all others are told by Hugging Face itself.
            announces_steps=scaler is not None,
        )
        self._trainer = trainer
        self.may_evaluate = False

    @property
    def schedulers(self) -> tuple[str, ...]:
        """Kinds of the schedulers that there are; what the trainer makes where none is wanted schedules nothing."""
        return () if self._trainer.args.lr_scheduler_type == "constant" else super().schedulers

    def capture(self) -> HostState:
        """Copy what a resumed run needs, and what Hugging Face's own resume looks for."""
        state = super().capture()
        trainer_state = self._trainer.state
        files = {
            STATE: lambda path: trainer_state.save_to_json(str(path)),
            _GENERATORS: lambda path: self._trainer._save_rng_state(str(Path(path).parent)),  # noqa: SLF001 - its own name for the file
        }
        return HostState({**state.files, **files}, state.documents, state.trusted_only | {_GENERATORS})

    def validate(self) -> None:
        """Have Hugging Face evaluate behind this step. Raises `RequestRefused` where it would not."""
        if not self.may_evaluate or self._trainer.eval_dataset is None:
            raise RequestRefused(
                "Hugging Face's trainer evaluates behind a step, and only with eval_dataset=: ask within an epoch."
            )
        self._trainer.control.should_evaluate = True
