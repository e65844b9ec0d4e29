"""What users call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from lineside.adopted.base import AdoptedCallback
from lineside.adopted.foreign import label_of, written_hooks
from lineside.adopted.keras import KerasStyle
from lineside.adopted.styles import Style, check_style, style_of
from lineside.adopted.transformers import TransformersStyle
from lineside.adopted.ultralytics import UltralyticsStyle
from lineside.callback import Callback, CallbackOptions
from lineside.errors import OptionError

_STYLES: Mapping[Style, type[AdoptedCallback]] = {
    "keras": KerasStyle,
    "transformers": TransformersStyle,
    "ultralytics": UltralyticsStyle,
}


def adopt(
    obj: Any,
    style: Style | None = None,
    *,
    arguments: Mapping[str, Any] | None = None,
    **options: Unpack[CallbackOptions],
) -> AdoptedCallback:
    """Return a callback of Lineside that carries one of another framework, and runs in every host.

    Only hooks that somebody wrote are subscribed, not those that the object inherits empty. Its state is resumed where
    it shows any: ``state_dict`` and ``load_state_dict``, ``get_state`` and ``set_state``, or Hugging Face's ``state``
    and ``from_state``.

    Args:
        obj: a callback of Keras, a `TrainerCallback` of Hugging Face, or for Ultralytics a function that is named like
            its event, a dictionary of functions (or lists of them) by event, or an object with ``on_…(self, trainer)``.
            No class of the framework is needed: the signatures are what counts.
        style: ``"keras"``, ``"transformers"`` or ``"ultralytics"``; found by the class and the signatures unless given.
        arguments: what the object finds beside what the run knows, in ``self.params`` (Keras), ``args`` (Hugging Face)
            or ``trainer.args`` (Ultralytics).
        options: the common ones of all callbacks. The name is that of the class behind that of the style, such as
            ``keras-early-stopping``, unless given.

    Raises:
        OptionError: the object is no callback of theirs, or it is unclear whose it is, with the candidates.
        CallbackDefinitionError: a hook is misspelt, has a wrong signature, or stands for nothing that hosts here have.
    """
    if isinstance(obj, Callback):
        raise OptionError(f"{obj!r} is a callback of Lineside already: put it into the list as it is.")
    if isinstance(obj, type):
        raise OptionError(f"adopt({obj.__name__}) was given the class: give an object, such as {obj.__name__}().")
    if style is not None:
        check_style(style)
    functions = written_hooks(obj)
    if not functions:
        raise OptionError(f"{label_of(obj)} has no hook that somebody wrote: nothing named on_… would ever be called.")
    found = style or style_of(obj, functions)
    return _STYLES[found](obj, functions, found, arguments or {}, **options)
