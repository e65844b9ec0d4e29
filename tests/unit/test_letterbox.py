from __future__ import annotations

from lineside.letterbox import Letterbox


def test_the_reader_is_told_when_it_is_already_there() -> None:
    seen: list[list[int]] = []
    box: Letterbox[int] = Letterbox(lambda: seen.append(list(box)))
    box.append(1)
    box.append(2)
    assert seen == [[1], [1, 2]]
    assert box.popleft() == 1


def test_nobody_needs_to_be_told() -> None:
    box: Letterbox[int] = Letterbox()
    box.append(1)
    assert list(box) == [1]
