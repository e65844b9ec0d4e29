"""Digests that tell damage. Fast, not cryptographic: they do not stop an attacker, who can write manifests too."""

from __future__ import annotations

from pathlib import Path

import xxhash

_PREFIX = "xxh3_128:"
_CHUNK = 1 << 20


def digest_bytes(data: bytes) -> str:
    """Return the digest of `data` with the algorithm's name in front: ``xxh3_128:<32 hex>``."""
    return _PREFIX + xxhash.xxh3_128_hexdigest(data)


def digest_file(path: Path) -> str:
    """Return the digest of a file's content, read in pieces.

    Raises:
        OSError: the file cannot be read.
    """
    digest = xxhash.xxh3_128()
    piece = memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as file:
        while length := file.readinto(piece):
            digest.update(piece[:length])
    return _PREFIX + digest.hexdigest()
