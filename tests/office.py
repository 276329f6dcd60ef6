"""A real LibreOffice: what it makes of a workbook that people open, edit and save."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from tests.resources import absent, require

# Debian's own Python has the `uno` module of the package python3-uno; a virtual environment has not.
SYSTEM_PYTHON = Path("/usr/bin/python3")
SCRIPT = Path(__file__).with_name("office_script.py")
XLSX = "xlsx:Calc MS Excel 2007 XML"

Operation = dict[str, Any]


def resave(path: Path, out: Path, via: Literal["xlsx", "ods"] = "xlsx", timeout: float = 120) -> Path:
    """Open a workbook and save it as `out` (.xlsx) without an edit, by way of an .ods where `via` says so."""
    with tempfile.TemporaryDirectory() as folder:
        source = path
        if via == "ods":
            source = _convert(path, "ods", Path(folder, "ods"), timeout)
        shutil.move(_convert(source, XLSX, Path(folder, "xlsx"), timeout), out)
    return out


def convert(path: Path, out: Path, options: str = "", timeout: float = 120) -> Path:
    """Save a workbook in the format that the suffix of `out` names, such as .csv, .ods or .xls.

    `options` are those of the format's filter, with its name, such as `csv_options` gives.
    """
    form = ":".join(filter(None, [out.suffix.lstrip("."), options]))
    with tempfile.TemporaryDirectory() as folder:
        shutil.move(_convert(path, form, Path(folder), timeout), out)
    return out


def csv_options(delimiter: str, encoding: int) -> str:
    """Return the options of a CSV as it is shown; encodings are 76 for UTF-8, 33 for Windows-1250."""
    return f"Text - txt - csv (StarCalc):{ord(delimiter)},34,{encoding}"


def edit(path: Path, out: Path, *operations: Operation, timeout: float = 300) -> Path:
    """Open a workbook, do to it what a person would, in order, and save it as `out` (.xlsx)."""
    edit_all({(path, out): operations}, timeout)
    return out


def edit_all(jobs: Mapping[tuple[Path, Path], Sequence[Operation]], timeout: float = 300) -> None:
    """Do the like to several workbooks, (the one to open, the one to save as), in one program."""
    soffice = require("soffice")
    if not _has_uno():
        absent("the system's python3-uno")
    plain = [
        {"path": str(path.resolve()), "out": str(out.resolve()), "operations": operations}
        for (path, out), operations in jobs.items()
    ]
    order = {"soffice": [str(soffice), _profile_option()], "jobs": plain}
    _run([str(SYSTEM_PYTHON), str(SCRIPT)], timeout, json.dumps(order))


def typed(cells: Mapping[str, str]) -> Operation:
    """Type texts into cells by address (`{"F14": "Brno"}`): the program decides what a text means."""
    return {"do": "type", "cells": dict(cells)}


def cleared(*addresses: str) -> Operation:
    """Empty cells, as the Delete key does."""
    return {"do": "clear", "cells": addresses}


def inserted(row: int, cells: Mapping[str, str]) -> Operation:
    """Insert a row above the given one and type into its columns (`{"D": "Ann Novak"}`)."""
    return {"do": "insert", "row": row, "cells": dict(cells)}


def deleted(rows: Sequence[int]) -> Operation:
    """Delete whole rows by their numbers at the start of this operation."""
    return {"do": "delete", "rows": list(rows)}


def sorted_by(column: str, first: int = 3, ascending: bool = True) -> Operation:
    """Sort all rows from `first` to the last by one column, with every column, hidden ones too."""
    return {"do": "sort", "column": column, "first": first, "ascending": ascending}


def column_inserted(column: str) -> Operation:
    """Insert an empty column before the given one."""
    return {"do": "insert_column", "column": column}


def row_copied(source: int, target: int) -> Operation:
    """Copy a whole row over another."""
    return {"do": "copy_row", "source": source, "target": target}


def values_pasted(source: str, target: str) -> Operation:
    """Copy a range (`A1:B2`), and paste its values into another of that size."""
    return {"do": "paste_values", "source": source, "target": target}


def filled_down(cells: str) -> Operation:
    """Pull the fill handle from the first cell of a range to its last."""
    return {"do": "fill_down", "cells": cells}


def replaced(text: str, by: str) -> Operation:
    """Find a text in all cells and replace it."""
    return {"do": "replace", "text": text, "by": by}


def filtered(column: str, text: str, header: int = 2) -> Operation:
    """Filter the rows below the header: only those with this text stay in sight."""
    return {"do": "filter", "column": column, "text": text, "header": header}


def formulas(cells: Mapping[str, str]) -> Operation:
    """Put formulas into cells by address, in LibreOffice's own notation."""
    return {"do": "formulas", "cells": dict(cells)}


def noted(cell: str, text: str) -> Operation:
    """Add a note to a cell."""
    return {"do": "note", "cell": cell, "text": text}


def hidden_rows(rows: Sequence[int]) -> Operation:
    """Hide whole rows by their numbers."""
    return {"do": "hide_rows", "rows": list(rows)}


def charted(sheet: str, cells: Mapping[str, str], source: str) -> Operation:
    """Add a sheet with formulas in its cells and a chart of a range of it."""
    return {"do": "add_sheet", "name": sheet, "cells": dict(cells), "source": source}


def _convert(path: Path, form: str, folder: Path, timeout: float) -> Path:
    folder.mkdir(exist_ok=True)
    soffice = str(require("soffice"))
    output = _run(
        [soffice, _profile_option(), "--headless", "--convert-to", form, "--outdir", str(folder), str(path)], timeout
    )
    made = folder / f"{path.stem}.{form.partition(':')[0]}"
    # LibreOffice exits with 0 even where it could not open the file.
    if not made.exists():
        raise RuntimeError(f"LibreOffice did not convert {path.name}: {output}")
    return made


def _run(command: Sequence[str], timeout: float, order: str = "") -> str:
    """Run a program to its end, or end it with all that it started; return what it said."""
    program = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # The system's Python must not see the virtual environment's packages.
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
    )
    with program:
        try:
            output, _ = program.communicate(order, timeout)
        except BaseException:  # an interrupted test leaves no LibreOffice running either
            os.killpg(program.pid, signal.SIGKILL)
            raise
    if program.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed with {program.returncode}: {output}")
    return output


@functools.cache
def _has_uno() -> bool:
    return SYSTEM_PYTHON.exists() and not subprocess.run([SYSTEM_PYTHON, "-c", "import uno"], check=False).returncode


@functools.cache
def _profile_option() -> str:
    """Return the option for a user profile of this process's own: two LibreOffices never share one."""
    folder = tempfile.mkdtemp(prefix="rollbook-office-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return f"-env:UserInstallation={Path(folder).as_uri()}"
