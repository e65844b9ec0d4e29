"""What a background callback publishes when the run is nearly over is on record all the same."""

from __future__ import annotations

from typing import Any

import pytest

from lineside.store import RunReader
from tests.unit.run.toys import Gate, Made, MakeRun, events, train


def last_words(run: Any) -> None:
    run.log({"system/late": 7.0})
    run.alert("One thing more")


@pytest.mark.parametrize("hook", ["on_train_end", "on_teardown"])
def test_values_and_alerts_of_the_last_hooks_are_recorded(make_run: MakeRun, hook: str) -> None:
    gate = Gate()

    def late(run: Any) -> None:
        gate()
        last_words(run)

    with make_run(Made("behind", **{hook: late}, background=True)) as run:
        close_lanes = run.wiring.close_lanes

        def close() -> list[str]:
            gate.open.set()  # the training thread has looked into the mail for the last time
            return close_lanes()

        run.wiring.close_lanes = close
        train(run, 1)
    with RunReader.open(run.dir) as reader:
        assert list(reader.series("system/late").values) == [7.0]
    assert [alert["title"] for alert in events(run, "alert")] == ["One thing more"]
