"""What has to be done sooner or later, however much others write at the same moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from flask_babel import gettext as _
from sqlalchemy.exc import DBAPIError

from panel.changelog import LostRace
from panel.database import Busy, is_clash

BREATH = 0.1  # seconds
MOST_TRIES = 50
Result = TypeVar("Result")


def patiently(do: Callable[[], Result]) -> Result:
    """Do one transaction, again and again while others are in its way; raise `Busy` where they always are."""
    for attempt in range(1, MOST_TRIES + 1):
        try:
            return do()
        except (LostRace, Busy):
            time.sleep(BREATH * attempt)
        except DBAPIError as error:
            if not is_clash(error):
                raise
            time.sleep(BREATH * attempt)
    raise busy()


def busy() -> Busy:
    """Return what to say where others never gave way."""
    return Busy(_("Somebody else was writing all the time. Run the day again: what was done stays done."))
