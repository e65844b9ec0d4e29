"""What a checkpoint of a run holds, and how it is put back."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineside.callback import Callback
from lineside.checkpoints.checkpoint import Checkpoint
from lineside.checkpoints.documents import encode
from lineside.checkpoints.format import Contents
from lineside.control import Kind, Request
from lineside.dispatch.background import BackgroundCallback
from lineside.dispatch.guard import Bound
from lineside.dispatch.items import Marker, Task
from lineside.errors import CheckpointContentsError, RequestRefused, StateMismatch
from lineside.files import weight_suffix
from lineside.ports import HostState, SavedState, TensorWriter
from lineside.run.view import LiveView
from lineside.weights import RAW

if TYPE_CHECKING:
    from lineside.run.safe_points import SafePoints

log = logging.getLogger("lineside")

STATE = "state.json"


@dataclass(slots=True)
class RunState:
    """Everything of a run but the host's model and optimizer, as it was at one moment; cheap to take."""

    document: dict[str, Any]
    callbacks: dict[str, dict[str, Any]]
    tensors: dict[str, Mapping[str, Any]]
    generators: HostState
    markers: dict[str, Marker] = field(default_factory=dict)


def capture(run: LiveView, points: SafePoints) -> RunState:
    """Take the state of a run: progress, metrics, callbacks, generators, and where its requests stand."""
    document = {
        "progress": run.progress.state_dict(),
        "metrics": run.table.state_dict(),
        "batch_metrics": run.batch_table.state_dict(),
        "validated_with": run.validated_with,
        "averages": run.averages.state_dict(),
        "history": {name: list(values) for name, values in run.history.items()},
        "triggers": run.dispatcher.triggers(),
        "loader": run.feeding.state() if run.feeding is not None else run.fed,
        "pending": [_request_to_plain(request) for request in points.pending if request.kind is not Kind.INTERRUPT],
        "answered": list(points.answered),
    }
    state = RunState(document, {}, {}, run.host_port.generators())
    # What was logged before the save stands before the markers: a sink's state has seen it.
    run.wiring.records.flush()
    for callback in run.dispatcher.callbacks:
        background = run.dispatcher.background.get(callback.name)
        if background is not None:
            marker = background.ask_state()
            if marker is not None:
                state.markers[callback.name] = marker
        elif (taken := _state_of(callback)) is not None:
            state.callbacks[callback.name], state.tensors[callback.name] = taken
    return state


def _state_of(callback: Callback) -> tuple[dict[str, Any], Mapping[str, Any]] | None:
    if not callback.has_state:
        return None
    try:
        # A copy, since the callback goes on before a checkpoint of this moment may be written.
        return copy.deepcopy(callback.state_dict()), callback.state_tensors()
    except Exception:
        if callback.on_error == "raise":
            raise
        log.exception("The state of callback %s could not be taken; this checkpoint is without it.", callback.name)
        return None


def contents(run: LiveView, state: RunState) -> Contents:
    """Join a run's state with the host's; waits a little for background callbacks that are behind."""
    callbacks, tensors = dict(state.callbacks), dict(state.tensors)
    for name, marker in state.markers.items():
        answer = run.dispatcher.background[name].wait_state(marker)
        if answer is not marker:
            held = "without its state" if answer is None else "with its state from an earlier moment"
            log.warning("Callback %s is behind; this checkpoint is %s.", name, held)
        if answer is not None and answer.state is not None:
            callbacks[name], tensors[name] = answer.state, answer.tensors
    callbacks = {name: data for name, data in callbacks.items() if _is_plain(name, data)}
    host = run.host_port.capture()
    files = dict(host.files) | dict(state.generators.files)
    for name, named in tensors.items():
        if named and name in callbacks:
            try:
                files[_tensors_of(name)] = run.host_port.tensor_file(named)
            except (RequestRefused, AttributeError, TypeError) as refusal:
                log.error("The tensors of callback %s cannot be saved: %s.", name, refusal)  # noqa: TRY400 - all is said
                del callbacks[name]
    whole = state.document | {"callbacks": callbacks, "host": dict(host.documents)}
    return Contents(files, dict(state.generators.documents) | {STATE: whole}, host.trusted_only)


def _is_plain(name: str, state: Mapping[str, Any]) -> bool:
    """Tell whether a callback's state can be saved; if not, the checkpoint does without it rather than fail."""
    try:
        encode(state, f"state of callback {name}")
    except CheckpointContentsError as error:
        log.error("%s This checkpoint is without it.", error)  # noqa: TRY400 - the message says it all
        return False
    return True


def weights(run: LiveView, state: RunState) -> Contents:
    """Return only the model's part of the host's state, and the weights that the newest validation was made with."""
    host = run.host_port.capture()
    files = {name: write for name, write in host.files.items() if name.startswith("model.")}
    if validated := state.tensors.get(run.validated_with):
        files[_tensors_of(run.validated_with)] = run.host_port.tensor_file(validated)
    documents = {name: data for name, data in host.documents.items() if name.startswith("model.")}
    return Contents(files, documents, host.trusted_only & frozenset(files))


def weight_files(run: LiveView, state: RunState, files: Sequence[str]) -> dict[Path, TensorWriter]:
    """Return writers of stand-alone files: whoever deploys one wants the weights that its metric was made with."""
    validated = state.tensors.get(run.validated_with)
    return {Path(file): run.host_port.weight_file(weight_suffix(Path(file)), validated) for file in files}


