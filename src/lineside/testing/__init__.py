"""What callbacks are tested with: a run without a model, a clock that stands still, a contract, a trace."""

from __future__ import annotations

from lineside.testing.catalogue import CatalogueContract, Proof
from lineside.testing.clock import FakeClock
from lineside.testing.contract import CallbackContract, check_callback
from lineside.testing.fake_checkpoint import FakeCheckpoint
from lineside.testing.fake_model import FakeModel
from lineside.testing.fake_run import FakeRun
from lineside.testing.fake_trials import FakeTrials
from lineside.testing.host_contract import HostContract
from lineside.testing.offload import Offload
from lineside.testing.trace import Sighting, TraceRecorder

__all__ = [
    "CallbackContract",
    "CatalogueContract",
    "FakeCheckpoint",
    "FakeClock",
    "FakeModel",
    "FakeRun",
    "FakeTrials",
    "HostContract",
    "Offload",
    "Proof",
    "Sighting",
    "TraceRecorder",
    "check_callback",
]
