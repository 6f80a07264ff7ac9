"""One warm execution environment as a process: the real handlers, one request at a time."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from benchmarks.environment import as_environment
from benchmarks.outcome import WrongAnswer
from benchmarks.requests import ALLOCATE, RELEASE, Context, allocate_body, post, release_body

type Handler = Callable[[dict[str, Any], Any], Mapping[str, Any]]

USERS_PER_WORKER = 16
_HEAD_START_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Order:
    """When to start (on the machine's monotonic clock) and for how long."""

    start_at: float
    seconds: float


def order(seconds: float) -> Order:
    """Give the order for a round that all begin at the same instant, soon."""
    return Order(time.monotonic() + _HEAD_START_SECONDS, seconds)


@dataclass(slots=True)
class Lap:
    """What one worker did in one round: seconds of each cycle and allocate, round trips of each allocate."""

    cycles: list[float] = field(default_factory=list)
    allocates: list[float] = field(default_factory=list)
    round_trips: list[int] = field(default_factory=list)
    cpu_seconds: float = 0.0
    ended_at: float = 0.0


def work(orders: Connection, number: int) -> None:
    """Warm up, tell how many cycles that took, then run a lap an order until the line closes; a failure is a text."""
    with as_environment(orders):
        holder = Holder(number)
        orders.send(holder.warm_up())
        while True:
            orders.send(holder.lap(orders.recv()))


class Holder:
    """Takes and gives back devices for users of its own, in turn."""

    def __init__(self, number: int) -> None:
        """Import both functions once, as a cold start does."""
        from scheduler.runtime import database
        from tools.handlers import load_function

        self._allocate = load_function("allocate").handler
        self._release = load_function("release").handler
        self._database = database()
        self._context = Context()
        users = [f"user-{number}-{n}" for n in range(USERS_PER_WORKER)]
        self._asks = cycle([(user, post(ALLOCATE, allocate_body(user))) for user in users])

    def warm_up(self) -> int:
        """Run two cycles a user (connections, plans, cached quotas) and give how many."""
        cycles = 2 * USERS_PER_WORKER
        for _ in range(cycles):
            self._cycle(Lap())
        return cycles

    def lap(self, order: Order) -> Lap:
        """Wait for the common start, then run whole cycles until the time is over."""
        lap = Lap()
        time.sleep(max(order.start_at - time.monotonic(), 0))
        until, cpu = order.start_at + order.seconds, time.process_time()
        while time.monotonic() < until:
            self._cycle(lap)
        lap.cpu_seconds, lap.ended_at = time.process_time() - cpu, time.monotonic()
        return lap

    def _cycle(self, lap: Lap) -> None:
        user, ask = next(self._asks)
        trips, started = self._database.round_trips, time.perf_counter()
        granted = call(self._allocate, ask, self._context, 201)
        between, trips = time.perf_counter(), self._database.round_trips - trips
        giving_back = post(RELEASE, release_body(user, granted["deviceId"]))
        released = call(self._release, giving_back, self._context, 200)
        lap.cycles.append(time.perf_counter() - started)
        if released["deviceId"] != granted["deviceId"]:
            raise WrongAnswer(f"granted {granted['deviceId']}, released {released['deviceId']}")
        lap.allocates.append(between - started)
        lap.round_trips.append(trips)


def call(handler: Handler, event: dict[str, Any], context: Context, status: int) -> Mapping[str, Any]:
    """Call a handler and give its data.

    Raises:
        WrongAnswer: It answered another status.
    """
    answer = handler(event, context)
    if answer["statusCode"] != status:
        raise WrongAnswer(f"expected {status}, not {answer['statusCode']}: {answer['body']}")
    data: Mapping[str, Any] = msgspec.json.decode(answer["body"])["data"]
    return data
