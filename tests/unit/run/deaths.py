"""Ways in which a training ends before its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from lineside.run import Run
from tests.unit.run.toys import (
    Made,
    MakeRun,
    ask,
    train,
)


def killed(make_run: MakeRun, train_it: Callable[[Run], None], *callbacks: Any) -> None:
    """Train in a forked process, which one of the callbacks kills."""
    child = os.fork()
    if child == 0:
        try:
            with make_run(*callbacks) as run:
                train_it(run)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def kill(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def interrupted(make_run: MakeRun, *callbacks: Any, **options: Any) -> Run:
    with (
        pytest.raises(SystemExit),
        make_run(ask("fate", "on_batch_end", lambda run: signal.raise_signal(15)), *callbacks, **options) as run,
    ):
        train(run)
    return run


class Dies(Exception):
    """The process is gone; nothing of what follows happened."""


def dying(make_run: MakeRun, *callbacks: Any, host: Any = None, epochs: int = 4, **options: Any) -> Run:
    with pytest.raises(Dies), make_run(*callbacks, host=host, **options) as run:
        train(run, epochs=epochs, validation=None)
    return run


def dies_at(step: int) -> Made:
    def hook(run: Any) -> None:
        if run.step == step:
            raise Dies

    return Made("dies", on_error="raise", on_batch_start=hook)


def at_step(step: int, request: Callable[[Any], None], hook: str = "on_batch_end", name: str = "bridge") -> Made:
    def call(run: Any, *payload: Any) -> None:
        if run.step == step:
            request(run)

    return Made(name, **{hook: call})
