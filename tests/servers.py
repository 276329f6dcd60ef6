"""Real processes of `run.py` on one database, and a visitor who signs in to them without a browser."""

from __future__ import annotations

import http.cookiejar
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.databases import ADMIN, ADMIN_PASSWORD, Database

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def running(database: Database, processes: int = 1) -> Iterator[list[str]]:
    """Yield the addresses of so many processes, each ready to answer."""
    with ExitStack() as stack:
        yield [stack.enter_context(_process(database))[0] for _ in range(processes)]


@contextmanager
def first_start(database: Database) -> Iterator[tuple[str, str]]:
    """Yield the address and everything that the very first start printed."""
    with _process(database) as started:
        yield started


@contextmanager
def _process(database: Database) -> Iterator[tuple[str, str]]:
    port = _free_port()
    environment = {
        **os.environ,
        "ROLLBOOK_INSTANCE": str(database.instance),
        "ROLLBOOK_DATABASE_URL": database.url,
        "ROLLBOOK_PORT": str(port),
    }
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([sys.executable, "run.py"], cwd=ROOT, env=environment, stdout=said)
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz", process)
            said.seek(0)
            yield f"http://127.0.0.1:{port}", said.read()
        finally:
            process.terminate()
            process.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=10).close()
        except OSError:
            assert process.poll() is None, "run.py ended"
            assert time.monotonic() < end, "run.py does not answer"
            time.sleep(0.1)
        else:
            return


class Visitor:
    """Somebody with cookies; several threads may use one."""

    def __init__(self) -> None:
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, url: str) -> tuple[int, str]:
        """Return status and page."""
        return self._open(urllib.request.Request(url))

    def post(self, url: str, form_at: str, **values: str) -> tuple[int, str]:
        """Send a form with the token of the page at `form_at`."""
        token = re.search(r'name="csrf-token" content="([^"]+)"', self.get(form_at)[1])
        assert token
        data = urllib.parse.urlencode({"csrf_token": token.group(1), **values}).encode()
        return self._open(urllib.request.Request(url, data))

    def send(self, url: str, form: Mapping[str, Sequence[str]]) -> tuple[int, str]:
        """Send a form that a page had, with the token in it."""
        return self._open(urllib.request.Request(url, urllib.parse.urlencode(form, doseq=True).encode()))

    def sign_in(self, server: str) -> Visitor:
        """Sign in as the first admin and return the same visitor."""
        status, page = self.post(f"{server}/login/", f"{server}/login/", email=ADMIN, password=ADMIN_PASSWORD)
        assert status == 200, page
        return self

    def _open(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with self._opener.open(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
