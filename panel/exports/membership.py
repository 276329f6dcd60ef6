"""Which records an export showed, as bitmaps: found for one record at once, compared with others by AND."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert

from panel.models import ExportedBlock

BLOCK = 1 << 16
_PLACES = BLOCK // 8


def blocks_of(ids: Iterable[int]) -> dict[int, bytearray]:
    """Return the bitmaps of IDs."""
    found: dict[int, bytearray] = {}
    for one in ids:
        place = one >> 16
        block = found.get(place)
        if block is None:
            block = found[place] = bytearray(_PLACES)
        block[(one & 0xFFFF) >> 3] |= 1 << (one & 7)
    return found


def save_blocks(connection: Connection, export_id: int, ids: Iterable[int]) -> None:
    """Record which records an export showed, instead of whatever was recorded before."""
    connection.execute(delete(ExportedBlock).where(ExportedBlock.export_id == export_id))
    rows = [
        {"export_id": export_id, "block": place, "bits": zlib.compress(bits, 1)}
        for place, bits in sorted(blocks_of(ids).items())
    ]
    if rows:
        connection.execute(insert(ExportedBlock), rows)


def unpacked(packed: bytes) -> bytes:
    """Return the bitmap of a stored block."""
    return zlib.decompress(packed)


def holds(packed: bytes, record_id: int) -> bool:
    """Tell whether a record is in a stored block, which is the one of its ID."""
    bits = unpacked(packed)
    return bool(bits[(record_id & 0xFFFF) >> 3] & 1 << (record_id & 7))


def common(packed: bytes, bits: bytes | bytearray) -> int:
    """Return how many records are both in a stored block and in the unpacked bitmap of the same block."""
    both = int.from_bytes(unpacked(packed), "little") & int.from_bytes(bits, "little")
    return both.bit_count()
