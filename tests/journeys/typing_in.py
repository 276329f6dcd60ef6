"""A workbook as somebody edits it: cells by customer and field, and the sheet around them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.sheets import cells_of, change, read_keys


def typed(out: Path, cells: Mapping[tuple[int, str], Any]) -> Path:
    """Type values into a workbook, by customer and field, and save it under another name."""
    letters = read_keys(out)
    rows = {record_id: row for row, record_id in cells_of(out, letters["id"]).items()}
    by_address = {f"{letters[key]}{rows[record_id]}": value for (record_id, key), value in cells.items()}
    return change(out, out.with_name(f"back of {out.name}"), by_address)
