"""What tests need of the machine: skipped where it is missing at a developer's, failed in CI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

PROGRAMS = {
    "soffice": ("soffice", "libreoffice"),
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "node": ("node", "nodejs"),
    "freeradius": ("freeradius", "/usr/sbin/freeradius"),
}


def absent(what: str) -> NoReturn:
    """Skip the running test because the machine lacks `what`, or fail it in CI, which installs everything."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and CI has to have it", pytrace=False)
    pytest.skip(f"{what} is missing on this machine")


def require(tool: str) -> Path:
    """Return the path of an installed program, or skip the running test."""
    for name in PROGRAMS.get(tool, (tool,)):
        if found := shutil.which(name):
            return Path(found)
    absent(tool)


def shared(folder: str) -> Path:
    """Return a folder of the material that lies beside the project, or skip the running test."""
    path = SHARED / folder
    if not path.is_dir():
        absent(f"../shared/{folder} beside the project")
    return path
