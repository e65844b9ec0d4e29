from __future__ import annotations

from pathlib import Path

import pytest

from lineside.errors import StoreDamaged
from lineside.outbox.routes import read_routes, write_routes
from lineside.outbox.seal import Seal
from lineside.ports import Route


def test_routes_come_back_as_references_with_a_seal(tmp_path: Path) -> None:
    routes = [
        Route("wecombot://${KEY}", frozenset({"error"}), frozenset({"alert"})),
        Route("slack://TokenA/TokenB/TokenC"),
    ]
    write_routes(tmp_path, routes)
    assert "TokenA" not in (tmp_path / "routes.json").read_text()
    found = read_routes(tmp_path)
    assert [one.route.destination for one in found] == [route.reference for route in routes]
    assert [(one.route.levels, one.route.authors) for one in found] == [(r.levels, r.authors) for r in routes]
    assert all(Seal.of_user(make=False).fits(one.route.reference, one.seal) for one in found)


def test_a_run_without_routes_leaves_none(tmp_path: Path) -> None:
    write_routes(tmp_path, [])
    assert list(tmp_path.iterdir()) == []
    assert read_routes(tmp_path) == []
    write_routes(tmp_path, [Route("$A")])
    write_routes(tmp_path, [])  # it was resumed without them
    assert read_routes(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": 2, "routes": []}',
        '{"format": 1}',
        '{"format": 1, "routes": [{"destination": ""}]}',
        "\xff",
    ],
)
def test_a_file_that_holds_something_else_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "routes.json").write_text(content, "latin-1")
    with pytest.raises(StoreDamaged, match=r"routes\.json is damaged"):
        read_routes(tmp_path)
