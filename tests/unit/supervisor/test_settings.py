from __future__ import annotations

import pytest

from lineside.supervisor.settings import Settings


def test_they_travel_in_one_variable_which_children_do_not_get() -> None:
    given = Settings(command=("python", "train.py"), restarts=3, alerts=("$A",), end_stalled=True)
    environment = {"HOME": "/"}
    given.into(environment)
    assert Settings.taken_from(environment) == given
    assert environment == {"HOME": "/"}
    with pytest.raises(KeyError):
        Settings.taken_from(environment)