def _tensors_of(callback: str) -> str:
    return f"callbacks/{callback}.safetensors"


class OneDocument:
    """A checkpoint as its host sees it: its documents stand together in the run's, one file to sync instead of many."""

    def __init__(self, saved: SavedState) -> None:
        self._saved = saved
        self._documents: Mapping[str, Any] = saved.document(STATE)["host"] if saved.has(STATE) else {}

    def document(self, name: str) -> Any:
        """Return a document by name."""
        return self._documents[name] if name in self._documents else self._saved.document(name)

    def file(self, name: str) -> Path:
        """Return the path of a verified file."""
        return self._saved.file(name)

    def has(self, name: str) -> bool:
        """Tell whether there is a document or file of that name."""
        return name in self._documents or self._saved.has(name)


def restore(run: LiveView, saved: SavedState, *, go_on: bool) -> None:
    """Put a run back: the host, progress, metrics, callbacks. Generators come last, by `restore_generators`.

    Args:
        run: the run, whose callbacks have seen ``on_setup``.
        saved: a verified checkpoint.
        go_on: forget a stop, and a pause, that was in force when the checkpoint was made.
    """
    run.host_port.restore(OneDocument(saved))
    document = saved.document(STATE)
    run.progress.load_state_dict(document["progress"])
    run.batch = max(0, run.progress.position - 1)
    run.table.load_state_dict(document["metrics"])
    run.batch_table.load_state_dict(document["batch_metrics"])
    run.validation_weights.newest = document["validated_with"]
    run.averages.load_state_dict(document["averages"])
    run.history.update({name: list(values) for name, values in document["history"].items()})
    run.dispatcher.load_triggers(document["triggers"])
    run.fed = document["loader"]
    for plain in document["pending"]:
        request = _request_from_plain(plain)
        if not (go_on and request.kind in (Kind.STOP, Kind.PAUSE)):
            run.requests.append(request)
    _restore_callbacks(run, saved, document["callbacks"])


def put_back(run: LiveView, saved: Checkpoint, *, weights_only: bool) -> None:
    """Put a checkpoint of this run back, in the middle of the training or at its end.

    Weights alone are those that its metrics were made with, an average if one was validated. Otherwise the training is
    to go on from there: it is the raw weights, the optimizer, and the callbacks whose state is about the weights. The
    means of the epoch leave out the batches that are taken back; counters, data, generators and schedules go on.
    """
    if weights_only:
        averaged = saved.file(_tensors_of(saved.manifest.weights)) if saved.manifest.weights != RAW else None
        run.host_port.restore(OneDocument(saved), weights_only=True)
        if averaged is not None:
            run.model.load(run.host_port.read_tensors(averaged), partial=True)
        return
    if not saved.has(STATE):
        raise StateMismatch(f"The checkpoint {saved.name} holds weights alone: restore it with weights_only=True.")
    document = saved.document(STATE)
    same_epoch = document["progress"]["epoch"] == run.progress.epoch
    run.host_port.go_back(OneDocument(saved), same_epoch=same_epoch)
    run.averages.clear()
    if same_epoch:
        run.averages.load_state_dict(document["averages"])
    states = document["callbacks"]
    for callback in run.dispatcher.callbacks:
        if callback.restored_with_weights and callback.name in states:
            _loader(callback, states[callback.name], _read_tensors(run, saved, callback.name))()


def _read_tensors(run: LiveView, saved: SavedState, callback: str) -> Mapping[str, Any]:
    file = _tensors_of(callback)
    return run.host_port.read_tensors(saved.file(file)) if saved.has(file) else {}


def _restore_callbacks(run: LiveView, saved: SavedState, states: Mapping[str, Any]) -> None:
    used = []
    for callback in run.dispatcher.callbacks:
        if callback.name not in states:
            continue
        used.append(callback.name)
        load = _loader(callback, states[callback.name], _read_tensors(run, saved, callback.name))
        background: BackgroundCallback | None = run.dispatcher.background.get(callback.name)
        if background is not None:
            background.lane.put(Task(load))
        else:
            try:
                load()
            except Exception as error:  # noqa: BLE001 - the guard decides
                run.dispatcher.guard.failed(Bound(callback, "load_state_dict", load), error)
    names = [callback.name for callback in run.dispatcher.callbacks]
    new = [callback.name for callback in run.dispatcher.callbacks if callback.has_state and callback.name not in states]
    left = [name for name in states if name not in names]
    log.info("State of callbacks: restored %s; new %s; left %s.", used or "none", new or "none", left or "none")
    if left:
        log.warning("The checkpoint holds the state of callbacks that this run does not have: %s.", ", ".join(left))


def _loader(callback: Callback, state: Mapping[str, Any], tensors: Mapping[str, Any]) -> Callable[..., None]:
    def load() -> None:
        callback.load_state_dict(state)
        if tensors:
            callback.load_state_tensors(tensors)

    return load


def _request_to_plain(request: Request) -> dict[str, Any]:
    return {
        "kind": request.kind.word,
        "reason": request.reason,
        "author": request.author,
        "origin": request.origin,
        "arguments": dict(request.arguments),
        "step": request.step,
        "id": request.id,
    }


def _request_from_plain(plain: Mapping[str, Any]) -> Request:
    return Request(**{**plain, "kind": Kind[plain["kind"].upper()]})
