"""How often, how long and with which pauses a neighbour is asked before it counts as failed."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from scheduler.adapters.http.session import Answer, NoAnswer, ServiceFailed

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits for one question: its tries, the time of each, and the first pause, which then doubles."""

    tries: int
    seconds_a_try: float
    first_pause_seconds: float
    pause: Callable[[float], None] = time.sleep

    def ask(self, send: Callable[[float], Answer], seconds: float) -> Answer:
        """Ask until an answer is worth having.

        Args:
            send: Asks once, within the seconds it is given; raises `NoAnswer` when another try may help.
            seconds: For all tries and pauses together.

        Raises:
            ServiceFailed: No try gave an answer other than 429 or 5xx; tells what the last one met.
        """
        ends_at = time.monotonic() + seconds
        trouble = "no time to ask"
        for retries in range(self.tries):
            left = ends_at - time.monotonic()
            if left <= 0:
                break
            try:
                answer = send(min(self.seconds_a_try, left))
            except NoAnswer as error:
                trouble = str(error)
            else:
                if answer.status < _SERVER_ERROR and answer.status != _TOO_MANY_REQUESTS:
                    return answer
                trouble = f"status {answer.status}"
            if retries + 1 < self.tries:
                self.pause(min(self._pause_after(retries), max(ends_at - time.monotonic(), 0)))
        raise ServiceFailed(trouble)

    def _pause_after(self, retries: int) -> float:
        # Up to half shorter, so that callers who failed together do not come back together.
        doubled: float = self.first_pause_seconds * 2**retries
        return doubled * random.uniform(0.5, 1)
