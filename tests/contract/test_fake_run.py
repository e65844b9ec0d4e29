"""What callbacks see of a fake run is what they see of a real one."""

from __future__ import annotations

import pytest

from lineside import Callback
from lineside.control import Kind
from lineside.events import Event
from lineside.testing import FakeRun, Sighting, TraceRecorder

torch = pytest.importorskip("torch")
trainer = pytest.importorskip("lineside.trainer")


class Steer(Callback):
    """Asks for something of each kind on the way."""

    def on_epoch_end(self, run) -> None:
        if run.epoch == 0:
            run.save("mine", pin="steer")
            run.set_lr(0.05)
        if run.epoch == 1:
            run.stop("enough")

    def on_train_end(self, run) -> None:
        run.restore("steer")


def really_played(callbacks) -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1)
    data = torch.utils.data.TensorDataset(torch.randn(12, 2), torch.randn(12, 1))
    loader = torch.utils.data.DataLoader(data, batch_size=4)
    validation = torch.utils.data.DataLoader(data, batch_size=12)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    real = trainer.Trainer(model, optimizer, torch.nn.functional.mse_loss, callbacks=callbacks, device="cpu")
    real.fit(loader, validation, epochs=3)


def in_order(trace: list[Sighting]) -> list[str]:
    """Return a trace as lines, without the last checkpoint, which a real run saves by itself before it ends."""
    lines = [f"{one.event.hook} {one[1:]}" for one in trace]
    last = next((place for place, one in enumerate(trace) if one.event is Event.TRAIN_END), 0) - 1
    return [line for place, line in enumerate(lines) if place != last or trace[place].event is not Event.CHECKPOINT]


def test_the_traces_are_the_same() -> None:
    real, fake = TraceRecorder(), TraceRecorder()
    really_played([real])
    FakeRun([fake], batches=3).play(3)
    assert in_order(real.trace) == in_order(fake.trace)


def test_requests_are_applied_at_the_same_points() -> None:
    real, fake = TraceRecorder(), TraceRecorder()
    really_played([Steer(), real])
    run = FakeRun([Steer(), fake], batches=3).play(3)
    assert in_order(real.trace) == in_order(fake.trace)
    assert [request.kind for request, _ in run.outcomes] == [Kind.SET_LR, Kind.SAVE, Kind.STOP, Kind.RESTORE]
