"""What has to hold of the whole project: the direction of its parts, and one registry for all of them."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import sync
from sync.types import FIELD_TYPES

ROOT = Path(__file__).resolve().parents[1]
FOREIGN = ("flask", "flask_admin", "sqlalchemy", "werkzeug", "wtforms", "panel")
MODULES = sorted(module.name for module in pkgutil.walk_packages(sync.__path__, "sync."))
REQUESTED = (
    "string text integer decimal money date datetime boolean select multi_select email phone url ip mac password "
    "relation multi_relation file"
).split()

PROBE = """
import importlib, sys
importlib.import_module(sys.argv[1])
print(*sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[2:])))
"""


@pytest.mark.parametrize("module", MODULES)
def test_sync_knows_no_web_framework_no_database_and_no_panel(module: str) -> None:
    command = [sys.executable, "-c", PROBE, module, *FOREIGN]
    came_along = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert came_along == []


@pytest.mark.parametrize("module", ["sync.workbook.child", "sync.workbook.writing_child"])
def test_a_process_without_site_packages_loads_no_workbook_library(module: str) -> None:
    command = [sys.executable, "-c", PROBE, module, "openpyxl", "phonenumbers", "email_validator", "lxml"]
    came_along = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert came_along == []


@pytest.mark.parametrize("key", REQUESTED)
def test_admins_may_choose_each_of_the_promised_types(key: str) -> None:
    assert FIELD_TYPES[key].additional


@pytest.mark.parametrize("key", sorted(FIELD_TYPES))
def test_a_type_is_registered_under_its_own_key_with_a_label_a_format_and_examples(key: str) -> None:
    field_type = FIELD_TYPES[key]
    assert field_type.key == key
    assert field_type.label
    assert field_type.cell_format
    assert field_type.examples


def test_the_top_level_is_the_one_that_was_asked_for() -> None:
    for name in ("panel", "sync", "templates", "instance", "tests", "run.py", "requirements.txt"):
        assert (ROOT / name).exists()


def test_modules_stay_one_idea_long() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {lines}"
        for folder in ("sync", "panel")
        for path in (ROOT / folder).rglob("*.py")
        if "migrations" not in path.parts and (lines := len(path.read_text("utf-8").splitlines())) > 400
    ]
    assert long == []
