"""Freeze layers, and unfreeze them later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Unpack

from lineside.callback import Callback, CallbackOptions, Hook, OnError, Ranks
from lineside.errors import AttachError, OptionError, nearest
from lineside.events import Event
from lineside.language import text
from lineside.options import check_flags
from lineside.ports import Capability, RunView
from lineside.units import Duration

Patterns = str | Sequence[str]

_LISTED = 5
"""How many names a message lists before it only counts them."""


class FreezeUnfreeze(Callback):
    """Trains parts of a model only from some moment on.

    Patterns are those of a shell (``fnmatch``) over the names in the model's state dict: ``"backbone.*"``,
    ``"*.bias"``. What matches `freeze` gets no gradients, and optimizers pass over it, until what it matches in
    `unfreeze` is due. The optimizer must hold all of it from the beginning.

    Args:
        freeze: one pattern or several.
        unfreeze: durations of training, each with patterns of what is trained from then on:
            ``{"5 epochs": "backbone.layer4.*", "10 epochs": "backbone.*"}``.
        freeze_bn: keep the running statistics of frozen BatchNorm layers fixed as well, and normalise with them, as
            Keras does with ``trainable=False``. If False they follow the data.
        options: the common ones of all callbacks.

    Raises:
        OptionError: an option is none of these, or ``background=True``, where there is no model.
    """

    on_error: OnError = "raise"
    ranks: Ranks = "all"
    needs = frozenset[Capability]({"model", "freeze"})

    def __init__(
        self,
        freeze: Patterns,
        unfreeze: Mapping[str, Patterns] | None = None,
        *,
        freeze_bn: bool = True,
        **options: Unpack[CallbackOptions],
    ) -> None:
        self.freeze = _patterns("freeze", freeze)
        self.unfreeze = _schedule(unfreeze or {})
        self.freeze_bn = freeze_bn
        super().__init__(**options)
        check_flags(self.name, freeze_bn=freeze_bn)
        self._start_anew()

    def _start_anew(self) -> None:
        self._waiting = dict(self.unfreeze)
        self._fixed: tuple[str, ...] = ()
        self._done: list[str] = []

    def check_options(self) -> None:
        """Check the common options, and that the model is within reach."""
        super().check_options()
        if self.background:
            raise OptionError(f"{self.name}: background=True has no model to freeze; leave it out.")

    def hooks(self) -> Mapping[Event, Hook]:
        """Leave batches alone where nothing happens before them."""
        hooks = dict(super().hooks())
        if not (self.unfreeze or self.freeze_bn):
            del hooks[Event.BATCH_START]
        return hooks

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit, and refuse a second one.

        Raises:
            AttachError: there is another of this class.
        """
        self._start_anew()
        self._refuse_a_second(run, "one would unfreeze what the other has frozen. Give all patterns to one of them.")

    def on_train_start(self, run: RunView) -> None:
        """Freeze, but for what was unfrozen before the checkpoint.

        Raises:
            AttachError: a pattern matches nothing, all would be frozen, or no optimizer holds what is to be unfrozen.
        """
        parameters, statistics = run.model.trainable(), run.model.statistics()
        self._check_patterns([*parameters, *statistics])
        frozen = _matching(self.freeze, parameters)
        if frozen.issuperset(parameters):
            raise AttachError(f"{self.name}: freeze={list(self.freeze)} freezes every parameter; leave some to train.")
        self._check_schedule(frozen, _matching(self.freeze, statistics), run.model.stepped())
        run.model.freeze(frozen)
        if self.freeze_bn:
            self._fixed = tuple(_matching(self.freeze, statistics))
        for when in [when for when in self._waiting if str(when) in self._done]:
            self._unfreeze(run, self._waiting.pop(when))

    def _check_patterns(self, names: Sequence[str]) -> None:
        late = [pattern for patterns in self.unfreeze.values() for pattern in patterns]
        for option, pattern in (*(("freeze", one) for one in self.freeze), *(("unfreeze", one) for one in late)):
            if not _matching([pattern], names):
                modules = dict.fromkeys(f"{module}.*" for name in names for module in _modules(name))
                raise AttachError(
                    f"{self.name}: the pattern {pattern!r} of {option} matches nothing in the model."
                    f"{nearest(pattern, [*modules, *names])} There is: {_listed(names)}."
                )

    def _check_schedule(self, frozen: set[str], fixed: set[str], stepped: frozenset[str]) -> None:
        for when, patterns in self.unfreeze.items():
            names = _matching(patterns, frozen)
            if not names and not _matching(patterns, fixed):
                raise AttachError(
                    f"{self.name}: nothing that {', '.join(patterns)} matches is frozen, so that nothing would happen "
                    f"after '{when}'. Let freeze match it, too."
                )
            lacking = sorted(names - stepped)
            # A loop that keeps its optimizer to itself is taken at its word.
            if stepped and lacking:
                raise AttachError(
                    f"{self.name}: no optimizer holds {lacking[0]!r}, so that it would never be trained. Give the "
                    "optimizer all parameters: it passes over those that are frozen."
                )

    def on_batch_start(self, run: RunView) -> None:
        """Unfreeze what is due, and keep statistics fixed, whatever mode the loop put the model into."""
        if self._waiting:
            for when in [when for when in self._waiting if when.measure(run) >= when.amount]:
                self._announce(run, when, self._unfreeze(run, self._waiting.pop(when)))
        if self._fixed:
            run.model.track_statistics(self._fixed, tracked=False)

    def _unfreeze(self, run: RunView, patterns: Sequence[str]) -> set[str]:
        """Return the names of what was frozen until now, parameters and statistics."""
        still = [name for name, trained in run.model.trainable().items() if not trained]
        names, moving = _matching(patterns, _matching(self.freeze, still)), _matching(patterns, self._fixed)
        run.model.unfreeze(names)
        run.model.track_statistics(moving, tracked=True)
        self._fixed = tuple(name for name in self._fixed if name not in moving)
        return names | moving

    def _announce(self, run: RunView, when: Duration, names: set[str]) -> None:
        self._done.append(str(when))
        what, which = ", ".join(self.unfreeze[when]), _listed(sorted(names))
        run.alert(
            text(f"Unfrozen: {what}", f"已解冻：{what}"),
            text(
                f"From epoch {run.epoch + 1}, step {run.step} on: {which}.",
                f"从第 {run.epoch + 1} 轮第 {run.step} 步起：{which}。",
            ),
            "info",
            durable=False,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return what has been unfrozen, by the durations of the schedule."""
        return {"done": list(self._done)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back; options are not part of it, so that a resumed run may have another schedule."""
        self._done = list(state["done"])


def _patterns(option: str, given: object) -> tuple[str, ...]:
    patterns = (given,) if isinstance(given, str) else given
    if not isinstance(patterns, Sequence) or not patterns or not all(isinstance(one, str) for one in patterns):
        raise OptionError(f"{option}={given!r}: give a pattern of names such as 'backbone.*', or a list of them.")
    return tuple(patterns)


def _schedule(unfreeze: Mapping[str, Patterns]) -> dict[Duration, tuple[str, ...]]:
    schedule: dict[Duration, tuple[str, ...]] = {}
    for when, patterns in unfreeze.items():
        duration = Duration.parse(when, "unfreeze")
        schedule[duration] = (*schedule.get(duration, ()), *_patterns(f"unfreeze[{when!r}]", patterns))
    return schedule


def _modules(name: str) -> Iterator[str]:
    """Yield the modules that a tensor lies in, by name, the outermost first."""
    parts = name.split(".")
    yield from (".".join(parts[:depth]) for depth in range(1, len(parts)))


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _LISTED
    return ", ".join([*names[:_LISTED], *([text(f"{rest} more", f"另外 {rest} 个")] if rest > 0 else [])])


def _matching(patterns: Iterable[str], names: Iterable[str]) -> set[str]:
    return {name for name in names for pattern in patterns if fnmatchcase(name, pattern)}
