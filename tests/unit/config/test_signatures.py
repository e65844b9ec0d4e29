from __future__ import annotations

import functools
from inspect import Parameter
from typing import TYPE_CHECKING, Any, Unpack

import torch

from lineside.callback import CallbackOptions
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.config.signatures import options_of

if TYPE_CHECKING:
    from decimal import Decimal


def some(a, /, b: int, *more: Any, c: str = "x", d: Decimal | None = None, e=True) -> None:
    """Do it.

    Args:
        c: a text.
    """


def test_options_have_annotation_default_and_description() -> None:
    options = options_of(some)
    assert list(options.named) == ["b", "c", "d", "e"]
    assert options.positional == ("a", "b")
    assert (options.more_positions, options.more_names) == (True, False)
    assert (options.named["b"].annotation, options.named["b"].required) == (int, True)
    assert (options.named["c"].default, options.named["c"].description) == ("x", "a text.")
    # What only a type checker imports spoils no other annotation.
    assert options.named["d"].annotation is options.named["e"].annotation is Parameter.empty


def test_the_common_options_of_callbacks_are_taken_apart() -> None:
    options = options_of(EarlyStopping)
    assert set(CallbackOptions.__annotations__) | {"patience", "monitor"} <= set(options.named)
    assert not options.named["on_error"].required
    assert options.more_names is False
    assert "after which to stop" in options.named["patience"].description


def test_any_name_is_taken_by_keywords_without_types() -> None:
    def loose(**anything: Any) -> None: ...

    def typed(**options: Unpack[CallbackOptions]) -> None: ...

    assert options_of(loose).more_names is True
    assert set(options_of(typed).named) == set(CallbackOptions.__annotations__)


def test_classes_of_others_can_be_looked_at() -> None:
    options = options_of(torch.optim.SGD)
    assert options.named["params"].required
    assert options.named["nesterov"].annotation is bool
    assert options.positional[:2] == ("params", "lr")


def test_what_cannot_be_looked_at_takes_anything() -> None:
    options = options_of(torch.relu)
    assert (options.named, options.more_positions, options.more_names) == ({}, True, True)


def test_what_a_partial_function_binds_may_be_given_again() -> None:
    options = options_of(functools.partial(some, 1, 2))
    assert list(options.named) == ["c", "d", "e"]
