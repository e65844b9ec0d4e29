"""The bridge in the processes beside rank zero, where no callback runs: it does to the model what rank zero does."""

from __future__ import annotations

from typing import Any

from lineside.bridges.ultralytics import ranks
from lineside.bridges.ultralytics.going_on import go_on
from lineside.bridges.ultralytics.host import UltralyticsHost
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.run.saving import OneDocument


class Follower:
    """Stands where `UltralyticsCallback` stands on rank zero; hooks that it does not have do nothing here."""

    def __init__(self) -> None:
        self._host: UltralyticsHost | None = None
        self._in_epoch = False

    def __getattr__(self, hook: str) -> Any:
        """Return a hook that does nothing."""
        if not (hook.startswith("on_") or hook == "teardown"):
            raise AttributeError(hook)
        return _nothing

    @property
    def _open_host(self) -> UltralyticsHost:
        if self._host is None:
            raise RuntimeError("Ultralytics called a hook of the training without on_pretrain_routine_end.")
        return self._host

    def on_pretrain_routine_end(self, trainer: Any) -> None:
        """Go on from where rank zero goes on."""
        self._host = UltralyticsHost(trainer, owns_files=False)
        word = ranks.listen()
        self._obey(word)
        if word.epoch:
            go_on(trainer, word.epoch)

    def on_train_start(self, trainer: Any) -> None:
        """Do what was asked for before the first batch."""
        word = ranks.listen()
        self._obey(word)
        trainer.stop = trainer.stop or word.stopping

    def on_train_epoch_start(self, trainer: Any) -> None:
        """An epoch is about to begin."""
        self._in_epoch = True
        self._open_host.follow_schedule()

    def on_val_batch_end(self, validator: Any) -> None:
        """Behind the last batch of a validation the losses are joined."""
        if validator.training and validator.batch_i + 1 == len(validator.dataloader):
            ranks.mean_losses(validator)

    def on_fit_epoch_end(self, trainer: Any) -> None:
        """An epoch ends; Ultralytics itself hands rank zero's stop on."""
        if self._in_epoch:
            self._in_epoch = False
            self._obey(ranks.listen())

    def _obey(self, word: ranks.Word) -> None:
        host = self._open_host
        for restored in word.restored:
            saved = OneDocument(Checkpoint.open(restored.path))
            if restored.how == "back":
                host.go_back(saved, same_epoch=restored.same_epoch)
            else:
                host.restore(saved, weights_only=restored.how == "weights")
        host.follow_rates(word.rates)


def _nothing(_: Any) -> None:
    """Do nothing."""
