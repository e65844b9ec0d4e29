from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from torch.optim import SGD, lr_scheduler

from lineside.callback import Callback
from lineside.callbacks import lr_finder
from lineside.callbacks.learning_rate_scheduler import LearningRateScheduler
from lineside.callbacks.lr_finder import LRFinder
from lineside.callbacks.warm_up import WarmUp
from lineside.errors import AttachError, MissingDependency, MonitorError, OptionError
from lineside.run import Run
from lineside.run.safe_points import Interrupted
from lineside.testing import FakeRun
from lineside.trainer import Trainer
from tests.unit.callbacks.rate_trainings import Dies, fit, loader, net
from tests.unit.run.conftest import no_environment, no_waiting_for_the_disk

__all__ = ["no_environment", "no_waiting_for_the_disk"]
"""Fixtures that make real trainings quick."""


def valley(run: Any) -> dict[str, float]:
    """A loss that falls around a rate of 0.1, and explodes above 1."""
    lr = next(iter(run.lr.values()))
    return {"loss": 3.0 - 2.0 / (1.0 + (0.1 / lr) ** 2) + (lr**3 if lr > 1.0 else 0.0)}


def tried(finder: LRFinder, rehearsal: Callable[[Any], dict[str, float]] = valley, **options: Any) -> FakeRun:
    run = FakeRun([finder], **{"lr": 0.01, "rehearsal": rehearsal, **options})
    run.batch_end(loss=0.5)
    return run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_lr": 0.0}, r"min_lr=0\.0 must be above 0"),
        ({"min_lr": 1.0, "max_lr": 0.1}, r"below max_lr=0\.1"),
        ({"max_lr": math.inf}, "max_lr=inf must be a finite number"),
        ({"steps": 9}, "steps=9 must be a whole number, 10 or more"),
        ({"mode": "log"}, "mode='log'.*'exponential', 'linear'"),
        ({"then": "halt"}, "then='halt'.*'stop', 'apply', 'continue'"),
        ({"stop_factor": 0.5}, r"stop_factor=0\.5 must be at least 1"),
        ({"smoothing": 1.0}, r"smoothing=1\.0 must be below 1"),
        ({"formats": "png"}, "formats='png' must be a list"),
        ({"formats": ["pdf"]}, r"formats=\['pdf'\]"),
        ({"background": True}, "background=True has no training"),
    ],
)
def test_wrong_options_are_refused_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        LRFinder(**options)


def test_without_matplotlib_a_picture_is_refused_and_the_rest_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lr_finder, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match="LRFinder with a picture needs matplotlib"):
        LRFinder()
    finder = LRFinder(formats=())
    assert tried(finder).offloads == []
    assert finder.suggestion is not None


def test_rates_grow_by_equal_factors_or_differences() -> None:
    finder = LRFinder(1e-4, 1e-1, 10, stop_factor=None)
    tried(finder)
    rates = [rate for rate, _ in finder.curve]
    assert rates == pytest.approx([1e-4 * 10 ** (place / 3) for place in range(10)])
    assert finder.curve[0][1] == pytest.approx(3.0, abs=0.01)
    finder = LRFinder(0.1, 1.0, 10, mode="linear", stop_factor=None)
    tried(finder)
    assert [rate for rate, _ in finder.curve] == pytest.approx([0.1 * place for place in range(1, 11)])


def test_the_steepest_place_is_suggested_and_the_run_stopped() -> None:
    finder = LRFinder()
    run = tried(finder)
    assert 0.04 < finder.suggestion < 0.2  # type: ignore[operator]
    assert run.stopped
    assert run.step == 0
    assert run.requests[0].reason == f"the range test is done. Suggested learning rate: {finder.suggestion:.3g}"
    assert [(alert.title, alert.level) for alert in run.alerts] == [
        (f"Suggested learning rate: {finder.suggestion:.3g}", "info")
    ]
    assert run.lr == {"0": 0.01}


def test_an_explosion_ends_the_test() -> None:
    finder = LRFinder(1e-3, 1e3, 60, smoothing=0.0)
    tried(finder)
    assert 10 < len(finder.curve) < 60
    losses = [loss for _, loss in finder.curve]
    assert losses[-1] > 4 * min(losses) >= losses[-2]
    to_the_end = LRFinder(1e-3, 1e3, 60, stop_factor=None)
    tried(to_the_end)
    assert len(to_the_end.curve) == 60


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_ends_the_test_and_is_not_counted(value: float) -> None:
    finder = LRFinder(1e-3, 1e3, 60, stop_factor=None)
    tried(finder, lambda run: {"loss": value} if run.lr["0"] > 1.0 else valley(run))
    assert 10 < len(finder.curve) < 60
    assert finder.suggestion is not None
    finder = LRFinder()
    run = tried(finder, lambda run: {"loss": value})
    assert finder.curve == []
    assert run.alerts[0].title == "No learning rate to suggest"
    assert run.offloads == []


