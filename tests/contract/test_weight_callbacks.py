"""The callbacks that average and freeze weights, in the suite that every callback runs."""

from __future__ import annotations

from typing import Any

from lineside.callback import Callback
from lineside.callbacks.ema import EMA
from lineside.callbacks.freeze_unfreeze import FreezeUnfreeze
from lineside.callbacks.swa import SWA
from lineside.testing import CallbackContract, FakeModel
from lineside.testing.fake_view import FakeRunOptions


class OfWeights(CallbackContract):
    """Each run has a model of its own, which one callback averages or freezes."""

    inline_only = True
    alone = True

    @property
    def _options(self) -> FakeRunOptions:
        names = ("body.weight", "body.bias", "head.weight")
        return {
            "lr": {"body": 0.1, "head": 0.01},
            "batches": 2,
            "epochs": 6,
            "model": FakeModel({name: [1.0, -2.0] for name in names}, statistics=["body.bn.running_mean"]),
        }


class TestEMA(OfWeights):
    def make(self, **options: Any) -> Callback:
        return EMA(0.9, start="3 steps", **options)


class TestSWA(OfWeights):
    def make(self, **options: Any) -> Callback:
        return SWA("50%", 0.05, anneal_epochs=2, **options)


class TestFreezeUnfreeze(OfWeights):
    def make(self, **options: Any) -> Callback:
        return FreezeUnfreeze("body.*", {"2 epochs": "body.bias", "7 steps": "body.*"}, **options)


del OfWeights  # it is no suite of its own
