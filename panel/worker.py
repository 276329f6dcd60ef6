"""The thread that runs long work in a web process, woken after a commit and by itself every few seconds."""

from __future__ import annotations

import logging
import threading
import time

from flask import Flask, current_app
from sqlalchemy import event
from sqlalchemy.orm import Session

from panel.api.noting import bring_in
from panel.exports.keeping import sweep
from panel.extensions import db
from panel.jobs import run_next

SWEEP_SECONDS = 5.0
TIDY_SECONDS = 3600.0
"""How often exported files whose days are over are looked for."""
logger = logging.getLogger(__name__)


class Worker:
    """Runs the jobs of one application, one at a time, in a thread that starts when it is first wanted."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._work, self._over, self._lock = threading.Event(), threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None
        self._tidied = time.monotonic()

    def wake(self) -> None:
        """Look for work now, unless other processes do it or a test runs it itself."""
        if self._app.config["ROLLBOOK_JOBS"] == "thread" and not self._app.testing:
            self.start()

    def start(self) -> None:
        """Start the thread, or wake it."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._over.clear()
                self._thread = threading.Thread(target=self.run, name="worker", daemon=True)
                self._thread.start()
        self._work.set()

    def stop(self) -> None:
        """Let the job at hand end, and the thread with it."""
        self._over.set()
        self._work.set()
        if self._thread is not None:
            self._thread.join()

    def run(self) -> None:
        """Run whatever waits, and wait for more, until stopped."""
        while not self._over.is_set():
            self._work.clear()
            try:
                with self._app.app_context():
                    while run_next() and not self._over.is_set():
                        pass
                    bring_in()
                    self._tidy()
            except Exception:
                logger.exception("looking for work failed")
            self._work.wait(SWEEP_SECONDS)

    def _tidy(self) -> None:
        if time.monotonic() - self._tidied > TIDY_SECONDS:
            self._tidied = time.monotonic()
            sweep()


def register(app: Flask) -> None:
    """Give an application its worker, and wake it after each commit that left work."""
    app.extensions["worker"] = Worker(app)
    if not event.contains(db.session, "after_commit", _wake):
        event.listen(db.session, "after_commit", _wake)


def _wake(session: Session) -> None:
    if session.info.pop("has_work", False):
        worker: Worker = current_app.extensions["worker"]
        worker.wake()
