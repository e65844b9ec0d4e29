"""The report of the run as one HTML page, made outside of the training process."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Unpack

from lineside.callback import Callback, CallbackOptions
from lineside.errors import MissingDependency, OptionError, nearest
from lineside.language import Language, language
from lineside.ports import RunView
from lineside.units import Duration, Trigger

_LANGUAGES = ("en", "zh")
_REST = 5.0
"""Seconds between two reports, each of which takes another core for about half of one; short epochs wait their turn."""


class SummaryReport(Callback):
    """Writes ``report.html`` into the run's directory: one file that needs no network and no other file.

    It holds the result and its reason, curves that can be zoomed, what was decided, why and by whom, resources, what
    the callbacks cost, checkpoints, attempts, alerts, hyper-parameters and the environment. It is made when the run is
    over, however it ended, and its records are complete; ``lineside report RUN`` makes it at any time, also of a run
    that was killed.

    Args:
        language: ``"en"`` or ``"zh"``; that of ``LINESIDE_LANG`` unless given.
        every: how often to make it while the run goes on, such as ``"10 epochs"``; at the end of the epoch in which
            that is due, and at most every five seconds. None for the end alone.
        open: show it in the browser of this machine at the end.
        options: the common ones of all callbacks.

    Raises:
        MissingDependency: jinja2 is not installed.
        OptionError: an unknown language, or `every` is no duration.
    """

    background = True
    # The helper process is given as long: on a busy machine it takes a while to read a long run.
    close_timeout = 30.0

    def __init__(
        self,
        *,
        language: Language | None = None,
        every: str | None = None,
        open: bool = False,  # noqa: A002 - the word of `webbrowser`, and of other reports
        **options: Unpack[CallbackOptions],
    ) -> None:
        super().__init__(**options)
        if find_spec("jinja2") is None:
            raise MissingDependency(type(self).__name__, "jinja2", "report")
        if language is not None and language not in _LANGUAGES:
            hint = nearest(str(language), _LANGUAGES)
            raise OptionError(f"{self.name}: language={language!r} is unknown.{hint} Use 'en' or 'zh'.")
        if not isinstance(open, bool):
            raise OptionError(f"{self.name}: open={open!r} must be True or False.")
        self.language = language
        self.every = every
        self.open = open
        self._often = Duration.parse(every, f"{self.name}: every") if every is not None else None
        self._start_anew()

    def _start_anew(self) -> None:
        self._trigger = Trigger(self._often) if self._often is not None else None
        self._made_at: float | None = None

    def on_setup(self, run: RunView) -> None:
        """Forget an earlier fit."""
        self._start_anew()

    def on_fit_epoch_end(self, run: RunView) -> None:
        """Make the report of the run so far, if it is time."""
        rested = self._made_at is None or run.elapsed - self._made_at >= _REST
        if self._trigger is not None and self._trigger.fires(run) and rested:
            self._made_at = run.elapsed
            self._make(run, at_end=False)

    def on_teardown(self, run: RunView) -> None:
        """Ask for the report of the whole: this comes after a good end, a stop, a failure and an interrupt alike."""
        self._make(run, at_end=True)
        if self.open:
            report = run.dir.absolute() / "report.html"
            run.offload("webbrowser:open", {"url": report.as_uri()}, key=f"{self.name}: open", at_end=True)

    def _make(self, run: RunView, *, at_end: bool) -> None:
        arguments = {"run_dir": str(run.dir.absolute()), "reader_language": self.language or language()}
        run.offload("lineside.reports.html.build:build_report", arguments, key=self.name, at_end=at_end)

    def state_dict(self) -> dict[str, Any]:
        """Return how many reports were due so far, and when the last was made."""
        return {"mark": self._trigger.mark if self._trigger is not None else 0, "made_at": self._made_at}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self._made_at = state["made_at"]
        if self._trigger is not None:
            self._trigger.mark = state["mark"]
