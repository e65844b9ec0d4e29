"""torch's profiler behind the model port."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import torch
from torch.profiler import ProfilerAction, profile

from lineside.backends.torch.operator_costs import operator_costs
from lineside.errors import RunStateError
from lineside.profiling import OperatorCost

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

    def stop(self, trace: Path | None) -> list[OperatorCost]:
        """Stop, which waits for the device, and write the trace; it stands in its place when it is whole.

        The costs are read from the trace: the profiler's own averages take ten times as long.
        """
        self._profile.stop()
        if trace is None:
            return []
        plain, packed = trace.with_name(f".{trace.name}.json"), trace.with_name(f".{trace.name}.gz")
        try:
            self._profile.export_chrome_trace(str(plain))
            events = plain.read_bytes()
            packed.write_bytes(gzip.compress(events, _COMPRESSION))
            packed.replace(trace)
        finally:
            plain.unlink(missing_ok=True)
            packed.unlink(missing_ok=True)
        # Names of kernels and of files are written as they are, whatever they hold.
        return operator_costs(json.loads(events.decode("utf-8", "replace"), strict=False)["traceEvents"])
