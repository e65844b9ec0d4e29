"""Ultralytics' events become ours. What Ultralytics does differently ends here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Literal, NoReturn

import torch

from lineside.bridges.ultralytics.host import UltralyticsHost, evaluating_host
from lineside.bridges.ultralytics.integrations import check_integrations, switch
from lineside.bridges.ultralytics.sizes import images, scalars, summed
from lineside.bridges.ultralytics.watched import Watched
from lineside.callback import Callback
from lineside.errors import OptionError, RunStateError
from lineside.run.driven import DrivenRun

_EVENTS = (
    "on_pretrain_routine_start", "on_pretrain_routine_end", "on_train_start", "on_train_epoch_start",
    "on_train_batch_start", "on_train_batch_end", "on_train_epoch_end", "on_model_save", "on_fit_epoch_end",
    "on_train_end", "teardown", "on_val_start", "on_val_batch_start", "on_val_batch_end", "on_val_end",
    "on_predict_start", "on_predict_batch_start", "on_predict_batch_end", "on_predict_end", "on_export_start",
    "on_export_end",
)  # fmt: skip
_PLACES = ("project", "name", "save_dir", "exist_ok", "resume", "mode")
"""Arguments that say where Ultralytics writes: they differ between the attempts of one run."""

Hook = Callable[[Any, Any], None]


def _ordinarily(hook: Hook) -> Hook:
    """Leave inference mode for a hook: what a callback makes of tensors there could never be changed in training."""

    @wraps(hook)
    def outside(self: Any, source: Any) -> None:
        with torch.inference_mode(mode=False), torch.no_grad():
            hook(self, source)

    return outside


class UltralyticsCallback:
    """Carries callbacks of Lineside; made by `lineside.ultralytics`.

    An epoch of ours begins with its first batch, when Ultralytics has stepped its schedule and put the model into
    training mode. The validation of ``best.pt`` behind the last epoch, with its further ``on_fit_epoch_end``, is
    nobody's.

    Args:
        yolo: the model of Ultralytics.
        callbacks: objects or registered names.
        place: project, name, directory and seed of runs.
        resume: from what a training goes on.
        hparams: for the record, or None for the arguments of the training.
        integrations: Ultralytics' own that are on or off.

    Attributes:
        run: the run of the newest training, validation, prediction or export; None before.
    """

    def __init__(
        self,
        yolo: Any,
        callbacks: Sequence[Callback | str],
        place: Mapping[str, Any],
        resume: Mapping[str, Any],
        hparams: Mapping[str, Any] | None,
        integrations: Mapping[str, bool],
    ) -> None:
        if not all(hasattr(yolo, part) for part in ("add_callback", "train", "val", "predict", "export")):
            raise OptionError(f"lineside.ultralytics(yolo) takes a YOLO of Ultralytics, not a {type(yolo).__name__}.")
        check_integrations(integrations)
        self.callbacks = list(callbacks)
        self.run: DrivenRun | None = None
        self._yolo = yolo
        self._place = dict(place)
        self._resume = dict(resume)
        self._hparams = hparams
        self._integrations = dict(integrations)
        self._directory: Path | None = None
        self._host: UltralyticsHost | None = None
        self._outer: BaseException | None = None
        self._training = self._in_batch = self._begins_epoch = False
        self._batch = 0
        self._logged: dict[str, Any] = {}
        self._own_metrics: Any = None
        for event in _EVENTS:
            yolo.add_callback(event, getattr(self, event))
        yolo.train = Watched(yolo, "train", self._trained)
        for method in ("val", "predict", "export"):
            setattr(yolo, method, Watched(yolo, method, self._evaluated))

    def __deepcopy__(self, memo: dict[int, Any]) -> UltralyticsCallback:
        """One object serves a model and its copies: it holds runs and locks."""
        return self

    def __reduce__(self) -> NoReturn:
        """Refuse to travel into other processes. Raises `RunStateError`."""
        raise RunStateError(
            "lineside.ultralytics stands in one process, and Ultralytics sends callbacks into others to train on "
            "several devices: train on one, such as device=0."
        )

    @property
    def _open_run(self) -> DrivenRun:
        if self.run is None:
            raise RunStateError("Ultralytics called a hook of the training without on_pretrain_routine_end.")
        return self.run

    # ---- training ------------------------------------------------------------------------------------------------

    def on_pretrain_routine_start(self, trainer: Any) -> None:
        """A trainer has just been made, with Ultralytics' integrations in it."""
        self._outer = sys.exc_info()[1]
        self._training = False
        switch(self._integrations, trainer.callbacks)

    def on_pretrain_routine_end(self, trainer: Any) -> None:
        """Open the run; model, average, optimizer and schedule are in their places."""
        if self._resume["resume"] is not None and trainer.args.resume:
            raise RunStateError(
                f"Both resume={self._resume['resume']!r} and yolo.train(resume={str(trainer.args.resume)!r}) say where "
                "to go on: leave resume= out of yolo.train, since a run puts Ultralytics' state back as well."
            )
        self._host = UltralyticsHost(trainer)
        hparams = self._hparams
        if hparams is None:
            hparams = {name: value for name, value in vars(trainer.args).items() if name not in _PLACES}
        run = self.run = DrivenRun(
            host=self._host, callbacks=self.callbacks, hparams=hparams, **self._place, **self._resume
        )
        run.has_validation = bool(trainer.args.val)
        run.open()
        run.echo = self._keep
        self._directory, self._training, self._in_batch = run.dir, True, False
        self._logged, self._own_metrics = {}, None
        if run.epoch:
            self._go_on(run, trainer)

    def _keep(self, values: Mapping[str, Any], step: int) -> None:
        self._logged.update(values)

    def _go_on(self, run: DrivenRun, trainer: Any) -> None:
        """Let Ultralytics' loop begin with the epoch that comes next."""
        if run.epoch >= trainer.epochs:
            raise RunStateError(
                f"The run {run.name} has all of its {trainer.epochs} epochs: there is nothing to go on with. Pass a "
                "larger epochs= to yolo.train, or begin a new run with resume=None."
            )
        trainer.start_epoch = run.epoch
        trainer.scheduler.last_epoch = run.epoch - 1
        model = getattr(trainer.model, "_orig_mod", trainer.model)
        criterion = model.init_criterion()
        if hasattr(criterion, "update"):  # its weights move from epoch to epoch
            for _ in range(run.epoch):
                criterion.update()
        model.criterion = criterion

    def on_train_start(self, trainer: Any) -> None:
        """Training begins, or goes on."""
        self._open_run.train_start(epochs=trainer.epochs)
        self._obey(trainer)

    def _obey(self, trainer: Any) -> None:
        if self._open_run.stopping:
            trainer.stop = True

    def on_train_epoch_start(self, trainer: Any) -> None:
        """An epoch is about to begin, or to begin anew after a lack of memory or a NaN."""
        run = self._open_run
        if self._own_metrics is not None:
            trainer.metrics, self._own_metrics = self._own_metrics, None
        if self._host is not None:
            self._host.follow_schedule()
            self._host.restored, self._host.wrote_last = None, False
        run.progress.total_epochs = trainer.epochs
        self._in_batch = False
        if run.progress.phase != "fresh":
            run.epoch_anew()
        self._begins_epoch = run.progress.phase == "fresh"
        self._batch = 0

    def on_train_batch_start(self, trainer: Any) -> None:
        """A batch begins."""
        run = self._open_run
        if self._begins_epoch:
            self._begins_epoch = False
            run.epoch_start(trainer.epoch)
        run.total_batches = len(trainer.train_loader)
        self._in_batch = True
        run.batch_start()

    def on_train_batch_end(self, trainer: Any) -> None:
        """A batch ends: publish its losses, unread, and come to a safe point."""
        run, losses = self._open_run, trainer.loss_items
        self._in_batch = False
        run.loss = summed(losses)
        run.log({"loss": run.loss, **losses})
        run.batch_end(images(trainer.train_loader, self._batch))
        self._batch += 1
        self._obey(trainer)

    def on_train_epoch_end(self, trainer: Any) -> None:
        """The training part of an epoch ends; at the end of its time Ultralytics leaves a batch without telling."""
        if self._in_batch:
            self.on_train_batch_end(trainer)
        self._open_run.train_epoch_end()

    def on_model_save(self, trainer: Any) -> None:
        """Ultralytics has written its ``last.pt``."""
        if self._host is not None:
            self._host.wrote_last = True

    def on_fit_epoch_end(self, trainer: Any) -> None:
        """An epoch ends, its validation included; once more behind the last one, which is dropped."""
        run = self._open_run
        if run.progress.phase == "fresh":
            return
        run.epoch_end()
        self._obey(trainer)
        # Ultralytics' integrations come behind us and log what is in here; its table of results must not see it.
        self._own_metrics = trainer.metrics
        trainer.metrics = {**(trainer.metrics or {}), **scalars(self._logged)}
        self._logged = {}

    def on_train_end(self, trainer: Any) -> None:
        """Training is over."""
        self._open_run.train_end()

    def teardown(self, trainer: Any) -> None:
        """All is over, or the training has failed: Ultralytics calls this while the error is on its way."""
        self._training = False
        if self.run is None:
            return
        error = sys.exc_info()[1]
        if error is None or error is self._outer:
            self.run.close()
        else:
            self.run.fail(error)

    def _trained(self, error: BaseException | None) -> None:
        """Behind `train` the model is that of best.pt, unless callbacks have put other weights back."""
        self._training = False
        restored = None if self._host is None else self._host.restored
        if error is None and restored is not None:
            self._yolo.model.load_state_dict(restored)
        self._host = None

    # ---- validation ----------------------------------------------------------------------------------------------

    @_ordinarily
    def on_val_start(self, validator: Any) -> None:
        """A validation begins, within the training or on its own."""
        if self._is_foreign(validator):
            return
        if not validator.training:
            self._alone()
        run = self._open_run
        stage: Literal["val", "test"] = "test" if not validator.training and validator.args.split == "test" else "val"
        run.evaluation_start(stage)
        run.total_batches = len(validator.dataloader)

    def _is_foreign(self, validator: Any) -> bool:
        """Tell whether this is the validation of best.pt behind the last epoch."""
        return self._training and not validator.training

    def _alone(self) -> None:
        self.run = DrivenRun.for_evaluation(
            self._directory,
            host=evaluating_host(self._yolo.model),
            callbacks=self.callbacks,
            hparams=self._hparams or {},
            **self._place,
        )
        self.run.open()

    @_ordinarily
    def on_val_batch_start(self, validator: Any) -> None:
        """A batch of a validation begins."""
        if not self._is_foreign(validator):
            self._open_run.evaluation_batch_start()

    @_ordinarily
    def on_val_batch_end(self, validator: Any) -> None:
        """A batch of a validation ends."""
        if not self._is_foreign(validator):
            self._open_run.evaluation_batch_end(images(validator.dataloader, validator.batch_i))

    @_ordinarily
    def on_val_end(self, validator: Any) -> None:
        """A validation ends: what it has found stands in the validator, and reaches the trainer only later."""
        if self._is_foreign(validator):
            return
        run, values = self._open_run, dict(getattr(validator.metrics, "results_dict", {}))
        if validator.training:
            count = len(validator.dataloader)
            losses = {name: total / count for name, total in validator.loss.items()}
            values |= {"loss": summed(losses), **losses}
        if run.stage == "test":
            values = {f"test/{name.removeprefix('metrics/')}": value for name, value in values.items()}
        run.evaluation_end(values)

    # ---- prediction and export -----------------------------------------------------------------------------------

    @_ordinarily
    def on_predict_start(self, predictor: Any) -> None:
        """A prediction begins."""
        if not self._training:
            self._alone()
            self._in_batch = False
            self._open_run.evaluation_start("predict")

    @_ordinarily
    def on_predict_batch_start(self, predictor: Any) -> None:
        """A batch of a prediction begins; with ``embed=`` Ultralytics does not tell that the one before has ended."""
        if not self._training:
            if self._in_batch:
                self._end_prediction_batch()
            self._in_batch, self._batch = True, len(predictor.batch[0])
            self._open_run.evaluation_batch_start(predictor.batch)

    @_ordinarily
    def on_predict_batch_end(self, predictor: Any) -> None:
        """A batch of a prediction ends."""
        if not self._training:
            self._end_prediction_batch()

    def _end_prediction_batch(self) -> None:
        self._in_batch = False
        self._open_run.evaluation_batch_end(self._batch)

    @_ordinarily
    def on_predict_end(self, predictor: Any) -> None:
        """A prediction ends."""
        if not self._training:
            if self._in_batch:
                self._end_prediction_batch()
            self._open_run.evaluation_end({})

    def on_export_start(self, exporter: Any) -> None:
        """An export begins."""
        if not self._training:
            self._alone()
            self._open_run.export_start()

    def on_export_end(self, exporter: Any) -> None:
        """An export ends."""
        if not self._training:
            self._open_run.export_end()

    def _evaluated(self, error: BaseException | None) -> None:
        if self._training or self.run is None:
            return
        if error is not None:
            self.run.fail(error)
            return
        if self.run.stage == "predict":  # whoever took its results from a stream has had enough of them
            self.run.evaluation_end({})
        self.run.close()
