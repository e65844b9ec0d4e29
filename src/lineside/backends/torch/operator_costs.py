"""What operators cost, by the events of a trace that torch's profiler has written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lineside.profiling import OperatorCost

Event = Mapping[str, Any]

_ON_CPU = frozenset({"cpu_op", "user_annotation", "cuda_runtime", "cuda_driver", "xpu_runtime"})
_ON_DEVICE = frozenset({"kernel", "gpu_memcpy", "gpu_memset"})
_STEP = "ProfilerStep#"
"""How the profiler marks a step; no operator."""


def operator_costs(events: Iterable[Event]) -> list[OperatorCost]:
    """Return what operators cost, the costliest first: by time on an accelerator, then by time on the CPU.

    An operator's own time is its duration without the operators inside of it, on its thread; one that is directly
    inside of its namesake is the same call, handed on. The time of a kernel stands at the operator that launched it,
    which bears the same external id; a kernel without one stands alone.

    Args:
        events: complete events (``"ph": "X"``) of the Trace Event Format, times in microseconds; others are left out.
    """
    complete = [event for event in events if event.get("ph") == "X"]
    on_cpu = [event for event in complete if event.get("cat") in _ON_CPU]
    calls, own, device = defaultdict[str, int](int), defaultdict[str, float](float), defaultdict[str, float](float)
    for name, microseconds, handed_on in _own_times(on_cpu):
        calls[name] += not handed_on
        own[name] += microseconds
    launched: dict[Any, str] = {_id(event): event["name"] for event in on_cpu if event["cat"] == "cpu_op"}
    for kernel in (event for event in complete if event.get("cat") in _ON_DEVICE):
        operator = launched.get(_id(kernel)) or str(kernel["name"])
        device[operator] += kernel["dur"]
        if operator not in own:
            calls[operator] += 1
    costs = [OperatorCost(name, calls[name], own[name] / 1e6, device[name] / 1e6) for name in calls]
    return sorted(costs, key=lambda cost: (-cost.device_seconds, -cost.seconds, cost.name))


def _own_times(events: Iterable[Event]) -> Iterator[tuple[str, float, bool]]:
    """Yield of each event its name, its duration without the events inside of it, and whether a namesake made it."""
    threads = defaultdict[tuple[Any, Any], list[Event]](list)
    for event in events:
        threads[event["pid"], event["tid"]].append(event)
    for members in threads.values():
        members.sort(key=lambda event: (event["ts"], -event["dur"]))
        around = _around(members)
        within = [0.0] * len(members)
        for event, outer in zip(members, around, strict=True):
            if outer is not None:
                within[outer] += event["dur"]
        for event, outer, inside in zip(members, around, within, strict=True):
            if not event["name"].startswith(_STEP):
                handed_on = outer is not None and members[outer]["name"] == event["name"]
                yield event["name"], event["dur"] - inside, handed_on


def _around(events: Sequence[Event]) -> list[int | None]:
    """Return for each event of a thread, in the order of their beginnings, the place of the event around it."""
    found: list[int | None] = []
    open_ones: list[int] = []
    for number, event in enumerate(events):
        while open_ones and _end(events[open_ones[-1]]) <= event["ts"]:
            open_ones.pop()
        found.append(open_ones[-1] if open_ones else None)
        open_ones.append(number)
    return found


def _end(event: Event) -> float:
    return float(event["ts"] + event["dur"])


def _id(event: Event) -> Any:
    return event.get("args", {}).get("External id")
