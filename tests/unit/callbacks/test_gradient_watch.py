from __future__ import annotations

import math
from typing import Any

import pytest

from lineside.callbacks.gradient_watch import GradientWatch
from lineside.errors import AttachError, OptionError
from lineside.events import Event
from lineside.run import Run
from lineside.testing import FakeModel, FakeRun

NAN, INF = math.nan, math.inf
LAYERS = ("stem", "body", "head")


def model_of(norms: dict[str, float]) -> FakeModel:
    """Return a model whose layers have gradients of these norms; each has a weight and a bias."""
    names = [f"{layer}.{part}" for layer in norms for part in ("weight", "bias")]
    return FakeModel(
        {name: [3.0, 4.0] for name in names},
        {name: [norms[name.partition(".")[0]], 0.0] if name.endswith("weight") else [0.0] for name in names},
    )


def watched(looks: list[dict[str, float] | float], **options: Any) -> FakeRun:
    """Play a step for each look, with these norms of the layers; a number stands for all three."""
    run = FakeRun([GradientWatch("1 step", **options)], batches=10_000)
    run.start()
    for look in looks:
        run.model = model_of(look if isinstance(look, dict) else dict.fromkeys(LAYERS, look))
        run.batch_end()
    run.train_end()
    return run


def titles(run: FakeRun) -> list[str]:
    return [alert.title for alert in run.alerts]


def logged(run: FakeRun, name: str) -> list[tuple[int, float]]:
    return [(row[0], float(row[3][name])) for row in run.logged if name in row[3]]


# ---- what is logged --------------------------------------------------------------------------------------------------


def test_norms_are_logged_per_layer_and_in_total() -> None:
    run = watched([{"stem": 3.0, "head": 4.0}])
    assert logged(run, "batch/gradients/stem") == [(1, 3.0)]
    assert logged(run, "batch/gradients/head") == [(1, 4.0)]
    assert logged(run, "batch/gradients/total") == [(1, 5.0)]


def test_without_layers_the_total_is_logged() -> None:
    run = watched([{"stem": 3.0, "head": 4.0}], per_layer=False)
    assert [name for row in run.logged for name in row[3]] == ["batch/gradients/total", "batch/update_ratio/total"]


def test_a_parameter_of_the_model_itself_is_a_layer_of_its_own() -> None:
    run = FakeRun([GradientWatch("1 step")], model=FakeModel({"scale": [2.0]}, {"scale": [7.0]}))
    run.batch_end()
    assert logged(run, "batch/gradients/scale") == [(1, 7.0)]


def test_the_first_step_is_looked_at_and_then_every_so_many() -> None:
    run = FakeRun([GradientWatch("3 steps")], batches=100)
    for _ in range(8):
        run.batch_end()
    assert [step for step, _ in logged(run, "batch/gradients/total")] == [1, 4, 7]


def test_fifty_steps_lie_between_two_looks_unless_told_otherwise() -> None:
    run = FakeRun([GradientWatch()], batches=200)
    for _ in range(120):
        run.batch_end()
    assert [step for step, _ in logged(run, "batch/gradients/total")] == [1, 51, 101]


def test_of_gradients_that_are_accumulated_the_last_are_looked_at() -> None:
    run = FakeRun([GradientWatch("1 step", update_ratio=False)], batches=100)
    for number in (1.0, 2.0, 3.0, 4.0):
        run.model = model_of({"stem": number})
        run.batch_end(stepped=number % 2 == 0)
    assert logged(run, "batch/gradients/stem") == [(1, 2.0), (2, 4.0)]


def test_gradients_that_mixed_precision_skips_are_no_look() -> None:
    run = FakeRun([GradientWatch("1 step")], batches=100)
    run.model = model_of({"stem": INF})
    run.batch_end(stepped=False)
    run.model = model_of({"stem": 1.0})
    run.batch_end()
    run.train_end()
    assert logged(run, "batch/gradients/stem") == [(1, 1.0)]
    assert not run.alerts


def test_the_ratio_is_what_the_step_changed_over_the_weights() -> None:
    class Steps(GradientWatch):
        """Changes the weights between the backward pass and the end of the step, as an optimizer does."""

        def _publish(self, run: Any) -> None:
            run.model.load({"stem.weight": [3.0, 4.5]})
            super()._publish(run)

    run = FakeRun([Steps("2 steps", name="gradient-watch")], model=model_of({"stem": 1.0, "head": 1.0}), batches=100)
    run.batch_end()
    weights = math.sqrt(3.0**2 + 4.5**2 + 5.0**2)
    assert logged(run, "batch/update_ratio/stem") == [(1, pytest.approx(0.5 / weights))]
    assert logged(run, "batch/update_ratio/head") == [(1, 0.0)]
    assert logged(run, "batch/update_ratio/total") == [(1, pytest.approx(0.5 / math.hypot(weights, 5 * math.sqrt(2))))]


