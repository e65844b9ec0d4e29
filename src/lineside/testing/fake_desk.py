"""Where a fake run writes down what callbacks ask for and publish, instead of doing it."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from lineside.callback import Callback
from lineside.control import Kind, Origin, Request, RequestQueue
from lineside.metrics import MetricTable, Scalar
from lineside.ports import Alert, LogRow, MediumKind, Stage
from lineside.run.media import encoded
from lineside.sink import Medium
from lineside.testing.clock import FakeClock
from lineside.testing.offload import Offload
from lineside.voice import Voice


class FakeDesk(Voice):
    """The asking half of a run.

    Attributes:
        requests: everything that was asked for, in order, whatever became of it.
        alerts: the alerts raised.
        logged: the rows published, those of batches under ``batch/<metric>``.
        media: texts, figures, images and files published.
        offloads: jobs given to the helper process; none of them is run.
        policies: the retention policies added.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.epoch = 0
        self.step = 0
        self.stage: Stage = "train"
        self.requests: list[Request] = []
        self.alerts: list[Alert] = []
        self.logged: list[LogRow] = []
        self.media: list[Medium] = []
        self.offloads: list[Offload] = []
        self.policies: list[Any] = []
        # A scalar on a device stays there until somebody reads it, so that a test can count who does.
        self._table, self._batch_table = MetricTable(_left_there), MetricTable(_left_there)
        self._waiting = RequestQueue()
        self._mail: deque[Callable[[], None]] = deque()
        self._calling: Callback | None = None
        self._in_batch = False
        self._batch_values: dict[str, Scalar] = {}

    @property
    def _author(self) -> str:
        return self._calling.name if self._calling is not None else "loop"

    # ---- publishing ----------------------------------------------------------------------------------------------

    def log(self, values: Mapping[str, Any]) -> None:
        """Publish metrics: of the batch within a batch, elsewhere of the epoch."""
        if self._in_batch:
            self._batch_values |= self._batch_table.publish(values, self.step, self.epoch, self.stage)
        else:
            self._write_row(self._table.publish(values, self.step, self.epoch, self.stage))

    def _write_row(self, values: Mapping[str, Scalar]) -> None:
        if values:
            self.logged.append((self.step, self.epoch, self.clock.time(), values))

    def publish(self, values: Mapping[str, Any], author: str) -> None:
        """Publish what a background callback logs, when the present event is over."""
        copy = dict(values)
        self._mail.append(lambda: self.log(copy))

    def publish_medium(self, kind: MediumKind, tag: str, data: Any) -> None:
        """Publish a text, picture or file."""
        self.media.append(Medium(kind, tag, encoded(kind, data), self.step, self.epoch, self.clock.time()))

    def raise_alert(self, alert: Alert) -> None:
        """Take an alert from a snapshot, too."""
        self.alerts.append(alert)
        self._mail.append(lambda: self._show_alert(alert))

    def _show_alert(self, alert: Alert) -> None:
        raise NotImplementedError

    # ---- asking --------------------------------------------------------------------------------------------------

    def request(self, request: Request) -> None:
        """Take a request, such as an operator's; it is applied at the next safe point."""
        self.requests.append(request)
        self._waiting.append(request)

    def _ask(self, kind: Kind, reason: str, **arguments: Any) -> None:
        origin: Origin = "loop" if self._calling is None else "callback"
        self.request(Request(kind, reason, self._author, origin, arguments))

    def retain(self, *policies: Any) -> None:
        """Add retention policies."""
        self.policies.extend(policies)

    def offload(
        self,
        target: str,
        arguments: Mapping[str, Any],
        key: str | None = None,
        *,
        at_end: bool = False,
        figure: str | None = None,
    ) -> None:
        """Note a job for the helper process."""
        self.offloads.append(Offload(target, copy.deepcopy(dict(arguments)), key, at_end, figure))


def _left_there(scalar: Scalar) -> Scalar:
    return scalar
