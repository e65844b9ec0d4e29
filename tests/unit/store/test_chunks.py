from __future__ import annotations

import math
import random
import zlib
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineside.store import chunks
from lineside.store.chunks import ChunkDamaged
from lineside.store.series import Series, floats, integers

INT64 = st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(st.tuples(INT64, INT64, st.floats()), max_size=600)
WORDS = st.lists(INT64, max_size=600)


def bits(column: array[float]) -> bytes:
    return column.tobytes()


@given(rows=ROWS)
def test_an_axis_comes_back_bit_for_bit(rows: list[tuple[int, int, float]]) -> None:
    steps, epochs, times = integers(r[0] for r in rows), integers(r[1] for r in rows), floats(r[2] for r in rows)
    back = chunks.decode_axis(chunks.encode_axis(steps, epochs, times), len(rows))
    assert back[:2] == (steps, epochs)
    assert bits(back[2]) == bits(times)


@given(words=WORDS, compress=st.booleans())
def test_values_come_back_bit_for_bit_with_the_payload_of_nan(words: list[int], compress: bool) -> None:
    values = array("d", array("q", words).tobytes())
    assert bits(chunks.decode_values(chunks.encode_values(values, compress=compress), len(values))) == bits(values)


@pytest.mark.parametrize("value", [0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1.7976931348623157e308])
def test_special_values_come_back(value: float) -> None:
    values = floats([value] * 3)
    assert bits(chunks.decode_values(chunks.encode_values(values, compress=True), 3)) == bits(values)


@given(rows=ROWS)
def test_a_series_comes_back(rows: list[tuple[int, int, float]]) -> None:
    values = floats(r[2] for r in rows)
    series = Series(integers(r[0] for r in rows), integers(r[1] for r in rows), values, values)
    back = chunks.decode_series(chunks.encode_series(series), len(rows))
    assert (back.steps, back.epochs, bits(back.values), bits(back.times)) == (
        series.steps,
        series.epochs,
        bits(values),
        bits(values),
    )


def test_noise_of_double_precision_takes_less_than_nine_bytes_a_point() -> None:
    draw = random.Random(1)
    values = floats(draw.gauss(1.0, 0.1) for _ in range(4096))
    times = floats(1.7e9 + step * 3e-4 + draw.random() * 1e-4 for step in range(4096))
    axis = chunks.encode_axis(integers(range(4096)), integers([0] * 4096), times)
    assert len(axis) + len(chunks.encode_values(values, compress=True)) < 9 * 4096


def test_every_flipped_bit_is_noticed() -> None:
    data = chunks.encode_values(floats(range(40)), compress=True)
    for position in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        try:
            back = chunks.decode_values(bytes(flipped), 40)
        except ChunkDamaged:
            continue
        assert back == floats(range(40)), "a bit that carries nothing may flip"


@pytest.mark.parametrize("count", [0, 39, 41])
def test_another_number_of_values_is_noticed(count: int) -> None:
    with pytest.raises(ChunkDamaged):
        chunks.decode_values(chunks.encode_values(floats(range(40)), compress=True), count)


def test_a_cut_chunk_is_noticed() -> None:
    with pytest.raises(ChunkDamaged):
        chunks.decode_values(chunks.encode_values(floats(range(40)), compress=True)[:-1], 40)


def test_a_bomb_is_not_inflated() -> None:
    bomb = zlib.compress(bytes(1 << 24), 9)
    with pytest.raises(ChunkDamaged, match="it holds 33 bytes where 32 were written"):
        chunks.decode_values(bomb, 4)


def test_a_series_longer_than_allowed_is_refused() -> None:
    series = Series(integers([1, 2]), integers([0, 0]), floats([1, 2]), floats([1, 2]))
    assert chunks.decode_series(chunks.encode_series(series), 3) == series
    with pytest.raises(ChunkDamaged):
        chunks.decode_series(chunks.encode_series(series), 1)
