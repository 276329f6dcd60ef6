"""A story lived by commands."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Flask

from tests.builders import edit
from tests.journeys.story import Line, Upload
from tests.servers import ROOT

ANSWERS = {
    ("conflict", "panel"): ("--prefer", "panel"),
    ("conflict", "workbook"): ("--prefer", "workbook"),
    ("unknown", "workbook"): ("--accept-unknown",),
    ("repair", "panel"): ("--repair",),
}
TICKS = {"create_fields": "--create-fields", "skip_problems": "--skip-problems"}


class Commands:
    """Somebody at the command line."""

    name = "commands"

    def __init__(self, app: Flask, folder: Path) -> None:
        self.app, self.folder = app, folder
        self._numbers = itertools.count(1)

    def run(self, *arguments: str | Path) -> dict[str, Any]:
        """Run a command; return its JSON, if it prints any, with its exit status and what it said."""
        result = self.app.test_cli_runner().invoke(args=[*map(str, arguments)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        answer = json.loads(result.stdout) if "--json" in arguments else {}
        return {**answer, "exit": result.exit_code, "stderr": result.stderr}

    def new_file(self) -> Path:
        """Return a path of no file yet."""
        return self.folder / f"file {next(self._numbers)}.xlsx"

    def export(self, place: str, by: str = "") -> Path:
        out = self.new_file()
        done = self.run("export", out, "--where", f"location={place}", *_as(by))
        assert done["exit"] == 0, done
        return out

    def upload(self, path: Path, by: str = "") -> CommandUpload:
        return CommandUpload(self, path, by)

    def refused(self, path: Path) -> str:
        answer = self.run("import", path, "--json")
        assert answer["exit"] in {1, 2}, answer
        assert answer["error"] in answer["stderr"]
        return str(answer["error"])

    def colleague_edits(self, record_id: int, label: str, key: str, value: str) -> None:
        with self.app.app_context():
            edit(record_id, **{key: value})

    def apply_at_once(self, uploads: Sequence[Upload]) -> list[bool]:
        """Start real processes together and wait for all of them."""
        database = self.app.config["SQLALCHEMY_DATABASE_URI"]
        chosen = {"ROLLBOOK_INSTANCE": self.app.instance_path, "ROLLBOOK_DATABASE_URL": database}
        command = [sys.executable, "-m", "flask", "--app", "run"]
        started = [
            subprocess.Popen(
                [*command, *one.arguments], cwd=ROOT, env=os.environ | chosen, stdout=subprocess.PIPE, text=True
            )
            for one in uploads
            if isinstance(one, CommandUpload)
        ]
        answers = [json.loads(process.communicate(timeout=120)[0]) for process in started]
        return [bool(answer["applied"]) for answer in answers]


class CommandUpload:
    """A file, and the options that its import is to have."""

    def __init__(self, commands: Commands, path: Path, by: str) -> None:
        self._commands, self._path, self._by = commands, path, by
        self._options: list[str] = []
        self._import: int | None = None

    @property
    def arguments(self) -> list[str]:
        """Return the command that imports the file."""
        return ["import", str(self._path), "--json", *self._options, *_as(self._by)]

    def _plan(self) -> dict[str, Any]:
        return self._commands.run(*self.arguments, "--dry-run")

    def counts(self) -> dict[str, int]:
        plan = self._plan()
        outcomes = [one["outcome"] for one in plan["conflicts"]]
        found = {
            "change": len(plan["changes"]) - plan["cleared"],
            "clear": plan["cleared"],
            "conflict": outcomes.count("conflict"),
            "unknown": outcomes.count("base-unknown"),
            "new": plan["created"],
            "delete": plan["deleted"],
            "absent": plan["absent"],
            "problem": len(plan["problems"]),
            "repair": len(plan["repairs"]),
            "ignored": len(plan["ignored"]),
        }
        return {group: number for group, number in found.items() if number}

    def lines(self, group: str) -> list[Line]:
        plan = self._plan()
        if group == "problem":
            return [
                Line(_cell(one), one["id"], workbook=_text(one["value"]), message=one["message"])
                for one in plan["problems"]
            ]
        lists = {"change": "changes", "conflict": "conflicts", "unknown": "conflicts", "repair": "repairs"}
        return [
            Line(
                _cell(one),
                one["id"],
                base=_text(one["base"]),
                panel=_text(one["panel"]),
                workbook=_text(one["workbook"]),
                message=one.get("message", ""),
            )
            for one in plan[lists.get(group, group)]
        ]

    def said(self) -> str:
        return str(self._plan()["stderr"])

    def guards(self) -> list[int]:
        return [one["count"] for one in self._plan()["guards"]]

    def answer(self, group: str, side: str) -> None:
        self._options += ANSWERS[group, side]

    def order(self, field: str, label: str, order: str) -> None:
        self._options += ["--date-order", f"{field}={order}"]

    def tick(self, option: str) -> None:
        self._options.append(TICKS[option])

    def confirm(self, number: int) -> None:
        self._options += ["--confirm", str(number)]

    def apply(self) -> bool:
        done = self._commands.run(*self.arguments)
        assert done["exit"] == (0 if done["applied"] else 1), done
        self._import = done["import"] or self._import
        return bool(done["applied"])

    def undo(self) -> list[int]:
        done = self._commands.run("undo", str(self._import), "--json")
        assert done["undone"], done
        return [one["id"] for one in done["kept"]]

    def review(self) -> Path:
        out = self._commands.new_file()
        answer = self._commands.run(*self.arguments, "--dry-run", "--review", out)
        assert answer["review"] == str(out)
        return out


def _as(email: str) -> list[str]:
    return ["--as", email] if email else []


def _cell(one: dict[str, Any]) -> str:
    return str(one["at"]).rpartition("!")[2]


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
