"""Keras' hooks become our events. What Keras does differently ends here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import time
from typing import Any, Literal

from keras import Model
from keras.callbacks import Callback as Base

from lineside.bridges.keras.host import FitHost
from lineside.bridges.nothing import nothing
from lineside.callback import Callback
from lineside.errors import OptionError, RunStateError
from lineside.run.driven import DrivenRun
from lineside.run.tally import Tally, Told


class KerasCallback(Base):  # type: ignore[misc] # Keras has no types
    """Carries callbacks of Lineside; made by `lineside.keras`.

    The values that Keras gives with a batch are running means over the epoch, and so are ``batch/<metric>`` here; the
    values of an epoch are Keras' own. Keras does not tell how many samples a batch has: ``run.samples`` stays 0. It
    tells no callback of a failure either: those of a step and of the process are seen, and one outside of the steps
    that somebody catches around `fit` when the next training begins or the process ends.

    Attributes:
        run: the run of the newest fit, evaluation or prediction; None before.
    """

    def __init__(
        self,
        callbacks: Sequence[Callback | str],
        place: Mapping[str, Any],
        resume: Mapping[str, Any],
        *,
        gradients: bool,
    ) -> None:
        super().__init__()
        self.callbacks = list(callbacks)
        self.run: DrivenRun | None = None
        self._host: FitHost | None = None
        self._place = dict(place)
        self._resume = dict(resume)
        self._gradients = gradients
        self._directory: Path | None = None
        self._training = False
        self._accumulated = 1
        self._next_batch = 0
        self._values: Mapping[str, Any] = {}
        self._logged: dict[str, Any] = {}
        self._told: set[str] = set()
        self._tally: Tally

    def set_model(self, model: Any) -> None:
        """Take the model that is trained; Keras calls it first of all. Raises `OptionError` for one of Keras 2."""
        if not isinstance(model, Model):
            kind = type(model)
            raise OptionError(
                f"lineside.keras carries callbacks in models of Keras 3, and got a {kind.__module__}.{kind.__name__}. "
                "tf.keras is Keras 3, unless TF_USE_LEGACY_KERAS is set: unset it."
            )
        super().set_model(model)

    # ---- training ------------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Open the run; the model is compiled by now, and built unless TensorFlow leaves that to the first step."""
        self._give_up()
        model = self.model
        host = self._host = FitHost(model, gradients=self._gradients, trains=True)
        run = self.run = DrivenRun(host=host, callbacks=self.callbacks, **self._place, **self._resume)
        run.open()
        host.look_out(run.fail, "train_function")
        run.echo = self._keep
        self._directory, self._training = run.dir, True
        self._take_hooks(run)
        self._accumulated = getattr(model.optimizer, "gradient_accumulation_steps", None) or 1
        epochs = self.params.get("epochs")
        run.train_start(epochs=epochs)
        if run.epoch:
            model._initial_epoch = run.epoch  # noqa: SLF001 - the way of Keras' own BackupAndRestore
        if run.stopping or (epochs is not None and run.epoch >= epochs):
            model._initial_epoch = epochs  # noqa: SLF001 - fit looks at stop_training behind a batch

    def _take_hooks(self, run: DrivenRun) -> None:
        """Have only what is needed here: a hook that is there costs something for every batch."""
        hooks = self.__dict__
        if run.unseen:
            self._tally = run.put_aside(3, self._tell)
            hooks["on_train_batch_end"] = self._unseen_batch_ends
            hooks["on_train_batch_begin"] = nothing  # Keras' own does nothing either, and calls another one for it
        else:
            hooks.pop("on_train_batch_end", None)
            hooks["on_train_batch_begin"] = self._batch_begins

    def _keep(self, values: Mapping[str, Any], step: int) -> None:
        self._logged.update(values)

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

    def _batch_begins(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """A batch begins, or the first one of several in one execution; called if somebody looks at batches."""
        self._open_run.batch_start()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """A batch ends, or the last one of several in one execution (``steps_per_execution``)."""
        run = self.run or self._open_run
        # A copy: callbacks behind this one may put something into the logs, and our values are published later.
        values = self._values = {} if logs is None else {**logs}
        if run.batch_end(None, values, size=0, steps=self._steps_until(batch)):
            self.model.stop_training = True

    def _unseen_batch_ends(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """The same, where nobody has a hook in it."""
        now, tally = time(), self._tally
        if now < tally.due and len(tally) < tally.full:
            tally += (now, batch, {} if logs is None else {**logs})
        else:
            self._open_run.count()
            KerasCallback.on_train_batch_end(self, batch, logs)

    def _tell(self, aside: list[Any]) -> Told:
        """Tell of batches that nobody has seen."""
        times, batches, values = [aside[place::3] for place in range(3)]
        self._values = values[-1]
        if self._accumulated == 1 and batches == list(range(self._next_batch, self._next_batch + len(batches))):
            self._next_batch += len(batches)
            steps = [1] * len(batches)
        else:
            steps = [self._steps_until(batch, before) for before, batch in enumerate(batches)]
        return Told(times, values, [0] * len(batches), steps)

    def _steps_until(self, batch: int, before: int = 0) -> int:
        """Return the steps since the batch of which Keras told last, and count what lies between the two.

        Args:
            batch: as Keras numbers it.
            before: how many batches between the two the run counts by itself.
        """
        expected, self._next_batch = self._next_batch, batch + 1
        if batch == expected and self._accumulated == 1:
            return 1
        run = self._open_run
        # TensorFlow numbers the last execution of an epoch as if it were whole.
        last = batch if run.total_batches is None else min(batch, run.total_batches - 1)
        progress, more = run.progress, last - expected
        done = progress.batches_done + before
        progress.position += more
        progress.batches_done += more
        return (done + more + 1) // self._accumulated - done // self._accumulated

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """An epoch ends, its validation included; what our callbacks have logged joins the logs of Keras."""
        run = self._open_run
        # Callbacks of Keras may have put more into the logs than the metrics of training and validation.
        values = {name: value for name, value in (logs or {}).items() if name not in self._told}
        run.train_epoch_end(values)
        run.epoch_end(values if self._told else None)
        if logs is not None:
            logs.update({name: float(value) for name, value in self._logged.items()})
        self._logged, self._told = {}, set()
        if run.stopping:
            self.model.stop_training = True

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Training is over."""
        self.model._initial_epoch = None  # noqa: SLF001 - as BackupAndRestore leaves it
        self._training = False
        self._open_run.train_end()
        self._open_run.close()

    # ---- evaluation ----------------------------------------------------------------------------------------------

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """A validation within `fit`, or `evaluate` on its own, which is a test."""
        run = self.run
        if run is not None and self._host is not None and self._training and not run.closed:
            self._host.look_out(run.fail, "test_function")
            run.count()
            self._told = set(self._values)
            run.train_epoch_end(self._values)
            run.has_validation = True
            run.evaluation_start("val")
        else:
            self._alone("test", "test_function")

    def on_predict_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """A prediction on its own."""
        self._alone("predict", "predict_function")

    def _alone(self, stage: Literal["test", "predict"], step: str) -> None:
        self._give_up()
        host = FitHost(self.model, gradients=self._gradients)
        run = self.run = DrivenRun.for_evaluation(self._directory, host=host, callbacks=self.callbacks, **self._place)
        run.open()
        host.look_out(run.fail, step)
        run.evaluation_start(stage)

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
        self._told |= {f"val_{name}" for name in logs or {}}
        self._open_run.evaluation_end(logs or {})
        if not self._training:
            self._open_run.close()

    def on_predict_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """A prediction ends."""
        self._open_run.evaluation_end({})
        self._open_run.close()

    # ---- the end -------------------------------------------------------------------------------------------------

    def _give_up(self) -> None:
        """Close a run that was left by an error which nobody told."""
        self._training = False
        if self.run is not None:
            self.run.fail(RunStateError("fit was left before its end"))
