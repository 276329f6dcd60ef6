"""The process that writes a refreshed workbook: it parses an upload, so it has no more rights than the one that reads.

It is started with the project's folder, the limits, the path of the workbook, and two open files: the rows to write,
and where the result goes. It answers with one line.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from sync.errors import UnreadableWorkbook
from sync.workbook.child import confine
from sync.workbook.limits import Limits
from sync.workbook.refreshing.rewriting import rewrite
from sync.workbook.refusals import refused


def main(arguments: list[str]) -> None:
    """Rewrite the workbook that the arguments name under the limits that they hold."""
    limits = Limits.from_json(json.loads(arguments[0]))
    confine(limits)
    with os.fdopen(int(arguments[2]), "rb") as lines, os.fdopen(int(arguments[3]), "r+b") as out:
        answer = _answer(Path(arguments[1]), lines, out, limits)
    sys.stdout.write(json.dumps(answer))


def _answer(path: Path, lines: object, out: object, limits: Limits) -> dict[str, object]:
    try:
        rewrite(path, out, lines, limits)  # type: ignore[arg-type]  # the streams that `main` opened
    except UnreadableWorkbook as refusal:
        return {"error": str(refusal)}
    except MemoryError:
        return {"error": str(refused("Refreshing the file needs too much memory."))}
    return {"end": True}
