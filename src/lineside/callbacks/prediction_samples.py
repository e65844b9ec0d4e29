"""Inputs beside what the model makes of them, again and again in the course of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from math import prod
from typing import Any, Literal, Unpack, get_args

from lineside.batch_parts import Key, inputs_of, outputs_of, targets_of
from lineside.callback import Callback, CallbackOptions
from lineside.errors import MissingDependency, OptionError, nearest
from lineside.language import language, text
from lineside.options import check_number, check_whole
from lineside.ports import Capability, RunView
from lineside.reports.epoch_line import epoch_label
from lineside.units import Duration, Trigger

Kind = Literal["auto", "image", "vector", "text"]
Array = dict[str, Any]
"""The first samples of a tensor: ``data`` as bytes of float32, ``shape``, and whether they are ``whole`` numbers."""

_LARGEST_SIDE = 512
"""Of a larger image, only every second, third, … row and column is taken."""
_MOST_ELEMENTS = 4_000_000
"""Of a larger array, such as the scores of a vocabulary for each word, nothing is shown."""
_CHANNELS = 4


class PredictionSamples(Callback):
    """Draws the first samples of a validation with their targets and what the model predicts.

    They are always the first ones, so that pictures of different epochs can be compared, if the validation data is not
    shuffled. Images are drawn, with a prediction that is an image beside them; vectors are drawn as curves; texts stand
    in a table. Scores of classes become the likeliest class and its probability. Nothing is copied from the device but
    these samples, and that only when a picture is due.

    The picture goes to all sinks, and to ``plots/prediction_samples/<when>.png`` in the run's directory.

    Args:
        every: how often; the first validation is shown after which so much training has passed.
        count: how many samples.
        classes: names of the classes.
        mean: what was subtracted from images, per channel, when they were normalised; it is added again.
        std: what they were divided by.
        kind: what the inputs are: ``"image"``, ``"vector"``, ``"text"``; ``"auto"`` tells by their type and shape.
        inputs: where in a batch the inputs are: key of a dict, attribute, or place in a tuple. By default the first of
            a tuple, or what is called ``inputs``, ``image``, ``pixel_values``, ``text``, ….
        targets: where the targets are. By default the second of a tuple, or ``targets``, ``labels``, ``y``, ….
        outputs: where in the model's outputs the predictions are. By default the first of a tuple, or ``logits``, ….
        options: the common ones of all callbacks; a second one in the same run needs another ``name``, and its files
            bear it.

    Raises:
        MissingDependency: matplotlib is not installed.
        OptionError: an option is out of range; or ``background=True``, where there are no outputs.
    """

    needs = frozenset[Capability]({"model", "batch_data"})
    # The helper process is given as long: on a busy machine it takes a while to load matplotlib.
    close_timeout = 30.0

    def __init__(
        self,
        *,
        every: str | Duration = "1 epoch",
        count: int = 8,
        classes: Sequence[str] | None = None,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        kind: Kind = "auto",
        inputs: Key = None,
        targets: Key = None,
        outputs: Key = None,
        **options: Unpack[CallbackOptions],
    ) -> None:
        super().__init__(**options)
        if find_spec("matplotlib") is None:
            raise MissingDependency(type(self).__name__, "matplotlib", "plots")
        check_whole(self.name, "count", count, 1)
        if isinstance(classes, str):
            raise OptionError(f"{self.name}: classes={classes!r} must be a list of names.")
        if kind not in (kinds := get_args(Kind)):
            raise OptionError(
                f"{self.name}: kind={kind!r}.{nearest(str(kind), kinds)} Use {', '.join(map(repr, kinds))}."
            )
        self.every = every
        self.count = count
        self.classes = classes
        self.mean = mean
        self.std = std
        self.kind = kind
        self.inputs = inputs
        self.targets = targets
        self.outputs = outputs
        self._mean, self._std = self._per_channel("mean", mean), self._per_channel("std", std)
        if self._std is not None and 0 in self._std:
            raise OptionError(f"{self.name}: std={std!r} must not be 0: nothing was divided by it.")
        self._duration = Duration.parse(every, f"{self.name}: every")
        self._start_anew()

    def _per_channel(self, option: str, value: float | Sequence[float] | None) -> list[float] | None:
        if value is None:
            return None
        values = list(value) if isinstance(value, Sequence) else [value]
        for one in values:
            check_number(self.name, option, one)
        return [float(one) for one in values]

    def _start_anew(self) -> None:
        self._trigger = Trigger(self._duration)
        self._taken: list[dict[str, Any]] | None = None
        self._warned = False

    def check_options(self) -> None:
        """Check the common options, and that the outputs are at hand."""
        super().check_options()
        if self.background:
            raise OptionError(f"{self.name}: background=True has no outputs to show; leave it out.")

    # ---- taking --------------------------------------------------------------------------------------------------

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit."""
        self._start_anew()

    def on_val_start(self, run: RunView) -> None:
        """Begin to take samples, if it is time."""
        self._taken = [] if self._trigger.fires(run) else None

    def on_val_batch_end(self, run: RunView) -> None:
        """Take what is still missing; of most batches that is nothing."""
        if self._taken is None:
            return
        missing = self.count - sum(one["count"] for one in self._taken)
        if missing <= 0:
            return
        outputs = outputs_of(run.outputs, self.outputs)
        inputs, targets = inputs_of(run.batch_data, self.inputs), targets_of(run.batch_data, self.targets)
        if outputs is None or inputs is None:
            return
        sides = _sides(inputs)
        parts = {
            name: self._first(run, part, missing, sides)
            for name, part in (("inputs", inputs), ("targets", targets), ("outputs", outputs))
        }
        self._taken.append({"count": min(missing, _length(inputs)), **parts})

    def _first(self, run: RunView, part: Any, count: int, sides: Sequence[int]) -> Array | list[str] | None:
        """Return the first samples of a tensor as plain data, or of a list as texts; None of what is too large."""
        if isinstance(part, (list, tuple)):
            return [str(one) for one in part[:count]]
        if not getattr(part, "shape", ()):
            return None
        first = part[(slice(count), *_thinning(part.shape[1:], sides))]
        if prod(first.shape) > _MOST_ELEMENTS:
            return None
        kind = str(getattr(part, "dtype", ""))
        return {
            "data": run.model.values(first).astype("float32").tobytes(),
            "shape": [int(side) for side in first.shape],
            "whole": "int" in kind or "bool" in kind,
        }

    def on_val_end(self, run: RunView) -> None:
        """Have the picture drawn."""
        taken, self._taken = self._taken, None
        if taken:
            self._draw(run, taken)
        elif taken is not None and not self._warned:
            self._warned = True
            run.alert(
                text(f"{self.name} has nothing to show", f"{self.name} 没有可显示的内容"),
                text(
                    "The validation gave no outputs, or its batches no inputs. A loop of your own sets run.outputs; "
                    "inputs= says where in a batch they are.",
                    "验证没有给出输出，或批次中没有输入。自己写的循环需要设置 run.outputs；用 inputs= 指明输入的位置。",
                ),
            )

    def _draw(self, run: RunView, taken: Sequence[Mapping[str, Any]]) -> None:
        when = f"epoch-{run.epoch + 1:04}" if self._duration.unit == "epochs" else f"step-{run.step:07}"
        arguments = {
            "taken": list(taken),
            "kind": self.kind,
            "classes": None if self.classes is None else [str(name) for name in self.classes],
            "mean": self._mean,
            "std": self._std,
            "path": str(run.dir / "plots" / self.name.replace("-", "_") / f"{when}.png"),
            "title": f"{run.project} / {run.name}",
            "subtitle": epoch_label(run),
            "language": language(),
        }
        run.offload("lineside.reports.prediction_figure:draw", arguments, figure=self.name)

    # ---- state ---------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return when it was last time, and whether people were warned."""
        return {"mark": self._trigger.mark, "warned": self._warned}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self._trigger.mark, self._warned = state["mark"], state["warned"]


def _sides(inputs: Any) -> Sequence[int]:
    """Return height and width of inputs that may be images; empty for all others."""
    shape = tuple(getattr(inputs, "shape", ()))[1:]
    if len(shape) == 3:
        return shape[:2] if shape[2] <= _CHANNELS else shape[1:]
    return shape if len(shape) == 2 else ()


def _thinning(shape: Sequence[int], sides: Sequence[int]) -> list[slice]:
    """Return what to take of a sample: less of height and width, where they are those of a large image."""
    taken = [slice(None)] * len(shape)
    stride = -(-max(sides, default=1) // _LARGEST_SIDE)
    place = next((at for at in range(len(shape) - 1) if tuple(shape[at : at + 2]) == tuple(sides)), None)
    if stride > 1 and place is not None:
        taken[place : place + 2] = [slice(None, None, stride)] * 2
    return taken


def _length(part: Any) -> int:
    return int(part.shape[0]) if hasattr(part, "shape") else len(part)
