from __future__ import annotations

import pytest

from lineside.adopted.foreign import written_hooks
from lineside.adopted.styles import check_style, style_of
from lineside.errors import OptionError


def found(foreign: object) -> str:
    return style_of(foreign, written_hooks(foreign))


def of(package: str) -> object:
    base = type("Base", (), {"on_train_end": lambda self, *args: None, "__module__": f"{package}.callbacks"})
    return type("Mine", (base,), {})()


@pytest.mark.parametrize(
    ("package", "style"), [("keras", "keras"), ("tf_keras", "keras"), ("transformers", "transformers")]
)
def test_the_class_tells(package: str, style: str) -> None:
    assert found(of(package)) == style


def test_a_setter_of_the_model_tells() -> None:
    class Mine:
        def set_model(self, model):
            pass

        def on_train_end(self, values):
            pass

    assert found(Mine()) == "keras"


@pytest.mark.parametrize("word", ["trainer", "validator", "predictor", "exporter"])
def test_the_name_of_the_engine_tells(word: str) -> None:
    names: dict[str, object] = {}
    exec(f"def on_val_end({word}): pass", names)
    assert found(names["on_val_end"]) == "ultralytics"


def test_two_candidates_are_both_named() -> None:
    class Mixed:
        def on_epoch_end(self, epoch, logs=None):
            pass

        def on_train_end(self, trainer):
            pass

    with pytest.raises(OptionError, match=r"'keras' for on_epoch_end\(epoch, logs\) and 'ultralytics'"):
        found(Mixed())


def test_with_no_candidate_all_styles_are_named() -> None:
    class Unknown:
        def on_train_end(self, thing):
            pass

    with pytest.raises(OptionError, match=r"(?s)Unknown.*keras.*transformers.*ultralytics.*style="):
        found(Unknown())


def test_lightnings_signature_is_nobodys() -> None:
    class Lightnings:
        def on_train_end(self, trainer, pl_module):
            pass

    with pytest.raises(OptionError, match="no hook has a known signature"):
        found(Lightnings())


def test_our_own_signature_is_pointed_to_our_own_class() -> None:
    class Ours:
        def on_epoch_end(self, run):
            pass

    with pytest.raises(OptionError, match=r"lineside\.Callback"):
        found(Ours())


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(OptionError, match="Did you mean 'ultralytics'"):
        check_style("ultralitics")
