"""Every callback of the catalogue in one host: it does there what it is for, or is refused by declaration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from lineside.callback import Callback
from lineside.errors import AttachError
from lineside.ports import Capabilities, Capability, RunView
from lineside.run.attach import lacking
from lineside.testing.catalogue.entries import PROOFS, untried
from lineside.testing.catalogue.proof import EPOCHS, Proof
from lineside.testing.catalogue.witness import Weights, weights_of
from lineside.testing.requiring import require

Way = Literal["fits", "resume"]
"""A training and another one with the same objects, or one that was cut off and resumed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a callback in a host.

    Attributes:
        title: of the proof.
        way: how it was tried.
        lacking: what the host does not have; empty where the callback did what it is for.
    """

    title: str
    way: Way
    lacking: tuple[str, ...] = ()


class CatalogueContract:
    """A suite for pytest, beside `HostContract`, which the host must have passed.

    Subclass it, name the class ``Test…``, and say how the toy training is run, as for `HostContract`::

        class TestMyHostWithTheCatalogue(CatalogueContract):
            def fit(self, callbacks, *, epochs, **options):
                trainer = MyTrainer(callbacks=[my_bridge(callbacks, **options)])
                trainer.fit(...)

    Attributes:
        proofs: what is tried: those of the built-in callbacks, and more, if you have any.
        every: try all of them; otherwise one for each ability of a host, in one training, and one that is resumed.
        is_line: it trains the line of `lineside.testing.toy`, by plain gradient descent.
        weight_suffix: of stand-alone weight files that the framework loads by itself.
    """

    proofs: Sequence[type[Proof]] = PROOFS
    every: bool = True
    is_line: bool = True
    weight_suffix: str = ".safetensors"
    _declared: ClassVar[dict[type, Capabilities]] = {}

    def fit(self, callbacks: Sequence[Callback | str], *, epochs: int, **options: Any) -> None:
        """Train the toy; `options` are those of all hosts: ``run_dir``, ``resume``, ``project``, ``name``, ``seed``.

        Its validations show outputs and targets to callbacks, where the host does at all.
        """
        raise NotImplementedError(f"{type(self).__name__} must define fit(callbacks, *, epochs, **options)")

    def validated(self, run: RunView) -> Weights:
        """Return the weights that a validation is made with, as flat arrays by name; those in the model."""
        return weights_of(run)

    def load_weights(self, path: Path) -> Weights:
        """Load a stand-alone weight file as the framework does, and return flat arrays by name."""
        from safetensors.numpy import load_file

        return {name: tensor.ravel() for name, tensor in load_file(path).items()}

    def seen(self, outcome: Outcome) -> None:
        """Be told what became of a callback; does nothing, and is there to be overridden."""

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Make a test of each proof."""
        if "proof" not in metafunc.fixturenames:
            return
        chosen: Sequence[type[Proof]] = self.proofs
        if not self.every:
            resumed = metafunc.function.__name__ == "test_it_goes_on_when_resumed"
            chosen = representatives(self.proofs, ["restore"] if resumed else get_args(Capability))
        metafunc.parametrize("proof", chosen, ids=[proof.title() for proof in chosen])

    # ---- the tests -----------------------------------------------------------------------------------------------

    def test_every_registered_callback_is_tried(self) -> None:
        """A callback that is registered, and of which nothing is known here, is an error."""
        missing = untried(self.proofs)
        require(
            not missing,
            f"Nothing is tried of {', '.join(missing)}: write a Proof, and put it into lineside.testing.catalogue's "
            "entries, or into the `proofs` of your suite if it is a callback of your own.",
        )

    def test_it_works_in_two_fits(self, proof: type[Proof], tmp_path: Path) -> None:
        """It does what it is for, and does so again in a second training with the same objects."""
        with self._trying(proof, "fits", tmp_path) as tried:
            if tried is None:
                return
            callbacks = tried.callbacks()
            for number in range(2 if self.every else 1):
                if number:
                    tried.make_room()
                with _leaving(tried, SystemExit if tried.leaves_with else None):
                    self.fit(callbacks, epochs=EPOCHS, run_dir=tmp_path / "runs")
                tried.check()

    def test_it_goes_on_when_resumed(self, proof: type[Proof], tmp_path: Path) -> None:
        """A training that fails in its middle and is resumed shows the same as one that ran through."""
        with self._trying(proof, "resume", tmp_path) as tried:
            if tried is None:
                return
            with _leaving(tried, SystemExit if tried.leaves_with else RuntimeError):
                self.fit([*tried.callbacks(), *tried.cut()], epochs=EPOCHS, run_dir=tmp_path / "runs")
            self.fit(tried.callbacks(), epochs=EPOCHS, run_dir=tmp_path / "runs", resume="auto")
            tried.check()

    @contextmanager
    def _trying(self, proof: type[Proof], way: Way, place: Path) -> Iterator[Proof | None]:
        """Yield what is to be tried, or nothing if it was refused; tell what became of it if all went well."""
        with closing(proof(self, place)) as tried:
            missing = self._refused(tried, place)
            yield None if missing else tried
        self.seen(Outcome(proof.title(), way, tuple(missing)))

    # ---- what is declared ----------------------------------------------------------------------------------------

    def declared(self, place: Path) -> Capabilities:
        """Return what the host declares in a training of the toy."""
        cls = type(self)
        if cls not in self._declared:
            asks = _Asks()
            self.fit([asks], epochs=1, run_dir=place / "declared")
            self._declared[cls] = asks.found
        return self._declared[cls]

    def _refused(self, tried: Proof, place: Path) -> list[str]:
        """Return what the host declares to lack; because of it the callback must be refused, with both names."""
        callbacks, capabilities = tried.callbacks(), self.declared(place)
        callback: Callback = tried.callback
        missing = lacking(callback, capabilities)
        if not missing:
            return []
        try:
            self.fit(callbacks, epochs=1, run_dir=place / "refused")
        except AttachError as refusal:
            for name in (callback.name, *missing, capabilities.reasons[missing[0]]):
                require(name in str(refusal), f"The refusal must say {name!r}: {refusal}")
        else:
            raise AssertionError(f"{callback!r} was accepted, although the host lacks {', '.join(missing)}.")
        return missing


