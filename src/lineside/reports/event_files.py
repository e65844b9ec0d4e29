"""Event files of TensorBoard. Runs in the helper process.

It takes `tensorboard`'s own record writer and messages; neither torch's nor TensorFlow's writer is needed, and neither
library is imported.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import struct
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.text import metadata as text_metadata
from tensorboard.summary.writer.record_writer import RecordWriter

from lineside.reports.appending import append_whole
from lineside.reports.event_parts import unpacked, waiting


def encode(*, directory: str, path: str, last: bool = False) -> None:
    """Encode all parts that were set aside, in order, at the end of an event file.

    Args:
        directory: where the parts lie; see `lineside.reports.event_parts`. Each is removed when it has been encoded.
        path: the event file; it is opened for each job, so that a helper that was replaced goes on where the last one
            was.
        last: remove the directory.
    """
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    for part in waiting(Path(directory)):
        try:
            text = part.read_text("utf-8")
        except FileNotFoundError:  # the helper of an attempt that was killed is still at it
            continue
        try:
            head = [] if file.exists() else [event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2")]
            records = _records([*head, *_events(json.loads(text))])
        except Exception:
            part.unlink(missing_ok=True)  # it would stand in the way of all that come behind it
            raise
        append_whole(file, records)
        part.unlink(missing_ok=True)
    if last:
        shutil.rmtree(directory, ignore_errors=True)


def _records(events: Iterable[Any]) -> bytes:
    records = io.BytesIO()
    writer = RecordWriter(records)
    for event in events:
        writer.write(event.SerializeToString())
    return records.getvalue()


def _events(part: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the events of a part.

    Its keys: ``begin`` (``at``; ``purge_from``, the first step that an earlier session has written in vain, or None;
    ``hparams``, plain values by name; ``group``), ``series`` of scalars, ``media`` (kind, tag, step, time and a text,
    or a PNG as base64), ``histograms`` (``tag``, ``step``, ``at``, fields of a ``HistogramProto``), and ``end``
    (``at``, ``success``).
    """
    if "begin" in part:
        yield from _begin(**part["begin"])
    for series in part.get("series", ()):
        for step, at, values in unpacked(series):
            yield _scalars(step, at, values)
    for medium in part.get("media", ()):
        yield _medium(*medium)
    for histogram in part.get("histograms", ()):
        yield _histogram(**histogram)
    if "end" in part:
        yield _end(**part["end"])


def _begin(at: float, purge_from: int | None, hparams: Mapping[str, Any], group: str) -> Iterator[Any]:
    if purge_from is not None:
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        yield event_pb2.Event(wall_time=at, step=purge_from, session_log=start)
    if hparams:
        info = plugin_data_pb2.SessionStartInfo(group_name=group, start_time_secs=at)
        for name, value in hparams.items():
            if isinstance(value, bool):
                info.hparams[name].bool_value = value
            elif isinstance(value, (int, float)):
                info.hparams[name].number_value = value
            else:
                info.hparams[name].string_value = str(value)
        data = plugin_data_pb2.HParamsPluginData(session_start_info=info)
        yield _of_hparams(at, hparams_metadata.SESSION_START_INFO_TAG, data)


def _end(at: float, success: bool) -> Any:
    status = api_pb2.STATUS_SUCCESS if success else api_pb2.STATUS_FAILURE
    info = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=at)
    data = plugin_data_pb2.HParamsPluginData(session_end_info=info)
    return _of_hparams(at, hparams_metadata.SESSION_END_INFO_TAG, data)


def _of_hparams(at: float, tag: str, data: Any) -> Any:
    metadata = hparams_metadata.create_summary_metadata(data)
    value = summary_pb2.Summary.Value(tag=tag, metadata=metadata, tensor=hparams_metadata.NULL_TENSOR)
    return _event(0, at, [value])


def _scalars(step: int, at: float, values: Mapping[str, Any]) -> Any:
    return _event(step, at, [summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])


def _medium(kind: str, tag: str, step: int, at: float, data: str) -> Any:
    if kind == "text":
        value = summary_pb2.Summary.Value(
            tag=tag,
            metadata=text_metadata.create_summary_metadata(tag, ""),
            tensor=tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[data.encode("utf-8", "replace")]),
        )
    else:
        png = base64.b64decode(data)
        width, height = struct.unpack(">II", png[16:24])  # the first chunk of every PNG says its size
        image = summary_pb2.Summary.Image(width=width, height=height, colorspace=4, encoded_image_string=png)
        value = summary_pb2.Summary.Value(tag=tag, image=image)
    return _event(step, at, [value])


def _histogram(tag: str, step: int, at: float, **fields: Any) -> Any:
    return _event(step, at, [summary_pb2.Summary.Value(tag=tag, histo=summary_pb2.HistogramProto(**fields))])


def _event(step: int, at: float, values: Sequence[Any]) -> Any:
    return event_pb2.Event(wall_time=at, step=step, summary=summary_pb2.Summary(value=values))
