"""What a step costs: the bare loop, Lineside, Ignite, Lightning; without callbacks, and with ten that have a hook."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

import lineside
from benchmarks.timed import Contestant, TimedBatches, race, report, tiny

IDLE = 100
HOOKS = 10


class BatchHook(lineside.Callback):
    """Looks at every batch and does nothing."""

    def on_batch_end(self, run: lineside.RunView) -> None:
        """Be called."""


class Idle(lineside.Callback):
    """Waits for something that does not happen in a step."""

    def on_exception(self, run: lineside.RunView, error: BaseException) -> None:
        """Never called here."""


def bare(batches: TimedBatches) -> None:
    """The loop that everybody knows."""
    model, optimizer = tiny()
    model.train()
    for inputs, targets in batches:
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def with_lineside(callbacks: Callable[[], list[Any]]) -> Contestant:
    """The native trainer, with its store, its metrics and its run directory."""

    def run(batches: TimedBatches) -> None:
        model, optimizer = tiny()
        with tempfile.TemporaryDirectory() as directory:
            trainer = lineside.Trainer(
                model, optimizer, loss=F.cross_entropy, callbacks=callbacks(), device="cpu", run_dir=directory
            )
            trainer.fit(batches, epochs=1)

    return run


def with_loop(batches: TimedBatches) -> None:
    """A loop of one's own inside a `Run`."""
    model, optimizer = tiny()
    with (
        tempfile.TemporaryDirectory() as directory,
        lineside.Run(model=model, optimizer=optimizer, run_dir=directory) as run,
    ):
        for _ in run.epochs(1):
            for inputs, targets in run.batches(batches):
                loss = F.cross_entropy(model(inputs), targets)
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()


def with_ignite(hooks: int) -> Contestant:
    """Ignite's engine around the bare step."""
    from ignite.engine import Engine, Events

    def run(batches: TimedBatches) -> None:
        model, optimizer = tiny()

        def step(_: Engine, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
            model.train()
            optimizer.zero_grad()
            loss = F.cross_entropy(model(batch[0]), batch[1])
            loss.backward()
            optimizer.step()
            return loss

        engine = Engine(step)
        for _ in range(hooks):
            engine.add_event_handler(Events.ITERATION_COMPLETED, lambda _: None)
        engine.run(batches, max_epochs=1)

    return run


def with_lightning(hooks: int) -> Contestant:
    """Lightning with everything switched off that can be."""
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model, self._optimizer = tiny()

        def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], index: int) -> torch.Tensor:
            return F.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return self._optimizer

    class Hook(lightning.Callback):
        def on_train_batch_end(self, *arguments: Any) -> None:
            pass

    def run(batches: TimedBatches) -> None:
        trainer = lightning.Trainer(
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            accelerator="cpu",
            callbacks=[Hook() for _ in range(hooks)],
        )
        trainer.fit(Module(), batches)

    return run


def main() -> None:
    """Print both tables."""
    logging.disable(logging.WARNING)  # Lightning introduces itself at every fit
    warnings.filterwarnings("ignore", module="lightning")
    none = race(
        {
            "bare PyTorch loop": bare,
            "Lineside trainer": with_lineside(list),
            "Lineside own loop": with_loop,
            f"Lineside trainer, {IDLE} idle callbacks": with_lineside(
                lambda: [Idle(name=f"idle-{i}") for i in range(IDLE)]
            ),
            "Ignite": with_ignite(0),
            "Lightning": with_lightning(0),
        }
    )
    print(report("A step without callbacks", none))
    ten = race(
        {
            "bare PyTorch loop": bare,
            "Lineside trainer": with_lineside(lambda: [BatchHook(name=f"hook-{i}") for i in range(HOOKS)]),
            "Ignite": with_ignite(HOOKS),
            "Lightning": with_lightning(HOOKS),
        }
    )
    print(report(f"\nA step with {HOOKS} callbacks that have a batch hook", ten))


if __name__ == "__main__":
    main()
