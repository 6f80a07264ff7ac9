"""Every fact becomes one notice, in its user's language, however its event comes; ends that are near are told."""

from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from functools import partial

import psycopg2
import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.notifications import PostgresNotifications, PostgresWarnings
from scheduler.adapters.postgres.upkeep import PostgresUpkeep
from scheduler.domain.model import Language, User
from scheduler.domain.notices import CATALOGUE, Channel, Notification, Preferences, notice_of
from scheduler.service.warner import Warner
from tests.support.api import SERVICE, Api
from tests.support.clock import Clock
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.fake_meter import FakeMeter
from tests.support.notices import QUARTER_PAST, kept, notifier_on, published, refused
from tests.support.one_of_each import one_event_of_each_type
from tests.support.reservations import book, keeper_on
from tests.support.schemas import assert_valid
from tests.support.waiters import at_once, join, release, serve_one, wish

ALICE = User("acme", "alice")
EXPIRING = "scheduler.allocation.expiring_soon"


def write(database: Database, event: dict, language: Language = Language.EN) -> Notification | None:
    return PostgresNotifications(database).write(notice_of(event), language)


def notify_all(database: Database) -> None:
    """Deliver all that happened to the consumer, but for what nobody is told of."""
    told = {entry.event for entry in CATALOGUE.values()}
    notifier = notifier_on(database)
    for event in published(database):
        if event["type"] in told:
            notifier.notify(event)


def warnings(database: Database) -> list[dict]:
    return [event for event in published(database) if event["type"] == EXPIRING]


def warn(database: Database) -> int:
    return Warner(PostgresWarnings(database), FakeMeter()).warn()


# --- once a fact


def test_a_fact_is_kept_once_however_often_it_comes(database: Database) -> None:
    event = refused()

    first, second = (write(database, event) for _ in range(2))

    assert first is not None
    assert second == first
    assert kept(database) == ["allocation_failed"]


def test_consumers_at_the_same_time_keep_one_notice_with_one_id(database: Database, database_url: str) -> None:
    event = refused()

    notices = at_once(database_url, [partial(_written, event)] * 16)

    assert len({notice.id for notice in notices if isinstance(notice, Notification)}) == 1
    assert kept(database) == ["allocation_failed"]


def _written(event: dict, own: Database) -> Notification | None:
    return write(own, event)


def test_a_consumer_waits_for_another_that_is_killed_and_keeps_the_notice_itself(
    database: Database, database_url: str
) -> None:
    event = refused()
    with closing(psycopg2.connect(database_url)) as dying:
        dying.cursor().execute(
            "SELECT id FROM write_notice(%s, 'allocation_failed', 'acme', 'alice', %s, 'en', '{}', '{in_app}',"
            " 'normal', NULL)",
            [notice_of(event).fact, '{"en": {"title": "t", "message": "m"}}'],
        )
    # Hung up without a commit.
    notice = write(database, event)

    assert notice is not None
    assert notice.text.title == "No device available"


def test_who_asks_again_and_again_is_told_once_in_ten_minutes(database: Database) -> None:
    begin = QUARTER_PAST - timedelta(minutes=5)

    for seconds in range(0, 1200, 60):
        write(database, refused(at=begin + timedelta(seconds=seconds)))

    assert kept(database) == ["allocation_failed"] * 2


def test_what_was_told_is_remembered_once(database: Database, clock: Clock) -> None:
    store = PostgresNotifications(database)
    event = refused()
    notice = write(database, event)
    assert notice is not None
    store.mark_told(notice.id)
    told_at = database.call("SELECT told_at FROM notifications", {})
    clock.advance(minutes=5)

    store.mark_told(notice.id)

    again = write(database, event)
    assert again is not None
    assert again.told_at == told_at


