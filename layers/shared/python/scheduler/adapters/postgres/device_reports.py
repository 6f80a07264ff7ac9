"""What devices tell of themselves: device_heartbeats, and the end of a wipe."""

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.interventions import mark_row
from scheduler.domain.incoming import DeviceHeartbeat, DeviceRecycled
from scheduler.domain.outcome import Facts


class PostgresDeviceReports:
    """Keeps reports. The routines settle which is the newest; see routines/<name>.sql."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def note_heartbeat(self, event: DeviceHeartbeat) -> Facts:
        """Keep a device's load; heartbeats have an order of their own, when they were observed."""
        facts: Facts = self._database.call(
            "SELECT note_heartbeat(%(device)s, %(cpu)s, %(memory)s, %(storage)s, %(at)s)",
            {
                "device": event.device_id,
                "cpu": event.cpu_usage,
                "memory": event.memory_usage,
                "storage": event.storage_usage,
                "at": event.observed_at,
            },
        )
        return facts

    def note_recycled(self, event: DeviceRecycled, reason: str) -> Facts:
        """Take back a device that was wiped, once an event."""
        facts: Facts = self._database.call(
            "SELECT note_recycled(%(event)s::incoming_event, %(device)s, %(reason)s)",
            {"event": mark_row(event.mark), "device": event.device_id, "reason": reason},
        )
        return facts
