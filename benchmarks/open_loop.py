"""A fixed rate of pairs (allocate, then release) through warm environments, whether they keep up or not."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized

from benchmarks.arrivals import Served
from benchmarks.crew import Crew, context, crew
from benchmarks.environment import as_environment
from benchmarks.requests import ALLOCATE, RELEASE, Context, allocate_body, post, release_body
from benchmarks.worker import call

USERS = 512
"""More than can wait at once, so that nobody meets her own lock."""
GRACE_SECONDS = 3.0
_WARM_UP_PAIRS = 32
_HEAD_START_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Schedule:
    """The common start on the machine's monotonic clock, the arrivals after it, and when what is left is left."""

    start_at: float
    arrivals: tuple[float, ...]
    cut_at: float


class OpenLoop:
    """Environments that take the next arrival when they are free, as Lambda gives an event to an idle one."""

    def __init__(self, running: Crew[dict[int, Served]], taken: "Synchronized[int]") -> None:
        """Take a warm crew and the number of arrivals taken, which it shares."""
        self._crew = running
        self._taken = taken
        self.pairs: int = sum(running.ready)

    def run(self, arrivals: list[float], seconds: float) -> tuple[dict[int, Served], float]:
        """Let them arrive over `seconds`; give what was served, and when the run was cut (seconds after the start).

        Raises:
            WrongAnswer: Some pair failed.
        """
        self._taken.value = 0
        cut_at = seconds + GRACE_SECONDS
        order = Schedule(time.monotonic() + _HEAD_START_SECONDS, tuple(arrivals), cut_at)
        served: dict[int, Served] = {}
        for part in self._crew.tell_all(order, cut_at):
            served |= part
        self.pairs += len(served)
        return served, cut_at


@contextmanager
def open_loop(environments: int) -> Iterator[OpenLoop]:
    """Start warm environments."""
    taken: Synchronized[int] = context().Value("l", 0)
    with crew(environments, serve, taken) as running:
        yield OpenLoop(running, taken)


def serve(orders: Connection, number: int, taken: "Synchronized[int]") -> None:
    """Be one environment: warm up, then serve schedules until the line closes."""
    with as_environment(orders):
        pairs = _Pairs()
        for n in range(_WARM_UP_PAIRS):
            pairs.run(f"warm-{number}-{n % 16}", 0.0)
        orders.send(_WARM_UP_PAIRS)
        while True:
            orders.send(_serve_one(orders.recv(), pairs, taken))


def _serve_one(schedule: Schedule, pairs: "_Pairs", taken: "Synchronized[int]") -> dict[int, Served]:
    served: dict[int, Served] = {}
    while True:
        with taken.get_lock():
            number = taken.value
            taken.value += 1
        if number >= len(schedule.arrivals) or time.monotonic() - schedule.start_at > schedule.cut_at:
            return served
        time.sleep(max(schedule.start_at + schedule.arrivals[number] - time.monotonic(), 0))
        served[number] = pairs.run(f"user-{number % USERS}", schedule.start_at)


class _Pairs:
    """The two handlers of one environment."""

    def __init__(self) -> None:
        from tools.handlers import load_function

        self._allocate, self._release = load_function("allocate").handler, load_function("release").handler
        self._context = Context()

    def run(self, user: str, start_at: float) -> Served:
        """Allocate and release; tell of the allocate."""
        begun = time.monotonic()
        granted = call(self._allocate, post(ALLOCATE, allocate_body(user)), self._context, 201)
        answered = time.monotonic()
        call(self._release, post(RELEASE, release_body(user, granted["deviceId"])), self._context, 200)
        return Served(begun - start_at, answered - start_at)
