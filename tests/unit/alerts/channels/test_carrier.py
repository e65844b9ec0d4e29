from __future__ import annotations

import threading
from types import ModuleType

import pytest

from lineside.testing.robots import RobotServer

requests = pytest.importorskip("requests")
carrier = pytest.importorskip("lineside.alerts.channels.carrier")


class Plugin:
    """Stands in a module of its own, as plugins do."""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    made = ModuleType("plugin_of_a_test")
    made.requests = requests
    monkeypatch.setitem(__import__("sys").modules, made.__name__, made)
    monkeypatch.setattr(Plugin, "__module__", made.__name__)
    return made


def test_an_answer_is_kept_for_the_one_who_asked(module: ModuleType) -> None:
    with RobotServer() as robots:
        with carrier.exchange(Plugin(), robots.endpoint) as kept:
            module.requests.post("https://example.com/nowhere?x=1", data="{}")
            # Another thread sends as ever, and nothing of it is kept.
            other = threading.Thread(target=module.requests.post, args=(f"{robots.endpoint}/cgi-bin/webhook/send",))
            other.start()
            other.join()
        assert (kept.status, kept.body) == (404, b"no such page")
        assert robots.requests == 2
        assert module.requests.post(f"{robots.endpoint}/x", data="{}", timeout=5).status_code == 404


def test_all_else_is_the_library_itself(module: ModuleType) -> None:
    with carrier.exchange(Plugin(), None):
        assert module.requests.codes is requests.codes
        assert module.requests.RequestException is requests.RequestException
    bound = module.requests
    with carrier.exchange(Plugin(), None):
        assert module.requests is bound


def test_what_failed_is_said_without_the_address(module: ModuleType) -> None:
    with carrier.exchange(Plugin(), None) as kept, pytest.raises(requests.ConnectionError):
        module.requests.post("http://127.0.0.1:9/CANARY")
    assert kept.failure == "the receiver cannot be reached (ConnectionError)"
