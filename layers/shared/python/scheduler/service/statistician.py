"""Take the hourly picture of the fleet."""

from collections.abc import Mapping
from typing import Any

from scheduler.ports import Meter, Upkeep

_METRICS = {
    "devices": ("Devices", "Count"),
    "running": ("DevicesRunning", "Count"),
    "free": ("DevicesFree", "Count"),
    "allocated": ("DevicesAllocated", "Count"),
    "overdue": ("AllocationsOverdue", "Count"),
    "unpublishedEvents": ("OutboxUnpublished", "Count"),
    "oldestUnpublishedSeconds": ("OutboxOldest", "Seconds"),
}


class Statistician:
    """Keeps one snapshot a full hour and sends its figures as metrics."""

    def __init__(self, upkeep: Upkeep, meter: Meter) -> None:
        """Take where figures are counted and where they go."""
        self._upkeep = upkeep
        self._meter = meter

    def take(self) -> Mapping[str, Any]:
        """Count, keep, send; a second run in the hour keeps the first one's row."""
        figures = self._upkeep.take_statistics()
        for figure, (metric, unit) in _METRICS.items():
            self._meter.observe(metric, float(figures[figure]), unit)
        running = figures["running"]
        self._meter.observe("Utilisation", 100 * figures["allocated"] / running if running else 0.0, "Percent")
        return figures
