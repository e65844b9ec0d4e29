"""The codec of columns: exact, and small for what training produces.

Integers and times are stored as differences of neighbours, times by their bit patterns, so that regular steps shrink
to almost nothing and nothing is rounded. Then bytes of equal weight are put side by side (the shuffle of HDF5 and
Blosc), and each such plane becomes a deflate block with a code of its own: signs, exponents and the zeros of values
that were single precision compress well when noise stands elsewhere. zlib's checksum tells damage.
"""

from __future__ import annotations

import operator
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, islice
from typing import Final

from lineside.store.series import Series

WORD: Final = 8
"""Bytes of one number of any column."""
_OWN_BLOCK: Final = 512
"""Bytes of a plane that are worth a code of their own."""


class ChunkDamaged(ValueError):
    """A chunk is not what was written; the reader names the file."""


def encode_axis(steps: array[int], epochs: array[int], times: array[float]) -> bytes:
    """Return steps, epochs and times of rows as bytes."""
    return _pack([_differences(steps), _differences(epochs), _differences(array("q", times.tobytes()))])


def decode_axis(data: bytes, count: int) -> tuple[array[int], array[int], array[float]]:
    """Return steps, epochs and times of `count` rows.

    Raises:
        ChunkDamaged: `data` is damaged, or holds another number of rows.
    """
    steps, epochs, times = _unpack(data, 3, count)
    return _sums(steps), _sums(epochs), array("d", _sums(times).tobytes())


def encode_values(values: array[float], *, compress: bool) -> bytes:
    """Return values as bytes; every bit is kept, those of NaN too.

    What will be merged soon need not be compressed: that costs ten times as long as copying.
    """
    return _pack([values], level=1 if compress else 0)


def decode_values(data: bytes, count: int) -> array[float]:
    """Return `count` values.

    Raises:
        ChunkDamaged: `data` is damaged, or holds another number of values.
    """
    (words,) = _unpack(data, 1, count)
    return array("d", words.tobytes())


def encode_series(series: Series) -> bytes:
    """Return a short series, such as a level, as bytes that can be read without its block."""
    times = array("q", series.times.tobytes())
    return _pack([_differences(series.steps), _differences(series.epochs), _differences(times), series.values])


def decode_series(data: bytes, at_most: int) -> Series:
    """Return a series of up to `at_most` points.

    Raises:
        ChunkDamaged: `data` is damaged, or holds more.
    """
    steps, epochs, times, values = _unpack(data, 4, at_most, exactly=False)
    return Series(_sums(steps), _sums(epochs), array("d", values.tobytes()), array("d", _sums(times).tobytes()))


def _differences(column: array[int]) -> array[int]:
    return _int64([*column[:1], *map(operator.sub, islice(column, 1, None), column)])


def _sums(differences: array[int]) -> array[int]:
    return _int64(list(accumulate(differences)))


def _int64(numbers: list[int]) -> array[int]:
    """Return numbers modulo 2**64: differences may leave the range, and their sums come back into it."""
    try:
        return array("q", numbers)
    except OverflowError:
        return array("q", [(number + (1 << 63)) % (1 << 64) - (1 << 63) for number in numbers])


def _pack(columns: Sequence[array[int] | array[float]], level: int = 1) -> bytes:
    # Of what the shuffle leaves, noise and runs of one byte, deflate finds all by looking for runs (Z_RLE), in half the
    # time; a larger window, more memory and higher levels gain less than a percent.
    deflate = zlib.compressobj(level, zlib.DEFLATED, wbits=12, memLevel=7, strategy=zlib.Z_RLE)
    packed = []
    for column in columns:
        words = _little_endian(column).tobytes()
        for weight in range(WORD):
            packed.append(deflate.compress(words[weight::WORD]))
            if len(column) >= _OWN_BLOCK:
                packed.append(deflate.flush(zlib.Z_BLOCK))
    return b"".join([*packed, deflate.flush()])


def _unpack(data: bytes, columns: int, count: int, *, exactly: bool = True) -> Iterable[array[int]]:
    inflate = zlib.decompressobj()
    try:
        # Bounded, so that a crafted file cannot fill the memory.
        words = inflate.decompress(data, columns * WORD * count + 1)
    except zlib.error as error:
        raise ChunkDamaged(str(error)) from error
    held, rest = divmod(len(words), columns * WORD)
    if rest or held > count or (exactly and held != count) or not inflate.eof:
        raise ChunkDamaged(f"it holds {len(words)} bytes where {columns * WORD * count} were written")
    size = WORD * held
    return [_column(words[index * size : (index + 1) * size], held) for index in range(columns)]


def _column(planes: bytes, count: int) -> array[int]:
    words = bytearray(len(planes))
    for weight in range(WORD):
        words[weight::WORD] = planes[weight * count : (weight + 1) * count]
    return _little_endian(array("q", bytes(words)))


def _little_endian(column: array[int] | array[float]) -> array[int]:
    words = array("q", column.tobytes())
    if sys.byteorder == "big":
        words.byteswap()
    return words
