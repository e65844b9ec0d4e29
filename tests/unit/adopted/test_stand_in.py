from __future__ import annotations

import copy

import pytest

from lineside.adopted.stand_in import Absent, Arguments, StandIn, only_optimizer, only_rate
from lineside.errors import AdoptedError, RequestRefused
from lineside.testing import FakeRun


class Engine(StandIn):
    @property
    def epoch(self):
        return self._run.epoch

    @property
    def broken(self):
        raise AttributeError("inner")


def engine() -> Engine:
    return Engine(FakeRun(), "keras-monitor", "self.model")


def test_what_is_there_is_read() -> None:
    assert engine().epoch == 0


def test_what_is_not_there_is_named_with_the_host() -> None:
    with pytest.raises(
        AdoptedError, match=r"'keras-monitor' reaches for self\.model\.layers.*'fake'.*epoch"
    ) as refusal:
        _ = engine().layers
    assert isinstance(refusal.value, AttributeError)
    assert not hasattr(engine(), "layers")


def test_what_cannot_be_set_is_named() -> None:
    with pytest.raises(AdoptedError, match=r"self\.model\.epoch"):
        engine().epoch = 3
    with pytest.raises(AdoptedError, match=r"self\.model\.trainable"):
        engine().trainable = False


def test_private_names_are_the_callbacks_own() -> None:
    one = engine()
    one._logger = "mine"
    assert one._logger == "mine"


def test_an_error_within_a_property_stays_what_it_is() -> None:
    with pytest.raises(AttributeError, match="inner"):
        _ = engine().broken


def test_arguments_come_from_the_nearest_source() -> None:
    run = FakeRun(hparams={"optimizer": "sgd", "epochs": 99})
    args = Arguments(run, "mine", "args", lambda run: {"epochs": 3, "seed": run.rank}, {"seed": 7})
    assert (args.seed, args.epochs, args.optimizer) == (7, 3, "sgd")
    with pytest.raises(AdoptedError, match=r"args\.fp16.*optimizer.*arguments="):
        _ = args.fp16


def test_an_absent_object_may_be_passed_on_and_not_used() -> None:
    one = Absent("train_dataloader", "mine", "trainer")
    assert one is not None
    with pytest.raises(AdoptedError, match=r"train_dataloader\.dataset.*'trainer'"):
        _ = one.dataset
    assert isinstance(copy.copy(one), Absent)


def test_one_rate_of_one_group() -> None:
    assert only_rate(FakeRun(lr={"": 0.5})) == 0.5
    with pytest.raises(RequestRefused, match="body, head"):
        only_rate(FakeRun(lr={"body": 0.5, "head": 0.1}))


def test_one_optimizer_or_none() -> None:
    assert only_optimizer(FakeRun(optimizers={"": "sgd"})) == "sgd"
    assert only_optimizer(FakeRun()) is None