def test_every_event_that_users_are_told_of_can_be_told(api: Api, database: Database) -> None:
    one_event_of_each_type(api, database)

    notify_all(database)

    facts = database.call("SELECT count(*) FROM notifications", {})
    notify_all(database)
    assert database.call("SELECT count(*) FROM notifications", {}) == facts > 10
    hidden = "data ?| ARRAY['fencingToken', 'adbHost', 'adbPort'] OR concat(title, message, data) ~ '10[.]0[.]0[.]7'"
    assert database.call(f"SELECT count(*) FROM notifications WHERE {hidden}", {}) == 0


# --- in the user's language and on her channels


def test_a_user_who_prefers_a_language_is_told_in_it(database: Database) -> None:
    PostgresNotifications(database).prefer(Preferences(ALICE, Language.ZH))

    assert write(database, refused()).text.title == "暂无可用设备"
    assert write(database, refused("bob")).text.title == "No device available"
    assert write(database, refused(tenant_id="globex")).text.title == "No device available"


def test_who_prefers_none_is_told_in_the_language_of_the_parameter(database: Database) -> None:
    assert write(database, refused(), Language.ZH).text.title == "暂无可用设备"


@pytest.mark.parametrize(
    ("wished", "used"),
    [
        pytest.param(None, ["in_app", "push"], id="no wish: all of the notice"),
        pytest.param(["push"], ["in_app", "push"], id="a channel that it has"),
        pytest.param(["email"], ["in_app"], id="a channel that it has not"),
        pytest.param([], ["in_app"], id="none: the list has it all the same"),
    ],
)
def test_a_notice_takes_the_channels_that_its_user_wishes(
    database: Database, wished: Sequence[Channel] | None, used: list[str]
) -> None:
    PostgresNotifications(database).prefer(Preferences(ALICE, Language.EN, wished))
    add_devices(database, 1)
    allocator_on(database).allocate(request("alice"))

    notify_all(database)

    assert database.call("SELECT channels::text[] FROM notifications", {}) == used


# --- one fact, not two


def test_a_grant_is_told(database: Database) -> None:
    add_devices(database, 1)
    allocator_on(database).allocate(request("alice"))

    notify_all(database)

    assert kept(database) == ["allocation_granted"]


def test_a_grant_to_a_waiter_is_told_as_the_end_of_her_wait(database: Database) -> None:
    (device_id,) = add_devices(database, 1)
    allocator_on(database).allocate(request("zoe"))
    join(database, wish("alice"))
    release(database, device_id)
    serve_one(database)

    notify_all(database)

    assert kept(database) == ["queue_fulfilled"]


def test_a_grant_after_a_wait_of_the_past_is_told(database: Database) -> None:
    (device_id,) = add_devices(database, 1)
    allocator_on(database).allocate(request("zoe"))
    join(database, wish("alice"))
    release(database, device_id)
    serve_one(database)
    release(database, device_id)
    allocator_on(database).allocate(request("alice"))

    notify_all(database)

    assert kept(database) == ["queue_fulfilled", "allocation_granted"]


def test_a_grant_from_a_reservation_is_told_as_its_beginning(database: Database, clock: Clock) -> None:
    add_devices(database, 1)
    book(database, clock, in_minutes=20)
    clock.advance(minutes=20)
    keeper_on(database).execute_due()

    notify_all(database)

    assert kept(database) == ["reservation_created", "reservation_executed"]


# --- ends that are near


@pytest.fixture
def lent(database: Database) -> None:
    """A device of alice's, for half an hour."""
    add_devices(database, 1)
    allocator_on(database).allocate(request("alice", 30))


def test_an_end_is_told_ten_minutes_before_and_once(database: Database, clock: Clock) -> None:
    clock.stop()
    add_devices(database, 1)
    allocator_on(database).allocate(request("alice", 30))
    clock.advance(minutes=19, seconds=59)
    assert warn(database) == 0
    clock.advance(seconds=1)

    assert [warn(database), warn(database)] == [1, 0]

    (event,) = warnings(database)
    allocation = database.rows("SELECT id::text, device_id FROM device_allocations", {})[0]
    assert event["subject"] == event["data"]["allocationId"] == allocation["id"]
    assert event["data"]["deviceId"] == allocation["device_id"]
    assert event["data"]["remainingSeconds"] == 600
    assert database.call(f"SELECT group_id FROM outbox WHERE type = '{EXPIRING}'", {}) == allocation["device_id"]


