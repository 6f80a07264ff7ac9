"""Publish the event when the grant has committed, and only note in the outbox that it went out."""

from datetime import UTC, datetime
from typing import Any

from psycopg2.extras import Json

from scheduler.adapters.aws.publisher import SnsPublisher
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.domain.events import OutboxEvent
from scheduler.domain.outcome import Facts
from scheduler.settings import settings
from tests.fault.planted.bug import TOLD, Bug, respell
from tests.fault.planted.drama import Drama

_TOLD = ("allocationId", "deviceId", "userId", "tenantId", "allocatedAt", "expiresAt", "fencingToken")


def grant_without_event(database: Database) -> None:
    """Take the event out of the transaction."""
    respell(database, "lend_device", (r"INSERT INTO outbox.*?;", ""))


def publish_directly() -> None:
    """Make workers publish."""
    claim = PostgresAllocations.claim

    def claiming(self: PostgresAllocations, request: Any, terms: Any, *, last_attempt: bool) -> Any:
        facts = claim(self, request, terms, last_attempt=last_attempt)
        if facts["outcome"] == "granted":
            _publish(self._database, facts)
        return facts

    PostgresAllocations.claim = claiming  # type: ignore[method-assign]


def _publish(database: Database, facts: Facts) -> None:
    device, data = facts["deviceId"], {name: facts[name] for name in _TOLD}
    event_id = database.call("SELECT gen_random_uuid()::text", {})
    event = OutboxEvent(1, event_id, "device.allocated", device, device, datetime.now(UTC), data)
    SnsPublisher(settings().events_topic_arn).publish([event])
    database.call(
        "INSERT INTO outbox (event_id, type, subject, group_id, tenant_id, data, occurred_at, published_at)"
        " VALUES (%(id)s, 'device.allocated', %(device)s, %(device)s, %(tenant)s, %(data)s, now(), now())",
        {"id": event_id, "device": device, "tenant": facts["tenantId"], "data": Json(data)},
    )


def one_dies_after_its_grant(drama: Drama) -> None:
    """Nobody is left who would publish."""
    assert drama.allocate(drama.ana).status == 201
    drama.die_with_a_grant(drama.cat)


BUG = Bug(
    "publish instead of outbox",
    "events",
    one_dies_after_its_grant,
    setting=TOLD,
    in_workers=publish_directly,
    in_database=grant_without_event,
)