def test_without_a_good_rate_people_are_told_why() -> None:
    run = tried(LRFinder(steps=20, then="apply"), lambda run: {"loss": 0.7})
    assert [(alert.title, alert.level) for alert in run.alerts] == [("No learning rate to suggest", "warning")]
    assert "never falls clearly" in run.alerts[0].text
    assert run.requests == []
    assert run.step == 1  # it trains as configured


def test_apply_trains_with_the_suggested_rate_and_says_why() -> None:
    finder = LRFinder(then="apply")
    run = tried(finder, lr={"body": 0.01, "head": 0.05})
    assert run.lr == {"body": finder.suggestion, "head": pytest.approx(5 * finder.suggestion)}  # type: ignore[operator]
    assert {request.reason for request in run.requests} == {"the range test suggests it"}
    assert run.step == 1


def test_continue_changes_nothing() -> None:
    run = tried(LRFinder(then="continue"))
    assert run.lr == {"0": 0.01}
    assert run.requests == []
    assert run.step == 1


def test_groups_keep_their_proportion_and_a_frozen_one_stays_so() -> None:
    seen: list[dict[str, float]] = []

    def look(run: Any) -> dict[str, float]:
        seen.append(dict(run.lr))
        return {"loss": 3.0 - run.lr["body"]}

    finder = LRFinder(0.1, 1.0, 10)
    tried(finder, look, lr={"frozen": 0.0, "body": 0.02, "head": 0.01})
    assert seen[0] == {"frozen": 0.0, "body": 0.1, "head": 0.05}
    assert finder.curve[0] == (0.1, 2.9)


def test_groups_without_any_rate_are_all_tried_alike() -> None:
    finder = LRFinder(0.1, 1.0, 10)
    tried(finder, lambda run: {"loss": 3.0 - run.lr["head"]}, lr={"body": 0.0, "head": 0.0})
    assert finder.curve[0] == (0.1, pytest.approx(2.9))


def test_apply_beside_a_schedule_of_its_own_is_refused() -> None:
    with pytest.raises(AttachError, match=r"lr-finder: then='apply' beside OneCycleLR: nobody can tell"):
        tried(LRFinder(then="apply"), schedulers=["OneCycleLR"])
    with pytest.raises(AttachError, match="beside learning-rate-scheduler"):
        FakeRun([LRFinder(then="apply"), LearningRateScheduler(lambda epoch: 0.1)]).start()
    with pytest.raises(AttachError, match="beside learning-rate-scheduler"):
        FakeRun([LearningRateScheduler(lambda epoch: 0.1), LRFinder(then="apply")]).start()
    finder = LRFinder(then="apply")
    run = FakeRun([finder, LearningRateScheduler("linear")], rehearsal=valley, batches=1)
    run.play(2)
    assert run.lr["0"] == pytest.approx(finder.suggestion / 2)  # type: ignore[operator]
    for other in ("stop", "continue"):
        tried(LRFinder(then=other), schedulers=["OneCycleLR"])  # type: ignore[arg-type]


def test_it_needs_a_loss_in_each_batch() -> None:
    with pytest.raises(MonitorError, match=r"watches 'train/loss'.*There is: train/acc.*run\.log"):
        tried(LRFinder(), lambda run: {"acc": 0.5})
    finder = LRFinder(monitor="train/energy", steps=10)
    tried(finder, lambda run: {"energy": 0.5})
    assert finder.curve[0][1] == 0.5


def test_the_picture_is_drawn_beside_the_training() -> None:
    finder = LRFinder(name="my-test", formats=["svg"])
    run = tried(finder)
    (job,) = run.offloads
    assert job.target == "lineside.reports.range_test_figure:draw"
    assert job.figure == "my-test"
    assert job.arguments["paths"] == {"svg": str(run.dir / "plots" / "my_test.svg")}
    run = tried(LRFinder(), rank=1)
    assert run.offloads == []


def test_a_loop_that_takes_no_batches_is_told_so() -> None:
    run = FakeRun([LRFinder()])
    run.start()
    run.train_end()
    assert [alert.title for alert in run.alerts] == ["lr-finder tried nothing"]


