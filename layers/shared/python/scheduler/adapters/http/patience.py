"""How often, how long and with which pauses a neighbour is asked before it counts as failed."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from scheduler.adapters.http.session import Answer, NoAnswer, ServiceFailed

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits for one question: its tries, the time of each, the time of all with the pauses, and the first pause."""

    tries: int
    seconds_a_try: float
    seconds: float
    first_pause_seconds: float
    pause: Callable[[float], None] = time.sleep

    def within(self, seconds: float) -> "Patience":
        """Give the same patience with no more time than `seconds`."""
        return replace(self, seconds=min(self.seconds, seconds))

    def ask(self, send: Callable[[float], Answer]) -> Answer:
        """Ask until an answer is worth having; pauses double.

        Args:
            send: Asks once, within the seconds it is given; raises `NoAnswer` when another try may help.

        Raises:
            ServiceFailed: No try gave an answer other than 429 or 5xx; tells what the last one met.
        """
        ends_at = time.monotonic() + self.seconds
        trouble = "no time to ask"
        for retries in range(self.tries):
            if retries:
                self.pause(min(self._pause_before(retries), max(ends_at - time.monotonic(), 0)))
            left = ends_at - time.monotonic()
            if left <= 0:
                break
            try:
                answer = send(min(self.seconds_a_try, left))
            except NoAnswer as error:
                trouble = str(error)
                continue
            if answer.status < _SERVER_ERROR and answer.status != _TOO_MANY_REQUESTS:
                return answer
            trouble = f"status {answer.status}"
        raise ServiceFailed(trouble)

    def _pause_before(self, retry: int) -> float:
        # Up to half shorter, so that callers who failed together do not come back together.
        whole: float = self.first_pause_seconds * 2 ** (retry - 1)
        return whole * random.uniform(0.5, 1)
