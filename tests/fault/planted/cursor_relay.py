"""Remember the last event that was read, and read on behind it."""

from collections.abc import Collection
from typing import Any

from scheduler.adapters.postgres.outbox import PostgresOutbox
from tests.fault.planted.bug import TOLD, Bug
from tests.fault.planted.drama import HOLD_COMMITS, Drama


def read_behind_the_last() -> None:
    """Make the relay do so."""
    oldest = PostgresOutbox.oldest
    last = [0]

    def reading(self: PostgresOutbox, limit: int, without: Collection[str] = ()) -> Any:
        events = [event for event in oldest(self, limit, without) if event.position > last[0]]
        last[0] = max([last[0], *(event.position for event in events)])
        return events

    PostgresOutbox.oldest = reading  # type: ignore[method-assign]


def an_earlier_event_commits_later(drama: Drama) -> None:
    """Ben's event has the smaller position; ana's is read first."""
    with drama.holding(HOLD_COMMITS):
        slow = drama.later(lambda: drama.allocate(drama.ben))
        drama.wait_for(lambda: drama.blocked() == 1)
        assert drama.allocate(drama.ana).status == 201
        drama.relay()
    assert slow.result().status == 201


BUG = Bug("id > last cursor", "events", an_earlier_event_commits_later, setting=TOLD, in_workers=read_behind_the_last)