def test_the_ratio_of_weights_that_are_zero_is_a_number() -> None:
    run = FakeRun([GradientWatch()], model=FakeModel({"head.bias": [0.0]}, {"head.bias": [1.0]}))
    run.batch_end()
    assert logged(run, "batch/update_ratio/head") == [(1, 0.0)]


# ---- who waits for the device ----------------------------------------------------------------------------------------


class Lazy:
    """A scalar on a device, which tells when it is waited for, and can be reckoned with meanwhile."""

    shape = ()

    def __init__(self, value: float, reads: list[str]) -> None:
        self.value, self.reads = value, reads

    def __float__(self) -> float:
        self.reads.append("read")
        return self.value

    def __add__(self, other: float) -> Lazy:
        return Lazy(self.value + other, self.reads)

    def __truediv__(self, other: Lazy) -> Lazy:
        return Lazy(self.value / other.value, self.reads)


class LazyModel(FakeModel):
    """A model on a device."""

    def __init__(self) -> None:
        super().__init__({"stem.weight": [1.0]}, {"stem.weight": [1.0]})
        self.reads: list[str] = []
        self.asked = self.copied = 0

    def norms(self, *args: Any, **options: Any) -> Any:
        self.asked += 1
        return {name: Lazy(norm, self.reads) for name, norm in super().norms(*args, **options).items()}

    def capture(self) -> Any:
        self.copied += 1
        return super().capture()


def test_the_training_thread_reads_no_norm_and_asks_for_none_between_looks() -> None:
    model, watch = LazyModel(), GradientWatch("10 steps")
    run = FakeRun(model=model)
    hooks = watch.hooks()
    for _ in range(20):
        hooks[Event.BACKWARD_END].call(run)
        run.step += 1
        hooks[Event.STEP_END].call(run)
    assert model.asked == 2 * 3, "gradients, weights and changes, at two looks"
    assert not model.reads


def test_weights_are_copied_once_a_look_however_many_batches_are_accumulated() -> None:
    run = FakeRun([GradientWatch("2 steps")], model=(model := LazyModel()), batches=100)
    for number in range(1, 13):
        run.batch_end(stepped=number % 3 == 0)
    assert (run.step, model.copied) == (4, 2)


def test_no_weights_are_copied_without_the_ratio() -> None:
    run = FakeRun([GradientWatch("1 step", update_ratio=False)], model=(model := LazyModel()))
    run.batch_end()
    assert (model.asked, model.copied) == (1, 0)


# ---- what is reported ------------------------------------------------------------------------------------------------


def test_gradients_that_are_not_finite_name_their_layers_and_where_it_began() -> None:
    run = watched([1.0, {"stem": NAN, "body": INF, "head": 1.0}])
    assert titles(run) == ["Gradients are not finite: stem, body"]
    assert run.alerts[0].text == (
        "Step 2, 2/3 layers: stem nan, body inf. Nearest to the output is body: unless the loss is not finite itself, "
        "it began there."
    )
    assert (run.alerts[0].level, run.alerts[0].author) == ("warning", "gradient-watch")


def test_many_layers_are_counted_and_three_named() -> None:
    run = watched([{f"block{number}": NAN for number in range(9)}])
    assert titles(run) == ["Gradients are not finite: block0, block1, block2 …"]
    assert "9/9 layers: block0 nan, block1 nan, block2 nan. Nearest to the output is block8" in run.alerts[0].text


def test_a_layer_is_reported_when_it_begins_and_again_after_it_was_well() -> None:
    ill = {"stem": NAN, "body": 1.0, "head": 1.0}
    assert len(watched([ill, ill, ill]).alerts) == 1
    assert len(watched([ill, 1.0, ill]).alerts) == 2
    assert titles(watched([ill, ill | {"head": NAN}]))[1] == "Gradients are not finite: head"


def test_a_norm_far_above_its_own_median_is_an_explosion() -> None:
    usual = {"stem": 1.0, "body": 100.0, "head": 1.0}
    assert not watched([usual] * 12 + [usual | {"stem": 9.9}]).alerts
    run = watched([usual] * 12 + [usual | {"stem": 11.0}])
    assert titles(run) == ["Gradients explode: stem"]
    assert run.alerts[0].text.startswith("Step 13, 1/3 layers: stem 11. That is over 10 times the usual.")


