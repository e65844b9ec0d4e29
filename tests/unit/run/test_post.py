from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from lineside import Callback, Run
from lineside.errors import OptionError
from lineside.outbox.outbox import Outbox
from lineside.outbox.routes import read_routes
from lineside.outbox.standing import OutboxStanding
from lineside.ports import Route
from lineside.run import post as post_module
from lineside.run.attach import routes_of
from lineside.run.post import Post
from lineside.store import RunReader


class Telling(Callback):
    """Raises the alerts that it is given, as (title, options), at the end of each epoch."""

    routes = (Route("$NOWHERE"),)

    def __init__(self, *alerts, routes=None, **options) -> None:
        super().__init__(**options)
        if routes is not None:
            self.routes = routes
        self._alerts = alerts

    def on_epoch_end(self, run) -> None:
        for title, options in self._alerts:
            run.alert(title, **options)


@pytest.fixture(autouse=True)
def toy_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_module, "SENDERS", {"alert": "tests.unit.outbox.toy_senders:Toy"})


def trained(tmp_path: Path, *callbacks: Callback, epochs: int = 1, **options) -> Run:
    with Run(callbacks=list(callbacks), run_dir=tmp_path / "runs", name="r", **options) as run:
        for _ in run.epochs(epochs):
            for _ in run.batches(range(2)):
                run.log({"train/loss": 1.0})
    return run


def test_a_run_without_a_route_opens_no_outbox_and_starts_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_module.SenderProcess, "_start", lambda _: pytest.fail("a process was started"))
    run = trained(tmp_path, Telling(("a", {}), routes=()))
    assert not (run.dir / "outbox.db").exists()
    assert not (run.dir / "routes.json").exists()
    assert not (run.dir / ".outbox.lock").exists()
    with RunReader.open(run.dir) as reader:
        assert reader.events("end")[0].data["outbox"] is None
        assert len(reader.events("alert")) == 1


def test_a_route_that_takes_nothing_leaves_only_itself(tmp_path: Path) -> None:
    run = trained(tmp_path, Telling(("a", {"level": "info"})))
    assert not (run.dir / "outbox.db").exists()
    assert json.loads((run.dir / "routes.json").read_text())["routes"][0]["destination"] == "$NOWHERE"


def test_alerts_go_where_routes_lead(tmp_path: Path) -> None:
    own = Telling(("own", {}), name="own", routes=[Route("$OWN", authors=frozenset({"own"}))])
    everybody = Telling(
        ("bad", {"level": "error"}), ("note", {"level": "info"}), name="all", routes=[Route("$ALL"), Route("$ALL")]
    )
    run = trained(tmp_path, own, everybody)
    waiting = {queue.destination: queue.waiting for queue in OutboxStanding.read(run.dir).queues}
    assert waiting == {"$OWN": 1, "$ALL": 2}  # two routes to one place are one delivery


def test_the_payload_tells_what_channels_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = []
    record = Outbox.record
    monkeypatch.setattr(Outbox, "record", lambda self, drafts: recorded.extend(drafts) or record(self, drafts))
    options = {"text": "损失", "level": "error", "phase": "begin", "plot": "plots/a.png"}
    before = time.time()
    run = trained(tmp_path, Telling(("title", options), name="rule"))
    (draft,) = recorded
    payload = dict(draft.payload)
    assert before <= payload.pop("time") <= time.time()
    assert payload.pop("machine")
    assert payload == {
        "title": "title", "text": "损失", "level": "error", "author": "rule", "phase": "begin", "plot": "plots/a.png",
        "project": "default", "run": run.name, "host": "loop", "attempt": 1, "step": 0, "epoch": 0, "language": "en",
    }  # fmt: skip


@pytest.mark.parametrize("background", [False, True])
def test_a_durable_alert_is_on_the_disk_when_it_returns(tmp_path: Path, background: bool) -> None:
    seen = []

    class Looking(Telling):
        def on_epoch_end(self, run) -> None:
            run.alert("a")
            seen.append(OutboxStanding.read(run.dir).waiting)

    trained(tmp_path, Looking(background=background), epochs=2)
    assert seen == [1, 2]


def test_one_that_is_not_durable_is_on_the_disk_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by = []
    record = Outbox.record
    monkeypatch.setattr(Outbox, "record", lambda self, drafts: by.append(len(drafts)) or record(self, drafts))
    monkeypatch.setattr("lineside.run.wiring.Poller.start", lambda _: None)
    run = trained(tmp_path, Telling(("a", {"durable": False}), ("b", {"durable": False})), epochs=2)
    assert by == [4]  # at the close, since nobody polled
    assert OutboxStanding.read(run.dir).waiting == 4


