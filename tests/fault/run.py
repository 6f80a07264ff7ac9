"""One run: clients ask, faults come, everything heals and drains, and the evidence is judged."""

import math
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Protocol

from scheduler.domain.errors import Unavailable
from tests.fault import jobs
from tests.fault.checker import check
from tests.fault.clients import Client, Log, run_clients
from tests.fault.collect import effects_of, rows_of
from tests.fault.history import Evidence, Operation, Violation
from tests.fault.stage import LIMIT, POLLERS, SERVICE_LIMIT, Scene, Setting, Stage, scene
from tests.support.ledger import audited

MOST_TRANSACTION_SECONDS = 10.0
"""Invariant I10."""
BY_A_FAST_CLOCK = {"answer without its grant"}
CLIENT_END_SECONDS = 60.0
DRAIN_SECONDS = 60.0
"""Without any progress."""


class Fault(Protocol):
    """One row of the table: a kind of fault, where it strikes, and what must come out."""

    name: str
    promise: str
    short: int
    long: int
    setting: Setting

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Let it happen `times` times while clients go on; tell how often it did. Heals what it broke.

        Raises:
            NotKept: Something was seen that was not promised.
        """


class NotKept(Exception):
    """A promise was seen broken while faults went on: its text says how."""


@dataclass(slots=True)
class Outcome:
    """What came of one run."""

    name: str
    promise: str
    seed: int
    wanted: int
    faults: int
    operations: int
    violations: list[Violation]
    evidence: Evidence
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """Whether the promise was kept under all the faults that were wanted."""
        return not self.violations and self.faults >= self.wanted


def play(
    stage: Stage, fault: Fault, *, seed: int, times: int, operations: int, progress: Callable[[int], None] | None = None
) -> Outcome:
    """Run clients and faults on a fresh scene, drain it, and judge what is left."""
    log = Log(operations, open_ended=True)
    with scene(stage, fault.setting, log) as place:
        with TransactionWatch(place) as watch:
            rng = random.Random(f"{seed}/faults/{fault.name}")
            struck, broken = _act(place, seed, lambda: fault.strike(place, times, rng, progress or (lambda _: None)))
        evidence = collect(place, seed)
        broken += _audit(place)
        figures = _figures(place, watch)
    found = [*broken, *watch.violations(), *check(evidence)]
    return Outcome(fault.name, fault.promise, seed, times, struck, len(log.operations), found, evidence, figures)


def _act(place: Scene, seed: int, strike: Callable[[], int]) -> tuple[int, list[Violation]]:
    """Let clients, jobs and faults go on together, and drain; tell how many faults struck, and what was seen broken."""
    habits, struck = place.setting.habits, 0
    clients = [Client(number, habits, seed, place.crew, place.log) for number in range(habits.clients)]
    for client in clients:
        client.now = place.now
    broken: list[Violation] = []
    with place.events.reading(), jobs.relaying(place), _deliveries(place):
        with jobs.sweeping(place):
            threads = run_clients(clients)
            try:
                struck = strike()
            except NotKept as seen:
                broken.append(Violation("seen", str(seen), {}))
            place.log.open_ended = False
            _join(threads, place.log)
        broken += _drain(place)
    return struck, broken


def _audit(place: Scene) -> list[Violation]:
    """Ask the audit, too. A clock that is moved on makes minutes of the seconds for which a key is held."""
    found = audited(place.database)
    return [Violation("audit", f"{name}: {rows}", {}) for name, rows in found.items() if name not in BY_A_FAST_CLOCK]


def _figures(place: Scene, watch: "TransactionWatch") -> Mapping[str, float]:
    operations = place.log.operations
    return {
        "unavailable_seconds": unavailable_seconds(operations),
        "longest_transaction_seconds": watch.longest_seconds,
        "added_seconds": added_seconds(operations, place.outages),
        "unanswered": sum(operation.unknown for operation in operations),
        "deaths": place.crew.deaths + place.jobs.deaths,
    }


def collect(place: Scene, seed: int) -> Evidence:
    """Gather all evidence of a run that has ended."""
    return Evidence(
        **rows_of(place.database),
        seed=seed,
        operations=sorted(place.log.operations, key=lambda operation: operation.started_ns),
        locks=place.crew.locks + place.jobs.locks,
        received=[message for message in place.events.received if message.event_id],  # without poison
        effects=effects_of(place.service.books),
        limit=SERVICE_LIMIT if place.setting.asks_user_service else LIMIT,
        parked=place.events.parked(),
        lock_breaks_ns=[at for outage in place.outages for at in outage],
        complete=place.setting.relays > 0,
        delivers=place.setting.delivers,
        orderly=place.setting.orderly,
    )


class TransactionWatch:
    """Looks twice a second for the longest open transaction or lock wait of the functions."""

    _QUERY = (
        "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'scheduler' AND xact_start IS NOT NULL"
        " AND pid <> pg_backend_pid()"
    )

    def __init__(self, place: Scene) -> None:
        """Watch the run's database."""
        self._database = place.own_database()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.longest_seconds = 0.0

    def __enter__(self) -> "TransactionWatch":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._over.set()
        self._thread.join(15)

    def violations(self) -> list[Violation]:
        """Tell of a transaction that was open for too long."""
        if self.longest_seconds <= MOST_TRANSACTION_SECONDS:
            return []
        return [Violation("I10", f"a transaction was open for {self.longest_seconds:.1f} s", {})]

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            try:
                self.longest_seconds = max(self.longest_seconds, self._database.call(self._QUERY, {}))
            except Exception:
                continue
        self._database.close()


