"""Do what is due on time: reservations first, then those who wait."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping

from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import accepted
from scheduler.ports import KeyStore, Meter
from scheduler.ports.queue import Keeper, QueueStore
from scheduler.service.line import Line

logger = logging.getLogger(__name__)

SHORTEST_PAUSE_SECONDS = 0.2
MOST_HOLDS = 10
DROP_LIMIT = 100

type Part = Callable[[], int]


class Dispatcher:
    """Each run does all there is, part by part; one that fails does not stop the others."""

    def __init__(
        self,
        queue: QueueStore,
        line: Line,
        keeper: Keeper,
        keys: KeyStore,
        meter: Meter,
        *,
        hold_minutes: int,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the line and who keeps reservations; who waits `hold_minutes` may get a device held."""
        self._queue = queue
        self._line = line
        self._keeper = keeper
        self._keys = keys
        self._meter = meter
        self._hold_minutes = hold_minutes
        self._pause = pause

    def run(self, seconds: float) -> Mapping[str, int]:
        """Do what is due, and what falls due within `seconds`, to the second; tell how much of each.

        Raises:
            ExceptionGroup: Parts failed; the others were done.
        """
        done, failures = Counter[str](), list[Exception]()
        stop_at = time.monotonic() + seconds
        while True:  # ends: the clock runs on by a pause each time
            self._work(done, failures)
            due = self._attempt("due", self._queue.seconds_until_due, failures)
            if failures or due is None or due > stop_at - time.monotonic():
                break
            self._pause(max(due, SHORTEST_PAUSE_SECONDS))
        if failures:
            raise ExceptionGroup("parts of dispatch failed", failures)
        return dict(done)

    def nudge(self) -> Mapping[str, int]:
        """Do what is due now. What fails is only logged: the next run does it, and a nudge is not worth repeating."""
        done, failures = Counter[str](), list[Exception]()
        self._work(done, failures)
        return dict(done)

    def process(self, limit: int, key: RequestKey | None) -> int:
        """Serve up to `limit` waiters now, once for an idempotency key; tell how many were served.

        Raises:
            IdempotencyKeyReused: The key came with another body.
        """
        if key is None:
            return self._line.serve(limit)
        facts = self._keys.kept(key) or self._keys.keep(key, {"outcome": "served", "count": self._line.serve(limit)})
        count: int = accepted(facts)["count"]
        return count

    def _work(self, done: Counter[str], failures: list[Exception]) -> None:
        parts: Mapping[str, Part] = {
            "executed": self._keeper.execute_due,
            "moved": self._keeper.move_endangered,
            "noShows": self._keeper.end_no_shows,
            "expired": self._line.expire,
            "dropped": lambda: self._queue.drop_holds(DROP_LIMIT),
            "served": self._line.serve,
            "held": self._hold,
        }
        for name, part in parts.items():
            done[name] += self._attempt(name, part, failures) or 0
        waiting = self._attempt("waiting", self._queue.length, failures)
        if waiting is not None:
            done["waiting"] = waiting
            self._meter.observe("QueueLength", waiting, "Count")

    def _hold(self) -> int:
        for count in range(MOST_HOLDS):
            held = self._queue.hold(self._hold_minutes)
            if held["outcome"] != "held":
                return count
            logger.info("device held", extra={name: value for name, value in held.items() if name != "outcome"})
        return MOST_HOLDS

    def _attempt[T](self, part: str, work: Callable[[], T], failures: list[Exception]) -> T | None:
        try:
            return work()
        except Exception as error:
            self._meter.count("DispatchPartFailed")
            logger.warning("part of dispatch failed", extra={"part": part, "reason": type(error).__name__})
            failures.append(error)
            return None
