from __future__ import annotations

from lineside.callback import Callback
from lineside.config.docstrings import described_options, summary


def example() -> None:
    """Do something
    useful.

    Args:
        rate: how fast; one
            more line.
        *others: any number.
        size (int): how large.

            A second paragraph: of it.

    Returns:
        nothing: at all.
    """


def keywords() -> None:
    """Do it.

    Attributes:
        rate: another text.
        depth: how deep.
    """


def test_options_are_taken_from_their_section() -> None:
    assert described_options(example) == {
        "rate": "how fast; one more line.",
        "others": "any number.",
        "size": "how large. A second paragraph: of it.",
    }


def test_earlier_descriptions_win() -> None:
    both = described_options(example, keywords)
    assert (both["rate"], both["depth"]) == ("how fast; one more line.", "how deep.")


def test_the_first_paragraph_is_the_summary() -> None:
    assert summary(example) == "Do something useful."
    assert summary(Callback) == "Behaviour beside the training line."


def test_no_docstring_says_nothing() -> None:
    def silent() -> None: ...

    assert described_options(silent) == {}
    assert summary(silent) == ""
