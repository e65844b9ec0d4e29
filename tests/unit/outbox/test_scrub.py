from __future__ import annotations

from lineside.outbox.scrub import scrubbed


def test_secrets_become_stars_however_they_are_escaped() -> None:
    message = "POST https://h/p%40ss%2Fword failed, p@ss/word was wrong\nand p%40ss/word"
    assert scrubbed(message, ["p@ss/word"]) == "POST https://h/*** failed, *** was wrong and ***"


def test_a_message_is_one_line_of_bounded_length() -> None:
    assert len(scrubbed("x\n" * 5000, [])) == 500
    assert scrubbed("lone \udc80", []) == "lone \\udc80"


def test_texts_too_short_to_be_secrets_are_left() -> None:
    assert scrubbed("a cat sat", ["a"]) == "a cat sat"
