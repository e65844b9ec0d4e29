from __future__ import annotations

import io
from pathlib import Path

import pytest

from lineside.dispatch.helper import frame, read_frame


def test_frames_follow_each_other() -> None:
    values = [("a.b:c", {"x": [1, 2.5, None, b"\x00", {"é": True}]}), ("a.b:d", {})]
    stream = io.BytesIO(b"".join(frame(value) for value in values))
    assert [read_frame(stream) for _ in range(3)] == [*values, None]


@pytest.mark.parametrize("cut", [1, 7, 8, 12])
def test_a_frame_that_is_cut_short_is_the_end(cut: int) -> None:
    assert read_frame(io.BytesIO(frame((1, 2, 3))[:cut])) is None


@pytest.mark.parametrize("value", [Path("x"), object(), {"f": print}])
def test_only_plain_data_is_sent(value: object) -> None:
    with pytest.raises(ValueError, match="unmarshallable"):
        frame(value)
