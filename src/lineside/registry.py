"""The names under which callbacks can be asked for, in a list or a configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from lineside.callback import Callback
from lineside.errors import AttachError, CallbackNotFound, nearest

GROUP = "lineside.callbacks"
"""The entry-point group through which other packages register callbacks: ``name = "package.module:Class"``."""

_BUILT_IN = {
    "model-checkpoint": "lineside.callbacks.model_checkpoint:ModelCheckpoint",
    "early-stopping": "lineside.callbacks.early_stopping:EarlyStopping",
    "reduce-lr-on-plateau": "lineside.callbacks.reduce_lr_on_plateau:ReduceLROnPlateau",
    "terminate-on-nan": "lineside.callbacks.terminate_on_nan:TerminateOnNaN",
    "training-monitor": "lineside.callbacks.training_monitor:TrainingMonitor",
    "log-metrics": "lineside.callbacks.log_metrics:LogMetricsCallback",
    "plot-training-curve": "lineside.callbacks.plot_training_curve:PlotTrainingCurveCallback",
    "progress-bar": "lineside.callbacks.progress_bar:ProgressBar",
    "tensorboard": "lineside.callbacks.tensorboard:TensorBoard",
    "lambda": "lineside.callbacks.lambda_callback:LambdaCallback",
    "learning-rate-scheduler": "lineside.callbacks.learning_rate_scheduler:LearningRateScheduler",
    "warm-up": "lineside.callbacks.warm_up:WarmUp",
    "lr-finder": "lineside.callbacks.lr_finder:LRFinder",
    "gradient-watch": "lineside.callbacks.gradient_watch:GradientWatch",
    "loss-spike-guard": "lineside.callbacks.loss_spike_guard:LossSpikeGuard",
    "resource-monitor": "lineside.callbacks.resource_monitor:ResourceMonitor",
    "summary-report": "lineside.callbacks.summary_report:SummaryReport",
    "ema": "lineside.callbacks.ema:EMA",
    "swa": "lineside.callbacks.swa:SWA",
    "freeze-unfreeze": "lineside.callbacks.freeze_unfreeze:FreezeUnfreeze",
    "time-limit": "lineside.callbacks.time_limit:TimeLimit",
    "batch-size-finder": "lineside.callbacks.batch_size_finder:BatchSizeFinder",
    "profile-steps": "lineside.callbacks.profile_steps:ProfileSteps",
    "prediction-samples": "lineside.callbacks.prediction_samples:PredictionSamples",
    "alert": "lineside.callbacks.alert:Alert",
    "email-alert": "lineside.callbacks.email_alert:EmailAlertCallback",
    "confusion-matrix": "lineside.callbacks.confusion_matrix:ConfusionMatrix",
}
_PRESETS = {"iron-triangle": ("model-checkpoint", "early-stopping", "reduce-lr-on-plateau")}


def names() -> list[str]:
    """Return all registered names and presets, those of other packages included."""
    return sorted({*_BUILT_IN, *_PRESETS, *(entry.name for entry in entry_points(group=GROUP))})


def presets() -> list[str]:
    """Return the names that stand for several callbacks each."""
    return sorted(_PRESETS)


def find(name: str) -> type[Callback]:
    """Return the class that is registered under a name, and import it.

    ``"early-stopping"``, ``"early_stopping"`` and ``"EarlyStopping"`` are one name, as are ``"log-metrics"`` and
    ``"LogMetricsCallback"``. A built-in name cannot be taken by another package.

    Raises:
        CallbackNotFound: nothing is registered under it, or two packages claim it.
        MissingDependency: the callback needs a library that is not installed.
    """
    spelling = _spelling(name)
    for known, target in _BUILT_IN.items():
        if _spelling(known) == spelling:
            module, _, attribute = target.partition(":")
            found: type[Callback] = getattr(import_module(module), attribute)
            return found
    return _third_party(name, [entry for entry in entry_points(group=GROUP) if _spelling(entry.name) == spelling])


def resolve(items: Sequence[Callback | str]) -> list[Callback]:
    """Return callback objects for a list whose members are objects, registered names or presets.

    Raises:
        AttachError: it is no list, or a member is a class, or neither a callback nor a name.
        CallbackNotFound: a name is not registered; the message holds the nearest one and all that there are.
    """
    if isinstance(items, (str, Callback)) or not isinstance(items, Sequence):
        raise AttachError(f"callbacks={items!r}: give a list, such as callbacks=[{items!r}].")
    return [callback for position, item in enumerate(items) for callback in _objects(item, f"callbacks[{position}]")]


def _objects(item: object, place: str) -> Iterator[Callback]:
    if isinstance(item, Callback):
        yield item
    elif isinstance(item, str):
        preset = next((members for known, members in _PRESETS.items() if _spelling(known) == _spelling(item)), (item,))
        for name in preset:
            yield find(name)()
    elif isinstance(item, type) and issubclass(item, Callback):
        raise AttachError(
            f"{place} is the class {item.__name__}: give an object, {item.__name__}(), or a registered name."
        )
    else:
        raise AttachError(
            f"{place} is {item!r}, which is neither a Callback nor a name. Wrap it in a Callback: a subclass whose "
            "hooks call it, or LambdaCallback(on_epoch_end=lambda run: …)."
        )


def _third_party(name: str, entries: Sequence[EntryPoint]) -> type[Callback]:
    claims = {entry.value for entry in entries}
    if not claims:
        known = names()
        raise CallbackNotFound(
            f"No callback is registered as {name!r}.{nearest(name, known)} There is: {', '.join(known)}."
        )
    if len(claims) > 1:
        raise CallbackNotFound(
            f"{name!r} is claimed by {' and '.join(sorted(claims))}: give an object instead of the name."
        )
    found = entries[0].load()
    if not (isinstance(found, type) and issubclass(found, Callback)):
        raise CallbackNotFound(f"{name!r} is registered as {entries[0].value}, which is no Callback class.")
    return found


def _spelling(name: str) -> str:
    """Return what all spellings of a name have in common."""
    bare = re.sub(r"[-_\s]", "", name).lower()
    return bare.removesuffix("callback") or bare
