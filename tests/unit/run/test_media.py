from __future__ import annotations

import builtins
import io
from typing import Any

import pytest

from lineside.errors import MissingDependency, OptionError
from lineside.run.media import encoded

PNG = b"\x89PNG\r\n\x1a\n"


class Figure:
    def savefig(self, buffer: Any, **options: str) -> None:
        buffer.write(options["format"].encode())


@pytest.mark.parametrize(
    ("kind", "data"), [("text", "hello"), ("artifact", "a/b.txt"), ("image", PNG), ("figure", PNG)]
)
def test_texts_paths_and_png_bytes_stay_as_they_are(kind: Any, data: Any) -> None:
    assert encoded(kind, data) is data


def test_a_figure_is_drawn_at_once() -> None:
    assert encoded("figure", Figure()) == b"png"


@pytest.mark.parametrize("data", ["figure.png", 3, None])
def test_what_is_no_figure_is_refused(data: Any) -> None:
    with pytest.raises(OptionError, match="takes a matplotlib figure or PNG bytes"):
        encoded("figure", data)


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (4, 6, 4)])
@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_an_array_becomes_a_picture(shape: tuple[int, ...], kind: str) -> None:
    np, images = pytest.importorskip("numpy"), pytest.importorskip("PIL.Image")
    array = np.full(shape, 255 if kind == "uint8" else 1.5, dtype=kind)
    picture = images.open(io.BytesIO(encoded("image", array)))
    assert picture.size == (6, 4)
    assert np.asarray(picture).max() == np.asarray(picture).min() == 255  # floats above 1 are cut


@pytest.mark.parametrize("shape", [(6,), (4, 6, 2), (3, 4, 6, 3)])
def test_an_array_that_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    np = pytest.importorskip("numpy")
    pytest.importorskip("PIL")
    with pytest.raises(OptionError, match=r"takes shape \(H, W\)"):
        encoded("image", np.zeros(shape))


def test_without_pillow_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    right = builtins.__import__

    def no_pillow(name: str, *rest: Any) -> Any:
        if name == "PIL":
            raise ImportError(name)
        return right(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_pillow)
    with pytest.raises(MissingDependency, match=r"lineside\[plots\]"):
        encoded("image", [[0]])
