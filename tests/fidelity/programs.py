"""The programs and libraries that people open our workbooks with: each saves one, or edits cells and saves."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from sync.cells import Scalar
from tests import office
from tests.resources import absent, require
from tests.sheets import change

HERE = Path(__file__).parent
PACKAGES = (".npmrc", "package.json", "package-lock.json")
INSTALL = ("ci", "--no-audit", "--no-fund")

Cells = Mapping[str, Scalar]
Program = Callable[[Path, Path, Cells], Path]
"""Opens a workbook, puts values into cells by address, and saves it as another file."""


def by_openpyxl(path: Path, out: Path, cells: Cells) -> Path:
    """Edit with openpyxl."""
    return change(path, out, dict(cells))


def by_library(library: str, path: Path, out: Path, cells: Cells) -> Path:
    """Edit with a library of Node's."""
    plain = {address: _plain(value) for address, value in cells.items()}
    order = {"library": library, "path": str(path), "out": str(out), "sheet": "Customers", "cells": plain}
    subprocess.run(
        [require("node"), HERE / "spreadsheet.cjs"],
        input=json.dumps(order),
        text=True,
        check=True,
        env={**os.environ, "NODE_PATH": str(libraries())},
        timeout=120,
    )
    return out


def by_office(path: Path, out: Path, cells: Cells) -> Path:
    """Type into LibreOffice, which decides what a text means."""
    return office.edit(path, out, office.typed({address: str(value) for address, value in cells.items()}))


LIBRARIES: dict[str, Program] = {
    "openpyxl": by_openpyxl,
    "exceljs": partial(by_library, "exceljs"),
    "sheetjs": partial(by_library, "sheetjs"),
}
OFFICE: dict[str, Program] = {
    "libreoffice": lambda path, out, _cells: office.resave(path, out),
    "libreoffice by way of ods": lambda path, out, _cells: office.resave(path, out, "ods"),
}


@cache
def libraries() -> Path:
    """Return the folder of Node's libraries, installed as the lock file pins them, once for each lock file."""
    npm = require("npm")
    digest = sha256(b"".join((HERE / name).read_bytes() for name in PACKAGES)).hexdigest()[:16]
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "rollbook-tests", f"node-{digest}")
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            made = Path(folder, "made")
            _install(npm, made)
            _put(made, kept)
    return kept / "node_modules"


def _install(npm: Path, folder: Path) -> None:
    folder.mkdir()
    for name in PACKAGES:
        shutil.copy(HERE / name, folder)
    done = subprocess.run([npm, *INSTALL], cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode:
        absent(f"what npm would install ({done.stderr.strip()})")


def _put(made: Path, kept: Path) -> None:
    """Move a finished installation to its place, unless another process was first."""
    try:
        made.rename(kept)
    except OSError:
        assert kept.exists()


def _plain(value: Scalar) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.date):
        moment = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
        return {"date": moment.isoformat()}
    return value
