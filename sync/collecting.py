"""Garbage in cycles, looked for less often while very many things are made that are gone soon."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 100_000
"""Things that are new since the last look; Python's own number makes a tenth of the work of walking over rows."""


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Look for garbage seldom until the block ends; several blocks may overlap in threads."""
    first, *others = gc.get_threshold()
    gc.set_threshold(max(first, SELDOM), *others)
    try:
        yield
    finally:
        if first < SELDOM:
            gc.set_threshold(first, *others)
