"""The production use cases on a stage, with nothing around them that a simulated day has not."""

from collections import Counter
from collections.abc import Sequence

from scheduler.adapters.open_gate import NoCache, OpenGate
from scheduler.domain.calibration import Calibration, Estimate
from scheduler.ports.queue import Keeper
from scheduler.service.allocator import Allocator
from scheduler.service.attendance import Attendance
from scheduler.service.dispatcher import Dispatcher
from scheduler.service.expirer import Expirer
from scheduler.service.fleet import Fleet
from scheduler.service.line import Line
from scheduler.service.queue import Queue
from scheduler.service.releaser import Releaser
from scheduler.service.renewer import Renewer
from scheduler.service.reservation_keeper import KeepingPolicy, ReservationKeeper
from scheduler.service.reserver import Reserver
from tools.simulate.stage import Stage
from tools.simulate.watched import Seen, WatchedAllocations, WatchedCalendar, WatchedQueue

AGEING_MINUTES = 10
HOLD_MINUTES = 15
NOTICE_MINUTES = 15
"""Before its start a reservation without a device fails."""
NO_SHOW_MINUTES = 10
"""After its start a reservation ends that nobody came for."""


class Tally:
    """Counts what the services count; forgets what they observe."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.counted: Counter[str] = Counter()

    def count(self, name: str, value: float = 1) -> None:
        """Add to a counter. A part of dispatch that fails is left to its next run elsewhere; here it ends the run."""
        if name == "DispatchPartFailed":
            raise RuntimeError("A part of dispatch failed")
        self.counted[name] += int(value)

    def observe(self, name: str, value: float, unit: str) -> None:
        """Keep nothing."""


class NoReservations:
    """Keeps none."""

    def execute_due(self) -> int:
        """Find none that has begun."""
        return 0

    def move_endangered(self) -> int:
        """Find none in danger."""
        return 0

    def end_no_shows(self) -> int:
        """Find nobody missing."""
        return 0


class NoEstimates:
    """Cannot tell how long a wait takes."""

    def estimate(self, entry_ids: Sequence[str]) -> dict[str, Estimate]:  # noqa: ARG002
        """Tell of none."""
        return {}

    def promise(self, entry_id: str) -> Estimate | None:  # noqa: ARG002
        """Promise nothing."""
        return None

    def calibration(self, tenant_id: str | None = None) -> Calibration:  # noqa: ARG002
        """Tell of no promise."""
        return Calibration(days=7, known=0, within_p50=0, within_p90=0, unknown=0)


class Services:
    """What users, schedules and operators call."""

    def __init__(self, stage: Stage, *, reserves: bool = False) -> None:
        """Wire them as the functions do; unless somebody reserves, dispatch looks for no reservation."""
        self.seen, self.tally, self.reserves = Seen(), Tally(), reserves
        allocations, entries = WatchedAllocations(stage.allocations, self.seen), WatchedQueue(stage.queue, self.seen)
        gate, cache = OpenGate(), NoCache()
        line = Line(entries, allocations, stage.quotas, cache, self.tally)
        self.allocator = Allocator(allocations, stage.quotas, gate, self.tally)
        self.releaser = Releaser(allocations, gate, self.tally)
        self.renewer = Renewer(stage.renewals, stage.quotas, gate, self.tally)
        self.expirer = Expirer(allocations, stage.keys, cache, self.tally)
        self.fleet = Fleet(stage.devices, cache)
        self.queue = Queue(entries, line, stage.quotas, NoEstimates(), self.tally, ageing_minutes=AGEING_MINUTES)
        self.reserver = Reserver(stage.reservations, stage.keys, stage.quotas, gate, self.tally)
        self.attendance = Attendance(stage.reservations)
        keeper: Keeper = NoReservations()
        if reserves:
            calendar = WatchedCalendar(stage.calendar, self.seen)
            policy = KeepingPolicy(NOTICE_MINUTES, NO_SHOW_MINUTES)
            keeper = ReservationKeeper(calendar, stage.quotas, cache, self.tally, policy)
        self.dispatcher = Dispatcher(
            entries, line, keeper, stage.keys, self.tally, hold_minutes=HOLD_MINUTES, pause=lambda _: None
        )
