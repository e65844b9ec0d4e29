"""The tables of the hosts are those that their columns make."""

from __future__ import annotations

from typing import get_args

import pytest

from lineside.ports import Capability
from lineside.testing.catalogue import PROOFS, untried
from tests.matrix import page


def test_the_page_is_up_to_date():
    text = page.PAGE.read_text("utf-8")
    assert text == page.assembled(text, page.columns()), "Run `make matrix`, or `python -m tests.matrix.page`."


def test_every_ability_has_words():
    assert list(page.ABILITIES.keys() ^ set(get_args(Capability))) == []


def test_every_registered_callback_has_a_row():
    assert untried() == []


def test_a_callback_that_was_not_tried_in_a_host_is_an_error():
    found = page.columns()
    found["keras-jax"] = {**found["keras-jax"], "callbacks": {}}
    with pytest.raises(ValueError, match=f"{PROOFS[0].name} was not tried in keras-jax"):
        page.catalogue(found)


def test_one_that_went_wrong_when_it_was_resumed_is_an_error():
    found = page.columns()
    found["loop"] = {**found["loop"], "callbacks": {**found["loop"]["callbacks"], "ema": {"fits": []}}}
    with pytest.raises(ValueError, match="ema was not tried in loop"):
        page.catalogue(found)
