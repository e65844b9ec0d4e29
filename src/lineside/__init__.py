"""Lineside: callbacks for model training that watch, steer and survive. Names are loaded when they are first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineside.adopted import adopt
    from lineside.bridges.keras import keras
    from lineside.bridges.lightning import lightning
    from lineside.bridges.transformers import transformers
    from lineside.bridges.ultralytics import ultralytics
    from lineside.callback import Callback, every
    from lineside.events import Event
    from lineside.fit_result import FitResult
    from lineside.ports import RunView
    from lineside.run import Run
    from lineside.sink import Records, Sink
    from lineside.trainer import Trainer

__version__ = "0.1.0"
__all__ = [
    "Callback",
    "Event",
    "FitResult",
    "Records",
    "Run",
    "RunView",
    "Sink",
    "Trainer",
    "adopt",
    "every",
    "keras",
    "lightning",
    "transformers",
    "ultralytics",
]

_HOMES = {
    "Callback": "lineside.callback",
    "every": "lineside.callback",
    "Event": "lineside.events",
    "RunView": "lineside.ports",
    "Run": "lineside.run",
    "Records": "lineside.sink",
    "Sink": "lineside.sink",
    "FitResult": "lineside.fit_result",
    "Trainer": "lineside.trainer",
    "adopt": "lineside.adopted",
    "keras": "lineside.bridges.keras",
    "lightning": "lineside.bridges.lightning",
    "transformers": "lineside.bridges.transformers",
    "ultralytics": "lineside.bridges.ultralytics",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'lineside' has no attribute {name!r}.{_hint(name)}")
    return getattr(import_module(_HOMES[name]), name)


def _hint(name: str) -> str:
    # Not `from lineside import callbacks`, which comes back here.
    callbacks, nearest = import_module("lineside.callbacks"), import_module("lineside.errors").nearest

    if name in callbacks.__all__:
        return f" It is a built-in callback: from lineside.callbacks import {name}."
    return str(nearest(name, [*__all__, *callbacks.__all__]))


def __dir__() -> list[str]:
    return __all__
