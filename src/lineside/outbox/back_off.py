"""How long to wait before the next try."""

from __future__ import annotations

from random import Random

from lineside.outbox.limits import Limits


def wait_after(tries: int, asked: float | None, limits: Limits, draw: Random) -> float:
    """Return the seconds until the next try.

    They double with each try up to a bound; half of them is drawn at random, so that many runs whose receiver was down
    do not come back at one moment ("equal jitter" in M. Brooker, *Exponential Backoff And Jitter*, 2015). A receiver
    that asks for more gets it, within a bound of its own.

    Args:
        tries: how often it was tried, this time included.
        asked: seconds that the receiver asks for; None if it asks for nothing.
        limits: the bounds.
        draw: where chance comes from.
    """
    longest = min(limits.longest_wait, limits.first_wait * 2.0 ** min(tries - 1, 64))
    wait = longest / 2 + draw.uniform(0, longest / 2)
    return wait if asked is None else max(wait, min(asked, limits.longest_asked))
