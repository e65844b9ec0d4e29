from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import pytest

from lineside.dispatch.signals import SignalGuard

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")


@pytest.fixture
def received() -> list[signal.Signals]:
    return []


@pytest.fixture
def guard(received: list[signal.Signals]) -> Iterator[SignalGuard]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    guard = SignalGuard(received.append)
    yield guard
    guard.restore()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_first_signal_of_a_kind_is_a_request(guard: SignalGuard, received: list[signal.Signals]) -> None:
    assert guard.install()
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    assert received == [signal.SIGTERM, signal.SIGINT]


def test_a_second_ctrl_c_raises_at_once(guard: SignalGuard, received: list[signal.Signals]) -> None:
    guard.install()
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert received == [signal.SIGINT]


def test_a_second_sigterm_is_patient(guard: SignalGuard, received: list[signal.Signals]) -> None:
    guard.install()
    for _ in range(3):
        signal.raise_signal(signal.SIGTERM)
    assert set(received) == {signal.SIGTERM}


def test_the_former_handlers_come_back(guard: SignalGuard) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    guard.install()
    assert signal.getsignal(signal.SIGINT) != before[0]
    guard.restore()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    guard.restore()


def test_a_handler_of_the_users_own_is_left_alone(guard: SignalGuard, received: list[signal.Signals]) -> None:
    mine: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: mine.append(number))
    guard.install()
    signal.raise_signal(signal.SIGTERM)
    assert mine == [signal.SIGTERM]
    assert received == []


def test_another_thread_than_the_main_one_handles_nothing(guard: SignalGuard) -> None:
    before = signal.getsignal(signal.SIGINT)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(guard.install()))
    thread.start()
    thread.join()
    assert answers == [False]
    assert signal.getsignal(signal.SIGINT) == before


FORKED = """
    import os, signal
    from lineside.dispatch.signals import SignalGuard

    guard = SignalGuard(lambda received: print("a request of the worker", flush=True))
    guard.install()
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        print("alive", flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        print("still alive", flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print("ended by", os.WTERMSIG(status), flush=True)
"""


def test_a_forked_worker_survives_the_ctrl_c_of_its_group_and_ends_when_it_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKED)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.splitlines() == ["alive", f"ended by {int(signal.SIGTERM)}"]
