"""Machine names made of what people write."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from itertools import count

KEY_LENGTH = 40
_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def machine_key(name: str, taken: Collection[str]) -> str:
    """Return a key for a name: ``[a-z][a-z0-9_]*``, at most 40 characters, unlike those `taken`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "_", _WORD_STARTS.sub("_", plain).lower()).strip("_")
    key = words if words[:1].isalpha() else f"field_{words}"
    return _unlike(key[:KEY_LENGTH].rstrip("_"), taken)


def _unlike(key: str, taken: Collection[str]) -> str:
    if key not in taken:
        return key
    numbered = (f"{key[: KEY_LENGTH - len(str(n)) - 1]}_{n}" for n in count(2))
    return next(name for name in numbered if name not in taken)
