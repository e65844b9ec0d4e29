"""What a bridge with ten idle callbacks costs a batch, beside one callback of the framework's own that does nothing."""

from __future__ import annotations

import logging
import os
import statistics
import tempfile
import warnings
from collections.abc import Iterator
from time import thread_time
from typing import Any

import torch
from torch.nn import functional as F

import lineside
from benchmarks.timed import SEGMENT, Contestant, TimedBatches, race, report, tiny

CALLBACKS = 10


class Idle(lineside.Callback):
    """Waits for something that does not happen in a batch."""

    def on_exception(self, run: lineside.RunView, error: BaseException) -> None:
        """Never called here."""


def idle() -> list[Idle]:
    """Return ten of them."""
    return [Idle(name=f"idle-{number}") for number in range(CALLBACKS)]


def in_lightning(*, bridged: bool) -> Contestant:
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

    class Nothing(lightning.Callback):
        def on_train_batch_end(self, *arguments: Any) -> None:
            pass

    def run(batches: TimedBatches) -> None:
        from lineside.bridges.lightning import lightning as bridge

        with tempfile.TemporaryDirectory() as directory:
            lightning.Trainer(
                max_epochs=1,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                accelerator="cpu",
                callbacks=[bridge(idle(), run_dir=directory) if bridged else Nothing()],
            ).fit(Module(), batches)

    return run


def in_transformers(*, bridged: bool) -> Contestant:
    """Hugging Face's trainer without logging, evaluation and saving."""
    import transformers

    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.optimizer = tiny()

        def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"loss": F.cross_entropy(self.model(inputs), labels)}

    class Named:
        """The batches as mappings."""

        def __init__(self, batches: TimedBatches) -> None:
            self._batches = batches

        def __len__(self) -> int:
            return len(self._batches)

        def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
            return ({"inputs": inputs, "labels": labels} for inputs, labels in self._batches)

    class Nothing(transformers.TrainerCallback):
        def on_step_end(self, *arguments: Any, **options: Any) -> None:
            pass

    def run(batches: TimedBatches) -> None:
        from lineside.bridges.transformers import transformers as bridge

        class Trainer(transformers.Trainer):
            def get_train_dataloader(self) -> Any:
                return Named(batches)

        model = Module()
        with tempfile.TemporaryDirectory() as directory:
            arguments = transformers.TrainingArguments(
                output_dir=directory,
                num_train_epochs=1,
                eval_strategy="no",
                save_strategy="no",
                logging_strategy="no",
                lr_scheduler_type="constant",
                max_grad_norm=0.0,
                report_to=[],
                disable_tqdm=True,
                use_cpu=True,
            )
            trainer = Trainer(
                model,
                arguments,
                train_dataset=[None] * len(batches),
                optimizers=(model.optimizer, None),
                callbacks=[bridge(idle(), run_dir=directory) if bridged else Nothing()],
            )
            trainer.remove_callback(transformers.PrinterCallback)
            trainer.train()

    return run


def in_keras(*, bridged: bool) -> Contestant:
    """Keras on torch, with a generator."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    class Nothing(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            pass

    def run(batches: TimedBatches) -> None:
        from lineside.bridges.keras import keras as bridge

        layers = [keras.layers.Dense(32, "relu"), keras.layers.Dense(32, "relu"), keras.layers.Dense(10)]
        model = keras.Sequential([keras.Input((32,)), *layers])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9), loss=loss)
        with tempfile.TemporaryDirectory() as directory:
            callback = bridge(idle(), run_dir=directory) if bridged else Nothing()
            model.fit(iter(batches), steps_per_epoch=len(batches), epochs=1, verbose=0, callbacks=[callback])

    return run


def main() -> None:
    """Print a table for each framework, and what its bridge adds."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    os.environ.setdefault("LINESIDE_ADVICE", "off")
    for name, contestant in (("Lightning", in_lightning), ("Hugging Face", in_transformers), ("Keras", in_keras)):
        own, ours = f"{name}, one callback of its own", f"{name}, the bridge with {CALLBACKS} idle callbacks"
        pairs = race({own: contestant(bridged=False), ours: contestant(bridged=True)}, clock=thread_time)
        print(report(f"\nA batch in {name} ({SEGMENT} batches a segment)", pairs))
        added = [statistics.median(step - bare for step, bare in pairs[one]) for one in (ours, own)]
        print(f"  the bridge adds {1e6 * (added[0] - added[1]):.1f} µs a batch")


if __name__ == "__main__":
    main()
