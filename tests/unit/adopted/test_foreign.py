from __future__ import annotations

import pytest

from lineside.adopted.foreign import check_callable, label_of, parameters_of, written_hooks
from lineside.errors import CallbackDefinitionError


class Base:
    def on_epoch_end(self, epoch, logs=None):
        pass

    def on_train_begin(self, logs=None):
        pass


Base.__name__, Base.__module__ = "Callback", "keras.src.callbacks.callback"


class Mine(Base):
    helper = 3

    def on_epoch_end(self, epoch, logs=None):
        pass

    def save(self):
        pass


def on_train_end(trainer):
    pass


def test_what_the_framework_holds_is_left_out() -> None:
    assert list(written_hooks(Mine())) == ["on_epoch_end"]


def test_a_hook_of_the_object_itself_counts() -> None:
    mine = Mine()
    mine.on_train_begin = lambda logs=None: None
    assert list(written_hooks(mine)) == ["on_epoch_end", "on_train_begin"]


def test_a_hook_that_is_none_is_switched_off() -> None:
    mine = Mine()
    mine.on_epoch_end = None
    assert written_hooks(mine) == {}


def test_a_dictionary_may_hold_functions_and_lists_of_them() -> None:
    given = {"on_train_end": on_train_end, "on_val_end": [on_train_end, on_train_end]}
    assert {name: len(members) for name, members in written_hooks(given).items()} == {
        "on_train_end": 1,
        "on_val_end": 2,
    }


def test_a_function_is_its_own_hook() -> None:
    assert written_hooks(on_train_end) == {"on_train_end": [on_train_end]}
    assert label_of(on_train_end) == "on_train_end"


def test_names_of_parameters() -> None:
    assert parameters_of(Mine().on_epoch_end) == ["epoch", "logs"]


def test_a_coroutine_is_refused() -> None:
    async def on_train_end(trainer):
        pass

    with pytest.raises(CallbackDefinitionError, match="coroutine"):
        check_callable("on_train_end", on_train_end, ["trainer"])


def test_a_wrong_signature_is_refused_with_both() -> None:
    with pytest.raises(CallbackDefinitionError, match=r"\(trainer\) and is called with \(epoch, logs\)"):
        check_callable("on_train_end", on_train_end, ["epoch", "logs"])
