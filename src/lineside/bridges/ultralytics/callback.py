"""Ultralytics' events become ours. What Ultralytics does differently ends here."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from lineside.backends.torch.sizes import Sizes
from lineside.bridges.ultralytics import ranks
from lineside.bridges.ultralytics.ended import EndedRun
from lineside.bridges.ultralytics.follower import Follower
from lineside.bridges.ultralytics.going_on import go_on
from lineside.bridges.ultralytics.host import SUFFIX, UltralyticsHost, evaluating_host
from lineside.bridges.ultralytics.integrations import check_integrations, switch
from lineside.bridges.ultralytics.losses import found_by, scalars, summed, with_sums
from lineside.bridges.ultralytics.luggage import Luggage
from lineside.bridges.ultralytics.ordinarily import ordinarily
from lineside.bridges.ultralytics.post import Post
from lineside.bridges.ultralytics.relay import EVENTS, Relay
from lineside.bridges.ultralytics.unseen import Counted, UnseenBatches, sizes_of, stands_in
from lineside.bridges.ultralytics.watched import Watched
from lineside.errors import OptionError, RunStateError
from lineside.run.driven import DrivenRun

_PLACES = ("project", "name", "save_dir", "exist_ok", "resume", "mode")
"""Arguments that say where Ultralytics writes: they differ between the attempts of one run."""


class UltralyticsCallback:
    """Carries callbacks of Lineside; made by `lineside.ultralytics`.

    An epoch of ours begins with its first batch, when Ultralytics has stepped its schedule and put the model into
    training mode. The validation of ``best.pt`` behind the last epoch, with its further ``on_fit_epoch_end``, is
    nobody's.

    On several devices Ultralytics trains in other processes, and sends its callbacks there. This one arrives with its
    callbacks, which run on rank zero; see `Follower` for the others.

    Args:
        luggage: callbacks and options.
        yolo: the model of Ultralytics; None in a process to which the callbacks were sent.

    Attributes:
        run: the run of the newest training, validation, prediction or export; None before. Of a training on several
            devices it is an `EndedRun`, read from the run's directory.
    """

    def __init__(self, luggage: Luggage, yolo: Any = None) -> None:
        self.callbacks = list(luggage.callbacks)
        self.run: DrivenRun | EndedRun | None = None
        self._luggage = luggage
        self._yolo = yolo
        self._sent: Post | None = None
        self._several = False
        self._directory: Path | None = None
        self._host: UltralyticsHost | None = None
        self._outer: BaseException | None = None
        self._training = self._in_batch = self._begins_epoch = False
        self._shows_batches = self._counts_steps = False
        self._counted, self._predicted = Counted(), 0
        self._aside: UnseenBatches | None = None
        self._sizes: Sizes | None = None
        self._validated: Sizes | None = None
        self._logged: dict[str, Any] = {}
        self._own_metrics: Any = None
        self._joined_losses: Mapping[str, Any] = {}
        if yolo is not None:
            self._register(yolo)

    def _register(self, yolo: Any) -> None:
        if not all(hasattr(yolo, part) for part in ("add_callback", "train", "val", "predict", "export")):
            raise OptionError(f"lineside.ultralytics(yolo) takes a YOLO of Ultralytics, not a {type(yolo).__name__}.")
        check_integrations(self._luggage.integrations)
        for event in EVENTS:
            yolo.add_callback(event, Relay(self, event))
        yolo.train = Watched(yolo, "train", self._trained)
        for method in ("val", "predict", "export"):
            setattr(yolo, method, Watched(yolo, method, self._evaluated))

    def __deepcopy__(self, memo: dict[int, Any]) -> UltralyticsCallback:
        """One object serves a model and its copies: it holds runs and locks."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel into the processes of a training on several devices, without what is open here."""
        self._luggage.check()
        if self._sent is not None:
            self._sent.close()
        self._sent = Post.open()
        return arrive, (replace(self._luggage, post=self._sent),)

    @property
    def _open_run(self) -> DrivenRun:
        if not isinstance(self.run, DrivenRun):
            raise RunStateError("Ultralytics called a hook of the training without on_pretrain_routine_end.")
        return self.run

    # ---- training ------------------------------------------------------------------------------------------------

    def on_pretrain_routine_start(self, trainer: Any) -> None:
        """A trainer has just been made, with Ultralytics' integrations in it."""
        self._outer = sys.exc_info()[1]
        self._training = False
        switch(self._luggage.integrations, trainer.callbacks)

    def on_pretrain_routine_end(self, trainer: Any) -> None:
        """Open the run; model, average, optimizer and schedule are in their places."""
        luggage = self._luggage
        self._several = ranks.is_several(trainer)
        self._host = UltralyticsHost(trainer)
        hparams = luggage.hparams
        if hparams is None:
            hparams = {name: value for name, value in vars(trainer.args).items() if name not in _PLACES}
        agreement = ranks.BetweenEpochs() if self._several else None
        run = self.run = DrivenRun(
            host=self._host,
            callbacks=self.callbacks,
            hparams=hparams,
            agreement=agreement,
            **luggage.place,
            **luggage.resume,
        )
        if agreement is not None:
            agreement.run, run.world_size = run, trainer.world_size
        run.has_validation = bool(trainer.args.val)
        run.open()
        if luggage.resume["resume"] is not None and trainer.args.resume:
            run.check_host_file(trainer.args.resume, SUFFIX)
        run.echo = lambda values, _: self._logged.update(values)
        self._shows_batches = run.shows_batches
        self._counts_steps, run.completes = not self._host.announces_steps, with_sums
        self._directory, self._training, self._in_batch = run.dir, True, False
        self._logged, self._own_metrics = {}, None
        if luggage.post is not None:
            luggage.post.leave_run(run.dir)
        if run.epoch >= trainer.epochs:
            raise RunStateError(
                f"The run {run.name} has all of its {trainer.epochs} epochs: there is nothing to go on with. Pass a "
                "larger epochs= to yolo.train, or begin a new run with resume=None."
            )
        if run.epoch:
            go_on(trainer, run.epoch)
        self._tell()

    def _tell(self) -> None:
        """Between two epochs, tell other processes what was done to the model."""
        run, host = self._open_run, self._host
        if self._several and host is not None:
            restored = tuple(host.put_back)
            host.put_back.clear()
            ranks.tell(ranks.Word(restored, host.rates(), run.epoch, run.stopping))

    def on_train_start(self, trainer: Any) -> None:
        """Training begins, or goes on."""
        self._open_run.train_start(epochs=trainer.epochs)
        self._tell()
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
        self._give_hooks_back()
        self._counted = Counted(updates=trainer.ema.updates)

    def on_train_batch_start(self, trainer: Any) -> None:
        """A batch begins."""
        run, loader, self._in_batch = self._open_run, trainer.train_loader, True
        if self._counted.batches == 0:
            self._sizes = sizes_of(loader, run.world_size)
            if self._begins_epoch:
                self._begins_epoch = False
                run.epoch_start(trainer.epoch)
            run.total_batches = len(loader)
            if run.unseen and self._counts_steps and stands_in(self, trainer.callbacks):
                self._aside = UnseenBatches(self, trainer.callbacks, run, self._counted, self._sizes)
        if not run.unseen:
            run.batch_start()

    def on_train_batch_end(self, trainer: Any) -> None:
        """A batch ends: publish its losses, unread, and come to a safe point."""
        run, counted, losses = self._open_run, self._counted, dict(trainer.loss_items)
        size = 1 if self._sizes is None else self._sizes.of(counted.batches)
        self._in_batch = False
        counted.batches += 1
        if self._shows_batches:
            run.loss = summed(losses)
        steps = trainer.ema.updates - counted.updates if self._counts_steps else 0
        if run.batch_end(None, losses, size=size, steps=steps) and not self._several:
            trainer.stop = True
        # Read anew: a callback may have put back an average that was updated less often.
        counted.updates = trainer.ema.updates

    def _give_hooks_back(self) -> None:
        """Put the hooks of a batch back, if others took their places."""
        if self._aside is not None:
            self._aside.leave()
            self._aside = None

    def on_train_epoch_end(self, trainer: Any) -> None:
        """The training part of an epoch ends; at the end of its time Ultralytics leaves a batch without telling."""
        run = self._open_run
        if self._aside is not None:
            run.count()
            self._in_batch = trainer.ema.updates > self._counted.updates
        self._give_hooks_back()
        if self._in_batch:
            self.on_train_batch_end(trainer)
        run.train_epoch_end()

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
        self._tell()
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
        self._give_hooks_back()
        if not isinstance(self.run, DrivenRun):
            return
        error, post = sys.exc_info()[1], self._luggage.post
        if error is not None and error is not self._outer:
            self.run.fail(error)
            return
        self.run.close()
        if post is not None and self._host is not None and self._host.restored is not None:
            post.leave_weights(self._host.restored)

    def _trained(self, error: BaseException | None) -> None:
        """Behind `train` the model is that of best.pt, unless callbacks have put other weights back."""
        self._training = False
        restored = None if self._host is None else self._host.restored
        if self._sent is not None:
            restored = self._sent.weights()
            self._take_delivery(self._sent, error)
        if error is None and restored is not None:
            self._yolo.model.load_state_dict(restored)
        self._host = None

    def _take_delivery(self, sent: Post, error: BaseException | None) -> None:
        """Read what other processes have left of their run."""
        directory, self._sent = sent.run(), None
        sent.close()
        if directory is None:
            return
        self._directory, run = directory, EndedRun(directory)
        self.run = run
        run.give_back(self.callbacks)
        if error is not None:
            error.add_note(f"The run {run.name} is {run.status}: {run.reason}. It lies in {run.dir}.")

    # ---- validation ----------------------------------------------------------------------------------------------

    @ordinarily
    def on_val_start(self, validator: Any) -> None:
        """A validation begins, within the training or on its own."""
        if self._is_foreign(validator):
            return
        if not validator.training:
            self._alone()
        run = self._open_run
        stage: Literal["val", "test"] = "test" if not validator.training and validator.args.split == "test" else "val"
        run.evaluation_start(stage)
        run.total_batches, self._validated = len(validator.dataloader), sizes_of(validator.dataloader, run.world_size)

    def _is_foreign(self, validator: Any) -> bool:
        """Tell whether this is the validation of best.pt behind the last epoch."""
        return self._training and not validator.training

    def _alone(self) -> None:
        self.run = DrivenRun.for_evaluation(
            self._directory,
            host=evaluating_host(self._yolo.model),
            callbacks=self.callbacks,
            hparams=self._luggage.hparams or {},
            **self._luggage.place,
        )
        self._several = False
        self.run.open()

    @ordinarily
    def on_val_batch_start(self, validator: Any) -> None:
        """A batch of a validation begins."""
        if not self._is_foreign(validator):
            self._open_run.evaluation_batch_start()

    @ordinarily
    def on_val_batch_end(self, validator: Any) -> None:
        """A batch of a validation ends; behind the last one the losses of all processes are joined."""
        if self._is_foreign(validator):
            return
        run = self._open_run
        run.evaluation_batch_end(self._validated.of(validator.batch_i) if self._validated else 1)
        if self._several and validator.training and validator.batch_i + 1 == len(validator.dataloader):
            self._joined_losses = ranks.mean_losses(validator)

    @ordinarily
    def on_val_end(self, validator: Any) -> None:
        """A validation ends: what it has found stands in the validator, and reaches the trainer only later."""
        if self._is_foreign(validator):
            return
        run = self._open_run
        run.evaluation_end(found_by(validator, run.stage, self._joined_losses if self._several else None))

    # ---- prediction and export -----------------------------------------------------------------------------------

    @ordinarily
    def on_predict_start(self, predictor: Any) -> None:
        """A prediction begins."""
        if not self._training:
            self._alone()
            self._in_batch = False
            self._open_run.evaluation_start("predict")

    @ordinarily
    def on_predict_batch_start(self, predictor: Any) -> None:
        """A batch of a prediction begins; with ``embed=`` Ultralytics does not tell that the one before has ended."""
        if not self._training:
            self._end_prediction_batch()
            self._in_batch, self._predicted = True, len(predictor.batch[0])
            self._open_run.evaluation_batch_start(predictor.batch)

    @ordinarily
    def on_predict_batch_end(self, predictor: Any) -> None:
        """A batch of a prediction ends."""
        if not self._training:
            self._end_prediction_batch()

    def _end_prediction_batch(self) -> None:
        if self._in_batch:
            self._in_batch = False
            self._open_run.evaluation_batch_end(self._predicted)

    @ordinarily
    def on_predict_end(self, predictor: Any) -> None:
        """A prediction ends."""
        if not self._training:
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
        if self._training or not isinstance(self.run, DrivenRun):
            return
        if error is not None:
            self.run.fail(error)
            return
        if self.run.stage == "predict":  # whoever took its results from a stream has had enough of them
            self.run.evaluation_end({})
        self.run.close()


def arrive(luggage: Luggage) -> UltralyticsCallback | Follower:
    """Return the bridge in a process that Ultralytics has started; callbacks run on rank zero."""
    return UltralyticsCallback(luggage) if int(os.environ.get("RANK", "-1")) < 1 else Follower()
