"""Where a fake run writes down what callbacks ask for and publish, instead of doing it."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lineside.callback import Callback
from lineside.control import Kind, Origin, Request, RequestQueue
from lineside.metrics import MetricTable, Scalar
from lineside.ports import Alert, Level, LogRow, Stage
from lineside.run.media import encoded
from lineside.sink import Medium, MediumKind
from lineside.testing.clock import FakeClock
from lineside.testing.offload import Offload


class FakeDesk:
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

    def log_text(self, tag: str, text: str) -> None:
        """Publish a text."""
        self.publish_medium("text", tag, text)

    def log_figure(self, tag: str, figure: Any) -> None:
        """Publish a matplotlib figure or PNG bytes."""
        self.publish_medium("figure", tag, figure)

    def log_image(self, tag: str, image: Any) -> None:
        """Publish an image: an array, or PNG bytes."""
        self.publish_medium("image", tag, image)

    def log_artifact(self, path: str | Path, name: str | None = None) -> None:
        """Publish a file."""
        self.publish_medium("artifact", name or Path(path).name, str(path))

    def alert(self, title: str, text: str = "", level: Level = "warning", durable: bool | None = None) -> None:
        """Raise an alert; ``on_alert`` follows when the present event is over."""
        self.raise_alert(Alert(title, text, level, self._author, durable))

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

    def stop(self, reason: str) -> None:
        """Ask the run to end."""
        self._ask(Kind.STOP, reason)

    def save(
        self,
        tag: str = "manual",
        reason: str = "",
        *,
        pin: str | None = None,
        file: str | None = None,
        weights_only: bool = False,
    ) -> None:
        """Ask for a checkpoint."""
        self._ask(Kind.SAVE, reason, tag=tag, pin=pin, file=file, weights_only=weights_only)

    def validate(self, reason: str = "") -> None:
        """Ask for a validation."""
        self._ask(Kind.VALIDATE, reason)

    def pause(self, reason: str = "") -> None:
        """Ask the run to wait."""
        self._ask(Kind.PAUSE, reason)

    def unpause(self, reason: str = "") -> None:
        """Ask a waiting run to go on."""
        self._ask(Kind.UNPAUSE, reason)

    def set_lr(self, value: float, group: str | int | None = None, reason: str = "") -> None:
        """Ask for a learning rate."""
        self._ask(Kind.SET_LR, reason, value=value, group=group)

    def restore(self, checkpoint: str, reason: str = "", weights_only: bool = True) -> None:
        """Ask for a checkpoint to be put back."""
        self._ask(Kind.RESTORE, reason, checkpoint=checkpoint, weights_only=weights_only)

    def retain(self, *policies: Any) -> None:
        """Add retention policies."""
        self.policies.extend(policies)

    def offload(self, target: str, arguments: Mapping[str, Any], key: str | None = None) -> None:
        """Note a job for the helper process."""
        self.offloads.append(Offload(target, copy.deepcopy(dict(arguments)), key))


def _left_there(scalar: Scalar) -> Scalar:
    return scalar
