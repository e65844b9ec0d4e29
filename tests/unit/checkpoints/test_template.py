from __future__ import annotations

from pathlib import Path

import pytest

from lineside.checkpoints.template import Template
from lineside.errors import TemplateError


def test_it_is_rendered_with_metrics_and_counts() -> None:
    template = Template("models/best_ep{epoch:02d}_loss{val/loss:.3f}.pt")
    assert template.fields == ("epoch", "val/loss")
    assert template.suffix == ".pt"
    assert template.render({"epoch": 3, "val/loss": 0.12345, "other": 1}) == Path("models/best_ep03_loss0.123.pt")


def test_aliases_are_resolved_by_the_function_that_is_passed_in() -> None:
    template = Template("{val_loss:.2f}.h5", resolve={"val_loss": "val/loss"}.get)
    assert template.render({"val/loss": 0.5}) == Path("0.50.h5")


def test_a_value_under_the_written_name_goes_before_an_alias() -> None:
    template = Template("{val_loss:.1f}.h5", resolve=lambda name: "val/loss")
    assert template.render({"val_loss": 1.0, "val/loss": 2.0}) == Path("1.0.h5")


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf"), -1])
def test_every_number_is_a_value(value: float) -> None:
    assert Template("{loss}.pt").render({"loss": value}) == Path(f"{value}.pt")


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ("best.pt", ".pt"),
        ("a.b/{epoch}.safetensors", ".safetensors"),
        ("v1.0/{epoch}", ""),
        ("{val_loss:.2f}", ""),
        ("{epoch}.tar.gz", ".gz"),
        ("m{epoch}.{{x}}", ".{x}"),
        (".pt", ".pt"),
    ],
)
def test_the_suffix_is_what_stands_behind_the_last_placeholder(text: str, suffix: str) -> None:
    assert Template(text).suffix == suffix


@pytest.mark.parametrize("name", ["metrics/mAP50(B)", "val/f1.macro", "a[0]", "lr/head 1"])
def test_a_name_is_never_looked_into(name: str) -> None:
    assert Template(f"{{{name}:.1f}}.pt").render({name: 0.5}) == Path("0.5.pt")


def test_an_attribute_of_a_value_cannot_be_reached() -> None:
    with pytest.raises(TemplateError, match=r"nothing fills {epoch\.__class__}"):
        Template("{epoch.__class__}.pt").render({"epoch": 3})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{epoch", "expected '}'"),
        ("epoch}", "Single '}'"),
        ("{}.pt", "needs a name"),
        ("{0}.pt", "needs a name"),
        ("{epoch!r}.pt", "!r is not allowed"),
        ("{epoch:{width}}.pt", "placeholder of its own"),
        ("{epoch:%%}.pt", "whole number"),
        ("{epoch:s}.pt", "whole number"),
        ("{val_loss:02d}.pt", "float"),
        ("", "names no file"),
        ("models/", "names no file"),
        ("a\0b", "names no file"),
    ],
)
def test_mistakes_are_found_at_construction(text: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        Template(text)


def test_a_missing_value_is_named_with_what_there_is() -> None:
    template = Template("{val_los:.2f}.pt", resolve=lambda name: None)
    with pytest.raises(
        TemplateError, match=r"nothing fills {val_los}. Did you mean 'val_loss'\? There is: epoch, val_loss"
    ):
        template.render({"val_loss": 0.1, "epoch": 1})


@pytest.mark.parametrize("value", ["../up", "a\\b", "nul\0"])
def test_a_value_adds_no_directory(value: str) -> None:
    with pytest.raises(TemplateError, match="must add no directory"):
        Template("{name}.pt").render({"name": value})


def test_a_value_that_does_not_fit_its_format_is_named() -> None:
    with pytest.raises(TemplateError, match=r"'fast' does not fit {rate:\.2f}"):
        Template("{rate:.2f}.pt").render({"rate": "fast"})


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    with pytest.raises(TemplateError, match="which is a directory"):
        Template(str(tmp_path / "models")).render({})
