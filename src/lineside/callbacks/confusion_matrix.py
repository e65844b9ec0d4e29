"""Which class the model takes for which, over a whole validation: figure, table, and scores per class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Literal, Unpack, get_args

from lineside.batch_parts import Key, outputs_of, targets_of
from lineside.callback import Callback, CallbackOptions
from lineside.errors import MissingDependency, OptionError, nearest
from lineside.language import language, text
from lineside.options import check_number, check_whole
from lineside.ports import Capability, RunView
from lineside.reports.class_scores import ClassScores, class_scores, macro
from lineside.reports.epoch_line import epoch_label
from lineside.units import Duration, Trigger

Normalize = Literal["true", "pred", "all"]

_MOST_CLASSES = 5000
"""The counts of so many classes take 200 MB on the device."""
_FEW_CLASSES = 30
"""Of more classes nobody reads a matrix, or twice as many curves."""


class ConfusionMatrix(Callback):
    """Counts over a validation how often class i was taken for class j, and shows it.

    The counts stay on the device until the validation is over: no batch waits for them. Then there are

    - a figure, for all sinks and as ``plots/confusion_matrix/<when>.png`` in the run's directory: the matrix, or of
      more than 30 classes the pairs that are confused most and the classes that are found least;
    - ``<when>.csv`` with every pair that occurred, and ``<when>-classes.csv`` with the scores of each class;
    - metrics: ``val/macro_precision``, ``val/macro_recall``, ``val/macro_f1``, the plain means over the classes that
      occur or were predicted, and of up to 30 classes ``classes/precision/<class>`` and ``classes/recall/<class>``.
      A score without a denominator is 0.0, as scikit-learn has it.

    A validation or test outside of training is shown, too; the metrics of a test are ``test/macro_precision``, ….

    Args:
        classes: the names of the classes, or how many there are; by the shape of the model's outputs unless given.
        normalize: what the shares in the figure are of, as in scikit-learn: ``"true"``, the actual class; ``"pred"``,
            the predicted one; ``"all"``; None to show counts alone.
        every: how often; the validation counts in which so much training has passed.
        threshold: the score above which a sample is class 1, for models that give one score a sample: 0.0 for logits,
            0.5 for probabilities.
        targets: where in a batch the targets are: key of a dict, attribute, or place in a tuple. By default the second
            of a tuple, or what is called ``targets``, ``labels``, ``y``, ….
        outputs: where in the model's outputs the scores are. By default the first of a tuple, or ``logits``, ….
        options: the common ones of all callbacks; a second one in the same run needs another ``name``, and its files
            bear it.

    Raises:
        MissingDependency: matplotlib is not installed.
        OptionError: an option is out of range; or ``background=True``, where there are no outputs.
    """

    needs = frozenset[Capability]({"model", "batch_data"})
    # The helper process is given as long: on a busy machine it takes a while to load matplotlib.
    close_timeout = 30.0
    optional_hooks = frozenset({"on_test_start", "on_test_batch_end", "on_test_end"})

    def __init__(
        self,
        *,
        classes: int | Sequence[str] | None = None,
        normalize: Normalize | None = "true",
        every: str | Duration = "1 epoch",
        threshold: float | None = None,
        targets: Key = None,
        outputs: Key = None,
        **options: Unpack[CallbackOptions],
    ) -> None:
        super().__init__(**options)
        if find_spec("matplotlib") is None:
            raise MissingDependency(type(self).__name__, "matplotlib", "plots")
        if isinstance(classes, str):
            raise OptionError(f"{self.name}: classes={classes!r} must be a number, or a list of names.")
        if normalize is not None and normalize not in get_args(Normalize):
            known = get_args(Normalize)
            raise OptionError(
                f"{self.name}: normalize={normalize!r}.{nearest(str(normalize), known)} "
                f"Use {', '.join(map(repr, known))} or None."
            )
        if threshold is not None:
            check_number(self.name, "threshold", threshold)
        self.classes = classes
        self.normalize = normalize
        self.every = every
        self.threshold = threshold
        self.targets = targets
        self.outputs = outputs
        self._names = None if classes is None or isinstance(classes, int) else [str(name) for name in classes]
        self._check_names(self._names or [])
        self._count = len(self._names) if self._names is not None else classes if isinstance(classes, int) else None
        if self._count is not None:
            check_whole(self.name, "classes", self._count, 2)
            self._check_memory(self._count)
        self._duration = Duration.parse(every, f"{self.name}: every")
        self._start_anew()

    def _start_anew(self) -> None:
        self._trigger = Trigger(self._duration)
        self._counts: Any = None
        self._counting = self._training = self._warned = False

    def _check_names(self, names: Sequence[str]) -> None:
        wrong = [
            name for number, name in enumerate(names) if not name.isprintable() or not name or name in names[:number]
        ]
        if wrong:
            raise OptionError(
                f"{self.name}: classes={wrong[0]!r} must be a text that can be printed, once in the list."
            )

    def _check_memory(self, classes: int) -> None:
        if classes > _MOST_CLASSES:
            raise OptionError(f"{self.name}: {classes} classes are too many for a matrix of all pairs; it takes 5,000.")

    def check_options(self) -> None:
        """Check the common options, and that the outputs are at hand."""
        super().check_options()
        if self.background:
            raise OptionError(f"{self.name}: background=True has no outputs to count; leave it out.")

    # ---- counting ------------------------------------------------------------------------------------------------

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit."""
        self._start_anew()

    def on_train_start(self, run: RunView) -> None:
        """From here on `every` decides."""
        self._training = True

    def on_val_start(self, run: RunView) -> None:
        """Begin to count, if it is time."""
        self._counts = None
        self._counting = not self._training or self._trigger.fires(run)

    def on_val_batch_end(self, run: RunView) -> None:
        """Count a batch, without waiting for the device."""
        if not self._counting:
            return
        outputs, targets = outputs_of(run.outputs, self.outputs), targets_of(run.batch_data, self.targets)
        if outputs is not None and targets is not None:
            self._counts = run.model.confusion(
                outputs, targets, self._counts, classes=self._count, threshold=self.threshold
            )

    def on_val_end(self, run: RunView) -> None:
        """Show what was counted."""
        if not self._counting:
            return
        self._counting = False
        if self._counts is not None:
            self._show(run)
        elif not self._warned:
            self._warned = True
            run.alert(
                text(f"{self.name} has nothing to count", f"{self.name} 没有可统计的内容"),
                text(
                    "The validation gave no outputs, or its batches no targets. A loop of your own sets run.outputs; "
                    "targets= says where in a batch they are.",
                    "验证没有给出输出，或批次中没有目标。自己写的循环需要设置 run.outputs；"
                    "用 targets= 指明目标在批次中的位置。",
                ),
            )

    def on_test_start(self, run: RunView) -> None:
        """Begin to count."""
        self._counts, self._counting = None, True

    def on_test_batch_end(self, run: RunView) -> None:
        """Count a batch."""
        self.on_val_batch_end(run)

    def on_test_end(self, run: RunView) -> None:
        """Show what was counted."""
        self.on_val_end(run)

    # ---- showing -------------------------------------------------------------------------------------------------

    def _show(self, run: RunView) -> None:
        *cells, left_out = run.model.values(self._counts).tolist()
        self._counts = None
        size = round(len(cells) ** 0.5)
        self._check_memory(size)
        matrix = [cells[start : start + size] for start in range(0, size * size, size)]
        names = self._names or [str(number) for number in range(size)]
        scores = class_scores(matrix)
        run.log(self._metrics(run.stage, names, scores))
        when = f"epoch-{run.epoch + 1:04}" if self._duration.unit == "epochs" else f"step-{run.step:07}"
        stem = f"plots/{self.name.replace('-', '_')}/{when if self._training else run.stage}"
        arguments = {
            # Most of many pairs never occur.
            "cells": [[i, j, int(n)] for i, row in enumerate(matrix) for j, n in enumerate(row) if n],
            "names": names,
            "left_out": int(left_out),
            "normalize": self.normalize,
            "path": str(run.dir / stem),
            "title": f"{run.project} / {run.name}",
            "subtitle": epoch_label(run) if run.stage == "val" else run.stage,
            "language": language(),
        }
        run.offload("lineside.reports.confusion:report", arguments, figure=self.name)

    def _metrics(self, stage: str, names: Sequence[str], scores: Sequence[ClassScores | None]) -> dict[str, float]:
        averages = dict(zip(("precision", "recall", "f1"), macro(scores), strict=True))
        values = {f"{stage}/macro_{score}": value for score, value in averages.items()}
        if stage == "val" and len(names) <= _FEW_CLASSES:
            there = [(name, one) for name, one in zip(names, scores, strict=True) if one is not None]
            values |= {f"classes/precision/{name}": one.precision for name, one in there}
            values |= {f"classes/recall/{name}": one.recall for name, one in there}
        return values

    # ---- state ---------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return when it was last time, and whether people were warned."""
        return {"mark": self._trigger.mark, "warned": self._warned}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self._trigger.mark, self._warned = state["mark"], state["warned"]
