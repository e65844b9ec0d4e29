"""Whose callback an object is: told by its classes, and where they say nothing by its signatures."""

from __future__ import annotations

from typing import Any, Literal, get_args

from lineside.adopted.foreign import Function, Functions, label_of, parameters_of, root_of
from lineside.errors import OptionError, nearest

Style = Literal["keras", "transformers", "ultralytics"]

_PACKAGES: dict[str, Style] = {"keras": "keras", "tf_keras": "keras", "transformers": "transformers"}
_SIGNATURES: dict[Style, str] = {
    "keras": "on_epoch_end(self, epoch, logs=None)",
    "transformers": "on_epoch_end(self, args, state, control, **kwargs)",
    "ultralytics": "on_fit_epoch_end(trainer)",
}
_ULTRALYTICS = ("trainer", "validator", "predictor", "exporter")


def check_style(style: object) -> None:
    """Refuse a word that is no style. Raises `OptionError`, with the nearest one."""
    styles = get_args(Style)
    if style not in styles:
        raise OptionError(f"style={style!r} is unknown.{nearest(str(style), styles)} Use {', '.join(styles)}.")


def style_of(foreign: Any, functions: Functions) -> Style:
    """Return whose callback an object is.

    Raises:
        OptionError: several frameworks could be meant, or none; the message names them with what speaks for each.
    """
    evidence: dict[Style, str] = {}
    for cls in type(foreign).__mro__:
        if (style := _PACKAGES.get(root_of(cls))) is not None:
            evidence.setdefault(style, f"{cls.__module__}.{cls.__qualname__}")
    if not evidence:
        for name, members in functions.items():
            for function in members:
                if (style := _of_signature(function)) is not None:
                    evidence.setdefault(style, f"{name}({', '.join(parameters_of(function))})")
        if callable(getattr(foreign, "set_model", None)):
            evidence.setdefault("keras", "set_model")
    if len(evidence) == 1:
        return next(iter(evidence))
    raise OptionError(f"{label_of(foreign)}: {_unclear(evidence, functions)}")


def _of_signature(function: Function) -> Style | None:
    names = parameters_of(function)
    if names[:3] == ["args", "state", "control"]:
        return "transformers"
    if len(names) == 1 and names[0] in _ULTRALYTICS:
        return "ultralytics"
    return "keras" if names[-1:] == ["logs"] else None


def _unclear(evidence: dict[Style, str], functions: Functions) -> str:
    if evidence:
        candidates = " and ".join(f"{style!r} for {what}" for style, what in evidence.items())
        return f"it is unclear whose callback this is: {candidates} speak for themselves. Say which with style=…."
    if any(parameters_of(function)[:1] == ["run"] for members in functions.values() for function in members):
        return "its hooks take a run, as Lineside's do: let its class derive from lineside.Callback."
    known = "; ".join(f"{style!r}: {signature}" for style, signature in _SIGNATURES.items())
    return f"it is unclear whose callback this is; no hook has a known signature. The styles are {known}. Say style=…."
