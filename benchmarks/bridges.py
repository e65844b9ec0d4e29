"""What a bridge with ten idle callbacks costs a batch, beside one callback of the framework's own that does nothing."""

from __future__ import annotations

import logging
import os
import warnings
from importlib import import_module
from importlib.util import find_spec
from statistics import mean

from benchmarks.hosts.idle import CALLBACKS
from benchmarks.pace import added, in_turns

HOSTS = ("lightning", "transformers", "keras", "ultralytics")
"""Those that this environment has are measured; Keras on the backend of KERAS_BACKEND."""


def main() -> None:
    """Print what each bridge adds."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    os.environ.setdefault("LINESIDE_ADVICE", "off")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # all takes place on one processor
    print(f"  What a bridge with {CALLBACKS} idle callbacks adds to a batch, beside a callback that does nothing")
    print(f"  {'':20} {'Python calls':>13} {'C calls':>9} {'µs':>8} {'±':>6} {'of':>8}")
    for name in HOSTS:
        if find_spec(name) is None:
            continue
        host = import_module(f"benchmarks.hosts.{name}")
        turns = in_turns(host.train, host.BATCHES, only_hooks=host.ONLY_HOOKS)
        (calls, _), (c_calls, _), (micros, error) = added(*turns.calls), added(*turns.c_calls), added(*turns.micros)
        line = f"  {host.NAME:20} {calls:13.0f} {c_calls:9.0f} {micros:8.1f} {error:6.1f}"
        print(f"{line} {mean(turns.micros[False]):8.0f}", flush=True)


if __name__ == "__main__":
    main()
