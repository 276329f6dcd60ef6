"""Many cells of a column compared with what the export showed, which nearly all of them still are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sync.cells import RawCell, Scalar

_UNKNOWN: Any = object()
"""What no cell equals."""


def touched(
    raws: Sequence[RawCell],
    bases: Sequence[Mapping[str, Any] | None],
    key: str,
    render: Callable[[Any], Scalar | None] | None,
) -> Sequence[int]:
    """Return which cells of a column are not just what the export showed for their base."""
    if render is None:
        return range(len(raws))
    shown = [_UNKNOWN if base is None else render(base.get(key)) for base in bases]
    if Decimal in set(map(type, shown)):
        # Of a decimal a cell keeps what a float does; more digits are rendered as text.
        shown = [float(one) if type(one) is Decimal else one for one in shown]
    if list(raws) == shown and True not in raws:
        return ()
    # True equals 1, and is not what any type renders.
    return [at for at, (raw, one) in enumerate(zip(raws, shown, strict=True)) if raw != one or raw is True]
