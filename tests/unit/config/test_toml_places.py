from __future__ import annotations

import tomllib

from lineside.config.toml_places import toml_places

DOCUMENT = '''\
# a = "comment" [not.a.table]
title = "x # no comment"
"quoted.key" = 1
dotted . key = [1, 2,
  3]   # comment ]
text = """
b = 1
"""
literal = \'\'\'
c = [\'\'\'
inline = { a = { b = "}" }, c = [ { d = 1 }, "]" ] }
when = 1979-05-27 07:32:00

[table."torch.optim:Adam"]
lr = 1

[[list]]
name = "one"
[[list]]
name = "two"
  [list.inner]
  deep = 1
[[list.members]]
x = 1
'''


def test_every_key_and_member_has_its_place() -> None:
    assert toml_places(DOCUMENT) == {
        ("title",): (2, 1),
        ("quoted.key",): (3, 1),
        ("dotted",): (4, 1),
        ("dotted", "key"): (4, 1),
        ("dotted", "key", 0): (4, 17),
        ("dotted", "key", 1): (4, 20),
        ("dotted", "key", 2): (5, 3),
        ("text",): (6, 1),
        ("literal",): (9, 1),
        ("inline",): (11, 1),
        ("inline", "a"): (11, 12),
        ("inline", "a", "b"): (11, 18),
        ("inline", "c"): (11, 29),
        ("inline", "c", 0): (11, 35),
        ("inline", "c", 0, "d"): (11, 37),
        ("inline", "c", 1): (11, 46),
        ("when",): (12, 1),
        ("table",): (14, 1),
        ("table", "torch.optim:Adam"): (14, 1),
        ("table", "torch.optim:Adam", "lr"): (15, 1),
        ("list",): (17, 1),
        ("list", 0): (17, 1),
        ("list", 0, "name"): (18, 1),
        ("list", 1): (19, 1),
        ("list", 1, "name"): (20, 1),
        ("list", 1, "inner"): (21, 3),
        ("list", 1, "inner", "deep"): (22, 3),
        ("list", 1, "members"): (23, 1),
        ("list", 1, "members", 0): (23, 1),
        ("list", 1, "members", 0, "x"): (24, 1),
    }


def test_every_path_leads_to_a_value() -> None:
    document = tomllib.loads(DOCUMENT)
    for path in toml_places(DOCUMENT):
        value = document
        for step in path:
            value = value[step]


def test_an_empty_document_has_no_places() -> None:
    assert toml_places("") == {}
    assert toml_places("\n# nothing\n") == {}
