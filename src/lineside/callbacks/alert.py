"""A rule that tells people when something is the case, and when it is over."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib.util import find_spec
from typing import Any, Final, Literal, Unpack, get_args

from lineside.alerts.destinations import checked, explain_missing
from lineside.alerts.episode import Episode
from lineside.alerts.lookout import Lookout
from lineside.alerts.lookouts.beside import Beside
from lineside.alerts.lookouts.gradients import Gradients
from lineside.alerts.lookouts.lifecycle import Lifecycle
from lineside.alerts.lookouts.pace import Pace
from lineside.alerts.lookouts.values import Values
from lineside.alerts.making import When, rule_of
from lineside.alerts.rule import Source
from lineside.alerts.verdict import Verdict
from lineside.callback import Callback, CallbackOptions, Hook
from lineside.destination import Address
from lineside.errors import OptionError, nearest
from lineside.events import Event
from lineside.language import language, text
from lineside.options import check_flags
from lineside.ports import Capability, Level, Phase, Route, RunView
from lineside.secret import Secret
from lineside.units import Duration, Unit

log = logging.getLogger("lineside")

Then = Literal["stop", "save", "pause"]

_SUPERVISOR: Final = "supervisor"
"""Who tells what a process that has died cannot tell."""

_UNITS: Final[Mapping[Unit, str]] = {
    "epochs": "轮",
    "steps": "步",
    "batches": "个批次",
    "samples": "个样本",
    "seconds": "秒",
}

_LOOKOUTS: Final[Mapping[Source, type[Lookout]]] = {
    "values": Values,
    "gradients": Gradients,
    "pace": Pace,
    "disk": Beside,
    "gpu": Beside,
    "progress": Beside,
    "lifecycle": Lifecycle,
}


class Alert(Callback):
    """Raises one alert when a rule begins to hold, and one when it no longer does.

    Alerts are recorded, shown to all callbacks by ``on_alert``, and sent to where `to` says, and to the addresses of
    other callbacks that take everybody's. Those of level warning and above are on the disk before training goes on.

    Args:
        when: one comparison of a metric with a number or another metric, ``"val/loss > 10"``; the name of a rule,
            ``"loss-spike"``; or a rule with its options, ``{"loss-spike": {"factor": 5}}``.
        for_: how long it must have held: ``"2 epochs"``, ``"500 steps"``, ``"10 min"``.
        to: addresses, such as ``"wecombot://${WECOM_KEY}"``; secrets are named, not written out.
        level: ``"info"``, ``"warning"`` or ``"error"``; that of the rule unless given.
        then: what to ask of the run when it begins: ``"stop"``, ``"save"`` or ``"pause"``; also of beginnings that are
            not told because of `cool_down`.
        every: how often to look, such as ``"10 steps"``; for a comparison it means values of the batches instead of
            those of the epoch. Each look at a batch makes the training thread wait for the device.
        cool_down: beginnings within this time after one that was told are merged into it; None to tell each.
        plot: send a picture of the metric along, where the channel can carry one and matplotlib is installed.
        options: the common ones of all callbacks.

    Raises:
        OptionError: an option is wrong; with the nearest right word.
        MissingDependency: an address needs a library that is not installed.
    """

    def __init__(
        self,
        when: When,
        *,
        for_: str | timedelta | Duration | None = None,
        to: Address | Secret | Sequence[Address | Secret] = (),
        level: Level | None = None,
        then: Then | None = None,
        every: str | timedelta | Duration | None = None,
        cool_down: str | timedelta | Duration | None = "10 min",
        plot: bool = True,
        **options: Unpack[CallbackOptions],
    ) -> None:
        given_background = options.get("background")
        super().__init__(**options)
        self._rule = rule_of(when, self.name)
        self.when = str(self._rule)
        self.level: Level = self._one_of("level", level, Level) or self._rule.level
        self.then = self._one_of("then", then, Then)
        self.plot = plot
        check_flags(self.name, plot=plot)
        self.for_ = self._duration("for_", for_ or self._rule.for_)
        self.every = self._duration("every", every or self._rule.every)
        self.cool_down = self._duration("cool_down", cool_down)
        self._episode = Episode(self.for_, self.cool_down)
        self._lookout: Lookout = _LOOKOUTS[self._rule.source](self._rule, self.every, self._judged, self.name)
        self._unclear = False
        pauses: frozenset[Capability] = frozenset({"pause"}) if then == "pause" else frozenset()
        self.needs = self._lookout.needs | pauses
        if self._lookout.background_only and given_background is None:
            self.background = True
        self.check_options()
        self.routes = self._routes(to)

    def _one_of(self, option: str, value: Any, allowed: Any) -> Any:
        if value is not None and value not in get_args(allowed):
            words = ", ".join(map(repr, get_args(allowed)))
            raise OptionError(f"{self.name}: {option}={value!r}.{nearest(str(value), get_args(allowed))} Use {words}.")
        return value

    def _duration(self, option: str, value: str | timedelta | Duration | None) -> Duration | None:
        return None if value is None else Duration.parse(value, f"{self.name}: {option}")

    def _routes(self, to: Address | Secret | Sequence[Address | Secret]) -> Sequence[Route]:
        authors = {self.name, _SUPERVISOR} if self._rule.kind == "run-died" else {self.name}
        levels = frozenset[Level](get_args(Level))
        return tuple(Route(address, levels, frozenset(authors)) for address in checked(to, f"{self.name}: to"))

    def check_options(self) -> None:
        """Check the common options, and that the rule is looked at from where it can be."""
        super().check_options()
        lookout = getattr(self, "_lookout", None)
        if lookout is None:
            return  # the common options are checked before there is a rule
        if lookout.inline_only and self.background:
            raise OptionError(f"{self.name}: background=True: {self.when} looks at the live model. Leave it out.")
        if lookout.background_only and not self.background:
            raise OptionError(f"{self.name}: background=False: {self.when} is looked at by a thread. Leave it out.")

    def hooks(self) -> Mapping[Event, Hook]:
        """Return the hooks that the rule needs."""
        return {Event.SETUP: Hook(self.on_setup, inline=True), **self._lookout.hooks()}

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier training; say which addresses cannot be used yet."""
        self._rule.start_anew()
        self._episode.start_anew()
        self._unclear = False
        self._lookout.set_up(run)
        for missing in explain_missing(self.routes):
            log.warning("%s: %s Until then its alerts wait.", self.name, missing)

    # ---- verdicts ------------------------------------------------------------------------------------------------

    def _judged(self, run: RunView, verdict: Verdict) -> None:
        if self._rule.source == "lifecycle":
            self._raise(run, verdict.title, [verdict.text], "once", self.level)
            return
        self._say_if_unclear(run, verdict)
        change = self._episode.consider(verdict.holds, self._lookout.progress(run))
        if change == "end":
            self._raise(run, verdict.title, [], "end", "info")
        elif change == "begin":
            self._raise(run, verdict.title, [verdict.text, self._how_long(), self._merged()], "begin", self.level)
        if change in ("begin", "merged"):
            self._act(run, verdict.title)

    def _say_if_unclear(self, run: RunView, verdict: Verdict) -> None:
        """Say once that a value is no number: nothing compares with it, and silence would be taken for good news."""
        unclear = verdict.holds is None and bool(verdict.title)
        if unclear and not self._unclear:
            self._raise(run, verdict.title, [], "once", self.level)
        self._unclear = unclear

    def _how_long(self) -> str:
        if self.for_ is None:
            return ""
        return text(f"It has held for {self.for_}.", f"已持续 {self.for_.amount:g} {_UNITS[self.for_.unit]}。")

    def _merged(self) -> str:
        times = self._episode.take_merged()
        if not times:
            return ""
        return text(f"It also began {times} × since the last alert.", f"上次提醒后还发生过 {times} 次。")

    def _act(self, run: RunView, reason: str) -> None:
        match self.then:
            case "stop":
                run.stop(reason)
            case "save":
                run.save(tag=self.name, reason=reason)
            case "pause":
                run.pause(reason)

    # ---- words and pictures --------------------------------------------------------------------------------------

    def _raise(self, run: RunView, title: str, sentences: Sequence[str], phase: Phase, level: Level) -> None:
        said = text(" ", "").join(filter(None, sentences))
        run.alert(title, said, level, phase=phase, plot=self._draw(run, title) if phase == "begin" else None)

    def _draw(self, run: RunView, title: str) -> str | None:
        """Have the metric drawn by the helper process; return where, or None where there is nothing to draw."""
        lookout = self._lookout
        if not self.plot or not isinstance(lookout, Values) or find_spec("matplotlib") is None:
            return None
        path = f"plots/alerts/{self.name}-{run.step}.png"
        arguments = {
            "series": {name: [list(point) for point in points] for name, points in lookout.seen.items()},
            "path_png": str(run.dir / path),
            "path_svg": None,
            "title": title,
            "subtitle": f"{run.project} / {run.name}",
            "marks": {},
            "language": language(),
        }
        run.offload("lineside.reports.curves:draw", arguments, key=path)
        return path

    # ---- state ---------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return what the rule remembers, whether it holds, and what was told."""
        return {
            "rule": self._rule.state_dict(),
            "episode": self._episode.state_dict(),
            "lookout": self._lookout.state_dict(),
            "unclear": self._unclear,
            "when": self.when,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back, unless the rule is another one than it was."""
        if state["when"] != self.when:
            log.warning("%s watched %s before and watches %s now: it begins anew.", self.name, state["when"], self.when)
            return
        self._rule.load_state_dict(state["rule"])
        self._episode.load_state_dict(state["episode"])
        self._lookout.load_state_dict(state["lookout"])
        self._unclear = state["unclear"]
