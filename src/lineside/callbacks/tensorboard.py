"""TensorBoard: scalars, histograms, texts, figures, images and hyper-parameters."""

from __future__ import annotations

import os
import socket
import time
from base64 import b64encode
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Unpack

from lineside.callback import CallbackOptions, Hook
from lineside.errors import MissingDependency
from lineside.events import Event
from lineside.ports import RunView
from lineside.reports.event_parts import packed, set_aside
from lineside.sink import Records, Sink
from lineside.units import Duration

_BINS = 30


class TensorBoard(Sink):
    """Writes event files that ``tensorboard --logdir runs`` shows.

    Neither torch's nor TensorFlow's writer is needed. The encoding is done in the helper process; what waits for it
    lies in the run's directory, where a kill does not reach it. A resumed run begins a new event file, which takes back
    what was written after the checkpoint. Histograms are the one part that runs on
    the training thread, since the model is only there; their cost is that of reading all weights.

    Args:
        log_dir: directory of the event files; ``tensorboard`` in the run's directory unless given.
        histograms: how often to write histograms of the weights, such as ``"10 epochs"``, and of the gradients of the
            batch that follows; None for never.
        batches: write the values of each batch too, as ``batch/<metric>``.
        options: the common ones of all callbacks; a second one in the same run needs another ``name``, and its
            directory bears it.

    Raises:
        MissingDependency: the package tensorboard is not installed.
        OptionError: `histograms` is no duration.
    """

    name = "tensorboard"
    # The helper process is given as long: on a busy machine it takes a while to load its libraries.
    close_timeout = 30.0
    # Hosts without this point show no gradients.
    optional_hooks = frozenset({"on_backward_end"})

    def __init__(
        self,
        log_dir: str | Path | None = None,
        *,
        histograms: str | None = None,
        batches: bool = True,
        **options: Unpack[CallbackOptions],
    ) -> None:
        super().__init__(**options)
        if find_spec("tensorboard") is None:
            raise MissingDependency(type(self).__name__, "the package tensorboard", "tensorboard")
        self.log_dir = log_dir
        self.histograms = histograms
        self.batches = batches
        self._often = Duration.parse(histograms, f"{self.name}: histograms") if histograms is not None else None
        if self._often is not None:
            self.needs = frozenset({"model"})
        self._path: Path | None = None
        self._count = 0
        self._early: list[Records] = []
        self._histograms: deque[dict[str, Any]] = deque()

    def hooks(self) -> Mapping[Event, Hook]:
        """Return the hooks; those that look at the model are inline, and there only if histograms are wanted."""
        hooks = dict(super().hooks())
        if self._often is not None:
            # In epochs: at the end of one, when it counts as done; in other units at the batch that completes them.
            when = Event.EPOCH_END if self._often.unit == "epochs" else Event.BATCH_END
            hooks[when] = Hook(self._take_weights, self._often, inline=True)
            hooks[Event.BACKWARD_END] = Hook(self._take_gradients, self._often, inline=True)
        return hooks

    def _take_weights(self, run: RunView) -> None:
        self._histograms.extend(_summaries(run, "weights", run.model.parameters()))

    def _take_gradients(self, run: RunView) -> None:
        self._histograms.extend(_summaries(run, "gradients", run.model.gradients()))

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit; its histograms are gone, and those of this one may be there before this hook runs."""
        self._path = None
        self._count = 0
        self._early = []

    def on_train_start(self, run: RunView) -> None:
        """Begin a file; that of a resumed run says from which step on earlier files are superseded."""
        self._begin(run, run.step + 1 if run.attempt > 1 else None, _flat(run.hparams))

    def _begin(self, run: RunView, purge_from: int | None, hparams: Mapping[str, Any]) -> None:
        directory = Path(self.log_dir) if self.log_dir is not None else run.dir / self.name
        now = time.time()
        # TensorBoard reads the files of a directory in the order of their names.
        name = f"events.out.tfevents.{int(now):010d}.{socket.gethostname()}.{os.getpid()}.{run.attempt}.{self.name}"
        self._path = (directory / name).absolute()
        self._send(run, begin={"at": now, "purge_from": purge_from, "hparams": dict(hparams), "group": run.name})
        for records in self._early:
            self.write(records, run)
        self._early = []

    def write(self, records: Records, run: RunView) -> None:
        """Set records aside for the helper process."""
        if self._path is None:
            self._early.append(records)
            return
        rows = [row for row in records.rows if self.batches or not any(name.startswith("batch/") for name in row[3])]
        media = [
            (one.kind, one.tag, one.step, one.time, one.data if one.kind == "text" else b64encode(one.data).decode())
            for one in records.media
            if one.kind != "artifact"
        ]
        self._send(run, series=packed(rows), media=media)

    def _send(self, run: RunView, *, last: bool = False, **part: Any) -> None:
        part["histograms"] = [self._histograms.popleft() for _ in range(len(self._histograms))]
        filled = {name: one for name, one in part.items() if one}
        directory = run.dir / f".{self.name}"
        if filled:
            self._count += 1
            set_aside(directory, f"{run.attempt:06d}-{self._count:09d}", filled)
        if filled or last:
            arguments = {"directory": str(directory.absolute()), "path": str(self._path), "last": last}
            run.offload("lineside.reports.event_files:encode", arguments, key=self.name)

    def on_fit_epoch_end(self, run: RunView) -> None:
        """Hand over histograms that nobody's records have taken along."""
        if self._path is not None:
            self._send(run)

    def on_train_end(self, run: RunView) -> None:
        """Note a good end."""
        self._end(run, success=True)

    def on_exception(self, run: RunView, error: BaseException) -> None:
        """Note a failure."""
        self._end(run, success=False)

    def _end(self, run: RunView, success: bool) -> None:
        if self._path is not None:
            self._send(run, end={"at": time.time(), "success": success})

    def on_teardown(self, run: RunView) -> None:
        """Write what was logged by a test outside of training, and the last histograms."""
        if self._early:
            self._begin(run, None, {})
        if self._path is not None:
            self._send(run, last=True)
        self._histograms.clear()

    def state_dict(self) -> dict[str, Any]:
        """Return nothing; but a save, which asks for it, waits until all that was logged before is set aside."""
        return {}


def _summaries(run: RunView, kind: str, tensors: Iterable[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the histogram of each tensor; values that are not finite are left out."""
    import numpy as np

    for name, tensor in tensors:
        values = run.model.values(tensor)
        values = values[np.isfinite(values)]
        if not values.size:
            continue
        counts, edges = np.histogram(values, _BINS)
        yield {
            "tag": f"{kind}/{name}",
            "step": run.step,
            "at": time.time(),
            "min": float(values.min()),
            "max": float(values.max()),
            "num": float(values.size),
            "sum": float(values.sum()),
            "sum_squares": float(values @ values),
            "bucket_limit": edges[1:].tolist(),
            "bucket": counts.tolist(),
        }


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return plain values under names such as ``optimizer/lr``."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}/")
        else:
            # The scalars of NumPy are numbers, but no plain data.
            kinds = {bool: bool, Integral: int, Real: float}
            flat[f"{prefix}{name}"] = next((plain for kind, plain in kinds.items() if isinstance(value, kind)), str)(
                value
            )
    return flat
