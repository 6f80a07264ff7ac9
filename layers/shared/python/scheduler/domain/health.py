"""How well a device is: one figure for operators, from what it reports and how its last sessions ended."""

from dataclasses import dataclass
from datetime import datetime

FRESH_SECONDS = 120
"""A heartbeat up to this old says how the device is now."""
SILENT_SECONDS = 900
"""One this old says nothing any more."""
BUSY_PERCENT = 80
"""Up to here a load does no harm."""
MOST_FAILURES = 3
"""So many sessions that failed in a row quarantine a device."""
FRESHNESS_WEIGHT, LOAD_WEIGHT, SESSIONS_WEIGHT = 40, 20, 40


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a device reported last: percent in use, when that was, and how long ago by the database's clock."""

    cpu_usage: float
    memory_usage: float
    storage_usage: float
    observed_at: datetime
    age_seconds: float


def health_score(heartbeat: Heartbeat | None, failures_in_row: int) -> int:
    """Rate a device from 0 (do not trust it) to 100 (nothing speaks against it).

    The sum of three parts, rounded:

    - 40 for a fresh heartbeat: all of it up to 2 minutes of age, then less in a straight line, nothing from 15 minutes;
    - 20 for room to work: all of it while the busiest of cpu, memory and storage is up to 80 %, nothing at 100 %;
    - 40 for its sessions: a third less for each one in a row that failed; the third quarantines it.

    A device that never sent a heartbeat has all of the first two parts: not every host reports. One that stopped
    reporting is punished, since something has changed. A heavy load alone is no fault, and so weighs least.

    Args:
        heartbeat: The last report, or None when there was none.
        failures_in_row: Sessions that failed on it since the last one that did not, at least 0.

    Returns:
        The score, 0 to 100. It does not know status and life: they are shown beside it.
    """
    freshness = room = 1.0
    if heartbeat is not None:
        freshness = _falling(heartbeat.age_seconds, FRESH_SECONDS, SILENT_SECONDS)
        busiest = max(heartbeat.cpu_usage, heartbeat.memory_usage, heartbeat.storage_usage)
        room = _falling(busiest, BUSY_PERCENT, 100)
    sessions = _falling(failures_in_row, 0, MOST_FAILURES)
    return round(FRESHNESS_WEIGHT * freshness + LOAD_WEIGHT * room + SESSIONS_WEIGHT * sessions)


def _falling(value: float, full: float, none: float) -> float:
    """Fall in a straight line from 1 at `full` and before to 0 at `none` and after."""
    return min(max((none - value) / (none - full), 0.0), 1.0)
