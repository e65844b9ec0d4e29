"""The bridge to Hugging Face: callbacks of Lineside in ``transformers.Trainer``."""

from __future__ import annotations

from lineside.bridges.transformers.entry import transformers

__all__ = ["transformers"]
