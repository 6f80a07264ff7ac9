"""Plays a week: one event after the other, each answered by the real services before the clock jumps on."""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from scheduler.adapters.open_gate import NoCache, OpenGate
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.keys import PostgresKeys
from scheduler.adapters.postgres.outlook import PostgresOutlook
from scheduler.adapters.postgres.queue import PostgresQueue
from scheduler.adapters.postgres.quotas import BuiltInQuotas
from scheduler.adapters.postgres.renewals import PostgresRenewals
from scheduler.domain.errors import NoAvailableDevices, SchedulerError
from scheduler.domain.model import AllocationRequest, ReleaseRequest
from scheduler.domain.queue import EntryStatus, QueueRequest
from scheduler.domain.renewal import RenewalRequest
from scheduler.service.allocator import Allocator
from scheduler.service.dispatcher import Dispatcher
from scheduler.service.estimator import Estimator
from scheduler.service.expirer import Expirer
from scheduler.service.line import Line
from scheduler.service.queue import Queue
from scheduler.service.releaser import Releaser
from scheduler.service.renewer import Renewer
from tests.simulation.demand import DAY, KINDS, TENANT, USERS, Arrival, arrivals, plan_of
from tests.support.clock import Clock
from tests.support.fake_meter import FakeMeter
from tests.support.waiters import AGEING_MINUTES, HOLD_MINUTES, NoReservations

RENEWS_BEFORE_END = 300.0
_FLEET = """
INSERT INTO spec_classes (pool, device_type, cpu_cores, memory_mb, storage_mb)
SELECT '', 'android-14', cpu, memory, 65536 FROM unnest(%(cpu)s::int[], %(memory)s::int[]) AS kinds (cpu, memory);
INSERT INTO devices (id, name, device_type, cpu_cores, memory_mb, storage_mb, adb_host, adb_port, class_id)
SELECT format('device-%%s-%%s', k.cpu, n), 'phone', c.device_type, c.cpu_cores, c.memory_mb, c.storage_mb,
       '10.0.0.7', 5555, c.id
  FROM unnest(%(cpu)s::int[], %(count)s::int[]) AS k (cpu, count)
  JOIN spec_classes c ON c.cpu_cores = k.cpu CROSS JOIN LATERAL generate_series(1, k.count) n;
"""


