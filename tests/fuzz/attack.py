"""The workers: each keeps one connection and sends one odd request after another over it."""

import http.client
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlsplit

from tests.fuzz.findings import SLOW_SECONDS, Answered, wrong
from tests.fuzz.requests import Composer, Known, Request
from tests.fuzz.shapes import Shapes

_TIMEOUT_SECONDS = 40
_MOST_KEPT = 500


@dataclass
class Attack:
    """What all workers share: where they send, until when, and what came of it."""

    environment: Mapping[str, str]
    deadline: float
    seed: int
    known: Known = field(default_factory=Known)
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    suspects: list[Answered] = field(default_factory=list)
    """Answers that are wrong, or slow: whether the machine was, is known later."""
    seconds: list[float] = field(default_factory=list)

    def run(self, workers: int, tick: Callable[[], None] = lambda: None) -> None:
        """Send until the deadline; `tick` is called about twice a second."""
        threads = [threading.Thread(target=self._work, args=(number,)) for number in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)
                tick()

    @property
    def sent(self) -> int:
        """Count the requests so far."""
        return len(self.seconds)

    def _work(self, number: int) -> None:
        composer = Composer(Shapes.read(), self.known, Random(f"{self.seed} {number}"))
        line = Line(self.environment)
        while time.monotonic() < self.deadline:
            self._note(line.send(composer.next()))
        line.close()

    def _note(self, answer: Answered) -> None:
        self.statuses[answer.request.operation][answer.status] += 1
        self.seconds.append(answer.seconds)
        if (answer.seconds > SLOW_SECONDS or wrong(answer)) and len(self.suspects) < _MOST_KEPT:
            self.suspects.append(answer)
        if 200 <= answer.status < 300:
            try:
                told = json.loads(answer.body)
            except ValueError:
                return
            if isinstance(told, dict):
                self.known.learn(answer.request.operation, told.get("data"))
                self.known.learn(answer.request.operation, told.get("meta"))


class Line:
    """A connection that is kept open, and opened again when the other side hung up."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Nothing is opened before the first request."""
        self._environment = environment
        self._address = urlsplit(environment["API_URL"])
        self._connection: http.client.HTTPConnection | None = None

    def send(self, request: Request) -> Answered:
        """Send a request and return what came of it; a line that was closed while idle is tried once more."""
        began, clock = time.time(), time.perf_counter()
        status, body = 0, ""
        for _ in range(2):
            try:
                status, body = self._exchange(request)
                break
            except (OSError, http.client.HTTPException) as problem:
                body = f"{type(problem).__name__}: {problem}"
                self.close()
        return Answered(request, status, body, began, time.perf_counter() - clock)

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _exchange(self, request: Request) -> tuple[int, str]:
        if self._connection is None:
            host, port = self._address.hostname or "", self._address.port
            self._connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
        line = self._connection
        line.putrequest(request.method, request.target, skip_accept_encoding=True)
        for name, value in request.headers:
            line.putheader(name, value)
        if request.token:
            line.putheader("Authorization", f"Bearer {self._environment[request.token]}")
        if request.body is not None:
            line.putheader("Content-Length", str(len(request.body)))
        line.endheaders(request.body)
        with line.getresponse() as reply:
            return reply.status, reply.read().decode(errors="replace")
