"""How much a file may hold before it is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

MEGABYTE = 1024 * 1024
GRID_ROWS = 1_048_576
GRID_COLUMNS = 16_384


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on an upload; by default they admit the largest export that the panel makes by default.

    Sizes are in bytes. `rows`, `columns` and `cells` count what has a value: programs fill files
    with formatted emptiness. `text` is a cell's length in characters. A million rows are admitted
    by raising `rows`, `cells` and the sizes.
    """

    upload_bytes: int = 64 * MEGABYTE
    part_bytes: int = 512 * MEGABYTE
    total_bytes: int = 768 * MEGABYTE
    entries: int = 2_000
    ratio: int = 250
    ratio_from_bytes: int = 4 * MEGABYTE
    sheets: int = 64
    rows: int = 200_000
    columns: int = 512
    cells: int = 6_000_000
    text: int = 32_767
    merges: int = 10_000
    rules: int = 5_000
    styles: int = 261_960
    depth: int = 64
    token: int = 2 * MEGABYTE
    wall_seconds: int = 180
    cpu_seconds: int = 120
    memory_bytes: int = 1024 * MEGABYTE

    def to_json(self) -> dict[str, int]:
        """Return the limits as JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, int]) -> Limits:
        """Return the limits that `to_json` wrote."""
        return cls(**plain)
