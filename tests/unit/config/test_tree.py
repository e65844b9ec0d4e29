from __future__ import annotations

from lineside.config.tree import Items, Place, Scalar, Table, children, copied, is_null, scalars

HERE = Place("f.yaml", 3, 5)


def test_a_place_is_written_as_compilers_do() -> None:
    assert str(HERE) == "f.yaml:3:5"
    assert str(Place("f.toml", 3)) == "f.toml:3"
    assert str(Place("command line, a.b")) == "command line, a.b"


def test_quotes_make_a_text() -> None:
    assert Scalar(HERE, "3").value == 3
    assert Scalar(HERE, "3", plain=False).value == "3"
    assert is_null(Scalar(HERE, ""))
    assert not is_null(Scalar(HERE, "", plain=False))
    assert not is_null(Items(HERE))


def test_a_message_shows_what_was_written() -> None:
    assert Scalar(HERE, "3").shown == "3"
    assert Scalar(HERE, "3", plain=False).shown == "'3'"
    assert Scalar(HERE, "").shown == "null"
    assert Scalar(HERE, "hidden", reference="${TOKEN}").shown == "${TOKEN}"
    assert (Items(HERE).shown, Table(HERE).shown) == ("a list", "a mapping")


def test_a_copy_shares_nothing() -> None:
    table = Table(HERE)
    table.set("a", Items(HERE, [Scalar(HERE, "1")]), HERE)
    other = copied(table)
    assert isinstance(other, Table)
    next(scalars(other)).text = "2"
    assert [one.text for one in scalars(table)] == ["1"]
    assert children(children(table)[0]) != []
