"""What every callback must bear. Built-in callbacks run this suite, and so should those of other packages."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import zip_longest
from typing import Any, ClassVar

from lineside.callback import Callback
from lineside.errors import AttachError, MonitorError, OptionError
from lineside.events import Event
from lineside.metrics import canonical
from lineside.ports import Alert, Stage
from lineside.sink import Sink
from lineside.testing.fake_run import FakeRun
from lineside.testing.fake_view import FakeRunOptions
from lineside.testing.plain_data import not_plain
from lineside.testing.requiring import require

NAN, INF = math.nan, math.inf
SCENES: Mapping[str, Sequence[float]] = {
    "zero": (0.0, 0.5, 0.0, -0.0, 0.0, 0.0),
    "NaN first": (NAN, NAN, 0.5, 0.4, 0.6, 0.6),
    "NaN in the middle": (0.5, 0.4, NAN, 0.3, NAN, 0.6),
    "infinity": (INF, 0.5, -INF, 0.4, INF, 0.3),
    "ups and downs": (0.5, 0.4, 0.45, 0.3, 0.6, 0.2),
    "a plateau": (0.5, 0.5, 0.5, 0.5, 0.5, 0.5),
}
"""Values of all metrics, epoch by epoch."""


class CallbackContract:
    """A suite for pytest.

    Subclass it, name the class ``Test…``, and say how the callback is made::

        class TestMyCallback(CallbackContract):
            def make(self, **options):
                return MyCallback(patience=2, **options)

    Attributes:
        metrics: the names under which the values of a scene are published.
        inline_only: the callback needs the live run; ``background=True`` must then be refused at construction.
        alone: a run bears one of its kind; a second must then be refused when it joins, by ``on_setup`` at the latest.
    """

    metrics: Sequence[str] = ("train/loss", "train/accuracy", "val/loss", "val/accuracy")
    inline_only = False
    alone = False

    def make(self, **options: Any) -> Callback:
        """Return a new callback; `options` are the common ones of all callbacks, to be passed on."""
        raise NotImplementedError(f"{type(self).__name__} must define make(**options)")

    def effects(self, run: FakeRun) -> list[Any]:
        """Return, in order, all that a callback did to a run so far; a resumed run must add exactly what is missing.

        Files are not looked into: a callback that writes some may add their content here.
        """
        asked = [(request.kind.word, request.reason, dict(request.arguments)) for request in run.requests]
        raised = [(alert.title, alert.text, alert.level) for alert in run.alerts]
        jobs = [(job.target, dict(job.arguments), job.key) for job in run.offloads]
        media = [(medium.kind, medium.tag, medium.step) for medium in run.media]
        return [_written(one, run) for one in (*asked, *raised, *jobs, *media)]

    # ---- construction --------------------------------------------------------------------------------------------

    def test_it_shows_what_it_is(self) -> None:
        """Its `repr` holds the class and the name."""
        callback = self.make(name="another-name")
        require(callback.name == "another-name", f"{callback!r} ignores name=: pass **options on to Callback.__init__.")
        shown = repr(callback)
        require(type(callback).__name__ in shown and "another-name" in shown, f"{shown} must hold class and name.")

    def test_an_unknown_option_is_refused(self) -> None:
        """A misspelt option is an error, which names it."""
        try:
            callback = self.make(no_such_option=1)
        except (TypeError, OptionError) as error:
            require("no_such_option" in str(error), f"the error must name the option: {error}")
        else:
            raise AssertionError(f"{callback!r} accepts no_such_option=1.")

    def test_it_subscribes_to_events(self) -> None:
        """It has hooks, all of them for events, or it is a sink."""
        callback = self.make()
        hooks = callback.hooks()
        require(bool(hooks) or isinstance(callback, Sink), f"{callback!r} subscribes to nothing.")
        require(all(isinstance(event, Event) for event in hooks), f"{callback!r}.hooks() must be keyed by Event.")

    def test_it_runs_where_it_says(self) -> None:
        """In the background it never touches the model, or says at construction that it cannot go there."""
        if not self.inline_only:
            self._played("ups and downs", self.make(background=True))
            return
        try:
            callback = self.make(background=True)
        except OptionError as error:
            require("background" in str(error), f"the error must name the option: {error}")
        else:
            raise AssertionError(f"{callback!r} is inline only and accepts background=True.")

    # ---- values --------------------------------------------------------------------------------------------------

    def test_it_bears_zero(self) -> None:
        """A metric of 0.0 is a value."""
        self._played("zero")

    def test_it_bears_nan_first(self) -> None:
        """NaN before any number."""
        self._played("NaN first")

    def test_it_bears_nan_in_the_middle(self) -> None:
        """NaN between numbers."""
        self._played("NaN in the middle")

    def test_it_bears_infinity(self) -> None:
        """Infinities of both signs."""
        self._played("infinity")

    def test_it_asks_the_same_when_values_come_late(self) -> None:
        """A host may publish a validation's values after ``on_val_end``."""
        in_time, late = self._run(self.make()), self._run(self.make())
        in_time.play(6, self._scene("ups and downs"))
        late.play(6, self._scene("ups and downs"), late=self._of_validation())
        asked, asked_late = ([f"{one.kind.word} {one.arguments}" for one in run.requests] for run in (in_time, late))
        _compare("values that come late", asked_late, asked)

    def test_it_bears_metrics_that_never_come(self) -> None:
        """A metric that it watches and that never comes is a `MonitorError`; nothing else is raised."""
        run = self._run(self.make())
        try:
            run.play(3, lambda _: {"train/other": 0.5, "val/other": 0.5})
        except MonitorError as error:
            require("/other" in str(error), f"the error must list the metrics that there are: {error}")

    def test_it_bears_a_run_that_fails(self) -> None:
        """Training may fail before it began, in a batch, and behind an epoch."""
        for batches in range(4):
            run = self._run(self.make())
            if batches:
                run.start()
            for _ in range(batches):
                run.batch_end({"train/loss": 0.5})
            if batches == 3:
                run.epoch_end(dict.fromkeys(self.metrics, 0.5))
            run.fail(RuntimeError("boom"))

    def test_it_bears_a_teardown_without_a_setup(self) -> None:
        """Another callback's ``on_setup`` may have failed before."""
        run = self._run(self.make())
        run.emit(Event.EXCEPTION, RuntimeError("boom"))
        run.emit(Event.TEARDOWN)

    def test_it_bears_the_other_stages(self) -> None:
        """Testing, predicting and exporting come without an epoch around them; alerts at any time."""
        run = self._run(self.make())
        run.play(1, self._scene("ups and downs"))
        stages: tuple[Stage, ...] = ("test", "predict", "export")
        for run.stage in stages:
            for event in (event for event in Event if event.hook.startswith(f"on_{run.stage}_")):
                run.emit(event)
        run.emit(Event.ALERT, Alert("The disk is nearly full"))

    # ---- state ---------------------------------------------------------------------------------------------------

    def test_its_state_is_plain_data(self) -> None:
        """At every safe point `state_dict` is made of what JSON holds, and of nothing else."""
        for scene in SCENES:
            callback = self.make()
            for run in self._run(callback).safe_points(6, self._scene(scene)):
                culprit = not_plain(callback.state_dict(), "state_dict()")
                require(culprit is None, f"{callback!r} at step {run.step}: {culprit}")

    def test_a_resumed_run_does_what_the_uninterrupted_one_does(self) -> None:
        """Killed at any safe point and resumed, it does what is missing, and ends in the same state."""
        for scene in SCENES:
            self._resumes(scene)
        self._resumes("ups and downs", late=self._of_validation())

    def test_a_second_fit_is_like_the_first(self) -> None:
        """An object that has been through one fit does in the next what a new one does."""
        for scene in SCENES:
            used = self.make()
            self._run(used).play(6, self._scene("ups and downs"))
            second = self._played(scene, used)
            fresh = self._played(scene, self.make())
            _compare(f"{used!r}, {scene}, in a second fit", self.effects(second), self.effects(fresh))

    def test_two_of_a_kind_share_a_run(self) -> None:
        """In one run two objects do what each does alone, or are refused when they join, with the names of both."""
        names = ("number-0", "number-1")
        if self.alone:
            try:
                self._run(*(self.make(name=name) for name in names)).start()
            except (AttachError, OptionError) as error:
                require(all(name in str(error) for name in names), f"the error must name both: {error}")
                return
            raise AssertionError(f"{self.make()!r} is declared to be alone, and two of its kind join one run.")
        for scene in SCENES:
            both = self._run(*(self.make(name=name) for name in names)).play(6, self._scene(scene))
            each = [self.effects(self._played(scene, self.make(name=name))) for name in names]
            _compare(f"{scene}, two in one run", sorted(self.effects(both)), sorted(each[0] + each[1]))

    def test_two_of_one_name_are_refused(self) -> None:
        """State is kept by name: of two that have one, the second cannot join."""
        try:
            self._run(self.make(name="number-0"), self.make(name="number-0"))
        except AttachError as error:
            require("number-0" in str(error), f"the error must hold the name: {error}")
        else:
            raise AssertionError(f"{self.make()!r}: two of one name join one run.")

    def test_two_of_a_kind_are_independent(self) -> None:
        """Two objects that see different runs at the same time do what each does alone."""
        scenes = ("ups and downs", "a plateau")
        runs = [self._run(self.make(name=f"number-{number}")) for number in range(2)]
        playing = [run.safe_points(6, self._scene(scene)) for run, scene in zip(runs, scenes, strict=True)]
        for turn in range(100):
            next(playing[turn % 2], None)
        for number, (run, scene) in enumerate(zip(runs, scenes, strict=True)):
            run.train_end()
            alone = self._played(scene, self.make(name=f"number-{number}"))
            _compare(f"{scene}, beside another one", self.effects(run), self.effects(alone))

    # ---- how it is played ----------------------------------------------------------------------------------------

    _options: ClassVar[FakeRunOptions] = {"lr": {"body": 0.1, "head": 0.01}, "batches": 2}

    def _run(self, *callbacks: Callback) -> FakeRun:
        return FakeRun(callbacks, **self._options)

    def _resumes(self, scene: str, *, late: Collection[str] = ()) -> None:
        values = self._scene(scene)
        whole = self._run(untouched := self.make()).play(6, values, late=late)
        cut = self._run(self.make())
        for _ in cut.safe_points(6, values, late=late):
            done, state = self.effects(cut), _through_json(cut.state())
            resumed = FakeRun.resumed(state, [again := self.make()], **self._options).play(6, values, late=late)
            where = f"{again!r}, {scene}{', late' * bool(late)}, resumed at step {state['counters']['step']}"
            ended = json.dumps(again.state_dict()), json.dumps(untouched.state_dict())
            require(ended[0] == ended[1], f"{where}: ends in the state {ended[0]}, not {ended[1]}")
            _compare(where, sorted(done + self.effects(resumed)), sorted(self.effects(whole)))

    def _of_validation(self) -> list[str]:
        return [name for name in self.metrics if canonical(name).startswith("val/")]

    def _scene(self, name: str) -> Callable[[int], Mapping[str, float]]:
        values = SCENES[name]
        return lambda epoch: dict.fromkeys(self.metrics, values[epoch])

    def _played(self, scene: str, callback: Callback | None = None) -> FakeRun:
        run = self._run(callback or self.make()).play(6, self._scene(scene))
        for request in run.requests:
            culprit = not_plain(dict(request.arguments), f"the arguments of {request.kind.word}", finite=True)
            require(culprit is None, f"{request.author}, {scene}: {culprit}")
        return run


