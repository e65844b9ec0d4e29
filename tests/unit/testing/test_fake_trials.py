from __future__ import annotations

from lineside.testing import FakeRun, FakeTrials


def test_it_holds_so_much_and_takes_its_time() -> None:
    trials = FakeTrials(8, samples=2, most=40, overhead=0.5, per_sample=0.25)
    assert [trials.step(samples) for samples in (2, 8, 9)] == [1.0, 2.5, None]
    assert trials.tried == [2, 8, 9]
    assert (trials.samples, trials.most) == (2, 40)


def test_a_fake_run_lends_it_to_callbacks() -> None:
    given = FakeTrials(3)
    with FakeRun(trials=given).trials() as trials:
        assert trials is given
    with FakeRun().trials() as trials:
        assert trials.step(1) is not None
