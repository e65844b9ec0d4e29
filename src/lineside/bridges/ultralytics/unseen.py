"""Batches in which nobody has a hook: put aside with hardly a function called, and told of where somebody looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from time import time
from typing import Any

from lineside.backends.torch.sizes import Sizes
from lineside.bridges.nothing import nothing
from lineside.bridges.ultralytics.relay import Relay
from lineside.run.driven import DrivenRun
from lineside.run.tally import Told


@dataclass(slots=True)
class Counted:
    """What the run knows of an epoch's batches.

    Attributes:
        batches: that are over.
        updates: of Ultralytics' average until then: one for each step of the optimizer.
    """

    batches: int = 0
    updates: int = 0


class UnseenBatches:
    """Takes the place of the bridge's hooks of a batch, from the first batch of an epoch to its last.

    Args:
        bridge: ends batches that somebody sees.
        hooks: Ultralytics' lists, by event; those of the bridge stand in them (`stands_in`).
        run: nobody has a hook in its batches.
        counted: shared with the bridge.
        sizes: of the batches.
    """

    def __init__(
        self, bridge: Any, hooks: Mapping[str, list[Any]], run: DrivenRun, counted: Counted, sizes: Sizes
    ) -> None:
        self._bridge, self._run, self._counted, self._sizes = bridge, run, counted, sizes
        self._tally = run.put_aside(3, self._tell)
        # Exchanged and not taken out, since Ultralytics is going through the first of these lists just now.
        self._instead = {"on_train_batch_start": nothing, "on_train_batch_end": self._batch_ends}
        self._hooks, self._relays = hooks, dict[str, Relay]()
        for event, hook in self._instead.items():
            (relay,) = _relays(bridge, hooks[event])
            self._relays[event], hooks[event][hooks[event].index(relay)] = relay, hook

    def leave(self) -> None:
        """Put the bridge's hooks back into their places."""
        for event, hook in self._instead.items():
            if hook in self._hooks[event]:  # nobody has taken it out
                self._hooks[event][self._hooks[event].index(hook)] = self._relays[event]

    def _batch_ends(self, trainer: Any) -> None:
        now, tally = time(), self._tally
        if now < tally.due and len(tally) < tally.full:
            tally += (now, {**trainer.loss_items}, trainer.ema.updates)
        else:
            self._run.count()
            self._bridge.on_train_batch_end(trainer)

    def _tell(self, aside: list[Any]) -> Told:
        times, losses, updates = [aside[place::3] for place in range(3)]
        counted = self._counted
        steps = [after - before for before, after in pairwise((counted.updates, *updates))]
        sizes = self._sizes.of_several(counted.batches, len(times))
        counted.batches, counted.updates = counted.batches + len(times), updates[-1]
        return Told(times, losses, sizes, steps)


def stands_in(bridge: Any, hooks: Mapping[str, list[Any]]) -> bool:
    """Return whether the bridge's hooks of a batch stand in Ultralytics' lists, and not something around them."""
    return all(len(_relays(bridge, hooks[f"on_train_batch_{point}"])) == 1 for point in ("start", "end"))


def _relays(bridge: Any, hooks: list[Any]) -> list[Relay]:
    return [one for one in hooks if isinstance(one, Relay) and one.bridge is bridge]


def sizes_of(loader: Any, processes: int) -> Sizes:
    """Return the sizes of the batches of one of Ultralytics' loaders, each of whose processes has a share."""
    return Sizes(len(loader.sampler), int(loader.batch_size), processes)
