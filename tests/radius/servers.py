"""A real FreeRADIUS with the configuration that `docs/freeradius` gives operators, and what a network asks it."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.resources import ROOT, absent, require

CONFIGURATION = ROOT / "docs" / "freeradius" / "rollbook.conf"
REST = Path("/usr/lib/freeradius/rlm_rest.so")
SECRET = "a secret of the network"
READY = "Ready to process requests"


@dataclass(frozen=True)
class Answer:
    """What a network heard: Access-Accept, Access-Reject or nothing, and the filter that came with it."""

    said: str
    filter: str = ""


ACCEPT, REJECT, SILENCE = Answer("Access-Accept"), Answer("Access-Reject"), Answer("")
SUSPENDED = Answer("Access-Accept", "suspended")


@dataclass(frozen=True)
class Radius:
    """A FreeRADIUS that is running: where it listens, and the folder with its log."""

    port: int
    folder: Path

    @property
    def log(self) -> str:
        """Return what it has logged."""
        return (self.folder / "radius.log").read_text("utf-8")

    def ask(self, login: str, password: str, way: str = "User-Password") -> Answer:
        """Ask as a network does, by PAP, or by CHAP where the way is `CHAP-Password`."""
        return self.ask_all([(login, password, way)])[0]

    def ask_all(self, questions: Sequence[tuple[str, str, str]]) -> list[Answer]:
        """Ask several questions at once."""
        programs = [self._start(*question) for question in questions]
        return [_heard(program) for program in programs]

    def _start(self, login: str, password: str, way: str) -> subprocess.Popen[str]:
        # radclient takes a User-Password out of its escapes twice, and nothing out of a CHAP-Password's.
        secret = _quoted(password, 2) if way == "User-Password" else f"0x{password.encode().hex()}"
        request = f"User-Name = {_quoted(login)}\n{way} = {secret}\nMessage-Authenticator = 0x00\n"
        command = [str(require("radclient")), "-x", "-r", "1", "-t", "6", f"127.0.0.1:{self.port}", "auth", SECRET]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        program = subprocess.Popen(command, text=True, encoding="utf-8", errors="replace", **pipes)
        assert program.stdin is not None
        program.stdin.write(request)
        program.stdin.close()
        return program


def _quoted(text: str, times: int = 1) -> str:
    escaped = text.replace("\\", "\\\\" * times).replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _heard(program: subprocess.Popen[str]) -> Answer:
    assert program.stdout is not None
    with program:
        output = program.stdout.read()
    answered = re.search(r"Received (Access-\w+)(.*)", output, re.DOTALL)
    if answered is None:
        assert "No reply" in output, output
        return SILENCE
    profile = re.search(r'Filter-Id = "(.*)"', answered[2])
    return Answer(answered[1], profile[1] if profile else "")


@contextmanager
def freeradius(folder: Path, rollbook: str, token: str) -> Iterator[Radius]:
    """Run FreeRADIUS as an ordinary process that asks a Rollbook with a token, until the block ends."""
    program = require("freeradius")
    if not REST.exists():
        absent("FreeRADIUS's module rest")
    radius = Radius(_free_port(), folder)
    path = folder / "rollbook.conf"
    path.write_text(configuration(radius, rollbook, token), "utf-8")
    path.chmod(0o600)
    process = subprocess.Popen([program, "-f", "-d", str(folder), "-n", "rollbook"], cwd=folder)
    try:
        _wait_for(radius, process)
        yield radius
    finally:
        process.terminate()
        process.wait(timeout=30)


def configuration(radius: Radius, rollbook: str, token: str) -> str:
    """Return the operators' configuration with the settings above its line set, and folders of this test's own."""
    text = CONFIGURATION.read_text("utf-8")
    settings = {"rollbook": rollbook, "token": token, "secret": SECRET, "address": "127.0.0.1", "port": radius.port}
    folders = dict.fromkeys(("raddbdir", "logdir", "run_dir"), radius.folder)
    for name, value in {**settings, **folders}.items():
        text, found = re.subn(rf"^{name} = .*$", f'{name} = "{value}"', text, flags=re.MULTILINE)
        assert found == 1, name
    return text


def _wait_for(radius: Radius, process: subprocess.Popen[bytes]) -> None:
    end, log = time.monotonic() + 60, radius.folder / "radius.log"
    while not (log.exists() and READY in log.read_text("utf-8")):
        assert process.poll() is None, log.read_text("utf-8") if log.exists() else "FreeRADIUS ended"
        assert time.monotonic() < end, "FreeRADIUS does not start"
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
