"""Hugging Face's hooks become our events. What its trainer does differently ends here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from lineside.bridges.transformers.callers import calling_trainer, is_predicting
from lineside.bridges.transformers.forwards import Forwards, loss_of
from lineside.bridges.transformers.host import STATE, TransformersHost
from lineside.callback import Callback
from lineside.errors import RunStateError
from lineside.run.driven import DrivenRun
from lineside.run.session import Place, checkpoint_to_resume

_TIMES = ("runtime", "samples_per_second", "steps_per_second", "model_preparation_time")
_RECORDED = ("learning_rate", "per_device_train_batch_size", "gradient_accumulation_steps", "weight_decay", "seed")


class TransformersCallback(TrainerCallback):
    """Carries callbacks of Lineside; made by `lineside.transformers`.

    A step of Hugging Face is one of the optimizer; the micro-batches in it, with inputs and outputs, are seen by hooks
    on the model. Where an evaluation follows the end of an epoch, our epoch ends behind it. A failure of the training
    is told to no callback, so that the trainer's `train` is watched from the constructor on.

    Attributes:
        run: the run of the newest training, evaluation or prediction; None before.
    """

    def __init__(
        self,
        callbacks: Sequence[Callback | str],
        place: Mapping[str, Any],
        *,
        resume: str | Path | None,
        continue_stopped: bool,
        hparams: Mapping[str, Any] | None,
    ) -> None:
        self.callbacks = list(callbacks)
        self.run: DrivenRun | None = None
        self._place = dict(place)
        self._resume = resume
        self._continue_stopped = continue_stopped
        self._hparams = hparams
        self._directory: Path | None = None
        self._forwards: Forwards | None = None
        self._host: TransformersHost | None = None
        self._in_batch = False
        self._batch: Any = None
        self._evaluating = False
        self._ends_behind_evaluation = False
        self._training = False
        self._trainer: Any = None

    # ---- around the training -------------------------------------------------------------------------------------

    def on_init_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Watch the trainer's `train`, so that a failure is seen and a run resumed, and its model's forward passes."""
        self._trainer = trainer = calling_trainer()
        if trainer is not None:
            trainer.train = self._watched(trainer.train)
            self._forwards = Forwards(trainer.model, self._before_forward, self._after_forward)

    def _watched(self, train: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(train)
        def watched(resume_from_checkpoint: Any = None, *arguments: Any, **keywords: Any) -> Any:
            if resume_from_checkpoint is None:
                resume_from_checkpoint = self.checkpoint
            try:
                return train(resume_from_checkpoint, *arguments, **keywords)
            except BaseException as error:
                self._end(error)
                raise

        return watched

    @property
    def checkpoint(self) -> str | None:
        """The directory to be resumed from, for ``trainer.train(resume_from_checkpoint=…)``; None for a new run."""
        place = Place(Path(self._place["run_dir"]).resolve(), self._place["project"], self._place["name"])
        found = checkpoint_to_resume(place, self._resume, continue_stopped=self._continue_stopped, containing=[STATE])
        return None if found is None else str(found.path)

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, optimizer: Any = None, **kwargs: Any
    ) -> None:
        """Open the run; the model, the optimizer and the schedule are in their places by now."""
        self._trainer = trainer = calling_trainer()
        if args.world_size > 1:
            raise RunStateError(
                f"lineside.transformers stands in one process, and this trainer has {args.world_size}: start it in one."
            )
        self._host = TransformersHost(trainer, model, optimizer, kwargs.get("lr_scheduler"))
        recorded = {name: getattr(args, name) for name in _RECORDED}
        run = self.run = DrivenRun(
            host=self._host,
            callbacks=self.callbacks,
            hparams=recorded if self._hparams is None else self._hparams,
            resume=self._resume,
            continue_stopped=self._continue_stopped,
            **self._place,
        )
        run.has_validation = trainer.eval_dataset is not None and args.eval_strategy != "no"
        run.open()
        self._directory = run.dir
        if run.step != state.global_step:
            mismatch = RunStateError(
                f"Hugging Face goes on from step {state.global_step} and the run {run.name} from step {run.step}: they "
                "do not belong together. Give the bridge resume= and leave resume_from_checkpoint out."
            )
            run.fail(mismatch)
            raise mismatch
        run.echo = _Echo(trainer)
        self._training, self._in_batch = True, False
        if self._forwards is None:
            self._forwards = Forwards(model, self._before_forward, self._after_forward)
        run.train_start(epochs=int(state.num_train_epochs), steps=state.max_steps)
        self._obey(control)

    @property
    def _open_run(self) -> DrivenRun:
        if self.run is None:
            raise RunStateError("Hugging Face called a hook of the training without on_train_begin.")
        return self.run

    def _obey(self, control: Any) -> None:
        if self._open_run.stopping:
            control.should_training_stop = True

    # ---- training ------------------------------------------------------------------------------------------------

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """An epoch begins."""
        run = self._open_run
        if run.progress.phase == "trained":
            # The run was interrupted in the evaluation behind its epoch, which Hugging Face does not take up again.
            run.epoch_end()
        run.epoch_start(int(state.epoch or 0))

    def _before_forward(self, inputs: Any) -> None:
        if self._in_batch:
            return
        if not self._trainer.model.training:
            self._start_evaluation()
            self._in_batch, self._batch = True, inputs
            self._open_run.evaluation_batch_start(inputs)
        elif self._training:
            self._in_batch, self._batch = True, inputs
            self._open_run.batch_start(inputs)

    def _after_forward(self, outputs: Any) -> None:
        run = self.run
        if run is None or not self._in_batch:
            return
        run.outputs = outputs
        loss = loss_of(outputs)
        if loss is not None:
            run.loss = loss

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Gradients are ready, and clipped."""
        self._open_run.gradients_ready()

    def on_substep_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A micro-batch ends whose gradients are kept for the step."""
        self._end_batch(control)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The micro-batch ends in which the optimizer stepped."""
        self._end_batch(control)

    def _end_batch(self, control: Any) -> None:
        run = self._open_run
        if not self._in_batch:
            return
        self._in_batch = False
        loss = run.loss
        if loss is not None:
            run.log({"loss": loss * self._micro_batches()})
        if self._host is not None:
            self._host.may_evaluate = True
        run.batch_end(run.host_port.batch_size(self._batch))
        if self._host is not None:
            self._host.may_evaluate = False
        self._obey(control)

    def _micro_batches(self) -> int:
        """How many micro-batches share a loss: models that know of accumulation return their share of the step's."""
        trainer = self._trainer
        return int(trainer.current_gradient_accumulation_steps) if trainer.model_accepts_loss_kwargs else 1

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The batches of an epoch are over; so is the epoch, unless an evaluation follows."""
        run = self._open_run
        run.train_epoch_end()
        self._ends_behind_evaluation = control.should_evaluate
        if not control.should_evaluate:
            run.epoch_end()
            self._obey(control)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Training is over."""
        self._open_run.train_end()
        self._end(None)

    # ---- evaluation ----------------------------------------------------------------------------------------------

    def _start_evaluation(self) -> None:
        if self._evaluating:
            return
        self._evaluating = True
        if not self._training:
            self.run = DrivenRun.for_evaluation(
                self._directory,
                host=TransformersHost(self._trainer, self._trainer.model),
                callbacks=self.callbacks,
                hparams=self._hparams or {},
                **self._place,
            )
            self.run.open()
        self._open_run.evaluation_start("predict" if is_predicting() else "val")

    def on_prediction_step(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """A batch of an evaluation ends."""
        run = self._open_run
        if self._in_batch:
            self._in_batch = False
            run.evaluation_batch_end(run.host_port.batch_size(self._batch))

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        """An evaluation ends."""
        values = {
            name: value
            for name, value in (metrics or {}).items()
            if name.startswith("eval_") and name.removeprefix("eval_") not in _TIMES
        }
        run = self._end_evaluation(values)
        if self._ends_behind_evaluation:
            self._ends_behind_evaluation = False
            run.epoch_end()
            self._obey(control)

    def on_predict(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        """A prediction ends."""
        self._end_evaluation({})

    def _end_evaluation(self, values: Mapping[str, Any]) -> DrivenRun:
        self._start_evaluation()  # of no data
        self._evaluating = False
        run = self._open_run
        run.evaluation_end(values)
        if not self._training:
            run.close()
        return run

    # ---- the end -------------------------------------------------------------------------------------------------

    def _end(self, error: BaseException | None) -> None:
        self._training = self._in_batch = self._evaluating = False
        if self.run is None:
            return
        if error is None:
            self.run.close()
        else:
            self.run.fail(error)


class _Echo:
    """Hands what our callbacks log to Hugging Face's own log, and through it to its integrations."""

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer

    def __call__(self, values: Mapping[str, Any], step: int) -> None:
        self._trainer.log({name: float(value) for name, value in values.items()})
