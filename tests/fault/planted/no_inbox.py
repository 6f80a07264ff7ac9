"""Tell every message that comes, as if none could come twice."""

from dataclasses import replace

from scheduler.adapters.postgres.outbox import PostgresInbox
from tests.fault.planted.bug import TOLD, Bug
from tests.fault.planted.drama import Drama
from tools.neighbours.books import Books


def know_nothing() -> None:
    """Make the deliver function forget what it told."""
    PostgresInbox.has = lambda *_: False  # type: ignore[method-assign]


def a_message_comes_again(drama: Drama) -> None:
    """After the five minutes of deduplication, to a user service that does not look at keys."""
    drama.scene.service.books = Books(forgetful=True)
    drama.allocate(drama.ana)
    drama.relay()
    drama.deliver_now()
    drama.scene.events.send_again(drama.scene.events.received[0].event_id)
    drama.deliver_now()


BUG = Bug(
    "no inbox",
    "effects",
    a_message_comes_again,
    setting=replace(TOLD, delivers=True),
    in_workers=know_nothing,
)
