from __future__ import annotations

import pytest

from lineside.adopted import adopt
from lineside.errors import AttachError
from lineside.events import Event
from lineside.ports import Capabilities
from lineside.run.attach import attach
from lineside.testing import CallbackContract, FakeRun


class Patience:
    def __init__(self):
        self.best = None

    def on_fit_epoch_end(self, trainer):
        value = trainer.metrics.get("val/loss")
        if self.best is None or (value is not None and value < self.best):
            self.best = value
        else:
            trainer.stop = True

    def state_dict(self):
        return {"best": self.best}

    def load_state_dict(self, state):
        self.best = state["best"]


class TestContract(CallbackContract):
    inline_only = True

    def make(self, **options):
        return adopt(Patience(), **options)


def test_all_hooks_in_their_order() -> None:
    order: list[str] = []
    names = ("on_pretrain_routine_end", "on_pretrain_routine_start", "on_train_start", "on_train_epoch_start")
    names += ("on_train_batch_start", "on_before_zero_grad", "on_train_batch_end", "on_train_epoch_end", "on_val_start")
    names += ("on_val_end", "on_epoch_end", "on_fit_epoch_end", "on_train_end", "teardown")
    functions = {name: lambda trainer, name=name: order.append(name) for name in names}
    run = FakeRun([adopt(functions, style="ultralytics")], batches=1)
    run.epoch_end(loss=0.5, val_loss=0.6)
    run.train_end()
    assert order == ["on_pretrain_routine_start", "on_pretrain_routine_end", *names[2:]]


def test_a_host_that_lacks_the_point_refuses_it() -> None:
    callback = adopt({"on_export_end": lambda exporter: None})
    lacking = Capabilities(frozenset(Event) - {Event.EXPORT_END}, frozenset(), {"on_export_end": "it cannot"})
    with pytest.raises(AttachError, match=r"ultralytics-functions.*on_export_end.*it cannot"):
        attach([callback], "keras", lacking)
