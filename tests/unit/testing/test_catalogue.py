"""The suite of the catalogue finds what is wrong; tried out in a loop without a model, where little is possible."""

from __future__ import annotations

from itertools import cycle

import pytest

import lineside
from lineside import registry
from lineside.callback import Callback
from lineside.errors import AttachError
from lineside.ports import Capabilities
from lineside.testing import CatalogueContract, Proof, toy
from lineside.testing.catalogue import PROOFS, untried
from lineside.testing.catalogue.proof import STEPS
from lineside.testing.catalogue.rates import LowersOnAPlateau
from lineside.testing.catalogue.stopping import LeavesInTime, StopsEarly
from lineside.testing.catalogue.suite import Outcome, representatives
from lineside.testing.catalogue.witness import apart


class Plain(CatalogueContract):
    is_line = False

    def __init__(self):
        self.outcomes = []

    def fit(self, callbacks, *, epochs, **options):
        with lineside.Run(callbacks=callbacks, **options) as run:
            for _ in run.epochs(epochs):
                for _ in run.batches(range(toy.BATCHES)):
                    run.log({"loss": 0.5})
                    run.stepped()
                with run.validation():
                    for _ in run.batches(range(toy.VAL_BATCHES)):
                        run.log({"loss": 0.5})

    def seen(self, outcome):
        self.outcomes.append(outcome)


def test_what_a_callback_did_is_seen_and_told(tmp_path):
    suite = Plain()
    suite.test_it_works_in_two_fits(StopsEarly, tmp_path)
    assert suite.outcomes == [Outcome("early-stopping", "fits")]


def test_what_a_host_declares_to_lack_is_refused_and_told(tmp_path):
    suite = Plain()
    suite.test_it_goes_on_when_resumed(LowersOnAPlateau, tmp_path)
    assert suite.outcomes == [Outcome("reduce-lr-on-plateau", "resume", ("set_lr",))]


def test_a_callback_that_is_accepted_where_it_cannot_be_is_a_failure(tmp_path):
    suite = Plain()
    suite.declared = lambda place: Capabilities(frozenset(), frozenset(), {})
    with pytest.raises(AssertionError, match=r"early-stopping.* was accepted, although the host lacks on_"):
        suite.test_it_works_in_two_fits(StopsEarly, tmp_path)
    assert suite.outcomes == []


def test_a_callback_that_is_refused_where_it_should_not_be_is_a_failure(tmp_path):
    suite = Plain()
    declared = suite.declared(tmp_path)
    more = Capabilities(declared.events, declared.abilities | {"set_lr"}, declared.reasons)
    suite.declared = lambda place: more
    with pytest.raises(AttachError, match="set_lr"):
        suite.test_it_works_in_two_fits(LowersOnAPlateau, tmp_path)


class Idle(Proof):
    name = "early-stopping"
    shows = "nothing"
    scores = StopsEarly.scores

    def make(self, **options):
        return Callback(**options)

    def check(self):
        self.steps(STEPS - toy.BATCHES)


def test_a_callback_that_does_nothing_is_a_failure(tmp_path):
    with pytest.raises(AssertionError, match=r"Steps: \[1, 2, .* 16\]"):
        Plain().test_it_works_in_two_fits(Idle, tmp_path)


class Stays(LeavesInTime):
    def helpers(self):
        return []


def test_a_training_that_was_to_leave_and_did_not_is_a_failure(tmp_path):
    with pytest.raises(AssertionError, match="although it was to leave"):
        Plain().test_it_works_in_two_fits(Stays, tmp_path)


def test_a_registered_callback_of_which_nothing_is_tried_is_a_failure(monkeypatch):
    assert untried() == []
    known = registry.names()
    monkeypatch.setattr(registry, "names", lambda: [*known, "brand-new"])
    with pytest.raises(AssertionError, match="Nothing is tried of brand-new: write a Proof"):
        Plain().test_every_registered_callback_is_tried()


def test_one_stands_for_each_ability_that_somebody_needs():
    chosen = representatives(PROOFS, ["restore", "set_lr", "resume_in_epoch"])
    assert [proof.title() for proof in chosen] == ["early-stopping: restore_best_weights=True", "reduce-lr-on-plateau"]


def test_proofs_have_titles_of_their_own():
    titles = [proof.title() for proof in PROOFS]
    assert len(set(titles)) == len(titles)


def test_a_record_goes_on_over_a_resume(tmp_path):
    suite = Plain()
    tried = Idle(suite, tmp_path)
    with pytest.raises(RuntimeError, match="power"):
        suite.fit([*tried.callbacks(), *tried.cut()], epochs=4, run_dir=tmp_path)
    assert (len(tried.witness.rates), sorted(tried.witness.metrics)) == (2 * toy.BATCHES + 2, [0, 1])
    suite.fit(tried.callbacks(), epochs=4, run_dir=tmp_path, resume="auto")
    tried.steps(STEPS)
    assert sorted(tried.witness.metrics) == [0, 1, 2, 3]


def test_weights_of_other_models_are_infinitely_far_apart():
    np = pytest.importorskip("numpy", reason="weights are arrays of NumPy")
    one = {"a": np.zeros(2), "b": np.zeros(0)}
    assert apart(one, {"a": np.array([0.0, 3.0]), "b": np.zeros(0)}) == 0.75
    assert apart(one, {"a": np.zeros(2)}) == apart({}, {}) == float("inf")


def test_the_losses_of_the_toy_follow_from_the_rates():
    plain, still = toy.expected_values(), toy.expected_values([0.0] * toy.BATCHES)
    assert len(plain) == toy.EPOCHS
    assert len(still) == 1
    assert still[0]["train/loss"] > plain[0]["train/loss"] > plain[1]["train/loss"]
    rates = [rate for rate, _ in zip(cycle([toy.LEARNING_RATE]), range(toy.BATCHES), strict=False)]
    assert toy.expected_values(rates)[0] == plain[0]
