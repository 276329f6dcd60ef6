"""Many cells of a column compared with what the export showed, which nearly all of them still are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any, cast

from sync.cells import RawCell, Scalar
from sync.types.value import as_it_is

_UNKNOWN: Any = object()
"""What no cell equals."""
_TEXTS = frozenset((str, type(None)))


def touched(
    raws: Sequence[RawCell],
    bases: Sequence[Mapping[str, Any] | None],
    key: str,
    render: Callable[[Any], Scalar | None] | None,
) -> Sequence[int]:
    """Return which cells of a column are not just what the export showed for their base."""
    if render is None:
        return range(len(raws))
    shown = _shown(bases, key, render)
    types = set(map(type, shown))
    if types <= _TEXTS:
        return () if list(raws) == shown else [at for at, raw in enumerate(raws) if raw != shown[at]]
    if Decimal in types:
        # Of a decimal a cell keeps what a float does; more digits are rendered as text.
        shown = [float(one) if type(one) is Decimal else one for one in shown]
    if list(raws) == shown and True not in raws:
        return ()
    # True equals 1, and is not what any type renders.
    return [at for at, (raw, one) in enumerate(zip(raws, shown, strict=True)) if raw != one or raw is True]


def _shown(
    bases: Sequence[Mapping[str, Any] | None], key: str, render: Callable[[Any], Scalar | None]
) -> list[Scalar | None]:
    try:
        values = list(map(itemgetter(key), cast("Sequence[Mapping[str, Any]]", bases)))
    except (KeyError, TypeError):  # some base is not known, or without this field
        return [_UNKNOWN if base is None else render(base.get(key)) for base in bases]
    return values if render is as_it_is else list(map(render, values))
