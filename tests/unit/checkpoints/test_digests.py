from __future__ import annotations

from pathlib import Path

import pytest

from lineside.checkpoints.digests import digest_bytes, digest_file


def test_the_digest_is_that_of_xxh3_128() -> None:
    # The value for empty input stands in xxHash's own sanity tests.
    assert digest_bytes(b"") == "xxh3_128:99aa06d3014798d86001c324468d497f"


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path, size: int) -> None:
    data = bytes(i * 31 % 251 for i in range(size))
    (tmp_path / "file").write_bytes(data)
    assert digest_file(tmp_path / "file") == digest_bytes(data)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        digest_file(tmp_path / "missing")
