"""How much an outbox holds, how often it tries, and when it gives up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of an outbox.

    Attributes:
        items: deliveries that may wait; further ones are refused, and counted.
        bytes: that their payloads may have.
        largest: bytes of one payload.
        kept: deliveries that are over and still listed, of each kind of end; older ones are only counted.
        age: seconds after which a delivery is given up, if it was tried often enough.
        least_tries: tries without which age alone gives nothing up: a clock that jumps, or a run that rested for a
            month, costs nothing.
        tries: after which it is given up at any age.
        first_wait: seconds before the second try; they double with each.
        longest_wait: the most that they become.
        longest_asked: the most that a receiver's ``Retry-After`` is granted.
        per_minute: deliveries that one destination gets within a minute. Robots of chats allow 20 or more.
        start_seconds: that a worker process may take to load a sender.
        send_seconds: that a send may take, then it is cut off.
        workers: processes that send at one time.
    """

    items: int = 10_000
    bytes: int = 16 << 20
    largest: int = 256 << 10
    kept: int = 1_000
    age: float = 7 * 86_400.0
    least_tries: int = 10
    tries: int = 1_000
    first_wait: float = 1.0
    longest_wait: float = 600.0
    longest_asked: float = 3_600.0
    per_minute: int = 20
    start_seconds: float = 120.0
    send_seconds: float = 30.0
    workers: int = 4
