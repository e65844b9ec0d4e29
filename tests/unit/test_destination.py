from __future__ import annotations

import pytest

from lineside.destination import holds_secret, reference, resolve
from lineside.errors import DestinationUnresolved
from lineside.secret import Secret

KEY = "693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa"


@pytest.mark.parametrize(
    "address",
    [
        "$LINESIDE_ALERTS",
        "file:/run/secrets/alerts",
        "wecombot://${WECOM_KEY}",
        "mailtos://me:${PASSWORD}@smtp.example.com?to=you@example.com",
        "mailtos://me:${file:/run/secrets/mail}@smtp.example.com",
        "mailto://127.0.0.1:2525/?mode=insecure&from=a@example.com&to=b@example.com",
        "json://127.0.0.1:8000/",
        "json://localhost",
    ],
)
def test_what_names_its_secrets_or_has_none_is_its_own_reference(address: str) -> None:
    assert not holds_secret(address)
    assert reference(address) == address


@pytest.mark.parametrize(
    "address",
    [
        f"wecombot://{KEY}",
        "slack://TokenA/TokenB/TokenC/#general",
        "mailtos://me:hunter2@smtp.example.com",
        "mailtos://me:hunter2@smtp.example.com?to=${WHO}",
        "mailto://smtp.example.com?user=me&pass=hunter2",
        "json://example.com/hooks",
        "json://127.0.0.1/hooks/token",
        "json://[broken",
    ],
)
def test_what_may_hold_a_secret_is_known_by_a_fingerprint(address: str) -> None:
    assert holds_secret(address)
    found = reference(address)
    scheme, _, digest = found.removeprefix("literal:").rpartition("-")
    assert address.startswith(f"{scheme}://")
    assert len(digest) == 8
    assert found == reference(Secret(address))
    assert not holds_secret(found)


def test_a_secret_is_never_its_own_reference() -> None:
    assert reference(Secret("json://127.0.0.1/")).startswith("literal:json-")
    assert reference(Secret("no address at all")).startswith("literal:address-")


def test_a_reference_is_put_together_from_the_environment_and_from_files(tmp_path) -> None:
    path = tmp_path / "password"
    path.write_text("p@ss/word\n")
    assert resolve("wecombot://${KEY}", {"KEY": KEY}).address == f"wecombot://{KEY}"
    assert resolve("$WHERE", {"WHERE": " ntfys://topic "}).address == "ntfys://topic"
    assert resolve(f"mailtos://me:${{file:{path}}}@host/${{A}}?x=${{B}}", {"A": "a/b", "B": "c&d"}).address == (
        "mailtos://me:p%40ss%2Fword@host/a/b?x=c%26d"
    )
    path.write_text("slack://A/B/C\n")
    assert resolve(f"file:{path}", {}).address == "slack://A/B/C"


def test_what_must_not_show_is_told() -> None:
    found = resolve("mailtos://me:${PASSWORD}@host", {"PASSWORD": "p@ss"})
    assert found.secrets == ("p%40ss", "p@ss")
    assert "p@ss" not in repr(found)
    assert KEY in resolve("$WHERE", {"WHERE": f"wecombot://{KEY}"}).secrets
    assert KEY in resolve(f"wecombot://{KEY}", {}).secrets
    assert resolve("json://127.0.0.1:8000/", {}).secrets == ()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("wecombot://${KEY}", "the environment variable KEY is not set"),
        ("$KEY", "the environment variable KEY is not set"),
        ("file:/nowhere/key", "/nowhere/key cannot be read: No such file"),
        ("literal:wecombot-12345678", "only a process that is given this address"),
    ],
)
def test_what_is_missing_is_named(address: str, why: str) -> None:
    with pytest.raises(DestinationUnresolved) as caught:
        resolve(address, {"KEY": "  "})
    assert why in str(caught.value)
    assert address in str(caught.value)
    assert caught.value.reference == address


def test_an_empty_file_and_one_that_is_no_text_are_refused(tmp_path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"\n")
    with pytest.raises(DestinationUnresolved, match="is empty"):
        resolve(f"file:{path}")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DestinationUnresolved, match="it is no text"):
        resolve(f"file:{path}")
