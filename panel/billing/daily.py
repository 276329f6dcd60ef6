"""Who runs the day: a thread at midnight, and people from the panel."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask_babel import lazy_gettext

from panel.billing.run import run_until
from panel.billing.standing import CHARGE
from panel.billing.steps import Done, Sums
from panel.billing.telling import did_in_words
from panel.jobs import Work, kind
from panel.words import today

LOOK_SECONDS = 60.0
logger = logging.getLogger(__name__)


def _told(sums: Mapping[str, Any]) -> list[str]:
    """Return what a run did, as the page of its job says it."""
    return [did_in_words(sums)]


def _moved(sums: Mapping[str, Any]) -> int:
    return sum(int(sums.get(name, 0)) for name in ("planned", "blocked", "deactivated", "reactivated"))


@kind("lifecycle", permission="lifecycle.run", label=lazy_gettext("Run the day"), tell=_told, one_each=True)
def _run(work: Work) -> None:
    sums = run_until(today(), work.author.name, progress=lambda _day, done, total: work.doing(done, total))
    work.finish(sums.told)


def _log_move(done: Done) -> None:
    if done.kind != CHARGE:
        logger.info("%s", done.words)


def _log(sums: Sums) -> None:
    if sums.days or sums.charges or _moved(sums.told):
        logger.info("the daily run: %s", sums.told)


class DailyRun:
    """A thread that makes the day's changes at the start and after each midnight where the provider is."""

    def __init__(self, app: Flask) -> None:
        self._app, self._over = app, threading.Event()
        self._thread = threading.Thread(target=self._watch, name="daily-run", daemon=True)

    def start(self) -> None:
        """Begin to watch the calendar."""
        self._thread.start()

    def stop(self) -> None:
        """Let the step at hand end, and the thread with it."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        done: dt.date | None = None
        while not self._over.is_set():
            try:
                with self._app.app_context():
                    day = today()
                    if day != done:
                        _log(run_until(day, tell=_log_move))
                        done = day
            except Exception:
                logger.exception("the daily run failed, and is tried again")
            self._over.wait(LOOK_SECONDS)
