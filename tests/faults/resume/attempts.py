"""Forks one process per attempt at a training, so that many can be killed without paying the imports each time.

``python attempts.py DIRECTORY SIGNAL MOMENT [MOMENT …]`` prints a line of JSON for an undisturbed training, and one for
each moment: a training that gets the signal at that event, and again at a later one, and then ends by itself.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from training import train

AGAIN = 23
"""Events after a resume at which a training is killed for the second time."""


def attempt(directory: Path, kill_at: int | None, number: signal.Signals = signal.SIGKILL) -> dict[str, Any] | int:
    """Return what a training gave, or how its process ended: a signal's number below 0, or an exit code."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writing, json.dumps(train(directory, kill_at, number)).encode())
            status = 0
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        except BaseException:  # noqa: BLE001 - the parent prints it and fails
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        printed = pipe.read()
    _, status = os.waitpid(child, 0)
    if code := os.waitstatus_to_exitcode(status):
        return code
    result: dict[str, Any] = json.loads(printed)
    return result


def main() -> None:
    """Print the results."""
    directory, number = Path(sys.argv[1]), signal.Signals[sys.argv[2]]
    print(json.dumps(attempt(directory / "undisturbed", None)), flush=True)
    for moment in map(int, sys.argv[3:]):
        place = directory / str(moment)
        first = attempt(place, moment, number)
        step = int((place / "step").read_text())
        left = sorted(path.name for path in place.glob("*/*/checkpoints/epoch*"))
        second = attempt(place, AGAIN, number)
        last = second if isinstance(second, dict) else attempt(place, None)
        print(json.dumps({"first": first, "step": step, "left": left, "last": last}), flush=True)


if __name__ == "__main__":
    main()
