from __future__ import annotations

import pytest
from torch import nn

from lineside.config.kinds import ANYTHING
from lineside.config.problems import Problems
from lineside.config.reader import Reader
from tests.unit.config import toys

TOYS = "tests.unit.config.toys"


@pytest.fixture
def read(tree):
    """Return the target that a text names, made, and what is wrong with it."""

    def read(text, parts=(), use="make", **made):
        problems = Problems()
        target = Reader(problems).target(tree(text), "it", use=use, parts=parts)
        told = [str(problem) for problem in problems.found()]
        return (None if told else target.make({name: lambda part=part: part for name, part in made.items()})), told

    return read


def test_a_name_alone_and_with_arguments(read) -> None:
    net, told = read(f"{TOYS}:Net")
    assert isinstance(net, toys.Net)
    net, told = read(f"{TOYS}:Net:\n  hidden: 3\n  dropout: 0.5\n")
    assert told == []
    assert net.layers[0].out_features == 3
    assert read(f"{TOYS}:Net:\n")[1] == []
    assert read(f"{TOYS}:Net: [3]\n")[0].layers[0].out_features == 3


def test_objects_within_objects(read) -> None:
    net, told = read(
        f"{TOYS}:Net:\n  act:\n    torch.nn:Sequential:\n      - torch.nn:ReLU: {{}}\n      - torch.nn:Tanh:\n"
    )
    assert told == []
    assert [type(one) for one in net.layers[1]] == [nn.ReLU, nn.Tanh]


def test_an_object_as_it_is(read) -> None:
    mailer, told = read(f"{TOYS}:Mailer:\n  format_line:\n    object: builtins:repr\n")
    assert told == []
    assert mailer.format_line is repr


def test_what_is_required_is_filled_in_or_missed(read) -> None:
    parameters = [nn.Parameter(nn.Linear(1, 1).weight)]
    optimizer, told = read("torch.optim:SGD: {lr: 0.1}", ("params",), params=parameters)
    assert told == []
    assert optimizer.param_groups[0]["params"] == parameters
    assert read("torch.optim:SGD: {lr: 0.1}")[1] == ["f.yaml:1:1: it: torch.optim:SGD needs 'params'; give it."]
    assert read("torch.nn:Linear: [3]")[1] == ["f.yaml:1:1: it: torch.nn:Linear needs 'out_features'; give it."]


def test_a_function_is_bound(read) -> None:
    loss, told = read("torch.nn.functional:cross_entropy: {label_smoothing: 0.1}", use="function")
    assert told == []
    assert loss.keywords == {"label_smoothing": 0.1}
    assert read("torch.nn.functional:cross_entropy", use="function")[0] is nn.functional.cross_entropy


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{TOYS}:Net: {{hiden: 3}}", "f.yaml:1:30: it: there is no 'hiden'. Did you mean 'hidden'?"),
        (f"{TOYS}:Net: {{x: 3}}", "f.yaml:1:30: it: there is no 'x'. There is: hidden, dropout, act."),
        (f"{TOYS}:Net: {{hidden: a}}", "f.yaml:1:38: it.hidden: 'a' must be a whole number."),
        (f"{TOYS}:Net: [1, 2]", "f.yaml:1:33: it: there are 2 arguments, and 1 are taken."),
        (f"{TOYS}:Net: [a]", "f.yaml:1:30: it[0]: 'a' must be a whole number."),
        (f"{TOYS}:Net: 3", f"f.yaml:1:29: it: 3 must be the arguments of {TOYS}:Net: 'name: value'."),
        (f"{TOYS}:Nett", f"f.yaml:1:1: it: {TOYS} has no 'Nett'. Did you mean 'Net'?"),
        ("3", "f.yaml:1:1: it: 3 must be package.module:name, or that with its arguments indented below it."),
        ("[a]", "f.yaml:1:1: it: a list must be package.module:name"),
        ("{a: 1, b: 2}", "f.yaml:1:1: it: a mapping must be package.module:name"),
        ("os:environ: {a: 1}", "f.yaml:1:1: it: os:environ is a _Environ and takes no arguments."),
        (f"{TOYS}:Net: {{act: torch.nn:ReLU}}", "f.yaml:1:35: it.act: 'torch.nn:ReLU' must be null or an object ("),
        (
            f"{TOYS}:Net: {{act: {{torch.nn:ReLU: {{}}, b: 1}}}}",
            "f.yaml:1:36: it.act: 'torch.nn:ReLU' must stand alone",
        ),
        (f"{TOYS}:Net: {{act: {{object: torch.nn:RelU}}}}", "f.yaml:1:44: it.act: torch.nn has no 'RelU'. Did you"),
        (f"{TOYS}:Mailer: {{password: abc}}", "f.yaml:1:43: it.password: a secret must not stand in the file"),
        (f"{TOYS}:Mailer: {{address: 'smtp://a:b@c'}}", "f.yaml:1:42: it.address: a secret must not stand in the"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(read, text, problem) -> None:
    _, told = read(text)
    assert told[0].startswith(problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("os:sep", "f.yaml:1:1: it: os:sep is a str, which cannot be called."),
        ("math:sqrt: [1]", "f.yaml:1:12: it: give the arguments of math:sqrt by name."),
    ],
)
def test_a_function_must_be_one(read, text, problem) -> None:
    assert read(text, use="function")[1] == [problem]


def test_all_mistakes_of_all_depths_are_told(read) -> None:
    _, told = read(f"{TOYS}:Net:\n  hiden: 1\n  dropout: x\n  act:\n    torch.nn:Softplus: {{bta: 1}}\n")
    assert len(told) == 3


def test_objects_in_lists_and_mappings_without_types(tree) -> None:
    problems = Problems()
    value = Reader(problems).value(tree("[1, {a: {math:sqrt: [4]}, b: 'x'}]"), ANYTHING, "it")
    assert value[1]["a"].make({}) == 2.0
    assert (value[0], value[1]["b"]) == (1, "x")
    assert problems.found() == []
