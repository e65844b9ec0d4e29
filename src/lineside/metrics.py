"""Names, aliases, freshness and lazy values of metrics.

A value may be a scalar that still lives on a device: it stays there until somebody reads it, because reading makes
the training thread wait for the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, SupportsFloat

from lineside.errors import MetricNotFound, OptionError, nearest

Scalar = SupportsFloat
"""A Python number, or a tensor of one element in any library."""

_WHOLE = ("lr",)
_ALIAS_PREFIXES = (
    ("val_", "val/"),
    ("eval_", "val/"),
    ("train_", "train/"),
    ("test_", "test/"),
    ("metrics/", "val/"),
)


class MetricPoint(NamedTuple):
    """A value with its origin. `serial` grows with each publication, so that a reader can tell fresh from stale."""

    value: float
    step: int
    epoch: int
    serial: int


def canonical(name: str, stage: str = "train") -> str:
    """Return the canonical form of a name that is being published in a stage.

    ``val_loss`` becomes ``val/loss``; ``loss`` becomes ``train/loss`` while training and ``val/loss`` while
    validating. Names with a slash stay as they are, but for ``metrics/…``, which is Ultralytics' for validation.
    """
    if name in _WHOLE or ("/" in name and not name.startswith("metrics/")):
        return name
    for prefix, ours in _ALIAS_PREFIXES:
        if name.startswith(prefix) and len(name) > len(prefix):
            return ours + name[len(prefix) :]
    return f"{stage}/{name}"


def candidates(name: str) -> Iterator[str]:
    """Yield the canonical names that a name may stand for when it is read, the likeliest first.

    Names of Keras (``val_loss``), Hugging Face (``eval_loss``) and Ultralytics (``metrics/mAP50(B)``) are known.
    """
    yield name
    for prefix, ours in _ALIAS_PREFIXES:
        if name.startswith(prefix):
            yield ours + name[len(prefix) :]
    if "/" not in name:
        yield f"train/{name}"
        yield f"val/{name}"


class Metrics(Mapping[str, float]):
    """The metrics of a run, read-only. Any alias of a name is understood; iterating gives canonical names."""

    __slots__ = ("_points",)

    def __init__(self, points: dict[str, tuple[Scalar, int, int, int]]) -> None:
        self._points = points

    def resolve(self, name: str) -> str | None:
        """Return the canonical name that exists here for a name or an alias, or None."""
        return next((known for known in candidates(name) if known in self._points), None)

    def point(self, name: str) -> MetricPoint | None:
        """Return the newest value with its step, epoch and serial number, or None if nobody has published it."""
        known = self.resolve(name)
        if known is None:
            return None
        value, step, epoch, serial = self._points[known]
        if type(value) is not float:
            value = float(value)
            self._points[known] = (value, step, epoch, serial)
        return MetricPoint(value, step, epoch, serial)

    def __getitem__(self, name: str) -> float:
        """Return the newest value.

        Raises:
            MetricNotFound: nobody has published it; the message lists what there is.
        """
        point = self.point(name)
        if point is None:
            there = ", ".join(sorted(self._points)) or "nothing yet"
            raise MetricNotFound(f"There is no metric {name!r}.{nearest(name, self._points)} There is: {there}.")
        return point.value

    def __contains__(self, name: object) -> bool:
        """Tell whether a name or an alias of it has been published."""
        return isinstance(name, str) and self.resolve(name) is not None

    def __iter__(self) -> Iterator[str]:
        """Iterate over canonical names, in order of first publication."""
        return iter(self._points)

    def __len__(self) -> int:
        """Return how many metrics there are."""
        return len(self._points)

    def __repr__(self) -> str:
        """Return the values; reads those that are still on a device."""
        return f"Metrics({dict(self)})"

    def frozen(self) -> Metrics:
        """Return a copy that later publications do not change; values on a device stay there."""
        return Metrics(dict(self._points))


class MetricTable:
    """The writing side: publishes values under canonical names and stamps them.

    Args:
        freeze: turns a tensor into something that a later in-place change cannot touch, without waiting for a device;
            given by the backend.
        freeze_all: does the same for many at once, or returns None.

    Attributes:
        view: what is read.
        copied: returns the points as they are now, for a `Metrics` that later publications do not change.
    """

    __slots__ = ("_freeze", "_freeze_all", "_names", "_points", "copied", "serial", "view")

    def __init__(
        self,
        freeze: Callable[[Any], Scalar] = float,
        freeze_all: Callable[[Sequence[Any]], list[Scalar] | None] = lambda _: None,
    ) -> None:
        self._freeze = freeze
        self._freeze_all = freeze_all
        self._names: dict[str, dict[str, str]] = {}
        self._points: dict[str, tuple[Scalar, int, int, int]] = {}
        self.serial = 0
        self.view = Metrics(self._points)
        self.copied: Callable[[], dict[str, tuple[Scalar, int, int, int]]] = self._points.copy

    def publish(
        self,
        values: Mapping[str, Any],
        step: int,
        epoch: int,
        stage: str = "train",
        into: dict[str, Scalar] | None = None,
    ) -> dict[str, Scalar]:
        """Store values and return them under their canonical names; `into` is filled and returned if it is given.

        Raises:
            OptionError: a value is not a number or a tensor of one element.
        """
        names = self._names.get(stage)
        if names is None:
            names = self._names[stage] = {}
        published = {} if into is None else into
        points, serial = self._points, self.serial
        try:
            for name, given in values.items():
                known = names.get(name)
                if known is None:
                    known = names[name] = checked_name(name, stage)
                value = given if type(given) is float else self._scalar(name, given)
                serial += 1
                points[known] = (value, step, epoch, serial)
                published[known] = value
        finally:
            self.serial = serial
        return published

    def publish_columns(
        self, columns: Mapping[str, Sequence[Any]], step: int, epoch: int, stage: str = "train"
    ) -> dict[str, Sequence[Scalar]]:
        """Store the values of several batches, as if each were published; return them under their canonical names.

        Args:
            columns: by name, a value for each batch.
            step: of the last batch.
            epoch: of all.
            stage: of all.

        Raises:
            OptionError: a value is not a number or a tensor of one element.
        """
        names = self._names.setdefault(stage, {})
        published: dict[str, Sequence[Scalar]] = {}
        rows = 0
        for name, given in columns.items():
            if name not in names:
                names[name] = checked_name(name, stage)
            column = given if set(map(type, given)) == {float} else self._freeze_all(given)
            if column is None:
                column = [self._scalar(name, value) for value in given]
            published[names[name]], rows = column, len(column)
        serial = self.serial + max(0, rows - 1) * len(columns)
        for known, column in published.items():
            serial += 1
            self._points[known] = (column[-1], step, epoch, serial)
        self.serial = serial
        return published

    def _scalar(self, name: str, value: Any) -> Scalar:
        if isinstance(value, (int, float)):
            return float(value)
        shape = getattr(value, "shape", None)
        if shape is None or isinstance(value, (str, bytes)):
            raise OptionError(
                f"The metric {name!r} is a {type(value).__name__}; a metric is a number or a tensor of one element. "
                "Use run.log_text for text and run.log_figure for pictures."
            )
        if len(shape) and any(length != 1 for length in shape):
            raise OptionError(f"The metric {name!r} has shape {tuple(shape)}; log one number, such as its mean().")
        return self._freeze(value)

    def clear(self) -> None:
        """Forget all values; the serial number goes on, so that nothing old looks fresh."""
        self._points.clear()

    def state_dict(self) -> dict[str, Any]:
        """Return all points as plain data; reads values that are still on a device."""
        points = {name: list(point) for name in list(self._points) if (point := self.view.point(name)) is not None}
        return {"serial": self.serial, "points": points}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.clear()
        self._points.update(
            {name: (float(v), int(s), int(e), int(n)) for name, (v, s, e, n) in state["points"].items()}
        )
        self.serial = int(state["serial"])


def checked_name(name: object, stage: str) -> str:
    """Return the canonical form of a name that somebody publishes.

    Raises:
        OptionError: it is no text, or one that cannot be printed.
    """
    if not isinstance(name, str) or not name or not name.isprintable():
        raise OptionError(f"{name!r} cannot name a metric: give a text that can be printed, such as 'train/loss'.")
    # A member of a text enumeration becomes the text alone, which every writer understands.
    return canonical(str.__str__(name), stage)


class Averages:
    """Sample-weighted means over an epoch or a validation.

    The values of a batch are only put aside; a hundred batches are summed at a time, which costs a third of summing
    between the steps of a training. The order of additions is that of the batches in any case.

    Python numbers are summed in double precision. Scalars on a device are summed there, in partial sums of
    `PARTIAL` values so that single precision does not drift, and are read once, by `means`.
    """

    ASIDE = 100
    PARTIAL = 1024

    __slots__ = ("_aside", "_partial", "_sums", "_weights")

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._weights: dict[str, float] = {}
        self._partial: dict[str, tuple[Any, int]] = {}
        self._aside: list[tuple[Mapping[str, Scalar], float]] = []

    def add(self, values: Mapping[str, Scalar], weight: float) -> None:
        """Add the values of a batch of `weight` samples; the mapping must not change afterwards."""
        self._aside.append((values, weight))
        if len(self._aside) >= self.ASIDE:
            self._sum()

    def add_columns(self, columns: Mapping[str, Sequence[Scalar]], weights: Sequence[float]) -> None:
        """Add the values of several batches, as if each were added; a batch without weight counts for nothing."""
        if not all(set(map(type, column)) == {float} for column in columns.values()):
            rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
            self._aside += [(row, weight) for row, weight in zip(rows, weights, strict=True) if weight]
            self._sum()
            return
        self._sum()
        weight_of_all = sum(weights)
        for name, column in columns.items() if weight_of_all else ():
            total = self._sums.get(name, 0.0)
            for value, weight in zip(column, weights, strict=True):
                if weight:
                    total += value * weight  # type: ignore[operator] # all are numbers of Python
            self._sums[name] = total
            self._weights[name] = self._weights.get(name, 0.0) + weight_of_all

    def _sum(self) -> None:
        """Add what was put aside to the sums."""
        sums, weights = self._sums, self._weights
        for values, weight in self._aside:
            for name, value in values.items():
                if type(value) is float:
                    sums[name] = sums.get(name, 0.0) + value * weight
                else:
                    self._add_on_device(name, value, weight)
                weights[name] = weights.get(name, 0.0) + weight
        self._aside.clear()

    def _add_on_device(self, name: str, value: Any, weight: float) -> None:
        held, count = self._partial.get(name, (None, 0))
        held = value * weight if held is None else held + value * weight
        self._partial[name] = (held, count + 1)
        if count + 1 >= self.PARTIAL:
            self._fold(name)

    def _fold(self, name: str) -> None:
        held, _ = self._partial.pop(name)
        self._sums[name] = self._sums.get(name, 0.0) + float(held)

    def means(self) -> dict[str, float]:
        """Return the mean of each name."""
        self._sum()
        for name in list(self._partial):
            self._fold(name)
        return {name: total / self._weights[name] for name, total in self._sums.items() if self._weights[name]}

    def clear(self) -> None:
        """Start anew."""
        self._aside.clear()
        self._sums.clear()
        self._weights.clear()
        self._partial.clear()

    def state_dict(self) -> dict[str, Any]:
        """Return sums and weights as plain data; sums still on a device are read without being folded.

        Folding here would change the order of additions, and a run that saves would end with other bits than one that
        does not.
        """
        self._sum()
        partial = {name: [float(held), count] for name, (held, count) in self._partial.items()}
        return {"sums": dict(self._sums), "weights": dict(self._weights), "partial": partial}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.clear()
        self._sums.update(state["sums"])
        self._weights.update(state["weights"])
        self._partial.update({name: (float(held), int(count)) for name, (held, count) in state["partial"].items()})
