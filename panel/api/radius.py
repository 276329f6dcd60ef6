"""The answer in the form that FreeRADIUS's module rest takes attributes in."""

from __future__ import annotations

from typing import Any

ACCESS, PASSWORD = "control:Tmp-String-0", "control:Cleartext-Password"


def attributes(access: str, password: str | None) -> dict[str, Any]:
    """Return the attributes that a policy decides by."""
    found = {ACCESS: _value(access)}
    return found if password is None else found | {PASSWORD: _value(password)}


def _value(text: str) -> dict[str, Any]:
    # Unless told otherwise the module expands %{...} in a value; and it reads each backslash as the start of an escape.
    return {"value": text.replace("\\", "\\\\"), "do_xlat": False}
