"""The ports of the core: what callbacks see of a run, and what a run needs from hosts, stores and checkpoints."""

from __future__ import annotations

from lineside.ports.deliveries import AlertPayload, Delivery, Route, Sender, TryAgain, Undeliverable
from lineside.ports.host import BatchSource, Capabilities, Host, HostState, SavedState, TensorWriter
from lineside.ports.model import ModelPort
from lineside.ports.records import Recorder, RequestInbox
from lineside.ports.run_view import CheckpointView, RunView
from lineside.ports.vocabulary import Alert, CallbackInfo, Capability, Level, LogRow, MediumKind, Phase, Stage

__all__ = [
    "Alert",
    "AlertPayload",
    "BatchSource",
    "CallbackInfo",
    "Capabilities",
    "Capability",
    "CheckpointView",
    "Delivery",
    "Host",
    "HostState",
    "Level",
    "LogRow",
    "MediumKind",
    "ModelPort",
    "Phase",
    "Recorder",
    "RequestInbox",
    "Route",
    "RunView",
    "SavedState",
    "Sender",
    "Stage",
    "TensorWriter",
    "TryAgain",
    "Undeliverable",
]
