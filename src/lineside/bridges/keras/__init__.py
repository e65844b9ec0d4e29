"""The bridge to Keras: callbacks of Lineside in ``model.fit``."""

from __future__ import annotations

from lineside.bridges.keras.entry import keras

__all__ = ["keras"]
