"""Keras' hooks become our events. What Keras does differently ends here."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from keras.callbacks import Callback as Base

from lineside.backends.keras.host import KerasHost
from lineside.callback import Callback
from lineside.errors import RunStateError
from lineside.events import Event
from lineside.ports import Capabilities
from lineside.run.driven import DrivenRun

_MISSING = {
    Event.BACKWARD_END: "Keras computes gradients inside of its train step and shows them to nobody",
    Event.EXPORT_START: "Keras exports by a method of the model, which tells nobody",
    Event.EXPORT_END: "Keras exports by a method of the model, which tells nobody",
}
CAPABILITIES = Capabilities(
    frozenset(Event) - frozenset(_MISSING),
    frozenset({"model", "set_lr", "schedule_lr", "restore", "pause"}),
    {
        **{event.hook: why for event, why in _MISSING.items()},
        "gradients": _MISSING[Event.BACKWARD_END],
        "batch_data": "Keras shows callbacks neither batches nor outputs",
        "validate": "fit validates at the end of an epoch and at no other time",
        "rehearse": "Keras' loop cannot go back within an epoch",
        "trials": "Keras' train step belongs to fit",
        "update_bn": "the training data belongs to fit",
        "profile": "use keras.callbacks.TensorBoard(profile_batch=…) on TensorFlow, or the profiler of the backend",
        "resume_in_epoch": "fit cannot enter the batches of an epoch in their middle",
    },
)


class KerasCallback(Base):  # type: ignore[misc] # Keras has no types
    """Carries callbacks of Lineside; made by `lineside.keras`.

    The values that Keras gives with a batch are running means over the epoch, and so are ``batch/<metric>`` here; the
    values of an epoch are Keras' own. Keras tells callbacks nothing of a failure: errors of the train step and of the
    process are seen, one that is caught around `fit` when the next training begins or the process ends.

    Attributes:
        run: the run of the newest fit, evaluation or prediction; None before.
    """

    def __init__(
        self, callbacks: Sequence[Callback | str], place: Mapping[str, Any], resume: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self.callbacks = list(callbacks)
        self.run: DrivenRun | None = None
        self._place = dict(place)
        self._resume = dict(resume)
        self._directory: Path | None = None
        self._training = False
        self._next_batch = 0
        self._values: Mapping[str, Any] = {}
        self._restore_hook: Callable[[], None] | None = None

    # ---- training ------------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Open the run; the model is compiled and built by now, or will be by its first batch."""
        self._end(RunStateError("fit was left before its end"))
        run = self.run = DrivenRun(
            host=KerasHost("keras", CAPABILITIES, self.model, self.model.optimizer),
            callbacks=self.callbacks,
            **self._place,
            **self._resume,
        )
        run.open()
        self._directory, self._training = run.dir, True
        self._look_out(run)
        epochs = self.params.get("epochs")
        run.train_start(epochs=epochs)
        if run.epoch:
            self.model._initial_epoch = run.epoch  # noqa: SLF001 - the way of Keras' own BackupAndRestore
        if run.stopping or (epochs is not None and run.epoch >= epochs):
            self.model._initial_epoch = epochs  # noqa: SLF001 - fit looks at stop_training behind a batch

    def _look_out(self, run: DrivenRun) -> None:
        """See the failures that Keras does not tell: of the train step, and of the whole process."""
        step, hook, watcher = self.model.train_function, sys.excepthook, weakref.ref(run)

        def watched(*arguments: Any) -> Any:
            try:
                return step(*arguments)
            except BaseException as error:
                if not isinstance(error, StopIteration) and type(error).__name__ != "OutOfRangeError":
                    self._end(error)
                raise

        def died(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            open_run = watcher()
            if open_run is not None:
                open_run.fail(error)
            hook(kind, error, trace)

        def restore() -> None:
            self.model.train_function = step
            if sys.excepthook is died:
                sys.excepthook = hook

        self.model.train_function, sys.excepthook, self._restore_hook = watched, died, restore

    @property
    def _open_run(self) -> DrivenRun:
        if self.run is None:
            raise RunStateError("Keras called a hook of the training without on_train_begin.")
        return self.run

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """An epoch begins."""
        run = self._open_run
        run.epoch_start(epoch)
        run.total_batches = self.params.get("steps")
        self._next_batch = 0

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """A batch begins, or the first one of several in one execution."""
        self._next_batch = batch
        self._open_run.batch_start()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """A batch ends, or the last one of several in one execution (``steps_per_execution``)."""
        run = self._open_run
        more = batch - self._next_batch
        run.progress.step += more
        run.progress.position += more
        run.progress.batches_done += more
        self._values = logs or {}
        run.log(self._values)
        run.stepped()
        run.batch_end(0)
        if run.stopping:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """An epoch ends, its validation included."""
        run = self._open_run
        values = {name: value for name, value in (logs or {}).items() if not name.startswith("val_")}
        run.train_epoch_end(values)
        run.epoch_end()
        if run.stopping:
            self.model.stop_training = True

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Training is over."""
        self.model._initial_epoch = None  # noqa: SLF001 - as BackupAndRestore leaves it
        self._open_run.train_end()
        self._end(None)

    # ---- evaluation ----------------------------------------------------------------------------------------------

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """A validation within `fit`, or `evaluate` on its own, which is a test."""
        if self._training:
            self._open_run.train_epoch_end(self._values)
            self._open_run.has_validation = True
            self._open_run.evaluation_start("val")
        else:
            self._alone().evaluation_start("test")

    def on_predict_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """A prediction on its own."""
        self._alone().evaluation_start("predict")

    def _alone(self) -> DrivenRun:
        run = self.run = DrivenRun.for_evaluation(
            self._directory,
            host=KerasHost("keras", CAPABILITIES, self.model, self.model.optimizer),
            callbacks=self.callbacks,
            **self._place,
        )
        run.open()
        return run

    def on_test_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """A batch of an evaluation begins."""
        self._open_run.evaluation_batch_start()

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """A batch of an evaluation ends."""
        self._open_run.evaluation_batch_end(0)

    on_predict_batch_begin = on_test_batch_begin
    on_predict_batch_end = on_test_batch_end

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """An evaluation ends."""
        self._open_run.evaluation_end(logs or {})
        if not self._training:
            self._open_run.close()

    def on_predict_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """A prediction ends."""
        self._open_run.evaluation_end({})
        self._open_run.close()

    # ---- the end -------------------------------------------------------------------------------------------------

    def _end(self, error: BaseException | None) -> None:
        if not self._training or self.run is None:
            return
        self._training = False
        if self._restore_hook is not None:
            self._restore_hook()
            self._restore_hook = None
        if error is None:
            self.run.close()
        else:
            self.run.fail(error)