def test_the_event_is_what_its_schema_says(database: Database, clock: Clock, lent: None) -> None:
    clock.advance(minutes=25)
    warn(database)

    (event,) = warnings(database)
    assert_valid(event | {"time": event["data"]["allocatedAt"], "datacontenttype": "application/json"})


def test_a_renewed_allocation_is_told_of_its_new_end_too(api: Api, database: Database, clock: Clock) -> None:
    api.add_devices(1)
    allocation_id = api.allocate(durationMinutes=30).data["allocationId"]
    clock.advance(minutes=25)
    assert warn(database) == 1

    assert api.renew(allocation_id, 30).status == 200

    assert warn(database) == 0
    clock.advance(minutes=25)
    assert warn(database) == 1
    assert len({event["data"]["expiresAt"] for event in warnings(database)}) == 2


def test_an_allocation_renewed_in_a_batch_is_told_of_its_new_end_too(
    api: Api, database: Database, clock: Clock
) -> None:
    api.add_devices(1)
    allocation_id = api.allocate(durationMinutes=30).data["allocationId"]
    clock.advance(minutes=25)
    assert warn(database) == 1
    items = {"allocationIds": [allocation_id], "additionalMinutes": 5}

    assert api.post("/scheduler/allocations/batch/renew", SERVICE, items).data["successCount"] == 1

    assert warn(database) == 1


@pytest.mark.parametrize(
    ("minutes", "later", "told"),
    [
        pytest.param(10, 5, 0, id="what lasts no longer than the warning"),
        pytest.param(11, 5, 1, id="what lasts a little longer"),
        pytest.param(30, 31, 0, id="what is over already"),
    ],
)
def test_of_these_ends_holders_are_told(database: Database, clock: Clock, minutes: int, later: int, told: int) -> None:
    add_devices(database, 1)
    allocator_on(database).allocate(request("alice", minutes))
    clock.advance(minutes=later)

    assert warn(database) == told


def test_an_ended_allocation_is_not_told_of_its_end(database: Database, clock: Clock) -> None:
    (device_id,) = add_devices(database, 1)
    allocator_on(database).allocate(request("alice", 30))
    release(database, device_id)
    clock.advance(minutes=25)

    assert warn(database) == 0


def test_runs_at_the_same_time_tell_each_end_once(database: Database, database_url: str, clock: Clock) -> None:
    add_devices(database, 30)
    for number in range(30):
        allocator_on(database).allocate(request(f"user-{number}", 30))
    clock.advance(minutes=25)

    told = at_once(database_url, [warn] * 8)

    assert sum(told) == 30
    assert len({event["data"]["allocationId"] for event in warnings(database)}) == 30


def test_an_allocation_that_is_busy_is_left_to_the_next_run(
    database: Database, database_url: str, clock: Clock, lent: None
) -> None:
    clock.advance(minutes=25)
    with closing(psycopg2.connect(database_url)) as renewing:
        renewing.cursor().execute("SELECT FROM device_allocations FOR UPDATE")
        assert warn(database) == 0
        renewing.rollback()

    assert warn(database) == 1


# --- retention


def test_old_notices_are_deleted_in_batches_and_young_ones_kept(database: Database, clock: Clock) -> None:
    for _ in range(3):
        write(database, refused())
    clock.advance(days=90, minutes=1)
    write(database, refused("bob"))
    upkeep = PostgresUpkeep(database)

    assert [upkeep.delete_old_notices(90, 2) for _ in range(3)] == [2, 1, 0]
    assert (kept(database), kept(database, "bob")) == ([], ["allocation_failed"])
