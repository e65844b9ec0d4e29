"""The built-in callbacks, one a file; each is loaded when its name is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from lineside.errors import nearest

if TYPE_CHECKING:
    from lineside.callbacks.alert import Alert
    from lineside.callbacks.batch_size_finder import BatchSizeFinder
    from lineside.callbacks.confusion_matrix import ConfusionMatrix
    from lineside.callbacks.early_stopping import EarlyStopping
    from lineside.callbacks.ema import EMA
    from lineside.callbacks.email_alert import EmailAlertCallback
    from lineside.callbacks.freeze_unfreeze import FreezeUnfreeze
    from lineside.callbacks.gradient_watch import GradientWatch
    from lineside.callbacks.lambda_callback import LambdaCallback
    from lineside.callbacks.learning_rate_scheduler import LearningRateScheduler
    from lineside.callbacks.log_metrics import LogMetricsCallback
    from lineside.callbacks.loss_spike_guard import LossSpikeGuard
    from lineside.callbacks.lr_finder import LRFinder
    from lineside.callbacks.model_checkpoint import ModelCheckpoint
    from lineside.callbacks.plot_training_curve import PlotTrainingCurveCallback
    from lineside.callbacks.prediction_samples import PredictionSamples
    from lineside.callbacks.profile_steps import ProfileSteps
    from lineside.callbacks.progress_bar import ProgressBar
    from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
    from lineside.callbacks.resource_monitor import ResourceMonitor
    from lineside.callbacks.summary_report import SummaryReport
    from lineside.callbacks.swa import SWA
    from lineside.callbacks.tensorboard import TensorBoard
    from lineside.callbacks.terminate_on_nan import TerminateOnNaN
    from lineside.callbacks.time_limit import TimeLimit
    from lineside.callbacks.training_monitor import TrainingMonitor
    from lineside.callbacks.warm_up import WarmUp

__all__ = [
    "EMA",
    "SWA",
    "Alert",
    "BatchSizeFinder",
    "ConfusionMatrix",
    "EarlyStopping",
    "EmailAlertCallback",
    "FreezeUnfreeze",
    "GradientWatch",
    "LRFinder",
    "LambdaCallback",
    "LearningRateScheduler",
    "LogMetricsCallback",
    "LossSpikeGuard",
    "ModelCheckpoint",
    "PlotTrainingCurveCallback",
    "PredictionSamples",
    "ProfileSteps",
    "ProgressBar",
    "ReduceLROnPlateau",
    "ResourceMonitor",
    "SummaryReport",
    "TensorBoard",
    "TerminateOnNaN",
    "TimeLimit",
    "TrainingMonitor",
    "WarmUp",
]

_HOMES = {
    "Alert": "alert",
    "EmailAlertCallback": "email_alert",
    "BatchSizeFinder": "batch_size_finder",
    "ConfusionMatrix": "confusion_matrix",
    "EMA": "ema",
    "EarlyStopping": "early_stopping",
    "FreezeUnfreeze": "freeze_unfreeze",
    "GradientWatch": "gradient_watch",
    "LRFinder": "lr_finder",
    "LambdaCallback": "lambda_callback",
    "LearningRateScheduler": "learning_rate_scheduler",
    "LogMetricsCallback": "log_metrics",
    "LossSpikeGuard": "loss_spike_guard",
    "ModelCheckpoint": "model_checkpoint",
    "PlotTrainingCurveCallback": "plot_training_curve",
    "PredictionSamples": "prediction_samples",
    "ProfileSteps": "profile_steps",
    "ProgressBar": "progress_bar",
    "ReduceLROnPlateau": "reduce_lr_on_plateau",
    "ResourceMonitor": "resource_monitor",
    "SWA": "swa",
    "SummaryReport": "summary_report",
    "TensorBoard": "tensorboard",
    "TerminateOnNaN": "terminate_on_nan",
    "TimeLimit": "time_limit",
    "TrainingMonitor": "training_monitor",
    "WarmUp": "warm_up",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}.{nearest(name, __all__)}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
