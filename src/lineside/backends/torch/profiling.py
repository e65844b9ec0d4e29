"""torch's profiler behind the model port."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerAction, profile

from lineside.errors import RunStateError
from lineside.profiling import OperatorCost

_STEP = "ProfilerStep"
"""How torch's profiler marks a step; no operator."""

_COMPRESSION = 3
"""A trace shrinks to a tenth at once; higher levels take three times as long for little more."""


class TorchProfiling:
    """``torch.profiler`` over steps that bear the numbers of the run; see `lineside.profiling.Profiles` for options.

    Operators on the CPU are recorded always, and those on every accelerator that this build of torch can profile.
    """

    def __init__(
        self,
        step: int,
        first: int,
        *,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
    ) -> None:
        if torch.autograd._profiler_enabled():  # type: ignore[attr-defined] # noqa: SLF001 - nothing else tells
            raise RunStateError(
                "A profiler of torch is at work already, and there can be one: end it first, or leave out ProfileSteps."
            )

        def action(number: int) -> ProfilerAction:
            # The profiler asks for step 0 when it is made, which stands for the step that begins now.
            return ProfilerAction.RECORD if (number or step) >= first else ProfilerAction.WARMUP

        self._profile = profile(
            schedule=action, record_shapes=record_shapes, profile_memory=profile_memory, with_stack=with_stack
        )
        self._profile.step_num = step
        self._profile.start()

    def step(self) -> None:
        """Tell that a step is over and the next one begins."""
        self._profile.step()

    def stop(self) -> list[OperatorCost]:
        """Stop; waits for the device."""
        self._profile.stop()
        return operator_costs(self._profile.key_averages())

    def write(self, path: Path) -> None:
        """Write the trace beside its place, and put it there when it is whole."""
        plain, packed = path.with_name(f".{path.name}.json"), path.with_name(f".{path.name}.gz")
        try:
            self._profile.export_chrome_trace(str(plain))
            with plain.open("rb") as source, gzip.open(packed, "wb", _COMPRESSION) as target:
                shutil.copyfileobj(source, target)
            packed.replace(path)
        finally:
            plain.unlink(missing_ok=True)
            packed.unlink(missing_ok=True)


def operator_costs(averages: Iterable[Any]) -> list[OperatorCost]:
    """Return what operators cost, the costliest first.

    Kernels are left out: their time stands at the operators that launched them.
    """
    costs = [
        OperatorCost(one.key, one.count, one.self_cpu_time_total / 1e6, one.self_device_time_total / 1e6)
        for one in averages
        if one.device_type.name == "CPU" and not one.key.startswith(_STEP)
    ]
    return sorted(costs, key=lambda cost: (-cost.device_seconds, -cost.seconds, cost.name))