class _Asks(Callback):
    """Asks a host what it declares."""

    found: Capabilities

    def on_setup(self, run: Any) -> None:
        """Keep it."""
        self.found = run.host_port.capabilities


def representatives(proofs: Sequence[type[Proof]], abilities: Sequence[str]) -> list[type[Proof]]:
    """Return for each ability the proof whose callback needs it, and least beside it."""
    needs = {proof: _needs(proof) for proof in proofs}
    having = ([proof for proof in proofs if ability in needs[proof]] for ability in abilities)
    return list(dict.fromkeys(min(some, key=lambda proof: len(needs[proof])) for some in having if some))


def _needs(proof: type[Proof]) -> frozenset[Capability]:
    with closing(proof(_Nowhere(), Path())) as tried:
        return tried.make().needs


class _Nowhere:
    """What a proof asks of a host before there is one."""

    is_line = False
    weight_suffix = ".safetensors"

    def validated(self, run: RunView) -> Weights:
        """Nothing runs here."""
        raise NotImplementedError

    def load_weights(self, path: Path) -> Weights:
        """Nothing is saved here."""
        raise NotImplementedError


@contextmanager
def _leaving(tried: Proof, error: type[BaseException] | None) -> Iterator[None]:
    """Expect a training to fail in its middle, or to leave with the code that the proof names."""
    try:
        yield
    except SystemExit as leaving:
        require(tried.leaves_with is not None, f"The training left with {leaving.code!r}.")
        require(leaving.code == tried.leaves_with, f"It left with {leaving.code!r}, not {tried.leaves_with}.")
    except RuntimeError as failure:
        if error is not RuntimeError or "the power went" not in str(failure):
            raise
    else:
        require(error is None, "The training ran to its end, although it was to leave or to fail.")
