"""Figures and images as PNG bytes, which every sink understands."""

from __future__ import annotations

import io
from typing import Any

from lineside.errors import MissingDependency, OptionError
from lineside.ports import MediumKind


def encoded(kind: MediumKind, data: Any) -> Any:
    """Return PNG bytes for figures and images; texts and paths as they are.

    Raises:
        OptionError: the figure cannot be drawn, or the image has a shape or type that is not a picture's.
    """
    if kind in ("text", "artifact") or isinstance(data, bytes):
        return data
    if kind == "figure":
        if not hasattr(data, "savefig"):
            raise OptionError(f"log_figure takes a matplotlib figure or PNG bytes, not a {type(data).__name__}.")
        buffer = io.BytesIO()
        data.savefig(buffer, format="png")
        return buffer.getvalue()
    return _image_png(data)


def _image_png(data: Any) -> bytes:
    try:
        import numpy as np
        from PIL import Image
    except ImportError:
        raise MissingDependency("log_image with an array", "Pillow with NumPy", "plots") from None
    array = np.asarray(data.detach().cpu() if hasattr(data, "detach") else data)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise OptionError(f"log_image takes shape (H, W), (H, W, 3) or (H, W, 4); this array has {array.shape}.")
    if array.dtype != np.uint8:
        array = (np.clip(array, 0.0, 1.0) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format="PNG")
    return buffer.getvalue()
