"""Settings: environment variables ``ROLLBOOK_*``, or the same names in the instance folder's ``config.py``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
TRANSLATIONS = PROJECT / "panel" / "translations"

DEFAULTS: dict[str, Any] = {
    "ROLLBOOK_TIME_ZONE": "UTC",
    "ROLLBOOK_CURRENCY": "EUR",
    "ROLLBOOK_UPLOAD_MEGABYTES": 64,
    "ROLLBOOK_IMPORT_ROWS": 1_048_576,
    "ROLLBOOK_IMPORT_CELLS": 40_000_000,
    "ROLLBOOK_IMPORT_UNPACKED_MEGABYTES": 4096,
    "ROLLBOOK_IMPORT_SECONDS": 180,
    "ROLLBOOK_IMPORT_MEMORY_MEGABYTES": 1024,
    "ROLLBOOK_IMPORTS_QUEUED": 20,
    "ROLLBOOK_IMPORTS_OPEN": 200,
    "ROLLBOOK_GUARD_PERCENT": 20,
    "ROLLBOOK_GUARD_ROWS": 10,
    "ROLLBOOK_SECOND_ADMIN": "",
    "ROLLBOOK_WORKBOOK_DAYS": 30,
    "ROLLBOOK_EXPORT_BLANK_ROWS": 20,
    "ROLLBOOK_EXPORT_DAYS": 7,
    "ROLLBOOK_FIELDS": 200,
    "ROLLBOOK_FILE_MEGABYTES": 10,
    "ROLLBOOK_FILE_TYPES": "pdf, png, jpg, jpeg, gif, webp, tif, tiff, txt, csv, xlsx, docx, pptx, ods, odt, odp",
    "ROLLBOOK_MAP_TILES": "",
    "ROLLBOOK_MAP_ATTRIBUTION": "",
    "ROLLBOOK_HOST": "127.0.0.1",
    "ROLLBOOK_PORT": 5000,
    "ROLLBOOK_SECURE_COOKIES": False,
    "ROLLBOOK_JOBS": "thread",
    "ROLLBOOK_PROXIES": 0,
    "ROLLBOOK_ADDRESS": "",
    "ROLLBOOK_SESSION_IDLE_MINUTES": 4 * 60,
    "ROLLBOOK_SESSION_MINUTES": 12 * 60,
    "ROLLBOOK_MAIL_HOST": "",
    "ROLLBOOK_MAIL_PORT": 587,
    "ROLLBOOK_MAIL_SECURITY": "starttls",
    "ROLLBOOK_MAIL_USER": "",
    "ROLLBOOK_MAIL_PASSWORD": "",
    "ROLLBOOK_MAIL_SENDER": "",
}


def load_settings(instance: Path | None, database_url: str | None) -> dict[str, Any]:
    """Return every setting: explicit arguments first, then the environment, then ``config.py``, then defaults."""
    folder = instance or Path(os.environ.get("ROLLBOOK_INSTANCE") or PROJECT / "instance")
    folder = folder.resolve()
    chosen = {**DEFAULTS, **_from_file(folder / "config.py"), **_from_environment()}
    chosen["ROLLBOOK_INSTANCE"] = folder
    default_url = f"sqlite:///{folder / 'rollbook.db'}"
    chosen["ROLLBOOK_DATABASE_URL"] = with_driver(database_url or chosen.get("ROLLBOOK_DATABASE_URL") or default_url)
    return chosen


def with_driver(url: str) -> str:
    """Name the PostgreSQL driver in a URL, so that no library's default decides it."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _from_environment() -> dict[str, Any]:
    found = {name: value for name, value in os.environ.items() if name.startswith("ROLLBOOK_")}
    return {name: _as_type_of_default(name, value) for name, value in found.items()}


def _as_type_of_default(name: str, text: str) -> Any:
    default = DEFAULTS.get(name)
    if isinstance(default, bool):
        return text.strip().lower() in {"1", "true", "yes", "on"}
    return int(text) if isinstance(default, int) else text


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    names: dict[str, Any] = {}
    exec(compile(path.read_text("utf-8"), str(path), "exec"), names)  # noqa: S102 - the operator's own settings file
    return {name: value for name, value in names.items() if name.startswith("ROLLBOOK_")}
