"""Callbacks of Hugging Face: ``on_epoch_end(self, args, state, control, **kwargs)``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from lineside.adopted.base import AdoptedCallback
from lineside.adopted.foreign import Function
from lineside.adopted.stand_in import Absent, Arguments, only_optimizer
from lineside.adopted.transformers_state import Score, TrainerControl, TrainerState, taken
from lineside.errors import RequestRefused
from lineside.events import Event
from lineside.language import text
from lineside.ports import RunView

# Their evaluation is our validation; `on_step_begin` and the ends of batches have methods of their own.
_PLAIN: Mapping[str, tuple[Event, ...]] = {
    "on_init_end": (Event.SETUP,),
    "on_train_begin": (Event.TRAIN_START,),
    "on_epoch_begin": (Event.EPOCH_START,),
    "on_optimizer_step": (Event.STEP_END,),
    "on_epoch_end": (Event.TRAIN_EPOCH_END,),
    "on_prediction_step": (Event.VAL_BATCH_END, Event.TEST_BATCH_END, Event.PREDICT_BATCH_END),
    "on_save": (Event.CHECKPOINT,),
    "on_train_end": (Event.TRAIN_END,),
}
_OTHERS = ("on_step_begin", "on_step_end", "on_substep_end", "on_log", "on_evaluate", "on_predict")
_GIVEN = ("args", "state", "control")
_ABSENT = ("processing_class", "lr_scheduler", "train_dataloader", "eval_dataloader")
_IN_BATCHES = ("on_step_begin", "on_optimizer_step", "on_substep_end", "on_step_end")
_EXTRA = {"on_log": ("logs",), "on_evaluate": ("metrics",), "on_predict": ("metrics",)}


class TransformersStyle(AdoptedCallback):
    """Carries a `TrainerCallback`.

    What Hugging Face's trainer does behind an evaluation is done here: it keeps the best value of
    ``args.metric_for_best_model`` (``loss`` unless given in ``arguments``) as ``state.best_metric``.
    """

    _absent: Mapping[str, str] = {
        "on_pre_optimizer_step": "no host tells of clipped gradients before a step",
        "on_push_begin": "nothing is pushed to a hub",
    }
    optional_hooks: ClassVar[frozenset[str]] = frozenset(
        event.hook for event in Event if event.hook.startswith("on_test_")
    )

    def _subscribe(self) -> None:
        self._refuse_unknown([*_PLAIN, *_OTHERS])
        self._score, self._serial = Score(), 0
        self._accepted: dict[Function, tuple[frozenset[str], frozenset[str]]] = {}
        for hook, functions in self._functions.items():
            for function in functions:
                self._look_at(hook, function)
        for hook, events in _PLAIN.items():
            for event in events if hook in self._functions else ():
                self._add(event, self._call(hook))
        if "on_step_begin" in self._functions:
            self._add(Event.BATCH_START, self._batch_start)
        if not self._functions.keys().isdisjoint(("on_step_end", "on_substep_end", "on_step_begin")):
            self._add(Event.TRAIN_START, self._note_step)
            self._add(Event.BATCH_END, self._batch_end)
        self._add(Event.TRAIN_EPOCH_END, self._log_training)
        self._add(Event.VAL_END, self._evaluated)
        self._add(Event.EPOCH_END, self._epoch_over)
        if "on_evaluate" in self._functions:
            self._add(Event.TEST_END, self._tested)
        if "on_predict" in self._functions:
            self._add(Event.PREDICT_END, lambda run: self._tell(run, "on_predict", metrics={}))

    def _look_at(self, hook: str, function: Function) -> None:
        """Find what a hook takes beside its three objects: by name, and whether it takes everything."""
        parameters = inspect.signature(function).parameters.values()
        everything = any(one.kind is one.VAR_KEYWORD for one in parameters)
        named = {one.name for one in parameters}
        with_default = {one.name for one in parameters if one.default is not one.empty}
        offered = {"model", "optimizer", *_EXTRA.get(hook, ())}
        accepted = offered if everything else offered & named
        # What has a default keeps it.
        missing = set(_ABSENT) - with_default if everything else set(_ABSENT) & (named - with_default)
        self._check(hook, function, _GIVEN, sorted(accepted | missing))
        self._accepted[function] = frozenset(accepted), frozenset(missing)

    def _begin(self, run: RunView) -> None:
        self._score = Score()
        self._args = Arguments(run, self.name, "args", self._known_arguments, self._arguments)
        self._trainer_state = TrainerState(run, self.name, self._score)
        self._control = TrainerControl(run, self.name)
        self._step_began = False
        self._steps = run.step
        self._serial = 0
        self._wants_evaluation = self._awaits_values = False

    # ---- calling -------------------------------------------------------------------------------------------------

    def _call(self, hook: str) -> Callable[..., None]:
        def call(run: RunView, *_payload: Any) -> None:
            self._tell(run, hook)

        return call

    def _tell(self, run: RunView, hook: str, **extra: Any) -> None:
        """Call the object's hook and do what it switches on."""
        self._meet(run)
        for function in self._functions.get(hook, ()):
            accepted, missing = self._accepted[function]
            given = {name: value for name, value in extra.items() if name in accepted}
            if "model" in accepted:
                given["model"] = run.model.module
            if "optimizer" in accepted:
                given["optimizer"] = only_optimizer(run)
            given |= {name: Absent(name, self.name, run.host) for name in missing}
            answer = function(self._args, self._trainer_state, self._control, **given)
            self._obey(run, self._control if answer is None else answer, hook)

    def _obey(self, run: RunView, control: Any, hook: str) -> None:
        taken(control, "should_epoch_stop", self._no_epoch_stop)
        if taken(control, "should_training_stop"):
            name = self.name
            run.stop(text(f"{name} set control.should_training_stop", f"{name} 设置了 control.should_training_stop"))
        if taken(control, "should_save"):
            run.save(self.name, text(f"{self.name} set control.should_save", f"{self.name} 设置了 control.should_save"))
        if taken(control, "should_evaluate"):
            if hook == "on_epoch_end":
                self._wants_evaluation = True  # most hosts validate now anyway
            else:
                self._ask_for_evaluation(run)
        # Behind an epoch and an evaluation it is logged anyway.
        if taken(control, "should_log") and hook in _IN_BATCHES:
            self._log(run, run.batch_metrics)

    def _ask_for_evaluation(self, run: RunView) -> None:
        name = self.name
        run.validate(text(f"{name} set control.should_evaluate", f"{name} 设置了 control.should_evaluate"))

    def _no_epoch_stop(self) -> RequestRefused:
        return RequestRefused(
            f"{self.name} set control.should_epoch_stop, and an epoch cannot be left alone: use should_training_stop."
        )

    # ---- batches -------------------------------------------------------------------------------------------------

    def _note_step(self, run: RunView) -> None:
        self._steps = run.step  # as it was restored

    def _batch_start(self, run: RunView) -> None:
        self._meet(run)
        if not self._step_began:
            self._step_began = True
            self._tell(run, "on_step_begin")

    def _batch_end(self, run: RunView) -> None:
        self._meet(run)
        stepped, self._steps = run.step != self._steps, run.step
        if stepped:
            self._step_began = False
        self._tell(run, "on_step_end" if stepped else "on_substep_end")

    # ---- values --------------------------------------------------------------------------------------------------

    def _fresh(self, run: RunView, stage: str) -> dict[str, float]:
        """Return the values of an evaluation that have not been seen, by their bare names."""
        points = {name: run.metrics.point(name) for name in list(run.metrics) if name.startswith(f"{stage}/")}
        fresh = {name: point for name, point in points.items() if point is not None and point.serial > self._serial}
        self._serial = max((point.serial for point in fresh.values()), default=self._serial)
        return {name.removeprefix(f"{stage}/"): point.value for name, point in fresh.items()}

    def _log_training(self, run: RunView) -> None:
        self._meet(run)
        self._log(run, run.metrics)

    def _log(self, run: RunView, values: Mapping[str, float]) -> None:
        logs = {name.removeprefix("train/"): values[name] for name in list(values) if name.startswith("train/")}
        rates = list(run.lr.values())
        if len(rates) == 1:
            logs["learning_rate"] = rates[0]
        self._write(run, logs)

    def _write(self, run: RunView, logs: dict[str, float]) -> None:
        logs["epoch"] = self._trainer_state.epoch
        self._score.history.append({**logs, "step": run.step})
        self._tell(run, "on_log", logs=logs)

    def _evaluated(self, run: RunView) -> None:
        self._meet(run)
        self._wants_evaluation = False
        # Some hosts publish the values of a validation only behind its end.
        self._awaits_values = not self._show_evaluation(run, "val")

    def _tested(self, run: RunView) -> None:
        self._meet(run)
        self._show_evaluation(run, "test")

    def _epoch_over(self, run: RunView) -> None:
        self._meet(run)
        if self._awaits_values:
            self._awaits_values = False
            self._show_evaluation(run, "val")
        if self._wants_evaluation:
            self._wants_evaluation = False
            self._ask_for_evaluation(run)

    def _show_evaluation(self, run: RunView, stage: str) -> bool:
        metrics = {f"eval_{name}": value for name, value in self._fresh(run, stage).items()}
        if not metrics:
            return False
        self._write(run, dict(metrics))
        metrics["epoch"] = self._trainer_state.epoch
        self._tell(run, "on_evaluate", metrics=metrics)
        if stage == "val":
            watched = f"eval_{self._args.metric_for_best_model.removeprefix('eval_')}"
            self._score.see(metrics.get(watched), run.step, greater_is_better=self._args.greater_is_better)
        return True

    # ---- state ---------------------------------------------------------------------------------------------------

    def _own_state(self) -> dict[str, Any]:
        return {"score": self._score.state_dict(), "serial": self._serial}

    def _load_own_state(self, state: Mapping[str, Any]) -> None:
        self._score.load_state_dict(state["score"])
        self._serial = state["serial"]

    def _known_arguments(self, run: RunView) -> dict[str, Any]:
        # Of a metric that decides, Hugging Face takes all but losses for better when they are greater.
        metric = self._arguments.get("metric_for_best_model", "loss")
        return {
            "eval_strategy": "no" if run.has_validation is False else "epoch",
            "greater_is_better": not metric.endswith("loss"),
            "load_best_model_at_end": False,
            "metric_for_best_model": metric,
            "num_train_epochs": run.total_epochs,
            "output_dir": str(run.dir),
            "process_index": run.rank,
            "world_size": run.world_size,
        }
