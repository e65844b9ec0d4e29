"""What an adopted callback is promised, host by host: the two of the guide run unchanged, and the rest is said."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from lineside.adopted import adopt
from lineside.callback import Callback
from lineside.callbacks.lambda_callback import LambdaCallback
from lineside.errors import AdoptedError
from lineside.events import Event
from lineside.testing.toy_callbacks import Asks, KeepsValues

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "adopt.md"


def of_the_guide() -> dict[str, Any]:
    """Return what the first block of the guide defines."""
    tokens = MarkdownIt("commonmark").parse(GUIDE.read_text("utf-8"))
    found: dict[str, Any] = {}
    exec(next(token.content for token in tokens if token.type == "fence" and token.info == "python"), found)
    return found


EXAMPLES = of_the_guide()


class Impatient:
    """Of Keras' kind: stops behind its second epoch, and shows no state."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            self.model.stop_training = True


class Counts:
    """Of Ultralytics' kind, and shows its state."""

    def __init__(self) -> None:
        self.epochs = 0

    def on_fit_epoch_end(self, trainer: Any) -> None:
        self.epochs += 1

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epochs = state["epochs"]


class LooksAtLayers:
    """Of Keras' kind: reaches for what only Keras has."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        print(self.model.layers)


class LooksAtTheLoader:
    """Of Ultralytics' kind: reaches for what only Ultralytics has."""

    def on_fit_epoch_end(self, trainer: Any) -> None:
        print(trainer.train_loader)


class AdoptedSuite:
    """Subclass it, name the class ``Test…``, and define `fit` as for `lineside.testing.HostContract`.

    Attributes:
        host: the host's name.
    """

    host = ""

    def fit(self, callbacks: Sequence[Callback | str], *, epochs: int, **options: Any) -> None:
        raise NotImplementedError

    def test_the_two_of_the_guide(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The monitor of Keras' kind, which warns above 10, and the printer of Ultralytics' kind."""
        more = LambdaCallback(
            # The toys have losses alone.
            on_train_epoch_end=lambda run: run.log({"accuracy": 0.25, **({"loss": 12.0} if run.epoch else {})}),
            on_val_end=lambda run: run.log({"val_accuracy": 0.5}),
        )
        values = KeepsValues()
        adopted = [adopt(EXAMPLES[name](), on_error="raise") for name in ("LossMonitor", "EpochPrinter")]
        self.fit([more, *adopted, values], epochs=2, run_dir=tmp_path)
        said = [one for one in capsys.readouterr().out.splitlines() if one.startswith(("Epoch ", "Warning: "))]
        loss, (first, second) = values.values[0]["train/loss"][0], (one["val/loss"][0] for one in values.values)
        assert said == [
            f"Epoch 1: loss {loss:.4f}, accuracy 0.2500, val_loss {first:.4f}, val_accuracy 0.5000",
            f"Epoch 1, val/loss {first:.4f}",
            f"Epoch 2: loss 12.0000, accuracy 0.2500, val_loss {second:.4f}, val_accuracy 0.5000",
            "Warning: the loss is 12.0",
            f"Epoch 2, val/loss {second:.4f}",
        ]

    @pytest.mark.parametrize(
        ("foreign", "word"), [(LooksAtLayers, "self.model.layers"), (LooksAtTheLoader, "trainer.train_loader")]
    )
    def test_what_it_reaches_for_beyond(self, foreign: type, word: str, tmp_path: Path) -> None:
        """The error names the attribute and the host."""
        with pytest.raises(AdoptedError) as refusal:
            self.fit([adopt(foreign(), on_error="raise")], epochs=1, run_dir=tmp_path)
        assert f"reaches for {word}, which it is not given in the host {self.host!r}" in str(refusal.value)

    def test_a_resume(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """State that is shown goes on; what shows none begins anew, and the log and the run say so."""
        saves = Asks(lambda run: run.save("periodic"), Event.EPOCH_END, name="saves")
        cut = Asks(_fail, Event.BATCH_END, epoch=1, batch=1, on_error="raise", name="cut")
        with suppress(RuntimeError):
            self.fit([adopt(Counts()), adopt(Impatient()), saves, cut], epochs=3, run_dir=tmp_path)
        counting, impatient = Counts(), adopt(Impatient(), on_error="raise")
        epochs: list[int] = []
        ours = LambdaCallback(on_epoch_end=lambda run: epochs.append(run.epoch))
        with caplog.at_level(logging.WARNING, "lineside"):
            self.fit([adopt(counting), impatient, ours], epochs=3, run_dir=tmp_path, resume="auto")
        assert epochs == [1]
        assert counting.epochs == 2
        assert not impatient.resumable
        assert "keras-impatient is not resumable: Impatient shows no state" in caplog.text


def _fail(_: Any) -> None:
    raise RuntimeError("boom")