def test_nothing_explodes_before_ten_looks() -> None:
    assert not watched([1.0] * 9 + [1000.0]).alerts
    assert watched([1.0] * 10 + [1000.0]).alerts


def test_a_norm_that_has_always_been_zero_does_not_explode() -> None:
    assert not watched([{"stem": 0.0, "head": 1.0}] * 12 + [{"stem": 1.0, "head": 1.0}], vanishing=None).alerts


def test_a_new_level_becomes_usual() -> None:
    run = watched([1.0] * 20 + [100.0] * 40, window=20)
    assert len(run.alerts) == 1


def test_what_grows_slowly_explodes_too() -> None:
    assert watched([1.5**look for look in range(30)]).alerts


@pytest.mark.parametrize("faint", [0.0, 1e-7])
def test_a_layer_far_below_the_strongest_for_some_looks_vanishes(faint: float) -> None:
    looks = {"stem": faint, "body": 1.0, "head": 2.0}
    assert not watched([looks, looks]).alerts
    run = watched([looks] * 5)
    assert titles(run) == ["Gradients vanish: stem"]
    assert run.alerts[0].text.startswith(f"Step 3, 1/3 layers: stem {faint:.3g}. They hardly learn.")


def test_a_layer_that_begins_at_zero_does_not_vanish() -> None:
    """As the layers behind one that was initialised with zeros do."""
    assert not watched([{"stem": 0.0, "head": 1.0}, *[{"stem": 0.5, "head": 1.0}] * 5]).alerts


def test_a_model_that_has_converged_does_not_vanish() -> None:
    assert not watched([1e-12] * 20).alerts


def test_what_is_not_finite_hides_nothing_else_and_counts_for_nothing() -> None:
    run = watched([1.0] * 10 + [NAN] * 30 + [1.0] * 3 + [11.0])
    assert titles(run) == ["Gradients are not finite: stem, body, head", "Gradients explode: stem, body, head"]


def test_each_rule_can_be_left_out() -> None:
    assert not watched([1.0] * 12 + [1000.0], exploding=None).alerts
    assert not watched([{"stem": 0.0, "head": 1.0}] * 9, vanishing=None).alerts


def test_the_total_alone_is_watched_without_layers() -> None:
    assert titles(watched([1.0] * 12 + [1000.0], per_layer=False)) == ["Gradients explode: total"]
    assert titles(watched([NAN], per_layer=False)) == ["Gradients are not finite: total"]


def test_it_says_so_in_the_language_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESIDE_LANG", "zh")
    assert titles(watched([NAN])) == ["梯度不是有限值：stem, body, head"]


# ---- the run around it -----------------------------------------------------------------------------------------------


def test_values_of_an_epoch_are_no_looks() -> None:
    """Their means come under the same names when the epoch is over."""
    run = FakeRun([GradientWatch("1 step")], batches=2, model=model_of({"stem": 1.0}))
    watch = run._cast[0]
    run.epoch_end(loss=0.5)
    run.train_end()
    assert run.metrics["gradients/stem"] == 1.0
    assert watch.state_dict()["typical"] == {"stem": [1.0, 1.0]}


def test_what_a_failed_batch_has_left_is_no_look_of_the_next_training() -> None:
    watch = GradientWatch("10 steps")
    failed = FakeRun([watch], model=model_of({"stem": NAN}))
    failed.start()
    failed.emit(Event.BACKWARD_END)
    failed.fail(RuntimeError("boom"))
    run = FakeRun([watch], batches=100)
    run.attempt = 2
    run.step = 5
    run.start()
    run.batch_end()
    run.train_end()
    assert not logged(run, "batch/gradients/total")


def test_a_host_without_a_model_refuses_it_and_names_both(tmp_path: Any) -> None:
    with pytest.raises(AttachError, match=r"'gradient-watch'> needs .*gradients, model, which the host 'loop'"):
        Run(callbacks=[GradientWatch()], run_dir=tmp_path).__enter__()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": "1 epoch"}, r"every='1 epochs' must count optimizer steps"),
        ({"every": 50}, r"every=50 is not a duration"),
        ({"exploding": 0.5}, r"exploding=0\.5 must be at least 1"),
        ({"vanishing": 1.0}, r"vanishing=1\.0 must be below 1"),
        ({"vanishing": NAN}, r"vanishing=nan"),
        ({"window": 9}, r"window=9 must be a whole number, 10 or more"),
        ({"patience": 0}, r"patience=0"),
        ({"background": False}, r"background=False: a sink writes from a thread of its own"),
    ],
)
def test_wrong_options_are_refused_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        GradientWatch(**options)
