"""outbox, inbox and leases: events that wait, events that were applied, and who may run a job."""

from collections.abc import Collection, Sequence

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.events import Backlog, OutboxEvent

MOST_COUNTED = 1000
"""Beyond it, how many more there are tells nobody more."""


class PostgresOutbox:
    """Where events wait until the relay has published them."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def acquire_lease(self, holder: str, seconds: float) -> bool:
        """Become or stay the one relay; a killed holder's lease runs out."""
        held: bool = self._database.call(
            "SELECT acquire_lease('relay', %(holder)s, %(seconds)s)", {"holder": holder, "seconds": seconds}
        )
        return held

    def oldest(self, limit: int, without: Collection[str] = ()) -> Sequence[OutboxEvent]:
        """Read the oldest unpublished events, without those of some groups.

        By position, never past a remembered one (an event with a smaller id may commit later), and without SKIP LOCKED
        (which would let a later event of a device overtake an earlier one).
        """
        rows = self._database.rows(
            "SELECT id AS position, event_id::text AS id, type, subject, group_id, occurred_at, data,"
            " extract(epoch FROM scheduler_clock() - occurred_at)::float8 AS waited_seconds"
            " FROM outbox WHERE published_at IS NULL AND group_id <> ALL (%(without)s::text[])"
            " ORDER BY outbox.id LIMIT %(limit)s",
            {"limit": limit, "without": list(without)},
        )
        return [OutboxEvent(**row) for row in rows]

    def backlog(self) -> Backlog:
        """Tell what waits, by the index of what is unpublished."""
        (row,) = self._database.rows("SELECT * FROM outbox_backlog(%(most)s)", {"most": MOST_COUNTED})
        return Backlog(**row)

    def mark_published(self, positions: Sequence[int]) -> None:
        """Mark by id, all with one instant, in whatever order they lie; marking twice changes nothing."""
        self._database.call(
            "UPDATE outbox SET published_at = (SELECT scheduler_clock())"
            " WHERE id = ANY (%(ids)s) AND published_at IS NULL",
            {"ids": list(positions)},
        )


class PostgresInbox:
    """Which events each consumer has applied."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def has(self, consumer: str, event_id: str) -> bool:
        """Tell whether the consumer has applied the event."""
        found: bool = self._database.call(
            "SELECT EXISTS (SELECT FROM inbox WHERE consumer = %(consumer)s AND event_id = %(event)s)",
            {"consumer": consumer, "event": event_id},
        )
        return found

    def add(self, consumer: str, event_id: str) -> None:
        """Remember that the consumer has applied the event."""
        self._database.call(
            "INSERT INTO inbox (consumer, event_id, received_at) VALUES (%(consumer)s, %(event)s, scheduler_clock())"
            " ON CONFLICT DO NOTHING",
            {"consumer": consumer, "event": event_id},
        )
