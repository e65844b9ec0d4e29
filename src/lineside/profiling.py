"""What a backend's profiler is to a callback: it is told the steps, and gives a trace and the costs of operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OperatorCost:
    """What one operator of a framework cost while it was profiled.

    Attributes:
        name: as the framework calls it.
        calls: how often it ran.
        seconds: CPU time of the operator itself, without the operators that it called.
        device_seconds: time that the kernels which it launched took on an accelerator; 0.0 without one.
    """

    name: str
    calls: int
    seconds: float
    device_seconds: float = 0.0


class Profiling(Protocol):
    """A profiler at work."""

    def step(self) -> None:
        """Tell that a step is over and the next one begins."""

    def stop(self, trace: Path | None) -> Sequence[OperatorCost]:
        """Stop, write the recorded events, and return what operators cost, the costliest first.

        Args:
            trace: a file in the Trace Event Format of Chrome and Perfetto, gzipped, in a directory that exists; None to
                throw the events away.

        Raises:
            OSError: the file cannot be written; nothing is left of it.
        """


class Profiles(Protocol):
    """A model whose steps can be profiled."""

    def profile(
        self,
        step: int,
        first: int,
        *,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
    ) -> Profiling:
        """Start a profiler.

        Args:
            step: number of the step that begins now, from 1.
            first: number of the first step whose events are kept; the profiler only warms up before it.
            record_shapes: keep the shapes of operators' inputs.
            profile_memory: keep allocations.
            with_stack: keep the lines of Python that called each operator; slow.

        Raises:
            RunStateError: a profiler is at work already, and there can be one.
        """
