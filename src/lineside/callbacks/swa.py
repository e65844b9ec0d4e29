"""Average the weights of the last epochs, and end the training with them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Literal, Unpack

from lineside.callback import Callback, CallbackOptions, OnError, Ranks
from lineside.errors import AttachError, OptionError, RequestRefused, nearest
from lineside.language import text
from lineside.options import check_flags, check_number, check_whole
from lineside.ports import Capability, RunView
from lineside.units import Duration
from lineside.weights import Average

_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")
_STRATEGIES = ("cos", "linear")


class SWA(Callback):
    """Stochastic weight averaging: the mean of the weights at the ends of the last epochs.

    Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization" (UAI 2018). A high, constant
    learning rate lets the weights wander around an optimum, and their mean lies nearer to its middle. The mean joins in
    at the end alone: it is put into the model, the statistics of BatchNorm are computed anew for it, and it is saved in
    a checkpoint of its own, tagged with the callback's name. Validations before are made with the model as it trains.

    Options bear the names of torch (``torch.optim.swa_utils``) and Lightning (``StochasticWeightAveraging``).

    Args:
        start: when the averaging begins: a share of the planned training, such as ``"75%"``, rounded down to whole
            epochs, or a duration such as ``"15 epochs"``. It begins with an epoch.
        lr: the learning rate from then on: one for all groups, or by group; None leaves the rate alone.
        anneal_epochs: over how many epochs the rate moves from what it was to `lr`; 0 to set it at once.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        update_bn: compute the running statistics of BatchNorm anew at the end, with one pass over the training data.
        options: the common ones of all callbacks.

    Raises:
        OptionError: an option is out of range, or ``background=True``, where there is no model.
    """

    on_error: OnError = "raise"
    ranks: Ranks = "all"
    restored_with_weights: ClassVar[bool] = True

    def __init__(
        self,
        start: str | timedelta | Duration = "75%",
        lr: float | Mapping[str, float] | None = None,
        *,
        anneal_epochs: int = 10,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        update_bn: bool = True,
        **options: Unpack[CallbackOptions],
    ) -> None:
        self.start = start
        self.lr = lr
        self.anneal_epochs = anneal_epochs
        self.anneal_strategy = anneal_strategy
        self.update_bn = update_bn
        super().__init__(**options)
        percent = _PERCENT.fullmatch(start) if isinstance(start, str) else None
        self._share = float(percent[1]) if percent is not None else None
        self._after = Duration.parse(start, "start") if percent is None else None
        self._check()
        needs: set[Capability] = {"model", "average"}
        needs |= {"schedule_lr"} if lr is not None else set()
        needs |= {"update_bn"} if update_bn else set()
        self.needs = frozenset(needs)
        self._start_anew()

    def _check(self) -> None:
        if self._share is not None and self._share >= 100.0:
            raise OptionError(f"{self.name}: start={self.start!r} must be below 100%, or there is nothing to average.")
        for rate in self.lr.values() if isinstance(self.lr, Mapping) else () if self.lr is None else (self.lr,):
            check_number(self.name, "lr", rate, least=0.0)
        check_whole(self.name, "anneal_epochs", self.anneal_epochs, 0)
        check_flags(self.name, update_bn=self.update_bn)
        if self.anneal_strategy not in _STRATEGIES:
            raise OptionError(
                f"{self.name}: anneal_strategy={self.anneal_strategy!r}."
                f"{nearest(str(self.anneal_strategy), _STRATEGIES)} Use 'cos' or 'linear'."
            )

    def _start_anew(self) -> None:
        self._epochs = 0
        self._averaged = 0
        self._rates: dict[str, float] = {}
        self._average: Average | None = None
        self._saved: Mapping[str, Any] | None = None

    def check_options(self) -> None:
        """Check the common options, and that the model is within reach."""
        super().check_options()
        if self.background:
            raise OptionError(f"{self.name}: background=True has no model to average; leave it out.")

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit, and refuse a second one.

        Raises:
            AttachError: there is another of this class.
        """
        self._start_anew()
        self._refuse_a_second(run, "a run ends with one mean of its weights. Leave one of them out.")

    def on_train_start(self, run: RunView) -> None:
        """Refuse what cannot be, and go on with the mean of the checkpoint.

        Raises:
            AttachError: a parameter group is not there, or another callback puts other weights back at the end.
        """
        for other in run.callbacks:
            if other.enabled and other.options.get("restore_best_weights"):
                raise AttachError(
                    f"{self.name} ends the training with the mean of the last epochs, and {other.name} with the best "
                    f"weights before it: give {other.name} restore_best_weights=False, or leave one of them out."
                )
        for group in self.lr if isinstance(self.lr, Mapping) else ():
            if group not in run.lr:
                raise AttachError(
                    f"{self.name}: lr has a rate for {group!r}, which is no parameter group of this run."
                    f"{nearest(group, run.lr)} There is: {', '.join(run.lr)}."
                )
        if self._saved is not None:
            self._average = run.model.average(buffers=False)
            self._average.load(self._saved)
            self._saved = None

    def on_epoch_start(self, run: RunView) -> None:
        """Begin when it is time, and move the learning rate."""
        if self._epochs or self._is_due(run):
            if self.lr is not None:
                self._move_rates(run, self.lr)
            self._epochs += 1

    def _is_due(self, run: RunView) -> bool:
        if self._after is not None:
            return self._after.measure(run) >= self._after.amount
        share = (self._share or 0.0) / 100.0
        if run.total_epochs is not None:
            return run.epochs_done >= math.floor(share * run.total_epochs)
        return run.total_steps is not None and run.step >= math.floor(share * run.total_steps)

    def _move_rates(self, run: RunView, target: float | Mapping[str, float]) -> None:
        """As `torch.optim.swa_utils.SWALR` does: at the old rate in the first epoch, at the new after the annealing."""
        if not self._epochs:
            self._rates = dict(run.scheduled_lr)
        way = min(1.0, self._epochs / self.anneal_epochs) if self.anneal_epochs else 1.0
        share = (1.0 - math.cos(math.pi * way)) / 2.0 if self.anneal_strategy == "cos" else way
        for group, rate in self._rates.items():
            end = target.get(group) if isinstance(target, Mapping) else target
            if end is not None:
                run.schedule_lr(end * share + rate * (1.0 - share), group)

    def on_train_epoch_end(self, run: RunView) -> None:
        """Take the weights of this epoch into the mean."""
        if not self._epochs:
            return
        self._averaged += 1
        if self._average is None:
            self._average = run.model.average(buffers=False)
        else:
            self._average.update(1.0 / self._averaged)

    def on_train_end(self, run: RunView) -> None:
        """Put the mean into the model, and save it."""
        if self._average is None:
            run.alert(
                text(f"{self.name} averaged nothing", f"{self.name} 没有平均任何权重"),
                text(
                    f"The training ended before start = {self.start}, or nobody knew how long it would be.",
                    f"训练在 start = {self.start} 之前就结束了，或者训练总长未知。",
                ),
            )
            return
        run.model.load(self._average.tensors, partial=True)
        if self.update_bn:
            self._update_bn(run)
        run.save(
            self.name,
            text(f"the mean of {self._averaged} epochs", f"{self._averaged} 轮权重的平均"),
            weights_only=True,
        )

    def _update_bn(self, run: RunView) -> None:
        try:
            run.model.update_bn()
        except RequestRefused as refusal:
            run.alert(
                text(f"{self.name} could not update BatchNorm", f"{self.name} 无法更新 BatchNorm"),
                text(
                    f"{refusal}. The averaged model has the statistics of the last epoch.",
                    f"{refusal}。平均后的模型仍使用最后一轮的统计量。",
                ),
                "error",
            )

    def on_teardown(self, run: RunView) -> None:
        """Let go of the memory."""
        self._average = self._saved = None

    def state_dict(self) -> dict[str, Any]:
        """Return for how many epochs this has been going on, how many were averaged, and the rates before."""
        return {"epochs": self._epochs, "averaged": self._averaged, "rates": self._rates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back; options are not part of it, so that a resumed run may have others."""
        self._epochs, self._averaged, self._rates = state["epochs"], state["averaged"], dict(state["rates"])
        if not self._averaged:
            self._average = self._saved = None

    def state_tensors(self) -> Mapping[str, Any]:
        """Return the mean, on the model's devices."""
        return self._average.tensors if self._average is not None else self._saved or {}

    def load_state_tensors(self, tensors: Mapping[str, Any]) -> None:
        """Take it back; in the middle of a training at once, otherwise when the training begins."""
        if self._average is not None:
            self._average.load(tensors)
        else:
            self._saved = tensors
