from __future__ import annotations

from typing import Any

import pytest

from lineside.callback import Callback
from lineside.errors import AttachError, CallbackNotFound, OptionError
from lineside.run.attach import attach, check_weight_files, described
from lineside.run.plain_host import PlainHost
from tests.unit.run.toys import Made

HOST = PlainHost()


def attached(*items: Any) -> list[Callback]:
    return attach(items, HOST.name, HOST.capabilities)


def test_objects_and_names_become_callbacks_in_their_order() -> None:
    first = Made("first")
    callbacks = attached(first, "log-metrics", Made("last"))
    assert [callback.name for callback in callbacks] == ["first", "log-metrics", "last"]
    assert callbacks[0] is first


def test_a_preset_stands_for_several() -> None:
    with pytest.raises(AttachError, match="reduce-lr-on-plateau"):  # the plain host has no learning rate
        attached("iron-triangle")


def test_a_name_that_nobody_registered_is_refused() -> None:
    with pytest.raises(CallbackNotFound, match="Did you mean 'log-metrics'"):
        attached("log-metric")


def test_two_of_one_name_are_refused_with_the_fix() -> None:
    with pytest.raises(AttachError, match=r"Two callbacks are called 'made'.*name='made-2'"):
        attached(Made(), Made())
    assert len(attached(Made(), Made(name="made-2"))) == 2


def test_what_a_callback_needs_and_the_host_lacks_is_named_with_the_reason() -> None:
    class NeedsModel(Callback):
        needs = frozenset({"model"})

    class Gradients(Callback):
        def on_backward_end(self, run: Any) -> None:
            pass

    with pytest.raises(
        AttachError, match=r"'needs-model'.* needs model, which the host 'loop' .*has no model: pass model="
    ):
        attached(NeedsModel())
    with pytest.raises(AttachError, match=r"'gradients'.* needs on_backward_end"):
        attached(Gradients())


def test_an_optional_hook_may_be_missing() -> None:
    class Lenient(Callback):
        optional_hooks = frozenset({"on_backward_end"})

        def on_backward_end(self, run: Any) -> None:
            pass

    assert len(attached(Lenient())) == 1


def test_one_that_is_disabled_may_need_anything() -> None:
    class NeedsModel(Callback):
        needs = frozenset({"model"})

    assert len(attached(NeedsModel(enabled=False))) == 1


def test_common_options_are_checked_again() -> None:
    callback = Made()
    callback.ranks = "one"  # type: ignore[assignment]
    with pytest.raises(OptionError, match="ranks='one'"):
        attached(callback)


def test_a_weight_file_that_the_host_cannot_write_is_refused_at_once() -> None:
    callback = Made()
    callback.weight_files = ("best.pt",)
    with pytest.raises(OptionError, match=r"'\.pt'"):
        check_weight_files([callback], HOST)
    callback.enabled = False
    check_weight_files([callback], HOST)


def test_callbacks_know_of_each_other_names_kinds_and_plain_options() -> None:
    callback = Made("watch", close_timeout=3.0)
    callback.patience, callback.mode, callback.history, callback._hidden = 3, None, [1, 2], 4
    (info,) = described([callback])
    assert (info.name, info.kind, info.enabled) == ("watch", "Made", True)
    assert info.options == {"name": "watch", "close_timeout": 3.0, "patience": 3, "mode": None}


def test_what_is_secret_is_not_among_the_options() -> None:
    callback = Made("mail")
    callback.password, callback.channel, callback.address = "hunter2", "hunter2", "smtp://me:hunter2@host"
    callback.hidden_options = frozenset({"channel"})
    (info,) = described([callback])
    assert info.options == {"name": "mail"}
