from __future__ import annotations

from typing import Any

import pytest

from lineside.callback import Callback
from lineside.callbacks.freeze_unfreeze import FreezeUnfreeze
from lineside.errors import AttachError, OptionError
from lineside.events import Event
from lineside.testing import FakeModel, FakeRun

NAMES = ("backbone.stem.weight", "backbone.bn.weight", "backbone.layer4.weight", "head.weight", "head.bias")
STATISTICS = ("backbone.bn.running_mean", "backbone.layer4.bn.running_mean", "head.bn.running_mean")


def model() -> FakeModel:
    return FakeModel({name: [1.0] for name in NAMES}, {name: [0.1] for name in NAMES}, statistics=STATISTICS)


def made(*callbacks: Callback, **options: Any) -> FakeRun:
    return FakeRun(list(callbacks), **{"batches": 2, "model": model(), **options})


def trained(run: FakeRun) -> list[str]:
    return [name for name, _ in run.model.parameters()]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"freeze": []}, "freeze="),
        ({"freeze": [3]}, r"freeze=\[3\]: give a pattern"),
        ({"freeze": "backbone.*", "unfreeze": {"5": "*"}}, "unfreeze='5'"),
        ({"freeze": "backbone.*", "unfreeze": {"5 epochs": []}}, r"unfreeze\['5 epochs'\]"),
        ({"freeze": "backbone.*", "freeze_bn": "eval"}, "freeze_bn='eval' must be True or False"),
        ({"freeze": "backbone.*", "background": True}, "background=True has no model"),
    ],
)
def test_wrong_options_are_refused_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        FreezeUnfreeze(**options)


def test_what_matches_is_frozen_when_training_begins() -> None:
    run = made(FreezeUnfreeze("backbone.*"))
    assert trained(run) == list(NAMES)
    run.start()
    assert trained(run) == ["head.weight", "head.bias"]
    assert [name for name, _ in run.model.gradients()] == ["head.weight", "head.bias"]


def test_an_evaluation_after_the_training_freezes_nothing() -> None:
    run = made(FreezeUnfreeze("backbone.*"))
    run.emit(Event.SETUP)
    run.emit(Event.TEST_START)
    assert trained(run) == list(NAMES)


def test_parts_are_unfrozen_when_they_are_due() -> None:
    schedule = {"2 epochs": "backbone.layer4.*", "7 steps": ["backbone.bn.*", "backbone.stem.*"]}
    run = made(FreezeUnfreeze("backbone.*", schedule))
    seen = []

    class Looks(Callback):
        def on_backward_end(self, run: Any) -> None:
            seen.append(len(list(run.model.parameters())))

    run = made(FreezeUnfreeze("backbone.*", schedule), Looks())
    run.play(5)
    # Two batches an epoch. The fifth batch is the first after two epochs, the eighth the first after seven steps.
    assert seen == [2, 2, 2, 2, 3, 3, 3, 5, 5, 5]
    assert [alert.title for alert in run.alerts] == [
        "Unfrozen: backbone.layer4.*",
        "Unfrozen: backbone.bn.*, backbone.stem.*",
    ]
    assert run.alerts[0].text == ("From epoch 3, step 4 on: backbone.layer4.bn.running_mean, backbone.layer4.weight.")
    assert {alert.level for alert in run.alerts} == {"info"}


def test_two_spellings_of_one_moment_are_one_moment() -> None:
    run = made(FreezeUnfreeze("backbone.*", {"1 epoch": "backbone.stem.*", "1 epochs": "backbone.layer4.*"})).play(2)
    assert trained(run) == [name for name in NAMES if name != "backbone.bn.weight"]


def test_what_is_trained_already_is_not_announced_again() -> None:
    schedule = {"1 epoch": "backbone.layer4.*", "2 epochs": "backbone.*"}
    run = made(FreezeUnfreeze("backbone.*", schedule, freeze_bn=False)).play(3)
    assert [alert.text for alert in run.alerts] == [
        "From epoch 2, step 2 on: backbone.layer4.weight.",
        "From epoch 3, step 4 on: backbone.bn.weight, backbone.stem.weight.",
    ]


def test_only_what_was_frozen_is_unfrozen() -> None:
    frozen_elsewhere = model()
    frozen_elsewhere.freeze(["head.bias"])
    run = made(FreezeUnfreeze("backbone.*", {"1 epoch": "*"}), model=frozen_elsewhere).play(2)
    assert trained(run) == [name for name in NAMES if name != "head.bias"]


# ---- statistics ------------------------------------------------------------------------------------------------------


def test_statistics_of_frozen_layers_stay_fixed_whatever_the_loop_does() -> None:
    run = made(FreezeUnfreeze("backbone.*"))
    for _ in range(3):
        run.model.track_statistics(STATISTICS, tracked=True)  # what model.train() does
        run.batch_end(loss=1.0)
        assert [run.model.tracked[name] for name in STATISTICS] == [False, False, True]


