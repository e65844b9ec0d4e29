"""Watch the gradients of each layer, and say which one explodes, vanishes or is not a number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Unpack

from lineside.callback import CallbackOptions, Hook
from lineside.errors import OptionError
from lineside.events import Event
from lineside.language import text
from lineside.options import check_number, check_whole
from lineside.ports import Capability, RunView
from lineside.sink import Records, Sink
from lineside.typical import FEWEST, Typical
from lineside.units import Duration

_TOTAL: Final = "total"
_GRADIENTS: Final = "gradients/"
_RATIO: Final = "update_ratio/"
_NAMED: Final = 3
"""Layers that an alert names at most."""

_NEVER_ZERO: Final = 1e-30
"""Added to the norm of weights, which may all be zero; no norm that is none is changed by it."""


class GradientWatch(Sink):
    """Logs L2 norms of gradients and the ratio of updates to weights, and raises an alert when a layer is not well.

    Norms are ``gradients/total`` and ``gradients/<layer>``, those with which the optimizer steps: accumulated, without
    the scale of fp16, and before the trainer clips them. ``update_ratio/<layer>`` is the norm of what the step changed
    over the norm of the weights; about 1e-3 is usual (Karpathy, notes of Stanford's CS231n, "Babysitting the learning
    process"). The numbers stay on the device: the training thread never waits for them. They are read, judged and
    written from another thread.

    - *Not finite*: the alert names the layers. The one nearest to the output is where it began, as gradients pass from
      there to the input, unless the loss itself was not finite.
    - *Exploding*: a norm is more than `exploding` times its own median of the last `window` looks. Pascanu, Mikolov and
      Bengio ("On the difficulty of training recurrent neural networks", 2013) clip at half to ten times the average.
    - *Vanishing*: a norm is zero, or below `vanishing` times that of the strongest layer, `patience` looks in a row.

    A layer is reported when it begins, and not again until it has been well.

    Args:
        every: how many optimizer steps lie between two looks; the first step is looked at.
        per_layer: norms of layers as well; without it only the total is watched, and no layer can be named.
        update_ratio: log the ratios; from the end of the backward pass to the end of the step that is looked at, a
            second copy of the weights is held.
        exploding: how many times the median is too much; None to pass over it.
        vanishing: which share of the strongest layer's norm is too little; None to pass over it.
        window: looks that the median is taken of; there is none before the tenth.
        patience: looks in a row after which a layer vanishes: some begin at zero, as layers initialised with zeros do.
        options: the common ones of all callbacks.

    Raises:
        OptionError: an option is out of range, or `every` does not count steps.
    """

    needs = frozenset[Capability]({"model", "gradients"})

    def __init__(
        self,
        every: str | timedelta | Duration = "50 steps",
        *,
        per_layer: bool = True,
        update_ratio: bool = True,
        exploding: float | None = 10.0,
        vanishing: float | None = 1e-6,
        window: int = 20,
        patience: int = 3,
        **options: Unpack[CallbackOptions],
    ) -> None:
        super().__init__(**options)
        self.every = Duration.parse(every, f"{self.name}: every")
        self.per_layer = per_layer
        self.update_ratio = update_ratio
        self.exploding = exploding
        self.vanishing = vanishing
        self.window = window
        self.patience = patience
        if self.every.unit != "steps":
            raise OptionError(f"{self.name}: every='{self.every}' must count optimizer steps, such as '50 steps'.")
        if exploding is not None:
            check_number(self.name, "exploding", exploding, least=1.0)
        if vanishing is not None:
            check_number(self.name, "vanishing", vanishing, least=0.0, below=1.0)
        check_whole(self.name, "window", window, FEWEST)
        check_whole(self.name, "patience", patience, 1)
        self._steps = int(self.every.amount)
        self._start_anew()

    def _start_anew(self) -> None:
        self._passed: int | None = None
        self._norms: Mapping[str, Any] | None = None
        self._before: Mapping[str, Any] | None = None
        self._typical: dict[str, Typical] = {}
        self._faint: dict[str, int] = {}
        self._told: dict[str, str] = {}

    def hooks(self) -> Mapping[Event, Hook]:
        """Return the hooks; those that look at the model are inline."""
        return {
            **super().hooks(),
            Event.SETUP: Hook(self.on_setup, inline=True),
            Event.BACKWARD_END: Hook(self._look, inline=True),
            Event.STEP_END: Hook(self._publish, inline=True),
        }

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit."""
        self._start_anew()

    # ---- on the training thread ----------------------------------------------------------------------------------

    def _look(self, run: RunView) -> None:
        """Ask for the norms if this step is due. Of batches that are accumulated the last counts, before the step."""
        if self._passed is None:
            # What an earlier attempt has passed, it has looked at.
            self._passed = 0 if run.attempt == 1 else run.step
        # A host that makes several steps at once shows the gradients of the last one.
        if run.step // self._steps * self._steps < self._passed:
            return
        self._norms = run.model.norms("gradients", by=self._groups)
        if self.update_ratio and self._before is None:
            self._before = run.model.capture()

    def _publish(self, run: RunView) -> None:
        """Log what was seen, unread, now that the optimizer has stepped: what mixed precision skips does not count."""
        self._passed = run.step
        if self._norms is None:
            return
        values = {_GRADIENTS + name: norm for name, norm in self._norms.items()}
        if self._before is not None:
            weights = run.model.norms("parameters", by=self._groups)
            changes = run.model.norms("parameters", by=self._groups, since=self._before)
            values |= {_RATIO + name: changes[name] / (weights[name] + _NEVER_ZERO) for name in changes}
        self._norms = self._before = None
        run.log(values)

    def _groups(self, parameter: str) -> Sequence[str]:
        """Return where a parameter counts: ``blocks.0.conv.weight`` in ``blocks.0.conv``, and in the total."""
        return (parameter.rpartition(".")[0] or parameter, _TOTAL) if self.per_layer else (_TOTAL,)

    # ---- in the background ---------------------------------------------------------------------------------------

    def write(self, records: Records, run: RunView) -> None:
        """Judge each look; by now the values are numbers."""
        prefix = f"batch/{_GRADIENTS}"
        for step, _, _, values in records.rows:
            norms = {
                name.removeprefix(prefix): float(value) for name, value in values.items() if name.startswith(prefix)
            }
            if norms:
                self._judge(run, step, norms if not self.per_layer else _without_total(norms))

    def _judge(self, run: RunView, step: int, norms: Mapping[str, float]) -> None:
        ill = {name: "not finite" for name, norm in norms.items() if not math.isfinite(norm)}
        if not ill:
            ill = self._vanishing(norms) | self._exploding(norms)
        new = {name: how for name, how in ill.items() if self._told.get(name) != how}
        self._told = ill
        for how in dict.fromkeys(new.values()):
            self._tell(run, step, how, [name for name in new if new[name] == how], norms)

    def _exploding(self, norms: Mapping[str, float]) -> dict[str, str]:
        ill = {}
        for name, norm in norms.items():
            typical = self._typical.setdefault(name, Typical(self.window))
            if self.exploding is not None and typical.known and norm > self.exploding * typical.median > 0:
                ill[name] = "exploding"
            typical.add(norm)
        return ill

    def _vanishing(self, norms: Mapping[str, float]) -> dict[str, str]:
        if self.vanishing is None:
            return {}
        least = self.vanishing * max(norms.values())
        faint = {name: self._faint.get(name, 0) + 1 for name, norm in norms.items() if norm <= least}
        self._faint = faint
        return {name: "vanishing" for name, looks in faint.items() if looks >= self.patience}

    def _tell(self, run: RunView, step: int, how: str, layers: list[str], norms: Mapping[str, float]) -> None:
        listed = ", ".join(layers[:_NAMED]) + (" …" if len(layers) > _NAMED else "")
        shown = ", ".join(f"{name} {norms[name]:.3g}" for name in layers[:_NAMED])
        count = f"{len(layers)}/{len(norms)}"
        where = text(f"Step {step}, {count} layers: {shown}. ", f"第 {step} 步，{count} 层：{shown}。")
        match how:
            case "not finite":
                title = text(f"Gradients are not finite: {listed}", f"梯度不是有限值：{listed}")
                advice = text(
                    f"Nearest to the output is {layers[-1]}: unless the loss is not finite itself, it began there.",
                    f"最靠近输出的是 {layers[-1]}：除非损失本身不是有限值，否则问题从那里开始。",
                )
            case "exploding":
                title = text(f"Gradients explode: {listed}", f"梯度爆炸：{listed}")
                advice = text(
                    f"That is over {self.exploding:g} times the usual. Lower the learning rate, warm it up, or clip.",
                    f"超过平常的 {self.exploding:g} 倍。请降低学习率、使用预热或裁剪梯度。",
                )
            case _:
                title = text(f"Gradients vanish: {listed}", f"梯度消失：{listed}")
                advice = text(
                    "They hardly learn. Look at initialisation, normalisation, activations and skip connections.",
                    "它们几乎没有在学习。请检查初始化、归一化、激活函数和残差连接。",
                )
        run.alert(title, where + advice)

    # ---- state ---------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return what is usual of each layer, and what was told."""
        return {
            "typical": {name: typical.values for name, typical in self._typical.items()},
            "faint": dict(self._faint),
            "told": dict(self._told),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self._typical = {name: Typical(self.window, values) for name, values in state["typical"].items()}
        self._faint, self._told = dict(state["faint"]), dict(state["told"])


def _without_total(norms: Mapping[str, float]) -> dict[str, float]:
    return {name: norm for name, norm in norms.items() if name != _TOTAL}
