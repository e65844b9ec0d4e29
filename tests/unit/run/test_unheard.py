from __future__ import annotations

from lineside.run.unheard import unheard
from tests.unit.run.toys import MakeRun, train


def test_reads_come_from_the_run_and_what_is_said_or_set_stays_there(make_run: MakeRun) -> None:
    with make_run() as run:
        train(run, epochs=1)
        nobody = unheard(run)
        assert (nobody.step, nobody.stage, nobody.metrics["train/loss"]) == (2, "train", 1.5)
        nobody.outputs = "outputs"
        nobody.log({"loss": 9.0})
        nobody.stop("at once")
        nobody.save()
        nobody.alert("fire")
        nobody.log_text("note", "hello")
        nobody.retain("everything")
        nobody.offload("a:b", {}, figure="c")
        nobody.gradients_ready()
        nobody.stepped()
        assert nobody.outputs == "outputs"
        assert run.outputs is None
        assert not run.requests.waiting
        assert (run.step, run.metrics["train/loss"]) == (2, 1.5)
        assert not run._mail
