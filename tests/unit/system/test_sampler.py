from __future__ import annotations

import gc
import logging
import threading

import pytest

from lineside.system.sampler import Sampler


class Looker:
    """Counts its looks; a test waits for one."""

    def __init__(self, *, fails: bool = False) -> None:
        self.looks = 0
        self.fails = fails
        self.twice = threading.Event()

    def look(self) -> None:
        self.looks += 1
        if self.looks == 2:
            self.twice.set()
        if self.fails:
            raise OSError("gone")


def test_it_looks_again_and_again_on_its_own_thread() -> None:
    looker = Looker()
    sampler = Sampler(looker.look, 0.001, "eyes")
    sampler.start()
    assert looker.twice.wait(30)
    sampler.close()
    looks = looker.looks
    assert "lineside-eyes" not in {thread.name for thread in threading.enumerate()}
    assert looker.looks == looks


def test_a_look_that_fails_is_logged_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    looker = Looker(fails=True)
    sampler = Sampler(looker.look, 0.001, "eyes")
    with caplog.at_level(logging.ERROR, logger="lineside"):
        sampler.start()
        assert looker.twice.wait(30)
        sampler.close()
    assert len(caplog.records) == 1
    assert "Looker.look" in caplog.text


def test_it_ends_when_nobody_keeps_the_object() -> None:
    looker = Looker()
    sampler = Sampler(looker.look, 0.001, "orphan")
    sampler.start()
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "lineside-orphan")
    del looker
    gc.collect()
    thread.join(30)
    assert not thread.is_alive()


def test_a_sampler_that_is_closed_at_once_has_not_looked() -> None:
    looker = Looker()
    sampler = Sampler(looker.look, 3600.0, "eyes")
    sampler.start()
    sampler.close()
    assert looker.looks == 0
