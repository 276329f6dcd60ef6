"""How a file was read goes along in its review, so that the review is read as the file was.

Only what says what the cells mean goes along: whatever approves of something has to be said again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from panel.imports.asking import header_of, named_column
from panel.imports.options import ImportOptions
from sync.columns import Column, names_of
from sync.types.text import folded

CARRIED = ("of", "key", "date_order", "mapping", "values", "date_orders")


def carried_of(options: ImportOptions, columns: Sequence[Column], labels: Sequence[str | None]) -> dict[str, Any]:
    """Return what goes along of the options that a file was read with, columns by their headers."""
    plain = options.to_json()
    for name in ("values", "date_orders"):
        headed = {header_of(named_column(one, columns, labels), labels): said for one, said in plain[name].items()}
        plain[name] = headed
    return {name: plain[name] for name in CARRIED if plain[name]}


def with_carried(options: ImportOptions, carried: Mapping[str, Any], labels: Sequence[str | None]) -> ImportOptions:
    """Return the options of a review that is read for the first time: what is said now goes before what came along.

    What came along about a column that is not there any more is nothing.
    """
    if not carried or options.headers:
        return options
    there = {folded(name) for name in names_of(labels)}
    return replace(
        options,
        of=options.of or carried.get("of", ""),
        key=options.key or carried.get("key", ""),
        date_order=options.date_order or carried.get("date_order", ""),
        mapping={**_about(carried.get("mapping", {}), there), **options.mapping},
        values={**_about(carried.get("values", {}), there), **options.values},
        date_orders={**_about(carried.get("date_orders", {}), there), **options.date_orders},
    )


def _about(said: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {header: one for header, one in said.items() if folded(header) in names}
