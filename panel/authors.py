"""On whose behalf the running code writes, as the change log will say."""

from __future__ import annotations

from dataclasses import dataclass

from flask import has_request_context
from flask_login import current_user


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, through what, and for which reason where no person typed the values.

    That is ``panel``, ``import``, ``undo``, ``bulk``, ``bulk_undo``, ``command``, ``system`` or ``keys``.
    """

    name: str
    through: str
    user_id: int | None = None
    import_id: int | None = None
    undo_of: int | None = None
    job_id: int | None = None
    reason: str = ""


COMMAND_LINE = Author("command line", "command")
SYSTEM = Author("system", "system")


def current_author() -> Author:
    """Return the author of a write through the ORM: the signed-in user, else the system."""
    if has_request_context() and current_user.is_authenticated:
        return Author(str(current_user), "panel", current_user.id)
    return SYSTEM
