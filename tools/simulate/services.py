"""The production use cases on a stage, with nothing around them that a simulated day has not."""

from collections import Counter
from collections.abc import Sequence

from scheduler.adapters.open_gate import NoCache, OpenGate
from scheduler.domain.calibration import Calibration, Estimate
from scheduler.service.allocator import Allocator
from scheduler.service.dispatcher import Dispatcher
from scheduler.service.expirer import Expirer
from scheduler.service.fleet import Fleet
from scheduler.service.line import Line
from scheduler.service.queue import Queue
from scheduler.service.releaser import Releaser
from scheduler.service.renewer import Renewer
from tools.simulate.stage import Stage
from tools.simulate.watched import Seen, WatchedAllocations, WatchedQueue

AGEING_MINUTES = 10
HOLD_MINUTES = 15


class Tally:
    """Counts what the services count; forgets what they observe."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.counted: Counter[str] = Counter()

    def count(self, name: str, value: float = 1) -> None:
        """Add to a counter."""
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

    def __init__(self, stage: Stage) -> None:
        """Wire them as the functions do."""
        self.seen, self.tally = Seen(), Tally()
        allocations, entries = WatchedAllocations(stage.allocations, self.seen), WatchedQueue(stage.queue, self.seen)
        gate, cache = OpenGate(), NoCache()
        line = Line(entries, allocations, stage.quotas, cache, self.tally)
        self.allocator = Allocator(allocations, stage.quotas, gate, self.tally)
        self.releaser = Releaser(allocations, gate, self.tally)
        self.renewer = Renewer(stage.renewals, stage.quotas, gate, self.tally)
        self.expirer = Expirer(allocations, stage.keys, cache, self.tally)
        self.fleet = Fleet(stage.devices, cache)
        self.queue = Queue(entries, line, stage.quotas, NoEstimates(), self.tally, ageing_minutes=AGEING_MINUTES)
        self.dispatcher = Dispatcher(
            entries, line, NoReservations(), stage.keys, self.tally, hold_minutes=HOLD_MINUTES, pause=lambda _: None
        )
