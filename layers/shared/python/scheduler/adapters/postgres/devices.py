"""devices: the fleet and what of it is free."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.extras import Json

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.keys import key_row
from scheduler.domain.model import AvailableFilter, AvailablePage, FreeDevice, RequestKey
from scheduler.domain.outcome import Facts


class PostgresDevices:
    """Lists, adds and changes devices."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def available(self, wanted: AvailableFilter) -> AvailablePage:
        """List free devices by id (keyset), and count all that match, in one round trip."""
        facts = self._database.call(
            "SELECT available_devices(%(tenant)s, %(wants)s::device_wants, %(after)s, %(limit)s)",
            {
                "tenant": wanted.tenant_id,
                "wants": (wanted.device_type, wanted.min_cpu, wanted.min_memory_mb, None),
                "after": wanted.after_id or "",
                "limit": wanted.limit + 1,
            },
        )
        found = tuple(FreeDevice(*device) for device in facts["devices"])
        return AvailablePage(devices=found[: wanted.limit], total=facts["total"], more=len(found) > wanted.limit)

    def register(self, devices: Sequence[Mapping[str, Any]], key: RequestKey | None) -> Facts:
        """Add devices, all or none; members are named as the columns."""
        facts: Facts = self._database.call(
            "SELECT register_devices(%(devices)s, %(key)s::request_key)",
            {"devices": Json(list(devices)), "key": key_row(key)},
        )
        return facts

    def change(self, device_id: str, changes: Mapping[str, Any]) -> Facts:
        """Change the named columns of a device; its class and score follow."""
        facts: Facts = self._database.call(
            "SELECT change_device(%(device)s, %(changes)s)", {"device": device_id, "changes": Json(dict(changes))}
        )
        return facts

    def follow_policy(self, *, recycles: bool, minutes: int) -> None:
        """Make ends and sweeps follow a policy: whether devices that come back are wiped, and how long it may take."""
        self._database.call(
            "UPDATE fleet_policy SET recycles = %(recycles)s, recycle_minutes = %(minutes)s"
            " WHERE (recycles, recycle_minutes) <> (%(recycles)s, %(minutes)s)",
            {"recycles": recycles, "minutes": minutes},
        )