def check_callback(make: Callable[..., Callback], *, inline_only: bool = False, alone: bool = False) -> None:
    """Run the whole suite without pytest.

    Args:
        make: makes a new callback, passing keyword arguments on; the class itself will often do.
        inline_only: see `CallbackContract`.
        alone: see there, too.

    Raises:
        AssertionError: saying what the callback did and should have done.
    """
    said = {"make": staticmethod(make), "inline_only": inline_only, "alone": alone}
    suite = type("Suite", (CallbackContract,), said)()
    for check in (name for name in dir(suite) if name.startswith("test_")):
        getattr(suite, check)()


def _compare(where: str, done: Sequence[Any], expected: Sequence[Any]) -> None:
    for number, (one, right) in enumerate(zip_longest(done, expected, fillvalue="nothing"), start=1):
        require(one == right, f"{where}: effect {number} is {one}; it should be {right}")


def _written(effect: Sequence[Any], run: FakeRun) -> str:
    """Return an effect as text, without the directory, which differs between runs."""
    return json.dumps(effect, default=str).replace(str(run.dir), "<dir>")


def _through_json(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's state with the callbacks' part as it comes back from a file."""
    callbacks = {
        name: (json.loads(json.dumps(plain)), tensors) for name, (plain, tensors) in state["callbacks"].items()
    }
    return {**state, "callbacks": callbacks}
