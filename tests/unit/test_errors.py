from __future__ import annotations

import inspect

import pytest

from lineside import errors
from lineside.errors import LinesideError, MetricNotFound, MissingDependency, NotInline, nearest

ALL = [member for _, member in inspect.getmembers(errors, inspect.isclass) if member.__module__ == errors.__name__]


@pytest.mark.parametrize("error", ALL)
def test_every_error_is_one_of_ours(error: type) -> None:
    assert issubclass(error, LinesideError)
    assert error.__doc__


@pytest.mark.parametrize(
    ("error", "familiar"),
    [
        (errors.CallbackDefinitionError, TypeError),
        (errors.OptionError, ValueError),
        (errors.CallbackNotFound, LookupError),
        (errors.MetricNotFound, KeyError),
        (errors.RunStateError, RuntimeError),
        (errors.MissingDependency, ImportError),
        (errors.NotInline, AttributeError),
    ],
)
def test_an_error_is_also_what_python_would_raise(error: type, familiar: type) -> None:
    assert issubclass(error, familiar)


def test_a_missing_metric_prints_its_message_and_not_its_repr() -> None:
    assert str(MetricNotFound("There is no metric 'x'.")) == "There is no metric 'x'."


def test_a_missing_library_is_told_with_the_line_that_installs_it() -> None:
    assert "pip install 'lineside[plots]'" in str(MissingDependency("Plots", "matplotlib", "plots"))


def test_hasattr_says_no_to_what_is_inline_only() -> None:
    class Snapshot:
        @property
        def model(self) -> object:
            raise NotInline("not here")

    assert not hasattr(Snapshot(), "model")


def test_the_nearest_word_is_suggested_or_none() -> None:
    assert nearest("val_los", ["val_loss", "train_loss"]) == " Did you mean 'val_loss'?"
    assert nearest("zebra", ["val_loss"]) == ""