def test_what_it_found_is_known_after_a_restart() -> None:
    finder, again = LRFinder(then="continue"), LRFinder(then="continue")
    run = tried(finder)
    resumed = FakeRun.resumed(run.state(), [again], lr=0.01, rehearsal=lambda run: {"loss": math.nan})
    resumed.batch_end(loss=0.5)
    assert again.curve == finder.curve
    assert again.suggestion == finder.suggestion


# ---- real trainings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beside", ["nothing", "scheduler", "warm-up"])
def test_the_training_goes_on_as_without_the_test(beside: str, tmp_path: Path) -> None:
    def others() -> list[Callback]:
        return [WarmUp("5 steps")] if beside == "warm-up" else []

    options: dict[str, Any] = {"groups": True, "epochs": 2}
    if beside == "scheduler":
        # Shorter than the test: it stands still meanwhile.
        options["scheduler"] = lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=8)
    finder = LRFinder(steps=30, then="continue", formats=())
    plain, model, result = fit(tmp_path, others(), **options)
    found, same, again = fit(tmp_path, [finder, *others()], **options)
    assert 5 < len(finder.curve) <= 30
    assert finder.curve[0][0] == pytest.approx(1e-7)
    assert found.seen == plain.seen
    assert again.history["val/loss"] == result.history["val/loss"]
    for one, other in zip(model.state_dict().values(), same.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_it_stops_with_an_untouched_model(tmp_path: Path) -> None:
    finder = LRFinder(steps=30)
    used, model, result = fit(tmp_path, [finder])
    assert used.seen == {}
    assert result.reason.startswith("the range test is done.")
    assert result.history == {}
    for one, other in zip(model.state_dict().values(), net().state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert (result.run / "plots" / "lr_finder.png").is_file()
    assert (result.run / "plots" / "lr_finder.svg").is_file()


@pytest.mark.parametrize("then", ["continue", "apply"])
def test_killed_in_the_test_or_later_it_resumes_bit_for_bit(then: Any, tmp_path: Path) -> None:
    class KilledIn(LRFinder):
        """An LRFinder that is interrupted in its test, or not at all."""

        name = "lr-finder"

        def on_batch_end(self, run: Any) -> None:
            super().on_batch_end(run)
            if run.rehearsing and run.attempt == 1 and run.step == 7:
                os.kill(os.getpid(), signal.SIGTERM)

    options: dict[str, Any] = {"steps": 40, "max_lr": 50.0, "smoothing": 0.3, "then": then, "formats": ()}
    finder = LRFinder(**options)
    whole, _, _ = fit(tmp_path, [finder], name="whole")
    assert len(whole.seen) == 12
    with pytest.raises(Interrupted):
        fit(tmp_path, [KilledIn(**options)], name="in-the-test")
    in_test, _, _ = fit(tmp_path, [KilledIn(**options)], name="in-the-test", resume="auto")
    assert in_test.seen == whole.seen
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, [LRFinder(**options), Dies(3)], name="later")
    again = LRFinder(**options)
    later, _, _ = fit(tmp_path, [again, Dies(3)], name="later", resume="auto")
    assert later.seen == {step: seen for step, seen in whole.seen.items() if step > 3}
    assert again.curve == finder.curve


def test_a_loop_of_ones_own_with_accumulated_gradients(tmp_path: Path) -> None:
    model = net()
    optimizer = SGD(model.parameters(), lr=0.1)
    finder = LRFinder(1e-3, 1.0, 10, then="continue", formats=())
    batches = 0
    with Run(model=model, optimizer=optimizer, callbacks=[finder], run_dir=tmp_path) as run:
        for _ in run.epochs(1):
            for inputs, targets in run.batches(loader()):
                batches += 1
                loss = F.cross_entropy(model(inputs), targets)
                loss.backward()
                run.log({"loss": loss.detach()})
                if (run.batch + 1) % 2 == 0:
                    optimizer.step()
                    optimizer.zero_grad()
    assert len(finder.curve) == 10
    assert batches == 20 + 4


def test_a_smoke_run_has_too_few_points(tmp_path: Path) -> None:
    finder = LRFinder(then="continue", formats=())
    model = net()
    trainer = Trainer(model, SGD(model.parameters(), 0.1), F.cross_entropy, callbacks=[finder], run_dir=tmp_path)
    trainer.fit(loader(), epochs=5, smoke=True)
    assert len(finder.curve) == 3
    assert finder.suggestion is None
