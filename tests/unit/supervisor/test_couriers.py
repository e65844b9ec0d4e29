from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from lineside.store.directory import RunDirectory
from lineside.supervisor.couriers import Couriers
from lineside.supervisor.notice import Notice
from lineside.supervisor.settings import Settings

COURIER = """
import json, pathlib, sys
place = pathlib.Path(sys.argv[1])
lines = sys.stdin.read().splitlines()
log = place / "log"
trips = len(log.read_text().splitlines()) if log.exists() else 0
with log.open("a") as file:
    print(json.dumps({"arguments": sys.argv[2:], "titles": [json.loads(line)["title"] for line in lines],
                      "keys": [json.loads(line)["key"] for line in lines]}), file=file)
kind = (place / "kind").read_text()
if kind == "dies" and trips == 0:
    sys.exit("lineside: the disk is full")
print(json.dumps({"waiting": int(kind == "waits"), "failed": 0}))
if kind == "waits":
    print("the receiver answered 500", file=sys.stderr)
"""


class Made:
    """Couriers whose courier writes down what it gets, and whose time is ours."""

    def __init__(self, directory: Path, kind: str, alerts: tuple[str, ...] = ("$OPERATOR",)) -> None:
        self.run = RunDirectory(directory / "run")
        self.run.path.mkdir()
        (self.run.path / "kind").write_text(kind)
        self.now = 100.0
        self.said: list[str] = []
        settings = Settings(command=("python",), alerts=alerts, run_dir=str(directory / "runs"))
        command = (sys.executable, "-c", COURIER)
        self.couriers = Couriers(settings, directory, self.said.append, command, lambda: self.now, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now += 0.01
        if self.couriers._process is not None:
            self.couriers._process.wait()

    def work(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.couriers.tend()
            if self.couriers._process is not None:
                self.couriers._process.wait()
            self.now += 1.0

    @property
    def trips(self) -> list[Any]:

        log = self.run.path / "log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_an_alert_is_carried_at_once_with_the_addresses_and_what_comes_meanwhile_goes_together(tmp_path: Path) -> None:
    made = Made(tmp_path, "arrives")
    made.couriers.send(Notice("one"), made.run)
    made.couriers.send(Notice("two"), made.run)
    made.couriers.send(Notice("three"), made.run)
    made.couriers.close()
    assert [trip["titles"] for trip in made.trips] == [["one"], ["two", "three"]]
    assert made.trips[0]["arguments"] == ["--json", "--wait", "20 s", "--record-stdin", "--to", "$OPERATOR"]
    assert made.said == []


def test_what_waits_is_tried_again_at_growing_intervals_and_said_once(tmp_path: Path) -> None:
    made = Made(tmp_path, "waits")
    made.couriers.send(Notice("one"), made.run)
    made.work(100)
    assert [trip["titles"] for trip in made.trips] == [["one"], [], []]
    assert made.said == ["the receiver answered 500"]
    made.couriers.close()
    assert made.said[1:] == [f"Alerts could not be sent yet. To try again: lineside deliver {made.run.path}"]


def test_what_a_courier_carried_that_died_is_carried_again_under_the_same_key(tmp_path: Path) -> None:
    made = Made(tmp_path, "dies")
    made.couriers.send(Notice("one"), made.run)
    made.work(40)
    first, second = made.trips
    assert first["keys"] == second["keys"]
    assert made.said == ["the disk is full"]


@pytest.mark.parametrize("routes", [True, False])
def test_nobody_is_sent_where_nobody_gave_an_address(tmp_path: Path, routes: bool) -> None:
    made = Made(tmp_path, "arrives", alerts=())
    if routes:
        (made.run.path / "routes.json").write_text("{}")
    made.couriers.send(Notice("one"), made.run)
    made.couriers.send(Notice("of no run"), None)
    made.couriers.deliver(made.run)
    made.couriers.close()
    assert [trip["titles"] for trip in made.trips] == ([["one"]] if routes else [])


def test_what_a_run_left_is_delivered_without_anything_new(tmp_path: Path) -> None:
    made = Made(tmp_path, "arrives")
    (made.run.path / "outbox.db").touch()
    made.couriers.deliver(made.run)
    made.couriers.close()
    assert made.trips == [{"arguments": ["--json", "--wait", "20 s"], "titles": [], "keys": []}]


def test_what_belongs_to_no_run_lies_beside_the_runs_and_is_none_itself(tmp_path: Path) -> None:
    from lineside.store.catalogue import find_runs

    made = Made(tmp_path, "arrives")
    made.couriers.send(Notice("sh died"), None)
    (place,) = (tmp_path / "runs" / ".supervisor").iterdir()
    assert RunDirectory(place).read_record().name == "python"
    assert find_runs(tmp_path / "runs") == []
    made.couriers._process.kill()
    made.couriers._process.wait()
    made.couriers._alerts.clear()