class Week:
    """The fleet, those who come, and the clock."""

    def __init__(self, database: Database, seed: int, days: float = 7, a_day: float = 250) -> None:
        """Register the fleet and the users' plans; draw who comes."""
        self.tally: Counter[str] = Counter()
        self._database = database
        self._clock = Clock(database)
        self._clock.stop()
        self._now = 0.0
        self._plan(seed, days, a_day)
        self._wire()
        database.call(
            _FLEET,
            {"cpu": [c for c, _ in KINDS], "memory": [m for _, m in KINDS], "count": list(KINDS.values())},
        )
        database.call(
            "INSERT INTO quotas (tenant_id, user_id, plan_name)"
            " SELECT %(tenant)s, 'user-' || n, plan FROM unnest(%(plans)s::text[]) WITH ORDINALITY AS p (plan, n)",
            {"tenant": TENANT, "plans": [plan_of(number + 1) for number in range(USERS)]},
        )

    def play(self, progress: Callable[[float], None] = lambda _: None) -> None:
        """Play until nothing is left to happen."""
        while self._events:
            at, _, act = heapq.heappop(self._events)
            self._clock.advance(seconds=max(at - self._now, 0))
            self._now = max(at, self._now)
            progress(self._now / DAY)
            act()

    def waits(self) -> list[dict[str, Any]]:
        """Give all waits that ended: status, seconds waited, and what was promised at the join."""
        return self._database.rows(
            "SELECT status, extract(epoch FROM ended_at - joined_at)::float AS waited, promised_p50, promised_p90,"
            " raw_p50, raw_p90, tier FROM queue_entries WHERE status <> 'waiting' ORDER BY joined_at",
            {},
        )

    def _plan(self, seed: int, days: float, a_day: float) -> None:
        self._order = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._waiting: dict[str, Arrival] = {}
        for arrival in arrivals(seed, days, a_day):
            self._at(arrival.at, partial(self._arrive, arrival))

    def _wire(self) -> None:
        allocations = PostgresAllocations(self._database)
        quotas, keys = BuiltInQuotas(self._database, "pro"), PostgresKeys(self._database)
        gate, meter = OpenGate(), FakeMeter()
        self._allocator = Allocator(allocations, quotas, gate, meter)
        self._releaser = Releaser(allocations, gate, meter)
        self._renewer = Renewer(PostgresRenewals(self._database), quotas, gate, meter)
        self._expirer = Expirer(allocations, keys, NoCache(), meter)
        self.estimator = Estimator(PostgresOutlook(self._database, HOLD_MINUTES))
        entries = PostgresQueue(self._database)
        line = Line(entries, allocations, quotas, NoCache(), meter)
        self._queue = Queue(entries, line, quotas, self.estimator, meter, ageing_minutes=AGEING_MINUTES)
        self._dispatcher = Dispatcher(entries, line, NoReservations(), keys, meter, hold_minutes=HOLD_MINUTES)

    def _at(self, at: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at, next(self._order), act))

    def _at_next_minute(self, at: float, act: Callable[[], None]) -> None:
        """The schedule runs each minute; what has nothing to do is left out."""
        self._at((int(at / 60) + 1) * 60.0, act)

    def _arrive(self, arrival: Arrival) -> None:
        self.tally["arrived"] += 1
        try:
            grant = self._allocator.allocate(AllocationRequest(arrival.user, arrival.minutes, arrival.wants))
        except NoAvailableDevices:
            self._join(arrival)
        except SchedulerError as refusal:
            self.tally[refusal.code] += 1
        else:
            self.tally["granted at once"] += 1
            self._begin(arrival, grant.id, grant.device_id)

    def _join(self, arrival: Arrival) -> None:
        wish = QueueRequest(arrival.user, arrival.minutes, arrival.max_wait_minutes, arrival.wants)
        try:
            wait = self._queue.join(wish)
        except SchedulerError as refusal:
            self.tally[refusal.code] += 1
            return
        self.tally["joined"] += 1
        self._waiting[wait.entry.id] = arrival
        self._at_next_minute(self._now + arrival.max_wait_minutes * 60, self._dispatch)
        self._at_next_minute(self._now + HOLD_MINUTES * 60, self._dispatch)
        if arrival.cancels_after is not None:
            self._at(self._now + arrival.cancels_after, partial(self._cancel, wait.entry.id))
        self._meet_served()

    def _cancel(self, entry_id: str) -> None:
        if entry_id in self._waiting:
            self._queue.cancel(entry_id, None, None, None)
            self._meet_served()

    def _begin(self, arrival: Arrival, allocation_id: str, device_id: str) -> None:
        end = self._now + arrival.minutes * 60
        if arrival.gives_back_after is not None:
            self._at(self._now + arrival.gives_back_after, partial(self._give_back, allocation_id, device_id))
        if arrival.renews_by:
            self._at(end - RENEWS_BEFORE_END, partial(self._renew, arrival, allocation_id))
            self._at_next_minute(end + arrival.renews_by * 60, self._sweep)
        self._at_next_minute(end, self._sweep)

    def _give_back(self, allocation_id: str, device_id: str) -> None:
        try:
            self._releaser.release(ReleaseRequest(None, None, device_id, allocation_id))
            self.tally["given back"] += 1
        except SchedulerError as refusal:
            self.tally[refusal.code] += 1
        self._dispatch()

    def _renew(self, arrival: Arrival, allocation_id: str) -> None:
        try:
            self._renewer.renew(RenewalRequest(None, None, allocation_id, arrival.renews_by))
            self.tally["renewed"] += 1
        except SchedulerError as refusal:
            self.tally[refusal.code] += 1

    def _sweep(self) -> None:
        self._expirer.expire()
        self._dispatch()

    def _dispatch(self) -> None:
        """Runs each minute, and is nudged by whatever frees a device; nothing is left to do when nobody waits."""
        if self._waiting:
            self._dispatcher.nudge()
            self._meet_served()

    def _meet_served(self) -> None:
        """See whose wait is over; the served begin to use their devices."""
        over = self._database.rows(
            "SELECT id::text, status, allocation_id::text, device_id FROM queue_entries"
            " WHERE id = ANY (%(waiting)s::uuid[]) AND status <> 'waiting'",
            {"waiting": list(self._waiting)},
        )
        for entry in over:
            arrival = self._waiting.pop(entry["id"])
            self.tally[entry["status"]] += 1
            if entry["status"] == EntryStatus.FULFILLED:
                self._begin(arrival, entry["allocation_id"], entry["device_id"])
