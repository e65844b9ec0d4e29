"""Lightning's trainer as the engine that callbacks live in."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from lineside.backends.torch.host import TorchHost
from lineside.backends.torch.model import NO_SAVED_MODEL
from lineside.bridges.lightning.loops import resume_loops
from lineside.errors import OptionError
from lineside.events import Event
from lineside.ports import Capabilities, HostState, SavedState, TensorWriter

SUFFIX = ".ckpt"
_LOOPS = "lightning.json"

_EVENTS = frozenset(Event) - {Event.EXPORT_START, Event.EXPORT_END}
_REASONS = {
    "on_export_start": "Lightning exports by methods of the module, which tell nobody",
    "on_export_end": "Lightning exports by methods of the module, which tell nobody",
    "validate": "Lightning validates by its own schedule: set val_check_interval or check_val_every_n_epoch",
    "saved_model": NO_SAVED_MODEL,
    "rehearse": "Lightning's loop cannot go back within an epoch",
    "trials": "the training step and its data belong to Lightning's loop",
    "update_bn": "the training data belongs to Lightning's loop",
    "resume_in_epoch": "Lightning cannot enter the batches of an epoch in their middle",
}
CAPABILITIES = Capabilities(
    _EVENTS,
    frozenset(
        {
            "model",
            "gradients",
            "set_lr",
            "schedule_lr",
            "average",
            "freeze",
            "restore",
            "pause",
            "batch_data",
            "profile",
        }
    ),
    _REASONS,
)


def counted_steps(trainer: Any, module: Any) -> Any:
    """Return Lightning's own count of optimizer steps; None where it counts steps of several, or that were skipped."""
    if not module.automatic_optimization or getattr(trainer.precision_plugin, "scaler", None) is not None:
        return None
    return trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step.total


class LightningHost(TorchHost):
    """The module, the optimizers and the loops of a `lightning.Trainer`.

    Args:
        trainer: the trainer, whose strategy has set the optimizers up.
        module: the LightningModule.
    """

    def __init__(self, trainer: Any, module: Any) -> None:
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        super().__init__(
            "lightning",
            CAPABILITIES,
            module,
            list(trainer.optimizers),
            schedulers=[config.scheduler for config in trainer.lr_scheduler_configs],
            scaler=scaler,
            announces_steps=counted_steps(trainer, module) is None,
        )
        self._trainer = trainer

    def capture(self) -> HostState:
        """Copy what a resumed run needs, Lightning's counters included, and have its own checkpoint file written."""
        state = super().capture()
        loops = {_LOOPS: {"fit_loop": self._trainer.fit_loop.state_dict()}}
        checkpoint = self._own(weights_only=False)
        return HostState(
            {**state.files, f"model{SUFFIX}": checkpoint},
            {**state.documents, **loops},
            state.trusted_only | {f"model{SUFFIX}"},
        )

    def restore(self, saved: SavedState, weights_only: bool = False) -> None:
        """Put a checkpoint back. Lightning's counters only before the training: in it they count what was done."""
        super().restore(saved, weights_only)
        if not weights_only and saved.has(_LOOPS) and not self._trainer.fit_loop.epoch_loop.batch_progress.total.ready:
            resume_loops(self._trainer.fit_loop, saved.document(_LOOPS)["fit_loop"])

    def check_weight_suffix(self, suffix: str) -> None:
        """Raise `OptionError` for a suffix that is none of ``.ckpt``, ``.safetensors`` and ``.pt``."""
        if suffix != SUFFIX:
            try:
                super().check_weight_suffix(suffix)
            except OptionError as refusal:
                raise OptionError(f"{refusal} Lightning's own format is {SUFFIX}.") from None

    def weight_file(self, suffix: str, over: Mapping[str, Any] | None = None) -> TensorWriter:
        """Return a writer of a stand-alone weight file; ``.ckpt`` is for ``LightningModule.load_from_checkpoint``."""
        return self._own(weights_only=True, over=over) if suffix == SUFFIX else super().weight_file(suffix, over)

    def _own(self, *, weights_only: bool, over: Mapping[str, Any] | None = None) -> TensorWriter:
        connector = self._trainer._checkpoint_connector  # noqa: SLF001 - trainer.save_checkpoint waits for all ranks

        def write(path: Path) -> None:
            with self.model.swapped(over) if over else nullcontext():
                torch.save(connector.dump_checkpoint(weights_only), path)

        return write
