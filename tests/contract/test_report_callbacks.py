"""The callbacks that report run the suite of all callbacks with options of their own."""

from __future__ import annotations

from typing import Any

from lineside.callbacks.summary_report import SummaryReport
from lineside.testing import CallbackContract


class TestSummaryReport(CallbackContract):
    def make(self, **options: Any) -> SummaryReport:
        return SummaryReport(every="2 epochs", open=True, **options)
