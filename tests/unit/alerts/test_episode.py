from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from lineside.alerts.episode import Episode
from lineside.units import Duration


@dataclass
class Place:
    """Where a run is."""

    epochs_done: int = 0
    step: int = 0
    batches_done: int = 0
    samples: int = 0
    elapsed: float = 0.0


def changes(episode: Episode, verdicts: str, *, seconds: float = 1.0) -> list[str | None]:
    """Judge ``+`` holds, ``-`` does not, ``?`` unknown, an epoch and a step each."""
    said = {"+": True, "-": False, "?": None}
    return [
        episode.consider(said[sign], Place(at, at, at, at, at * seconds)) for at, sign in enumerate(verdicts, start=1)
    ]


def test_one_alert_when_it_begins_and_one_when_it_is_over() -> None:
    assert changes(Episode(None, None), "--++?+--+-") == [
        *(None, None, "begin", None, None, None, "end", None, "begin", "end"),
    ]  # fmt: skip


@pytest.mark.parametrize("for_", ["2 epochs", "2 steps"])
def test_it_must_have_held_for_a_while(for_: str) -> None:
    episode = Episode(Duration.parse(for_), None)
    assert changes(episode, "-+-+++-") == [None, None, None, None, "begin", None, "end"]


def test_two_epochs_are_two_values_from_the_beginning_on() -> None:
    assert changes(Episode(Duration.parse("2 epochs"), None), "++") == [None, "begin"]
    # Of steps the first look tells nothing about those before it.
    assert changes(Episode(Duration.parse("2 steps"), None), "+++") == [None, None, "begin"]


def test_what_cannot_be_told_changes_nothing() -> None:
    assert changes(Episode(Duration.parse("2 epochs"), None), "-+?+") == [None, None, None, "begin"]


def test_beginnings_within_the_cool_down_are_merged_with_their_ends() -> None:
    episode = Episode(None, Duration.parse("10 s"))
    assert changes(episode, "+-+-+-" + "-" * 4 + "+") == [
        *("begin", "end", "merged", None, "merged", None, None, None, None, None, "begin"),
    ]  # fmt: skip
    assert (episode.take_merged(), episode.take_merged()) == (2, 0)


def test_its_state_goes_on_at_any_moment() -> None:
    verdicts = "-+++--+-++-?+"
    make = lambda: Episode(Duration.parse("2 epochs"), Duration.parse("3 s"))  # noqa: E731
    whole = changes(make(), verdicts)
    for cut in range(len(verdicts)):
        first, second = make(), make()
        before = changes(first, verdicts[:cut])
        second.load_state_dict(json.loads(json.dumps(first.state_dict())))
        said = {"+": True, "-": False, "?": None}
        after = [
            second.consider(said[sign], Place(at, at, at, at, float(at)))
            for at, sign in enumerate(verdicts[cut:], start=cut + 1)
        ]
        assert before + after == whole
