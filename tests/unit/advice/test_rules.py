"""Each rule alone: what it finds, what it leaves alone, and what it says nothing about."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lineside.advice.facts import Facts
from lineside.advice.rules import (
    RULES,
    container_volume,
    few_cuts,
    min_delta,
    plateau_beside_adam,
    plateau_patience,
    restore_best_weights,
    written_out_address,
)
from lineside.callbacks.early_stopping import EarlyStopping
from lineside.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from lineside.ports import CallbackInfo
from lineside.run.attach import described

NAN = math.nan
ZIGZAG = [0.5, 0.4, 0.5, 0.4, 0.5, 0.4, 0.5, 0.4, 0.5, 0.4]
FALLING = [1.0 / (epoch + 1) for epoch in range(12)]


def facts(*callbacks: Any, **more: Any) -> Facts:
    return Facts(callbacks=described(callbacks), **more)


def infos(**options: Any) -> Facts:
    """Facts as a record of somebody else may hold them: anything in any option."""
    return Facts(callbacks=[CallbackInfo(kind, kind, True, options) for kind in ("EarlyStopping", "ReduceLROnPlateau")])


# ---- patience -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cut", "stop", "found"), [(5, 5, 1), (6, 5, 1), (4, 5, 0)])
def test_a_plateau_decay_that_comes_too_late_is_found(cut: int, stop: int, found: int) -> None:
    given = facts(ReduceLROnPlateau(patience=cut), EarlyStopping(patience=stop))
    texts = list(plateau_patience(given))
    assert len(texts) == found
    if found:
        assert f"waits {cut} values" in texts[0]
        assert f"only {stop}" in texts[0]


def test_aliases_of_one_metric_are_one_metric() -> None:
    assert list(
        plateau_patience(facts(ReduceLROnPlateau("val_loss", patience=9), EarlyStopping("val/loss", patience=9)))
    )


@pytest.mark.parametrize(
    "callbacks",
    [
        [ReduceLROnPlateau(patience=9)],
        [EarlyStopping(patience=9)],
        [ReduceLROnPlateau("train/loss", patience=9), EarlyStopping("val/loss", patience=9)],
        [ReduceLROnPlateau(patience=9, enabled=False), EarlyStopping(patience=9)],
        [ReduceLROnPlateau(patience=9), EarlyStopping(patience=9, enabled=False)],
    ],
)
def test_patience_matters_only_where_both_watch_the_same(callbacks: list[Any]) -> None:
    assert not list(plateau_patience(facts(*callbacks)))


@pytest.mark.parametrize("patience", [None, "nine", NAN, True, [9]])
def test_an_option_of_a_foreign_record_that_is_no_number_is_passed_over(patience: Any) -> None:
    assert not list(plateau_patience(infos(patience=patience, monitor="val/loss")))


# ---- weights and gains ----------------------------------------------------------------------------------------------


def test_the_weights_of_the_last_epoch_are_named() -> None:
    assert "restore_best_weights=False" in next(restore_best_weights(facts(EarlyStopping())))
    assert not list(restore_best_weights(facts(EarlyStopping(restore_best_weights=True))))


def test_any_gain_counts_until_the_metric_is_known() -> None:
    text = next(min_delta(facts(EarlyStopping(), curves={"val/loss": ZIGZAG[:7]})))
    assert "if val/loss is noisy" in text


def test_a_metric_that_is_known_to_be_noisy_gets_a_gain_of_its_size() -> None:
    text = next(min_delta(facts(EarlyStopping("val_loss"), curves={"val/loss": [*ZIGZAG, NAN]})))
    assert "min_delta=0.1" in text


@pytest.mark.parametrize("curve", [FALLING, [0.5] * 12, [*FALLING[:6], *reversed(FALLING[:6])]])
def test_a_metric_that_knows_its_way_needs_no_gain(curve: list[float]) -> None:
    assert not list(min_delta(facts(EarlyStopping(), curves={"val/loss": curve})))


@pytest.mark.parametrize(
    "stopping",
    [
        EarlyStopping(min_delta=0.01),
        EarlyStopping(min_delta="1%"),
        EarlyStopping("train/loss"),
        EarlyStopping(enabled=False),
    ],
)
def test_a_gain_that_was_given_or_a_metric_of_training_is_left_alone(stopping: EarlyStopping) -> None:
    assert not list(min_delta(facts(stopping)))


# ---- learning rates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("optimizer", "found"), [("AdamW", 1), ("NAdam", 1), ("RAdam", 1), ("SGD", 0)])
def test_a_plateau_decay_beside_adam_is_named_with_the_optimizer(optimizer: str, found: int) -> None:
    texts = list(plateau_beside_adam(facts(ReduceLROnPlateau(), optimizers=[optimizer])))
    assert [optimizer in text for text in texts] == [True] * found


def test_adam_alone_is_fine() -> None:
    assert not list(plateau_beside_adam(facts(EarlyStopping(), optimizers=["Adam"])))


@pytest.mark.parametrize(
    ("rate", "least", "factor", "cuts"),
    [(1e-3, 1e-4, 0.1, 1), (1e-3, 1e-5, 0.1, 2), (1e-3, 1e-3, 0.5, 0), (1e-4, 1e-3, 0.5, 0), (1e-3, 3e-4, 0.5, 2)],
)
def test_a_bound_that_is_reached_after_a_cut_or_two_is_found(
    rate: float, least: float, factor: float, cuts: int
) -> None:
    given = facts(ReduceLROnPlateau(factor=factor, min_lr=least), lr={"0": rate})
    assert f"after {cuts} cut" in next(few_cuts(given))


@pytest.mark.parametrize(
    "given",
    [
        facts(ReduceLROnPlateau(factor=0.1, min_lr=1e-6), lr={"0": 1e-3}),
        facts(ReduceLROnPlateau(factor=0.1), lr={"0": 1e-9}),
        facts(ReduceLROnPlateau(min_lr=1e-3), lr={"0": 0.0}),
        facts(ReduceLROnPlateau(min_lr=1e-3)),
        facts(ReduceLROnPlateau(min_lr=1e-3), lr={"0": 1e-4}, schedulers=["LambdaLR"]),
        facts(ReduceLROnPlateau(min_lr=1e-3, group="head"), lr={"body": 1e-3}),
    ],
)
def test_many_cuts_or_a_rate_that_nobody_knows_are_left_alone(given: Facts) -> None:
    assert not list(few_cuts(given))


def test_the_highest_rate_decides() -> None:
    assert not list(few_cuts(facts(ReduceLROnPlateau(factor=0.1, min_lr=1e-5), lr={"head": 1e-1, "body": 1e-4})))
    assert list(few_cuts(facts(ReduceLROnPlateau(factor=0.1, min_lr=1e-5, group="body"), lr={"head": 1, "body": 1e-4})))


# ---- containers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("container", "mount", "filesystem", "found"),
    [
        ("docker", "/", "overlay", 1),
        ("kubernetes", "/scratch", "tmpfs", 1),
        ("docker", "/data", "ext4", 0),
        (None, "/", "ext4", 0),
        ("docker", None, None, 0),
    ],
)
def test_runs_that_go_with_their_container_are_named(
    container: str | None, mount: str | None, filesystem: str | None, found: int
) -> None:
    texts = list(container_volume(Facts(directory="/runs", container=container, mount=mount, filesystem=filesystem)))
    assert [text.startswith("/runs ") and str(container) in text for text in texts] == [True] * found


# ---- all ------------------------------------------------------------------------------------------------------------


def test_every_rule_has_an_id_of_its_own_and_a_source() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES) == 7
    assert all(rule.source.startswith("https://") for rule in RULES)


def test_of_nothing_nothing_is_said() -> None:
    assert [text for rule in RULES for text in rule.find(Facts())] == []


def test_the_sentences_exist_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    given = facts(
        ReduceLROnPlateau(patience=9, min_lr=1e-3),
        EarlyStopping(patience=9),
        optimizers=["Adam"],
        lr={"0": 1e-3},
        container="docker",
        mount="/",
    )
    texts = [text for rule in RULES for text in rule.find(given)]
    assert len(texts) == 6
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in text) for text in texts)


# ---- addresses -------------------------------------------------------------------------------------------------------


def test_an_address_with_its_secret_in_it_is_found() -> None:
    (found,) = written_out_address(Facts(destinations=["literal:slack-0123abcd", "wecombot://${KEY}", "$ALERTS"]))
    assert "literal:slack-0123abcd" in found
    assert not list(written_out_address(Facts()))
