"""What is remembered of how devices served: counts that fade, of a device, or of all of a host or a model."""

from dataclasses import dataclass, replace
from math import exp2

from scheduler.domain.placement_model import PlacementModel

DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of a device, or of all devices of a host or a model. Old things fade.

    Attributes:
        failed: Sessions in which it failed; fading, so not whole.
        at_risk: Standard hours of use; fading.
        starts: Starts whose time was seen; fading.
        start_seconds: Sum of those times, as on an idle host; fading.
        used_hours: Of use in all: its wear. Does not fade. (Of a group: of all its devices.)
        as_of: The time up to which it has faded, in seconds since 1970.
    """

    failed: float = 0.0
    at_risk: float = 0.0
    starts: float = 0.0
    start_seconds: float = 0.0
    used_hours: float = 0.0
    as_of: float = 0.0

    def decayed(self, at: float, half_life_days: float) -> "Record":
        """Let it fade up to a time; an earlier time than `as_of` changes nothing."""
        if at <= self.as_of:
            return self
        left = exp2((self.as_of - at) / (half_life_days * DAY_SECONDS))
        return Record(
            self.failed * left, self.at_risk * left, self.starts * left, self.start_seconds * left, self.used_hours, at
        )

    def without(self, other: "Record", half_life_days: float) -> "Record":
        """Take a part out: what the others of a group have seen."""
        at = max(self.as_of, other.as_of)
        all_of_them, part = self.decayed(at, half_life_days), other.decayed(at, half_life_days)
        return Record(
            max(all_of_them.failed - part.failed, 0.0),
            max(all_of_them.at_risk - part.at_risk, 0.0),
            max(all_of_them.starts - part.starts, 0.0),
            max(all_of_them.start_seconds - part.start_seconds, 0.0),
            max(all_of_them.used_hours - part.used_hours, 0.0),
            at,
        )


UNSEEN = Record()
"""Nothing is known."""


@dataclass(frozen=True, slots=True)
class Session:
    """An ended allocation, as it bears on failing.

    Attributes:
        ended_at: Seconds since 1970.
        hours: Of use: until the failure, or the end.
        failed: Whether the device failed her.
        kind: The device's model; None: unknown.
        load: Of its host at the grant, 0 to 1; None: unknown.
        start_seconds: Until it could be used; None: unknown.
    """

    ended_at: float
    hours: float
    failed: bool
    kind: str | None = None
    load: float | None = None
    start_seconds: float | None = None


def fold(model: PlacementModel, record: Record, session: Session, used_hours: float | None = None) -> Record:
    """Add a session to a record.

    Args:
        model: Says how it fades, and what hours count for.
        record: Of the session's device, or of the device's host or model.
        session: What ended.
        used_hours: The device's before the session, for the record of its host or model; None: the record's own.
    """
    worn = record.used_hours if used_hours is None else used_hours
    before = record.decayed(session.ended_at, model.half_life_days)
    risk = session.hours * model.multiplier(session.kind, session.load, worn)
    told = session.start_seconds is not None
    start = (session.start_seconds or 0.0) / model.slowness(session.load)
    return replace(
        before,
        failed=before.failed + session.failed,
        at_risk=before.at_risk + risk,
        starts=before.starts + told,
        start_seconds=before.start_seconds + start,
        used_hours=before.used_hours + session.hours,
    )
