from __future__ import annotations

import copy
import pickle

import pytest

from lineside.secret import Secret, holds_password, named_like_a_secret
from lineside.store.plain import to_json


def test_a_secret_prints_as_stars() -> None:
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    for shown in (str(secret), repr(secret), f"{secret}", f"{secret!r}", "%s" % secret, to_json({"a": secret})):  # noqa: UP031
        assert "hunter2" not in shown
        assert "***" in shown


def test_a_secret_is_stored_nowhere() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret("hunter2"))
    with pytest.raises(TypeError, match="not pickled or copied"):
        copy.deepcopy(Secret("hunter2"))
    assert not hasattr(Secret("hunter2"), "__dict__")


def test_secrets_are_equal_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


SECRET = """password API_KEY smtp_password SECRET secret_key token HF_TOKEN bot_token MY-API-KEY aws_access_key_id
credentials passphrase client_secret auth_token"""
OTHER = """monitor key keys tokenizer num_tokens pad_token eos_token author max_token_length secretary path keep_best"""


@pytest.mark.parametrize("name", SECRET.split())
def test_names_of_secrets(name) -> None:
    assert named_like_a_secret(name)


@pytest.mark.parametrize("name", OTHER.split())
def test_names_of_other_options(name) -> None:
    assert not named_like_a_secret(name)


def test_addresses_with_passwords() -> None:
    assert holds_password("smtp://me:hunter2@host:25/x")
    assert holds_password("https://:hunter2@host")
    for address in ("smtp://me@host", "https://host/a:b@c", "http://host:80", "a:b@c"):
        assert not holds_password(address)
