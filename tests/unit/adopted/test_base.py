from __future__ import annotations

import logging

import pytest

from lineside.adopted import adopt
from lineside.errors import AdoptedError, CallbackDefinitionError
from lineside.testing import FakeRun


class Counter:
    def __init__(self):
        self.epochs = 0

    def on_epoch_end(self, trainer):
        self.epochs += 1

    def state_dict(self):
        return {"epochs": self.epochs}

    def load_state_dict(self, state):
        self.epochs = state["epochs"]


class Stateless:
    def on_epoch_end(self, trainer):
        pass


class Late(Counter):
    """Makes its attribute in a hook."""

    def __init__(self):
        pass

    def on_train_start(self, trainer):
        self.epochs = 0


def test_state_is_resumed() -> None:
    run = FakeRun([adopt(Counter())])
    run.epoch_end(loss=0.5)
    again = Counter()
    resumed = FakeRun.resumed(run.state(), [adopt(again)])
    resumed.epoch_end(loss=0.4)
    assert again.epochs == 2


def test_an_object_that_shows_its_state_begins_anew_in_a_second_fit() -> None:
    counter = Counter()
    callback = adopt(counter)
    FakeRun([callback]).play(3)
    FakeRun([callback]).play(2)
    assert counter.epochs == 2


def test_an_object_without_attributes_before_its_first_hook_is_left_alone() -> None:
    late = Late()
    FakeRun([adopt(late)]).play(2)
    assert late.epochs == 2


def test_what_is_not_resumable_is_said_once_and_louder_when_it_is_resumed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lineside")
    run = FakeRun([adopt(Stateless())])
    run.epoch_end(loss=0.5)
    run.epoch_end(loss=0.5)
    FakeRun.resumed(run.state(), [adopt(Stateless())]).epoch_end(loss=0.5)
    said = [(record.levelname, "not resumable" in record.getMessage()) for record in caplog.records]
    assert said == [("INFO", True), ("WARNING", True)]


def test_what_has_nothing_to_save_saves_nothing() -> None:
    assert not adopt(Stateless()).has_state
    assert adopt(Counter()).has_state


def test_an_unknown_hook_is_refused_with_the_nearest() -> None:
    def on_fit_epoch_ends(trainer):
        pass

    with pytest.raises(CallbackDefinitionError, match="Did you mean 'on_fit_epoch_end'"):
        adopt(on_fit_epoch_ends)


def test_a_hook_without_a_counterpart_says_why_and_what_to_do() -> None:
    with pytest.raises(CallbackDefinitionError, match=r"on_params_update has no counterpart.*on_params_update = None"):
        adopt({"on_params_update": lambda trainer: None})


def test_reaching_beyond_names_attribute_and_host() -> None:
    def on_epoch_end(trainer):
        trainer.ema.update()

    with pytest.raises(AdoptedError, match=r"trainer\.ema.*'fake'"):
        FakeRun([adopt(on_epoch_end)]).epoch_end(loss=0.5)
