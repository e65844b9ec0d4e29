"""A trainer's own methods, seen from outside: Hugging Face shows its callbacks neither batches, losses nor failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, update_wrapper, wraps
from typing import Any, Literal, Protocol


class Watcher(Protocol):
    """Who is told what a trainer does."""

    def checkpoint_for(self, wanted: Any) -> Any:
        """Return from where a training goes on; `wanted` is what the user gave."""

    def training_failed(self, error: BaseException) -> None:
        """Take note that `train` is left by an error."""

    def training_step(self, step: Callable[..., Any], model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Let a micro-batch of training be made by `step`, and return its loss, a share of the optimizer step's."""

    def evaluation_begins(self, stage: Literal["val", "predict"]) -> None:
        """Take note of an evaluation or a prediction."""

    def evaluation_batch_begins(self, inputs: Any) -> None:
        """Take note of a batch of it."""

    def outputs_are(self, outputs: Any) -> None:
        """Take note of what the model returned."""

    def evaluation_ends(self, metrics: Mapping[str, Any]) -> None:
        """Take note of its end."""

    def evaluation_failed(self, error: BaseException) -> None:
        """Take note that it is left by an error."""


class Watch:
    """Stands around the methods of one trainer.

    Args:
        trainer: its methods are replaced on the object; classes stay as they are.
        watcher: who is told.
    """

    def __init__(self, trainer: Any, watcher: Watcher) -> None:
        self._trainer = trainer
        self._watcher = watcher
        self._model: Any = None
        self._hook: Any = None
        self._depth = 0
        trainer.train = self._around_train(trainer.train)
        # Around every batch: a partial costs no function of its own.
        step = trainer.training_step
        self._step: Any = update_wrapper(partial(watcher.training_step, step), step)
        trainer.training_step = self._step
        trainer.prediction_step = self._around_prediction_step(trainer.prediction_step)
        trainer.evaluate = self._around_evaluation(trainer.evaluate, "val", lambda metrics: metrics)
        trainer.predict = self._around_evaluation(trainer.predict, "predict", lambda _: {})

    def make_steps(self, way: Callable[..., Any]) -> None:
        """Have micro-batches of training made by a function, which is given the trainer's own and its arguments."""
        # In place: somebody may have put something around it, and would go on with the one before.
        self._step.__setstate__((way, self._step.args, {}, self._step.__dict__))

    def follow_model(self) -> None:
        """Look at the outputs of the model that the trainer has now; `model_init` makes a new one for each training."""
        if self._model is not self._trainer.model:
            if self._hook is not None:
                self._hook.remove()
            self._model = self._trainer.model
            self._hook = self._model.register_forward_hook(self._leave_forward)

    def _leave_forward(self, module: Any, arguments: tuple[Any, ...], outputs: Any) -> None:
        self._watcher.outputs_are(outputs)

    def _around_train(self, train: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(train)
        def watched(resume_from_checkpoint: Any = None, *arguments: Any, **keywords: Any) -> Any:
            checkpoint = self._watcher.checkpoint_for(resume_from_checkpoint)
            try:
                return train(checkpoint, *arguments, **keywords)
            except BaseException as error:
                self._watcher.training_failed(error)
                raise

        return watched

    def _around_prediction_step(self, step: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(step)
        def watched(model: Any, inputs: Any, *arguments: Any, **keywords: Any) -> Any:
            self._watcher.evaluation_batch_begins(inputs)
            return step(model, inputs, *arguments, **keywords)

        return watched

    def _around_evaluation(
        self, evaluate: Callable[..., Any], stage: Literal["val", "predict"], metrics: Callable[[Any], Any]
    ) -> Callable[..., Any]:
        @wraps(evaluate)
        def watched(*arguments: Any, **keywords: Any) -> Any:
            if self._depth:
                # Several data sets are evaluated by calls of the method from within itself: it is one evaluation.
                return evaluate(*arguments, **keywords)
            self._depth += 1
            try:
                self._watcher.evaluation_begins(stage)
                result = evaluate(*arguments, **keywords)
                self._watcher.evaluation_ends(metrics(result))
            except BaseException as error:
                self._watcher.evaluation_failed(error)
                raise
            finally:
                self._depth -= 1
            return result

        return watched
