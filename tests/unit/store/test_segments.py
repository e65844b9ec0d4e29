from __future__ import annotations

import pytest

from lineside.store.segments import merge_from


@pytest.mark.parametrize(
    ("counts", "first"),
    [
        ([1], 0),
        ([1] * 7, 6),
        ([1] * 8, 0),
        ([64] + [1] * 8, 1),
        ([8] * 7 + [1] * 8, 0),
        ([1, 1, 1, 1000], 3),
        ([1000] * 8, 0),
    ],
)
def test_eight_of_a_size_become_one(counts: list[int], first: int) -> None:
    assert merge_from(counts) == first


@pytest.mark.parametrize("rows", [1, 5, 100])
def test_few_segments_are_left_and_no_row_is_rewritten_often(rows: int) -> None:
    counts: list[int] = []
    written = 0
    most = 0
    for _ in range(4096 // rows):
        counts.append(rows)
        first = merge_from(counts)
        counts[first:] = [sum(counts[first:])]
        written += counts[-1]
        most = max(most, len(counts))
    assert sum(counts) == 4096 // rows * rows
    assert most <= 4 * 7
    assert written <= 5 * 4096
