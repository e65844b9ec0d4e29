"""Event files of TensorBoard. Runs in the helper process.

It takes `tensorboard`'s own record writer and messages; neither torch's nor TensorFlow's writer is needed, and neither
library is imported.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.text import metadata as text_metadata
from tensorboard.summary.writer.record_writer import RecordWriter

from lineside.ports import LogRow
from lineside.reports.appending import append_whole


def append(
    *,
    path: str,
    begin: Mapping[str, Any] | None = None,
    rows: Sequence[LogRow] = (),
    media: Sequence[tuple[str, str, Any, int, float]] = (),
    histograms: Sequence[Mapping[str, Any]] = (),
    end: Mapping[str, Any] | None = None,
) -> None:
    """Append to an event file; all of it, or nothing if the process dies.

    The file is opened for each job, so that a helper that was replaced goes on where the last one was.

    Args:
        path: the file; its directory is made.
        begin: what a session starts with: ``time``, ``purge_from`` (the first step that an earlier session has written
            in vain, or None), ``hparams`` (plain values by name) and ``group``.
        rows: scalars.
        media: kind, tag, data, step and time; texts, and pictures as PNG bytes.
        histograms: ``tag``, ``step``, ``time`` and the fields of a ``HistogramProto``.
        end: what a session ends with: ``time`` and ``success``.
    """
    events = [
        *(_begin(**begin) if begin is not None else ()),
        *(_scalars(*row) for row in rows),
        *(_medium(*medium) for medium in media),
        *(_histogram(**histogram) for histogram in histograms),
        *([_end(**end)] if end is not None else ()),
    ]
    records = io.BytesIO()
    writer = RecordWriter(records)
    for event in events:
        writer.write(event.SerializeToString())
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    append_whole(file, records.getvalue())


def _begin(time: float, purge_from: int | None, hparams: Mapping[str, Any], group: str) -> Iterator[Any]:
    yield event_pb2.Event(wall_time=time, file_version="brain.Event:2")
    if purge_from is not None:
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        yield event_pb2.Event(wall_time=time, step=purge_from, session_log=start)
    if hparams:
        info = plugin_data_pb2.SessionStartInfo(group_name=group, start_time_secs=time)
        for name, value in hparams.items():
            if isinstance(value, bool):
                info.hparams[name].bool_value = value
            elif isinstance(value, (int, float)):
                info.hparams[name].number_value = value
            else:
                info.hparams[name].string_value = str(value)
        data = plugin_data_pb2.HParamsPluginData(session_start_info=info)
        yield _of_hparams(time, hparams_metadata.SESSION_START_INFO_TAG, data)


def _end(time: float, success: bool) -> Any:
    status = api_pb2.STATUS_SUCCESS if success else api_pb2.STATUS_FAILURE
    info = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=time)
    data = plugin_data_pb2.HParamsPluginData(session_end_info=info)
    return _of_hparams(time, hparams_metadata.SESSION_END_INFO_TAG, data)


def _of_hparams(time: float, tag: str, data: Any) -> Any:
    metadata = hparams_metadata.create_summary_metadata(data)
    value = summary_pb2.Summary.Value(tag=tag, metadata=metadata, tensor=hparams_metadata.NULL_TENSOR)
    return _event(0, time, [value])


def _scalars(step: int, _epoch: int, time: float, values: Mapping[str, Any]) -> Any:
    return _event(step, time, [summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])


def _medium(kind: str, tag: str, data: Any, step: int, time: float) -> Any:
    if kind == "text":
        value = summary_pb2.Summary.Value(
            tag=tag,
            metadata=text_metadata.create_summary_metadata(tag, ""),
            tensor=tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[data.encode("utf-8", "replace")]),
        )
    else:
        width, height = struct.unpack(">II", data[16:24])  # the first chunk of every PNG says its size
        image = summary_pb2.Summary.Image(width=width, height=height, colorspace=4, encoded_image_string=data)
        value = summary_pb2.Summary.Value(tag=tag, image=image)
    return _event(step, time, [value])


def _histogram(tag: str, step: int, time: float, **fields: Any) -> Any:
    return _event(step, time, [summary_pb2.Summary.Value(tag=tag, histo=summary_pb2.HistogramProto(**fields))])


def _event(step: int, time: float, values: Sequence[Any]) -> Any:
    return event_pb2.Event(wall_time=time, step=step, summary=summary_pb2.Summary(value=values))
