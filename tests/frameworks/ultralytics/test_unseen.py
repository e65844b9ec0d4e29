"""Batches that nobody looks at: what Ultralytics' own functions see of the run in each of them."""

from __future__ import annotations

import pytest
from ultralytics import YOLO

from lineside.bridges.ultralytics.relay import Relay
from lineside.callback import Callback
from lineside.store.reader import RunReader
from lineside.testing import toy
from tests.frameworks.ultralytics.conftest import TRAIN


class Idle(Callback):
    """Has no hook within batches."""

    def on_epoch_end(self, run):
        self.counted = run.step, run.batches_done, run.samples


class Reads:
    """Reads the run's counters at the end of a batch, behind the bridge."""

    def __init__(self, yolo):
        self.seen, self.lists, self.losses = [], [], []
        yolo.add_callback("on_train_start", self.begin)

    def begin(self, trainer):
        trainer.add_callback("on_train_batch_end", self.look)
        trainer.add_callback("on_train_epoch_end", lambda trainer: self.lists.append(relays(trainer.callbacks)))

    def look(self, trainer):
        (relay,) = (one for one in trainer.callbacks["on_train_epoch_end"] if isinstance(one, Relay))
        run = relay.bridge.run
        self.lists.append(relays(trainer.callbacks))
        self.seen.append((run.step, run.batches_done, trainer.ema.updates))
        self.losses.append(sum(loss.item() for loss in trainer.loss_items.values()))


def relays(lists):
    return [any(isinstance(one, Relay) for one in lists[f"on_train_batch_{point}"]) for point in ("start", "end")]


@pytest.mark.parametrize("accumulates", [1, 2])
def test_counters_and_losses_are_right_wherever_they_are_read(accumulates, fit, narrow):
    idle, yolo = Idle(), YOLO(narrow)
    reads = Reads(yolo)
    bridge = fit([idle], epochs=2, model=yolo, arguments={"nbs": 4 * accumulates})
    assert [one[1] for one in reads.seen] == list(range(1, 2 * toy.BATCHES + 1))
    assert [one[0] for one in reads.seen] == [one[2] for one in reads.seen]
    assert idle.counted == (reads.seen[-1][0], 2 * toy.BATCHES, 2 * TRAIN)
    with RunReader.open(bridge.run.dir) as reader:
        assert list(reader.series("batch/loss").values) == pytest.approx(reads.losses)
        assert list(reader.series("batch/loss").steps) == [one[0] for one in reads.seen]


def test_the_hooks_of_the_bridge_are_back_at_the_end_of_an_epoch(fit, narrow):
    yolo = YOLO(narrow)
    reads = Reads(yolo)
    fit([Idle()], epochs=1, model=yolo)
    # The first batch of a training is looked at, and so the relay stands at its end; not at the beginning of others.
    assert [start for start, _ in reads.lists[:-1]] == [False] * toy.BATCHES
    assert reads.lists[-1] == [True, True]
    assert relays(yolo.trainer.callbacks) == [True, True]


def test_a_stop_that_a_function_before_ours_asks_for_is_applied_in_its_batch(fit, narrow):
    idle, yolo, at = Idle(), YOLO(narrow), []

    def stop(trainer):
        (relay,) = (one for one in trainer.callbacks["on_train_epoch_end"] if isinstance(one, Relay))
        at.append(relay)
        if len(at) == toy.BATCHES + 2:
            relay.bridge.run.stop("that was enough")

    yolo.add_callback("on_train_batch_end", stop)
    bridge = fit([idle], epochs=4, model=yolo)
    assert bridge.run.reason == "that was enough"
    assert bridge.run.epochs_done == 2


def test_hooks_that_somebody_has_put_something_around_are_called(fit, narrow):
    idle, yolo, called = Idle(), YOLO(narrow), []

    def around(hook):
        def timed(trainer):
            called.append(hook)
            hook(trainer)

        return timed

    def put_around(trainer):
        hooks = trainer.callbacks["on_train_batch_end"]
        hooks[:] = [around(hook) if isinstance(hook, Relay) else hook for hook in hooks]

    yolo.add_callback("on_train_start", put_around)
    fit([idle], epochs=1, model=yolo)
    assert len(called) == toy.BATCHES
    assert idle.counted[1] == toy.BATCHES
