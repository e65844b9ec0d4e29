"""Hugging Face's hooks become our events. What its trainer does differently ends here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from transformers import TrainerCallback

from lineside.backends.torch.sizes import Sizes
from lineside.bridges.nothing import nothing
from lineside.bridges.transformers.callers import calling_trainer
from lineside.bridges.transformers.echo import Echo
from lineside.bridges.transformers.host import STATE, TransformersHost
from lineside.bridges.transformers.unseen import ENDS, UnseenBatches, is_first
from lineside.bridges.transformers.watch import Watch
from lineside.callback import Callback
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.errors import RunStateError
from lineside.run.driven import DrivenRun
from lineside.run.session import Place, checkpoint_to_resume

_IN_STEPS = ("on_step_begin", "on_pre_optimizer_step", "on_optimizer_step")
_TIMES = ("_runtime", "_samples_per_second", "_steps_per_second", "_model_preparation_time")
_RECORDED = ("learning_rate", "per_device_train_batch_size", "gradient_accumulation_steps", "weight_decay", "seed")


class TransformersCallback(TrainerCallback):
    """Carries callbacks of Lineside; made by `lineside.transformers`.

    A step of Hugging Face is one of the optimizer. The micro-batches in it, losses, evaluations and failures are told
    to no callback, so that the trainer's own methods are watched from its constructor on. Where an evaluation follows
    the end of an epoch, our epoch ends behind it.

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
        self._watch: Watch | None = None
        self._host: TransformersHost | None = None
        self._trainer: Any = None
        self._in_batch = False
        self._batch: Any = None
        self._sizes: Sizes | None = None
        self._aside: UnseenBatches | None = None
        self._loss: Any = None
        self._shows_batches = self._unseen = self._counts_steps = False
        self._steps_before = 0
        self._training = False
        self._evaluating = False
        self._ends_behind_evaluation = False

    # ---- around the training -------------------------------------------------------------------------------------

    def on_init_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Watch the trainer that is being made."""
        trainer = calling_trainer()
        if trainer is not None:
            self.watch(trainer)

    def watch(self, trainer: Any) -> None:
        """Watch a trainer's methods; needed behind ``trainer.add_callback``, which tells a callback nothing."""
        if self._trainer is not trainer:
            self._trainer, self._watch = trainer, Watch(trainer, self)

    def checkpoint_for(self, wanted: Any) -> Any:
        """Return from where a training goes on: from where the user wants it, or the run does.

        Raises:
            RunStateError: both say so, and say different things.
        """
        ours = self.checkpoint
        if wanted is None:
            return ours
        if wanted is False or self._resume is None:
            return wanted
        if wanted is True:  # Hugging Face's word for the newest
            return ours or wanted
        if ours is None or Path(wanted).resolve() != Path(ours).resolve():
            raise RunStateError(
                f"resume_from_checkpoint={str(wanted)!r} and resume={str(self._resume)!r} do not belong together: the "
                f"run goes on from {ours or 'nothing'}. Leave resume_from_checkpoint out, or give that directory."
            )
        return wanted

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
        trainer = self._trainer
        if self._watch is None:
            raise RunStateError(
                "Lineside was given by trainer.add_callback(…), which shows a callback neither batches nor failures: "
                "give it in callbacks=[…] of the trainer's constructor, or call bridge.watch(trainer) behind it."
            )
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
        if (steps := _steps_in(run.resumed_from)) != state.global_step:
            mismatch = RunStateError(
                f"Hugging Face goes on from step {state.global_step} and the run {run.name} from step {steps}: they "
                "do not belong together. Give the bridge resume= and leave resume_from_checkpoint out."
            )
            run.fail(mismatch)
            raise mismatch
        run.echo = Echo(trainer)
        self._training, self._in_batch, self._ends_behind_evaluation = True, False, False
        self._shows_batches, self._unseen = run.shows_batches, run.unseen
        # A hook that is there costs something for every batch.
        self.__dict__.update(dict.fromkeys(_IN_STEPS, nothing))
        if self._shows_batches:
            self._watch.follow_model()
            self.__dict__["on_pre_optimizer_step"] = self._gradients_are_ready
        self._see_batches()
        self._counts_steps, self._steps_before = not self._host.announces_steps, state.global_step
        run.train_start(epochs=None if args.max_steps > 0 else int(state.num_train_epochs), steps=state.max_steps)
        run.end_after(args.max_steps if args.max_steps > 0 else None)
        self._obey(control)

    @property
    def _open_run(self) -> DrivenRun:
        if self.run is None:
            raise RunStateError("Hugging Face called a hook of the training without on_train_begin.")
        return self.run

    @property
    def _open_host(self) -> TransformersHost:
        if self._host is None:
            raise RunStateError("Hugging Face called a hook of the training without on_train_begin.")
        return self._host

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
        loader = kwargs.get("train_dataloader")
        run.total_batches = _length(loader)
        run.epoch_start(int(state.epoch or 0))
        self._see_batches()
        self._steps_before = state.global_step
        # On resume Hugging Face may begin its count of batches anew.
        counts = self._counts_steps and not (run.progress.position and args.ignore_data_skip)
        if run.unseen and counts and is_first(self, self._trainer.callback_handler.callbacks):
            self._sizes = Sizes.told_by(loader)
        self._open_host.may_evaluate = True

    def _see_batches(self) -> None:
        """Have all hooks of a batch, until its first one is over."""
        self._aside = self._sizes = None
        self._see_end()
        if self._watch is not None:
            self._watch.make_steps(self.training_step)

    def _see_end(self) -> None:
        """See the end of the batch under way; called from any thread."""
        for hook in ENDS:
            self.__dict__.pop(hook, None)

    def _put_aside(self, run: DrivenRun, size: int) -> None:
        """See the batches behind this first one only where somebody looks, if they are as large as the loader tells."""
        sizes, self._sizes = self._sizes, None
        if sizes is not None and self._watch is not None and sizes.of(run.progress.position - 1) == size:
            self._aside = UnseenBatches(self._trainer, run, sizes, self._see_end)
            self._watch.make_steps(self._aside.training_step())
            self.__dict__.update(dict.fromkeys(ENDS, nothing))

    def training_step(self, step: Callable[..., Any], model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """A micro-batch is made by `step`; Hugging Face hands out its share of the loss of the optimizer's step."""
        if not self._training:
            return step(model, inputs, *args, **kwargs)
        self._in_batch, self._batch = True, inputs
        if not self._unseen:
            self._open_run.batch_start(inputs)
        loss = self._loss = step(model, inputs, *args, **kwargs)
        parts = self._trainer.current_gradient_accumulation_steps
        if parts != 1 or not loss.is_cpu:
            # A captured graph may write what is on a device again: that is copied.
            self._loss = loss * parts
        if self._shows_batches:
            self._open_run.loss = self._loss
        return loss

    def outputs_are(self, outputs: Any) -> None:
        """The model returned."""
        if self._in_batch:
            self._open_run.outputs = outputs

    def _gradients_are_ready(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Gradients are ready, and clipped."""
        self._open_run.gradients_ready()

    def on_substep_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A micro-batch ends whose gradients are kept for the step."""
        TransformersCallback.on_step_end(self, args, state, control)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A micro-batch ends in which the optimizer stepped, unless mixed precision skipped that."""
        run, steps, size = self.run or self._open_run, 0, None
        if self._aside is not None:
            self._loss, size, self._steps_before = self._aside.take_back()
            self.__dict__.update(dict.fromkeys(ENDS, nothing))
        elif not self._in_batch:
            return
        self._in_batch = False
        if self._counts_steps:
            done = state.global_step
            steps, self._steps_before = done - self._steps_before, done
        samples = run.samples
        if run.batch_end(self._batch, {"loss": self._loss}, size=size, steps=steps):
            control.should_training_stop = True
        if self._sizes is not None:
            self._put_aside(run, run.samples - samples)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The batches of an epoch are over; so is the epoch, unless an evaluation follows."""
        run, self._open_host.may_evaluate = self._open_run, False
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

    def evaluation_begins(self, stage: Literal["val", "predict"]) -> None:
        """An evaluation or a prediction begins, within a training or by itself."""
        if not self._training:
            self.run = DrivenRun.for_evaluation(
                self._directory,
                host=TransformersHost(self._trainer, self._trainer.model),
                callbacks=self.callbacks,
                hparams=self._hparams or {},
                **self._place,
            )
            self.run.open()
        self._evaluating = True
        if self._watch is not None and self._open_run.shows_batches:
            self._watch.follow_model()
        self._open_run.evaluation_start(stage)
        self._open_run.total_batches = None

    def evaluation_batch_begins(self, inputs: Any) -> None:
        """A batch of it begins."""
        if self._evaluating:
            self._in_batch, self._batch = True, inputs
            self._open_run.evaluation_batch_start(inputs)

    def on_prediction_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A batch of it ends."""
        if self._in_batch:
            self._in_batch = False
            run = self._open_run
            run.evaluation_batch_end(run.host_port.batch_size(self._batch))

    def evaluation_ends(self, metrics: Mapping[str, Any]) -> None:
        """It is over; so is the epoch, if it stood behind one."""
        run, self._evaluating = self._open_run, False
        run.evaluation_end({name: value for name, value in metrics.items() if _is_metric(name, value)})
        if not self._training:
            run.close()
        elif self._ends_behind_evaluation:
            self._ends_behind_evaluation = False
            run.epoch_end()
            self._obey(self._trainer.control)

    def evaluation_failed(self, error: BaseException) -> None:
        """It failed; a training that it stands in fails with it."""
        self._end(error)

    # ---- the end -------------------------------------------------------------------------------------------------

    def training_failed(self, error: BaseException) -> None:
        """`train` is left by an error."""
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        self._training = self._in_batch = self._evaluating = False
        self._see_batches()
        if self.run is None:
            return
        if error is None:
            self.run.close()
        else:
            self.run.fail(error)


def _steps_in(checkpoint: Checkpoint | None) -> int:
    """Return Hugging Face's steps in a checkpoint; unlike ours they count those that mixed precision skipped."""
    if checkpoint is None:
        return 0
    return int(json.loads(checkpoint.file(STATE).read_text("utf-8"))["global_step"])


def _length(loader: Any) -> int | None:
    """Return the batches of a loader; None for a stream, whose length nobody knows."""
    try:
        return len(loader)
    except TypeError:
        return None


def _is_metric(name: str, value: Any) -> bool:
    return isinstance(value, int | float) and name != "epoch" and not name.endswith(_TIMES)
