"""How often an address may show a token that is not good, before it is told to wait.

Counted in this process's memory: nobody guesses a token, however often they try, so that all there is to limit is
noise; and a count in the database would make the networks wait for whoever writes to it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from panel.signing_in.limits import SIGN_IN_FROM_ADDRESS, Limit

MOST_ADDRESSES = 10_000


class Tries:
    """The tries of each address within the time of a limit; the addresses that tried last are remembered."""

    def __init__(self, limit: Limit = SIGN_IN_FROM_ADDRESS, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._within, self._clock = limit.most, limit.within.total_seconds(), clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, whose: str) -> float:
        """Use up a try, and return 0; where none is left, return for how many seconds."""
        now = self._clock()
        with self._lock:
            times = self._times.setdefault(whose, deque())
            self._times.move_to_end(whose)
            while len(self._times) > MOST_ADDRESSES:
                self._times.popitem(last=False)
            while times and times[0] <= now - self._within:
                times.popleft()
            if len(times) >= self._most:
                return times[0] + self._within - now
            times.append(now)
            return 0.0
