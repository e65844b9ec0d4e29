from __future__ import annotations

import stat
from pathlib import Path

from lineside.outbox.seal import Seal


def test_a_user_knows_their_own_seal(monkeypatch, tmp_path: Path) -> None:
    made = Seal.of_user(make=True).of("$A")
    assert Seal.of_user(make=False).fits("$A", made)
    assert not Seal.of_user(make=False).fits("$B", made)
    assert not Seal.of_user(make=False).fits("$A", "forged")
    assert not Seal.of_user(make=False).fits("$A", None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
    assert not Seal.of_user(make=True).fits("$A", made)


def test_the_key_is_for_its_user_alone(tmp_path: Path) -> None:
    Seal.of_user(make=True)
    (key,) = (tmp_path / ".state" / "lineside").iterdir()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_bytes()) == 32


def test_reading_makes_no_key_and_without_one_nothing_fits(tmp_path: Path) -> None:
    seal = Seal.of_user(make=False)
    assert seal.of("$A") is None
    assert not seal.fits("$A", "")
    assert not (tmp_path / ".state").exists()


def test_a_home_that_cannot_be_written_seals_nothing(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert Seal.of_user(make=True).of("$A") is None


def test_a_damaged_key_is_no_key(tmp_path: Path) -> None:
    Seal.of_user(make=True)
    (tmp_path / ".state" / "lineside" / "seal.key").write_bytes(b"short")
    assert Seal.of_user(make=True).of("$A") is None