def test_statistics_move_again_when_their_layer_is_unfrozen() -> None:
    run = made(FreezeUnfreeze("backbone.*", {"1 epoch": "backbone.layer4.*"}))
    run.epoch_end(loss=1.0)
    run.batch_end(loss=1.0)
    assert [run.model.tracked[name] for name in STATISTICS] == [False, True, True]


def test_statistics_may_follow_the_data() -> None:
    run = made(FreezeUnfreeze("backbone.*", freeze_bn=False))
    run.batch_end(loss=1.0)
    assert all(run.model.tracked.values())


def test_statistics_can_be_all_that_is_frozen() -> None:
    run = made(FreezeUnfreeze("*.running_mean", {"1 epoch": "head.bn.*"}))
    run.epoch_end(loss=1.0)
    assert trained(run) == list(NAMES)
    assert not any(run.model.tracked.values())
    run.batch_end(loss=1.0)
    assert [run.model.tracked[name] for name in STATISTICS] == [False, False, True]


def test_batches_are_left_alone_where_nothing_happens_before_them() -> None:
    assert Event.BATCH_START in FreezeUnfreeze("a").hooks()
    assert Event.BATCH_START in FreezeUnfreeze("a", {"1 epoch": "a"}, freeze_bn=False).hooks()
    assert Event.BATCH_START not in FreezeUnfreeze("a", freeze_bn=False).hooks()


# ---- refused at the start --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"freeze": "backbon.*"}, r"'backbon\.\*' of freeze matches nothing .* Did you mean 'backbone\.\*'\?"),
        ({"freeze": "layer4"}, "There is: backbone.stem.weight, .*, 3 more"),
        ({"freeze": ["backbone.*", "neck.*"]}, r"'neck\.\*' of freeze"),
        ({"freeze": "backbone.*", "unfreeze": {"1 epoch": "bakbone.*"}}, r"'bakbone\.\*' of unfreeze"),
        ({"freeze": "backbone.*", "unfreeze": {"1 epoch": "head.weight"}}, r"head\.weight matches is frozen"),
        ({"freeze": "*"}, "freezes every parameter"),
    ],
)
def test_a_schedule_that_does_nothing_or_all_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(AttachError, match=message):
        made(FreezeUnfreeze(**options)).start()


def test_what_no_optimizer_holds_cannot_be_unfrozen() -> None:
    class HeadAlone(FakeModel):
        def stepped(self) -> frozenset[str]:
            return frozenset({"head.weight", "head.bias"})

    alone = HeadAlone({name: [1.0] for name in NAMES})
    with pytest.raises(AttachError, match=r"no optimizer holds 'backbone\.bn\.weight'"):
        made(FreezeUnfreeze("backbone.*", {"1 epoch": "backbone.*"}), model=alone).start()
    made(FreezeUnfreeze("backbone.*"), model=HeadAlone({name: [1.0] for name in NAMES})).start()


def test_a_loop_that_keeps_its_optimizer_to_itself_is_taken_at_its_word() -> None:
    class Unknown(FakeModel):
        def stepped(self) -> frozenset[str]:
            return frozenset()

    unknown = Unknown({name: [1.0] for name in NAMES})
    made(FreezeUnfreeze("backbone.*", {"1 epoch": "backbone.*"}), model=unknown).start()


# ---- resumed ---------------------------------------------------------------------------------------------------------


def test_a_resumed_run_trains_at_every_step_what_the_uninterrupted_one_trains() -> None:
    def callbacks() -> list[Callback]:
        return [FreezeUnfreeze("backbone.*", {"1 epoch": "backbone.layer4.*", "5 steps": "backbone.*"})]

    whole = made(*callbacks())
    expected = [trained(whole) for _ in whole.safe_points(4)]
    cut = made(*callbacks())
    for number, _ in enumerate(cut.safe_points(4)):
        resumed = FakeRun.resumed(cut.state(), callbacks(), batches=2, model=model())
        assert [trained(resumed) for _ in resumed.safe_points(4)] == expected[number + 1 :]


def test_another_schedule_counts_from_the_resume_on() -> None:
    first = made(FreezeUnfreeze("backbone.*", {"1 epoch": "backbone.layer4.*"}))
    first.epoch_end(loss=1.0)
    first.batch_end(loss=1.0)
    later = FreezeUnfreeze("backbone.*", {"3 epochs": "backbone.*"})
    resumed = FakeRun.resumed(first.state(), [later], batches=2, model=model())
    resumed.batch_end(loss=1.0)
    assert trained(resumed) == ["head.weight", "head.bias"]


def test_a_second_fit_begins_frozen() -> None:
    callback, shared = FreezeUnfreeze("backbone.*", {"1 epoch": "backbone.*"}), model()
    made(callback, model=shared).play(2)
    run = made(callback, model=shared)
    run.batch_end(loss=1.0)
    assert trained(run) == ["head.weight", "head.bias"]