def test_failures_of_callbacks_are_delivered_too(tmp_path: Path) -> None:
    class Failing(Callback):
        def on_epoch_end(self, run) -> None:
            raise ValueError("oh")

    run = trained(tmp_path, Failing(), Telling())
    (queue,) = OutboxStanding.read(run.dir).queues
    assert queue.title == "Callback failing.on_epoch_end failed"


def test_the_end_says_what_waits(tmp_path: Path) -> None:
    run = trained(tmp_path, Telling(("a", {})))
    assert run.summary.endswith(
        "1 delivery waits for $NOWHERE (the environment variable NOWHERE is not set): "
        f"`lineside deliver {run.name}` sends what waits."
    )
    with RunReader.open(run.dir) as reader:
        assert reader.events("end")[0].data["outbox"] == {"waiting": 1, "sent": 0, "failed": 0, "refused": 0}


def test_what_arrived_is_no_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOWHERE", "json://127.0.0.1/")
    run = trained(tmp_path, Telling(("append", {})))
    assert OutboxStanding.read(run.dir).sent == 1
    assert "deliver" not in run.summary


def test_the_end_begins_only_once_it_is_asked(tmp_path: Path) -> None:
    """An evaluation of a run sends what its training has left."""
    run = trained(tmp_path, Telling(("append", {})))
    os.environ["NOWHERE"] = "json://127.0.0.1/"
    try:
        with Run.for_evaluation(run.dir, project="default", name="r", run_dir=tmp_path / "runs"):
            pass
    finally:
        del os.environ["NOWHERE"]
    assert OutboxStanding.read(run.dir).sent == 1


def test_an_evaluation_leaves_the_routes_of_the_training(tmp_path: Path) -> None:
    run = trained(tmp_path, Telling())
    with Run.for_evaluation(run.dir, project="default", name="r", run_dir=tmp_path / "runs"):
        pass
    assert len(read_routes(run.dir)) == 1


def test_a_run_that_is_interrupted_leaves_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupting(Telling):
        def on_epoch_end(self, run) -> None:
            run.alert("a")
            run.interrupt("time is up")

    given = []
    monkeypatch.setattr(post_module.SenderProcess, "close", lambda _, seconds: given.append(seconds))
    with pytest.raises(SystemExit):
        trained(tmp_path, Interrupting())
    trained(tmp_path, Telling(("a", {})))
    assert 1.0 <= given[0] <= 2.0
    assert 9.0 < given[1] <= 10.0


def test_a_rule_that_repeats_itself_behind_a_checkpoint_is_delivered_once(tmp_path: Path) -> None:
    payload = {
        "run": "r",
        "author": "rule",
        "level": "error",
        "title": "t",
        "text": "x",
        "phase": "begin",
        "attempt": 1,
    }
    first = Post(tmp_path, [], None)
    again = Post(tmp_path, [], 10)
    key = first._key("$A", payload | {"step": 20})
    assert again._key("$A", payload | {"step": 20, "attempt": 2}) == key
    assert again._key("$B", payload | {"step": 20, "attempt": 2}) != key
    assert again._key("$A", payload | {"step": 21, "attempt": 2}) != key
    # At the checkpoint itself, and whatever may happen twice: another time is another alert.
    assert again._key("$A", payload | {"step": 10}) != first._key("$A", payload | {"step": 10})
    assert first._key("$A", payload | {"step": 20, "phase": "once"}) != first._key(
        "$A", payload | {"step": 20, "phase": "once"}
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork belongs to POSIX")
def test_a_forked_worker_records_nothing(tmp_path: Path) -> None:
    from lineside.ports import Alert

    post = Post(tmp_path, [Route("$A")])
    child = os.fork()
    if child == 0:
        post.alert(Alert("a"), {})
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert not (tmp_path / "outbox.db").exists()


def test_what_is_no_route_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"'wrong'.*routes=\['\$A'\] must be lineside\.ports\.Route"):
        trained(tmp_path, Telling(name="wrong", routes=["$A"]))
    assert routes_of([Telling(routes=[Route("$A")])]) == [Route("$A")]


def test_a_literal_secret_lies_nowhere_in_the_run(tmp_path: Path) -> None:
    routes = [Route("json://127.0.0.1/canary-0123456789")]
    run = trained(tmp_path, Telling(("leak", {}), routes=routes))
    files = [path for path in run.dir.rglob("*") if path.is_file()]
    assert {"outbox.db", "routes.json", "run.db"} <= {path.name for path in files}
    assert [path for path in files if b"canary" in path.read_bytes()] == []
    (failure,) = OutboxStanding.read(run.dir).failures
    assert failure.detail == "nobody lives at ***"
