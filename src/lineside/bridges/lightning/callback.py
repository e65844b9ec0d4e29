"""Lightning's hooks become our events. What Lightning does differently ends here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import Callback as Base
from torch import Tensor

from lineside.bridges.lightning.echo import Echo
from lineside.bridges.lightning.epoch_end import EpochEnd
from lineside.bridges.lightning.host import SUFFIX, LightningHost, counted_steps
from lineside.bridges.lightning.published import Published
from lineside.callback import Callback
from lineside.errors import RunStateError
from lineside.events import Event
from lineside.run.driven import DrivenRun

_WITHIN_BATCHES = (
    *("on_train_batch_start", "on_before_zero_grad", "on_before_backward", "on_after_backward"),
    "on_before_optimizer_step",
)


class LightningCallback(Base):
    """Carries callbacks of Lineside; made by `lineside.lightning`.

    Lightning validates before its ``on_train_epoch_end``, and checks its validation before the training begins
    (``num_sanity_val_steps``). Here the training part of an epoch ends where the validation behind its last batch
    begins, the check is nobody's validation, and the epoch ends behind the module's own ``on_train_epoch_end``.

    Attributes:
        run: the run of the newest fit, validation, test or prediction; None before.
    """

    def __init__(
        self,
        callbacks: Sequence[Callback | str],
        place: Mapping[str, Any],
        resume: Mapping[str, Any],
        hparams: Mapping[str, Any] | None,
    ) -> None:
        super().__init__()
        self.callbacks = list(callbacks)
        self.run: DrivenRun | None = None
        self._place = dict(place)
        self._resume = dict(resume)
        self._hparams = hparams
        self._scaler: Any = None
        self._shows_batches = False
        self._steps: Any = None
        self._steps_before = 0
        self._directory: Path | None = None
        self._published = Published()
        self._epoch_end = EpochEnd(self._end_epoch)

    # ---- training ------------------------------------------------------------------------------------------------

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Open the run; model and optimizers are in their places by now."""
        _alone(trainer)
        run = self._new_run(trainer, pl_module, **self._resume)
        self._scaler = getattr(trainer.precision_plugin, "scaler", None)
        run.has_validation = bool(trainer.enable_validation)
        run.open()
        if self._resume["resume"] is not None and trainer.ckpt_path is not None:
            run.check_host_file(trainer.ckpt_path, SUFFIX)
            # Everything is in its place. Lightning itself would go on in the middle of an epoch, with other batches.
            trainer._checkpoint_connector.resume_end()  # noqa: SLF001 - lets go of the file that it has read
        self._shows_batches = run.shows_batches
        self._take_hooks(trainer, run)
        self._directory = run.dir
        run.echo = Echo(trainer) if trainer.loggers else None
        self._published.forget()

    def _take_hooks(self, trainer: Any, run: DrivenRun) -> None:
        """Have only what is needed here: Lightning profiles in every batch whatever hook is there, be it empty."""
        self.__dict__.update(dict.fromkeys(_WITHIN_BATCHES))
        if not run.unseen or any(config.interval == "epoch" for config in trainer.lr_scheduler_configs):
            self.__dict__["on_train_batch_start"] = self._batch_starts
        if run.dispatcher.chain(Event.BACKWARD_END) is not None:
            # Gradients that mixed precision has scaled are ready later.
            hook = "on_after_backward" if self._scaler is None else "on_before_optimizer_step"
            self.__dict__[hook] = self._gradients_are_ready

    def _new_run(self, trainer: Any, module: Any, **resume: Any) -> DrivenRun:
        hparams = self._hparams if self._hparams is not None else dict(getattr(module, "hparams", {}))
        self.run = DrivenRun(
            host=LightningHost(trainer, module), callbacks=self.callbacks, hparams=hparams, **self._place, **resume
        )
        return self.run

    @property
    def _open_run(self) -> DrivenRun:
        if self.run is None:
            raise RunStateError("Lightning called a hook of the training without on_fit_start.")
        return self.run

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Training begins, or goes on."""
        run, epochs = self._open_run, trainer.max_epochs
        run.signals.install()
        run.train_start(epochs=None if epochs in (None, -1) else epochs, steps=_planned_steps(trainer))
        trainer.should_stop = trainer.should_stop or run.stopping
        self._steps = counted_steps(trainer, pl_module)
        self._steps_before = 0 if self._steps is None else self._steps.completed

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """An epoch begins."""
        run = self._open_run
        run.epoch_start(trainer.current_epoch)
        batches = trainer.num_training_batches
        run.total_batches = int(batches) if batches != float("inf") else None

    def _batch_starts(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """A batch begins; it is on its device."""
        run = self._open_run
        run.batch_start(batch)
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            # Schedulers that step once an epoch do so behind this batch, before anybody is told that it is over.
            run.keep_rates()

    def _gradients_are_ready(self, trainer: Any, pl_module: Any, optimizer: Any = None) -> None:
        self._open_run.gradients_ready()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """A batch ends: publish its values, unread, and come to a safe point."""
        run, values, steps = self.run or self._open_run, None, 0
        # Lightning's own way to its metrics is long, and not every module logs something.
        if trainer.fit_loop.epoch_loop._results:  # noqa: SLF001 - empty until something is logged
            run.log(self._published.take(trainer))
        loss = outputs.get("loss") if type(outputs) is dict or isinstance(outputs, Mapping) else outputs
        if isinstance(loss, Tensor):
            if trainer.accumulate_grad_batches > 1 and pl_module.automatic_optimization:
                # Lightning hands out this batch's share of the loss of the step.
                loss = loss * trainer.accumulate_grad_batches
            values = {"loss": loss}
        if self._shows_batches:
            run.outputs, run.loss = outputs, None if values is None else loss
        if self._steps is not None:
            completed = self._steps.completed
            steps, self._steps_before = completed - self._steps_before, completed
        if run.batch_end(batch, values, steps=steps):
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """The epoch ends behind the module's own hook."""
        self._epoch_end.enter(trainer)

    def _end_epoch(self, trainer: Any) -> None:
        run = self._open_run
        run.epoch_end(self._published.take(trainer))
        if run.stopping:
            trainer.should_stop = True

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Training is over."""
        run, steps = self._open_run, _planned_steps(trainer)
        if steps is not None and run.step >= steps:
            run.end_after(steps)
        run.train_end()

    # ---- evaluation ----------------------------------------------------------------------------------------------

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """A validation begins; behind the last batch of an epoch the training part is over."""
        if trainer.sanity_checking:
            return
        if trainer.training or trainer.state.fn == "fit":
            epoch_loop = trainer.fit_loop.epoch_loop
            if epoch_loop.batch_progress.is_last_batch or (trainer.should_stop and trainer.fit_loop._can_stop_early):  # noqa: SLF001 - Lightning itself decides by it
                self._open_run.train_epoch_end()
        self._evaluation_start(trainer, pl_module, "val")

    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        """A test begins."""
        self._evaluation_start(trainer, pl_module, "test")

    def on_predict_start(self, trainer: Any, pl_module: Any) -> None:
        """A prediction begins."""
        self._evaluation_start(trainer, pl_module, "predict")

    def _evaluation_start(self, trainer: Any, module: Any, stage: Literal["val", "test", "predict"]) -> None:
        if trainer.state.fn != "fit":
            _alone(trainer)
            hparams = self._hparams or {}
            self.run = DrivenRun.for_evaluation(
                self._directory,
                host=LightningHost(trainer, module),
                callbacks=self.callbacks,
                hparams=hparams,
                **self._place,
            )
            self.run.open()
            self._published.forget()
        self._published.take(trainer)
        run = self._open_run
        run.evaluation_start(stage)
        run.total_batches = _evaluation_batches(trainer, stage)

    def on_validation_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """A batch of an evaluation begins."""
        if not trainer.sanity_checking:
            self._open_run.evaluation_batch_start(batch)

    def on_validation_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """A batch of an evaluation ends."""
        if trainer.sanity_checking:
            return
        run = self._open_run
        run.outputs = outputs
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, Tensor) and loss.numel() == 1 and run.stage != "predict":
            run.log({"loss": loss})
        run.evaluation_batch_end(run.host_port.batch_size(batch))

    on_test_batch_start = on_validation_batch_start
    on_predict_batch_start = on_validation_batch_start
    on_test_batch_end = on_validation_batch_end
    on_predict_batch_end = on_validation_batch_end

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """An evaluation ends: what the module logged in it is reduced by now."""
        if trainer.sanity_checking:
            return
        run = self._open_run
        run.log(self._published.take(trainer))
        run.evaluation_end()

    on_test_end = on_validation_end
    on_predict_end = on_validation_end

    # ---- the end -------------------------------------------------------------------------------------------------

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Something failed, in a callback or anywhere else."""
        self._epoch_end.leave(trainer)
        if self.run is not None:
            self.run.fail(exception)

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """All is over."""
        self._epoch_end.leave(trainer)
        for hook in _WITHIN_BATCHES:
            self.__dict__.pop(hook, None)
        if self.run is not None:
            self.run.close()


def _planned_steps(trainer: Any) -> int | None:
    """Optimizer steps as this run counts them: Lightning counts those of several optimizers one by one."""
    return trainer.max_steps if trainer.max_steps not in (None, -1) and len(trainer.optimizers) == 1 else None


def _evaluation_batches(trainer: Any, stage: str) -> int | None:
    counts = {
        "val": trainer.num_val_batches,
        "test": trainer.num_test_batches,
        "predict": trainer.num_predict_batches,
    }[stage]
    total = sum(counts) if isinstance(counts, list) else counts
    return None if total == float("inf") else int(total)


def _alone(trainer: Any) -> None:
    if trainer.world_size > 1:
        raise RunStateError(
            f"lineside.lightning stands in one process, and this trainer has {trainer.world_size}: use devices=1."
        )
