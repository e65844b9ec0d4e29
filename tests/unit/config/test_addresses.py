"""Addresses in a configuration: their secrets stay where they are, and nothing of them gets into the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineside.config.loading import load
from lineside.errors import ConfigError
from tests.unit.config.conftest import SOUND

CANARY = "CANARY-0123456789"
ALERTS = """\
callbacks:
  - alert:
      when: {loss-spike: {factor: 5}}
      for_: 20 steps
      then: save
      to: ["wecombot://${WECOM_KEY}", $OPS_ALERTS, "file:/run/secrets/alerts"]
  - email-alert:
      to: [ada@example.com]
      server: mailtos://me:${MAIL_PASSWORD}@smtp.example.com
"""
VARIABLES = {"WECOM_KEY": CANARY, "MAIL_PASSWORD": CANARY}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    pytest.importorskip("apprise")
    return tmp_path / "config.yaml"


def test_references_reach_the_routes_as_they_are_written(file: Path) -> None:
    file.write_text(SOUND + ALERTS, "utf-8")
    experiment = load(file, (), VARIABLES)
    alert, mail = (entry.make({}) for entry in experiment.callbacks)
    assert [route.reference for route in alert.routes] == [
        "wecombot://${WECOM_KEY}", "$OPS_ALERTS", "file:/run/secrets/alerts",
    ]  # fmt: skip
    assert mail.routes[0].reference == "mailtos://me:${MAIL_PASSWORD}@smtp.example.com?to=ada%40example.com"
    assert CANARY not in experiment.document
    assert "wecombot://${WECOM_KEY}" in experiment.document


def told(file: Path, text: str) -> str:
    file.write_text(SOUND + text, "utf-8")
    with pytest.raises(ConfigError) as mistakes:
        load(file, (), VARIABLES)
    assert CANARY not in str(mistakes.value)
    return str(mistakes.value)


@pytest.mark.parametrize(
    ("there", "wrong", "message"),
    [
        ('"wecombot://${WECOM_KEY}"', f"wecombot://{CANARY}", ":14:12: callbacks.alert.to: a secret must not stand in"),
        ('"wecombot://${WECOM_KEY}"', '"wecomboot://${WECOM_KEY}"', "Did you mean 'wecombot'?"),
        ("${WECOM_KEY}", "${WECOM_KEYS}", "WECOM_KEYS is not set. Did you mean 'WECOM_KEY'?"),
        ("me:${MAIL_PASSWORD}", f"me:{CANARY}", "callbacks.email-alert.server: a secret must not stand in"),
        ("loss-spike:", "loss-spkie:", "Did you mean 'loss-spike'?"),
        ("factor:", "factro:", "loss-spike has no 'factro'. Did you mean 'factor'?"),
        ("factor: 5", "factor: five", "loss-spike: factor='five' must be a finite number"),
        ("then: save", "then: sav", "Did you mean 'save'?"),
        ("for_: 20 steps", "for_: 20 stps", "unknown unit 'stps'. Did you mean 'steps'?"),
        ("for_:", "four:", "there is no 'four'. Did you mean 'for_'?"),
        ("[ada@example.com]", "[ada]", "'ada' is no mail address"),
    ],
)
def test_mistakes_are_told_with_the_nearest_right_word_and_without_the_secret(
    file: Path, there: str, wrong: str, message: str
) -> None:
    assert there in ALERTS
    assert message in told(file, ALERTS.replace(there, wrong))
