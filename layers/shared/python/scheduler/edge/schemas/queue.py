"""Join, see and leave the queue."""

# ruff: noqa: N815  wire names
from typing import Annotated, Any, Self

from msgspec import Meta
from msgspec.structs import asdict

from scheduler.domain.calibration import Calibration
from scheduler.domain.model import DeviceWants, RequestKey
from scheduler.domain.queue import QueueRequest, WaitFigures
from scheduler.edge.fields import Id, Metadata, Minutes, ShortText, View, WaitMinutes, WireModel
from scheduler.edge.identity import Caller
from scheduler.edge.schemas.allocations import DEFAULT_WAIT_MINUTES, PreferredSpecs
from scheduler.edge.schemas.waits import WaitBand
from scheduler.service.queue import QueueStatistics


class JoinBody(WireModel):
    """Who waits for a device, for how long at most, of what kind; its minutes start at the grant."""

    EXAMPLES = ({"userId": "alice", "durationMinutes": 30, "preferredSpecs": {"minCpu": 4}, "maxWaitMinutes": 45},)

    userId: Id
    tenantId: Id | None = None
    durationMinutes: Minutes = 60
    preferredSpecs: PreferredSpecs | None = None
    deviceType: ShortText | None = None
    maxWaitMinutes: WaitMinutes = DEFAULT_WAIT_MINUTES
    metadata: Metadata | None = None

    def to_request(self, who: Caller, key: RequestKey | None) -> QueueRequest:
        """Read it as the caller's wish.

        Raises:
            Forbidden: It names a user or tenant that the caller may not act for.
        """
        specs = self.preferredSpecs or PreferredSpecs()
        return QueueRequest(
            user=who.acting_for(self.userId, self.tenantId),
            minutes=self.durationMinutes,
            max_wait_minutes=self.maxWaitMinutes,
            wants=DeviceWants(self.deviceType, specs.minCpu, specs.minMemory, specs.minStorage),
            metadata=self.metadata,
            key=key,
        )


_FIGURES: dict[str, Any] = {
    "waiting": 3,
    "fulfilled": 57,
    "expired": 3,
    "cancelled": 4,
    "successRate": 0.95,
    "waitSeconds": {"p50": 190, "p90": 840},
}


class WaitFiguresView(View):
    """Counts of waits, and seconds that the fulfilled ones took; null: there was none."""

    waiting: int
    fulfilled: int
    expired: int
    cancelled: int
    successRate: Annotated[float | None, Meta(description="fulfilled / (fulfilled + expired), 0 to 1")]
    waitSeconds: WaitBand | None

    @classmethod
    def of(cls, figures: WaitFigures) -> Self:
        """View the figures of all, or of one tier."""
        waits = None
        if figures.p50 is not None and figures.p90 is not None:
            waits = WaitBand(p50=round(figures.p50), p90=round(figures.p90))
        return cls(
            waiting=figures.waiting,
            fulfilled=figures.fulfilled,
            expired=figures.expired,
            cancelled=figures.cancelled,
            successRate=figures.success_rate,
            waitSeconds=waits,
        )


class CalibrationView(View):
    """How the estimates told at the join were kept; a wait that ended unserved before its p90 is unknown."""

    days: int
    known: int
    unknown: int
    withinP50: int
    withinP90: int
    shareWithinP90: float | None

    @classmethod
    def of(cls, calibration: Calibration) -> Self:
        """View a calibration."""
        return cls(
            days=calibration.days,
            known=calibration.known,
            unknown=calibration.unknown,
            withinP50=calibration.within_p50,
            withinP90=calibration.within_p90,
            shareWithinP90=calibration.share_within_p90,
        )


class QueueStatisticsView(WaitFiguresView):
    """The line now, how the waits of the last hours ended, and how its promises are kept."""

    EXAMPLES = (
        _FIGURES
        | {
            "hours": 24,
            "byTier": {"pro": _FIGURES},
            "calibration": {
                "days": 7,
                "known": 412,
                "unknown": 9,
                "withinP50": 221,
                "withinP90": 379,
                "shareWithinP90": 0.92,
            },
        },
    )

    hours: int
    byTier: dict[str, WaitFiguresView]
    calibration: CalibrationView

    @classmethod
    def of_all(cls, statistics: QueueStatistics) -> Self:
        """View statistics."""
        return cls(
            **asdict(WaitFiguresView.of(statistics.total)),
            hours=statistics.hours,
            byTier={str(row.tier): WaitFiguresView.of(row) for row in statistics.by_tier},
            calibration=CalibrationView.of(statistics.calibration),
        )


class ProcessBody(WireModel):
    """How many waiters to serve at most."""

    EXAMPLES = ({"limit": 50},)

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class ServedCount(View):
    """How many waiters were served."""

    EXAMPLES = ({"served": 2},)

    served: int