def unavailable_seconds(operations: Sequence[Operation]) -> float:
    """Measure the longest time in which nobody was served though somebody asked: from answer to answer."""
    served = sorted(o.ended_ns for o in operations if o.status is not None and o.status < 500)
    failed = sorted(o.ended_ns for o in operations if o.status is None or o.status >= 500)
    longest, at = 0, 0
    for before, after in pairwise(served):
        while at < len(failed) and failed[at] < before:
            at += 1
        if at < len(failed) and failed[at] < after:
            longest = max(longest, after - before)
    return longest / 1e9


def added_seconds(operations: Sequence[Operation], outages: Sequence[tuple[int, int]]) -> float:
    """Give how much longer an answer took during the outages of a part than otherwise: difference of the medians."""
    during, otherwise = [], []
    for operation in operations:
        met = any(operation.started_ns < end and operation.ended_ns > start for start, end in outages)
        (during if met else otherwise).append(operation.ended_ns - operation.started_ns)
    return (median(during) - median(otherwise)) / 1e9 if during and otherwise else 0.0


def _deliveries(place: Scene) -> AbstractContextManager[object]:
    if not place.setting.delivers:
        return nullcontext()
    return place.events.mapping(lambda event: jobs.deliver(place, event), POLLERS)


def _join(threads: Sequence[threading.Thread], log: Log) -> None:
    deadline = time.monotonic() + CLIENT_END_SECONDS
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    log.closing.set()
    for thread in threads:
        thread.join(CLIENT_END_SECONDS)
        if thread.is_alive():
            raise TimeoutError("a client does not come to its end")


def _drain(place: Scene) -> list[Violation]:
    """Wait until all that happened has been told to everybody, as long as less and less is left."""
    least, deadline = math.inf, time.monotonic() + DRAIN_SECONDS
    while left := _left(place):
        if left < least:
            least, deadline = left, time.monotonic() + DRAIN_SECONDS
        if time.monotonic() > deadline:
            return [Violation("drained", f"{left} events are not published, or messages not consumed", {})]
        time.sleep(0.1)
    return []


def _left(place: Scene) -> float:
    try:
        waiting: int = place.database.call("SELECT count(*) FROM outbox WHERE published_at IS NULL", {})
    except Unavailable:
        return math.inf
    if not place.setting.relays:
        return 0
    events = place.events
    return waiting + events.left(events.all_url) + (events.left(events.usage_url) if place.setting.delivers else 0)
