"""How a process waits for messages: each is begun and then asked for, again and again.

So Python hears signals meanwhile, and a rank that waits gives its core to others that compute where there are more ranks
than cores. An MPI without a thread of its own moves messages only while it is asked for one, so whoever waits also asks for
those that are under way beside it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from gan_np.ranks import Ranks, Traffic

SPIN, GIVE_WAY, NAP = 2e-4, 0.5, 2e-4
"""A rank that waits looks again at once for SPIN seconds, then gives way to others between its looks, and after GIVE_WAY
seconds (another rank writes a checkpoint, say) sleeps NAP seconds between them."""


give_way = getattr(os, "sched_yield", lambda: time.sleep(0))


class WaitingRanks(Ranks):
    """Ranks that wait so, and count what they send."""

    under_way: Callable[[], bool] | None = None
    """What asks for messages that nobody waits for yet."""

    def __init__(self) -> None:
        self._traffic: dict[str, Traffic] = {}

    @property
    def traffic(self) -> dict[str, Traffic]:
        """What was sent so far, by what it was."""
        return self._traffic

    def until(self, done: Callable[[], bool]) -> None:
        """Ask again and again whether it is done, and for what is under way beside it."""
        started = time.perf_counter()
        beside = self.under_way
        while not done():
            if beside is not None:
                beside()
            waited = time.perf_counter() - started
            if waited > SPIN:
                give_way() if waited < GIVE_WAY else time.sleep(NAP)

    def note(self, what: str, calls: int = 0, sent: int = 0, seconds: float = 0.0) -> None:
        """Count messages, and what they cost."""
        traffic = self._traffic.setdefault(what, Traffic())
        traffic.calls += calls
        traffic.sent += sent
        traffic.seconds += seconds
