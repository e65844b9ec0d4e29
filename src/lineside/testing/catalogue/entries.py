"""What is tried of each registered callback."""

from __future__ import annotations

from collections.abc import Collection

from lineside import registry
from lineside.testing.catalogue.alerting import RaisesAlerts, SendsMail
from lineside.testing.catalogue.averages import AveragesEachStep, AveragesEpochs, Freezes, UpdatesBatchNorm
from lineside.testing.catalogue.files import DrawsCurves, Reports, WritesEvents, WritesHistograms, WritesRows
from lineside.testing.catalogue.pictures import CountsClasses, DrawsSamples
from lineside.testing.catalogue.proof import Proof
from lineside.testing.catalogue.rates import LowersOnAPlateau, Schedules, WarmsUp
from lineside.testing.catalogue.saving import GoesBack, SavesTheBest
from lineside.testing.catalogue.stopping import EndsAtNaN, LeavesInTime, RestoresTheBest, StopsEarly
from lineside.testing.catalogue.telling import CallsFunctions, Monitors, ShowsProgress
from lineside.testing.catalogue.trying import FindsABatchSize, FindsARate
from lineside.testing.catalogue.watching import ProfilesSteps, WatchesGradients, WatchesTheMachine

PROOFS: tuple[type[Proof], ...] = (
    SavesTheBest,
    StopsEarly,
    RestoresTheBest,
    EndsAtNaN,
    GoesBack,
    LeavesInTime,
    LowersOnAPlateau,
    Schedules,
    WarmsUp,
    FindsARate,
    FindsABatchSize,
    AveragesEachStep,
    UpdatesBatchNorm,
    AveragesEpochs,
    Freezes,
    WatchesGradients,
    ProfilesSteps,
    WatchesTheMachine,
    RaisesAlerts,
    SendsMail,
    WritesRows,
    WritesEvents,
    WritesHistograms,
    DrawsCurves,
    Reports,
    ShowsProgress,
    Monitors,
    CountsClasses,
    DrawsSamples,
    CallsFunctions,
)


def untried(proofs: Collection[type[Proof]] = PROOFS) -> list[str]:
    """Return the registered callbacks, those of other packages included, of which nothing is tried."""
    return sorted(set(registry.names()) - set(registry.presets()) - {proof.name for proof in proofs})
