"""Who is called for an event, in which order, and on which thread."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from lineside.callback import Callback
from lineside.dispatch.background import BackgroundCallback
from lineside.dispatch.guard import Bound, Guard
from lineside.dispatch.items import EventItem
from lineside.dispatch.lanes import Lane
from lineside.dispatch.profile import CallbackCost, summarize
from lineside.dispatch.snapshot import RunSnapshot
from lineside.events import Event
from lineside.letterbox import Letterbox, nobody
from lineside.ports import RunView
from lineside.units import Trigger


class Chain:
    """The hooks of one event, in the order of the list; background ones get a snapshot behind the inline ones.

    The loop keeps a chain, or None where nobody subscribed, in a local variable: an event that nobody wants costs a
    test for None.
    """

    __slots__ = ("_background", "_deliver", "_dispatcher", "_inline", "event")

    def __init__(self, dispatcher: Dispatcher, event: Event) -> None:
        self.event = event
        self._deliver = self._send_batch if event.per_batch else self._send
        self._dispatcher = dispatcher
        self._inline: tuple[Bound, ...] = ()
        self._background: tuple[tuple[Bound, Lane], ...] = ()

    def add(self, hook: Bound, lane: Lane | None) -> None:
        """Append a hook, whose lane is None if it is an inline one."""
        if lane is None:
            self._inline += (hook,)
        else:
            self._background += ((hook, lane),)

    def remove(self, hook: Bound) -> None:
        """Take a hook out; a dispatch that is under way goes on with the old tuple."""
        self._inline = tuple(other for other in self._inline if other is not hook)
        self._background = tuple(pair for pair in self._background if pair[0] is not hook)

    def keep(self, callback: Callback) -> Callable[[], None]:
        """Show the event to one callback alone, until the function that is returned is called."""
        inline, background = self._inline, self._background
        self._inline = tuple(hook for hook in inline if hook.callback is callback)
        self._background = tuple(pair for pair in background if pair[0].callback is callback)

        def put_back() -> None:
            self._inline = tuple(hook for hook in inline if not hook.disabled)
            self._background = tuple(pair for pair in background if not pair[0].disabled)

        return put_back

    def __call__(self) -> None:
        """Show the event to everybody.

        This is the hot path. One clock reading ends the time of one hook and begins that of the next; the histogram
        counts by the number of bits of the time in nanoseconds.
        """
        if not self._inline:
            self._deliver()
            return
        dispatcher = self._dispatcher
        run = dispatcher.run
        outer = dispatcher.current
        before = perf_counter_ns()
        clock = perf_counter_ns
        try:
            for hook in self._inline:
                if hook.trigger is not None and not hook.trigger.fires(run):
                    continue
                dispatcher.current = hook
                try:
                    hook.call(run)
                except Exception as error:  # noqa: BLE001 - the guard decides
                    dispatcher.guard.failed(hook, error)
                else:
                    if hook.streak:
                        hook.streak = 0
                now = clock()
                spent = now - before
                before = now
                hook.cost.total += spent
                hook.cost.buckets[spent.bit_length()] += 1
        finally:
            dispatcher.current = outer
        if self._background:
            self._deliver()

    def show(self, payload: Any) -> None:
        """Show an event that carries something: a checkpoint, an alert, an error."""
        dispatcher = self._dispatcher
        outer, dispatcher.payload = dispatcher.payload, payload
        try:
            self()
        finally:
            dispatcher.payload = outer

    def _send(self) -> None:
        dispatcher = self._dispatcher
        due = [pair for pair in self._background if pair[0].trigger is None or pair[0].trigger.fires(dispatcher.run)]
        if due:
            # What was logged before the event comes to a sink before the event, above all before `on_teardown`.
            dispatcher.flush()
            snapshot, payload = dispatcher.freeze(), dispatcher.payload if self.event.payload else None
            for hook, lane in due:
                lane.put(EventItem(hook, snapshot, payload))

    def _send_batch(self) -> None:
        """Send an event of a batch, which may be lost: nothing is made for a lane that is full."""
        dispatcher, snapshot = self._dispatcher, None
        for hook, lane in self._background:
            if hook.trigger is not None and not hook.trigger.fires(dispatcher.run):
                continue
            if lane.full_at == lane.takes:  # a callback that hangs is shown every batch
                lane.dropped_unmade += 1
            elif lane.admit(EventItem.weight):
                snapshot = snapshot or dispatcher.freeze()
                lane.append(EventItem(hook, snapshot))


class Dispatcher:
    """Builds the chains from a list of callbacks, and keeps the account of what they cost.

    Args:
        callbacks: enabled ones of this rank, in order.
        run: what inline hooks get.
        freeze: makes the snapshot that background hooks get.
        report: raises an alert about a failing hook: title, text, hook.
        directory: where lanes overflow to.
        ring: called when an error waits in `fatal`, which ends the run.
    """

    def __init__(
        self,
        callbacks: Sequence[Callback],
        run: RunView,
        freeze: Callable[[], RunSnapshot],
        report: Callable[[str, str, Bound], None],
        directory: Path | None = None,
        ring: Callable[[], None] = nobody,
    ) -> None:
        self.run = run
        self.freeze = freeze
        self.flush: Callable[[], None] = _nothing_to_flush
        self.current: Bound | None = None
        self.payload: Any = None
        self.fatal: Letterbox[BaseException] = Letterbox(ring)
        self.guard = Guard(self._disable, report)
        self.callbacks = callbacks
        self.background = {
            callback.name: BackgroundCallback(callback, self.guard, self.fatal, directory)
            for callback in callbacks
            if callback.background
        }
        self._hooks: dict[str, list[Bound]] = {callback.name: [] for callback in callbacks}
        self._chains: dict[Event, Chain] = {}
        self._disabled: dict[str, list[str]] = {}
        for callback in callbacks:
            self._subscribe(callback)

    def _subscribe(self, callback: Callback) -> None:
        background = self.background.get(callback.name)
        for event, hook in callback.hooks().items():
            bound = Bound(callback, event.hook, hook.call, hook.every)
            lane = None if hook.inline or background is None else background.lane
            if lane is None and event.payload:
                bound.call = self._with_payload(hook.call)
            self._hooks[callback.name].append(bound)
            self._chains.setdefault(event, Chain(self, event)).add(bound, lane)
        if background is not None and background.write is not None:
            self._hooks[callback.name].append(background.write)

    def _with_payload(self, method: Callable[..., None]) -> Callable[[RunView], None]:
        """Return what the hot path calls for an event that carries something."""
        return lambda run: method(run, self.payload)

    def chain(self, event: Event) -> Chain | None:
        """Return the chain of an event, or None if nobody subscribed."""
        return self._chains.get(event)

    def emit(self, event: Event, payload: Any = None) -> None:
        """Show an event that is not on the hot path."""
        chain = self._chains.get(event)
        if chain is None:
            return
        if payload is None:
            chain()
        else:
            chain.show(payload)

    @contextmanager
    def alone(self, callback: Callback) -> Iterator[None]:
        """Show all events to one callback alone, for a while."""
        put_back = [chain.keep(callback) for chain in self._chains.values()]
        try:
            yield
        finally:
            for one in put_back:
                one()

    def _disable(self, hook: Bound) -> None:
        hook.disabled = True
        self._disabled.setdefault(hook.callback.name, []).append(hook.method)
        for chain in self._chains.values():
            chain.remove(hook)
        if (background := self.background.get(hook.callback.name)) and background.write is hook:
            background.write = None

    def start(self) -> None:
        """Start the threads of the background callbacks."""
        for background in self.background.values():
            background.lane.start()

    def end(self) -> None:
        """The run ends: from now on every callback sees every event, and errors that must be raised wait in `fatal`."""
        self.guard.postponed = self.fatal

    def close(self, now: Callable[[], float]) -> list[str]:
        """Let the lanes finish, each within its callback's `close_timeout`; return who did not."""
        for background in self.background.values():
            background.lane.ask_to_close()
        start = now()
        return [
            name
            for name, background in self.background.items()
            if not background.lane.join(start + background.callback.close_timeout)
        ]

    def triggers(self) -> dict[str, int]:
        """Return the marks of all ``@every`` triggers, to be saved."""
        return {key: trigger.mark for key, trigger in self._triggers()}

    def load_triggers(self, marks: Mapping[str, int]) -> None:
        """Restore what `triggers` returned. A trigger that is new, or has another duration, counts from here on."""
        for key, trigger in self._triggers():
            if key in marks:
                trigger.mark = marks[key]
            else:
                trigger.skip(self.run)

    def _triggers(self) -> Iterator[tuple[str, Trigger]]:
        for hook in itertools.chain.from_iterable(self._hooks.values()):
            if hook.trigger is not None:
                yield f"{hook} every {hook.trigger.duration}", hook.trigger

    def costs(self, elapsed: float) -> list[CallbackCost]:
        """Return what each callback cost so far, the costliest first."""
        costs = []
        for callback in self.callbacks:
            hooks = self._hooks[callback.name]
            background = self.background.get(callback.name)
            costs.append(
                summarize(
                    callback.name,
                    "background" if background else "inline",
                    [hook.cost for hook in hooks],
                    elapsed,
                    failures=sum(hook.failures for hook in hooks),
                    dropped=background.lane.dropped if background else 0,
                    disabled=tuple(self._disabled.get(callback.name, ())),
                )
            )
        return sorted(costs, key=lambda cost: -cost.total)


def _nothing_to_flush() -> None:
    """Stand in for the stream of records until there is one."""
