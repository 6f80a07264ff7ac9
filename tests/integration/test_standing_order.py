"""Events about a user that come twice, late and in any order leave what they leave in order, each once."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.catalogue import read_event
from scheduler.domain.incoming import UserQuotaUpdated
from scheduler.domain.model import User
from tests.support.contenders import add_devices, allocator_on, request
from tests.support.incoming import DATA, NOON, envelope, message
from tests.support.ledger import assert_ledger_agrees
from tests.support.standing import standing_on

HELD = 3
KINDS = sorted(kind for kind in DATA if kind.startswith(("user.", "billing.")))

users = itertools.count()
told = st.tuples(st.sampled_from(KINDS), st.integers(0, 3), st.integers(0, 2))  # type, minute, limit
told_often = st.lists(told, min_size=1, max_size=6).flatmap(
    lambda events: st.tuples(
        st.just(events), st.lists(st.sampled_from(range(len(events))), max_size=3), st.randoms(use_true_random=False)
    )
)

type Told = tuple[str, int, int]


def deliver(database: Database, user: User, events: Sequence[tuple[int, Told]]) -> None:
    """Apply events, each known by its number, in the order given."""
    standing = standing_on(database)
    for number, (kind, minute, limit) in events:
        data = {**DATA[kind], "tenantId": user.tenant_id, "userId": user.user_id, "limits": {"maxDevices": limit}}
        at = (NOON + timedelta(minutes=minute)).isoformat()
        sent = envelope(kind, id=f"{user.user_id}-{number}", time=at, data=data)
        event: Any = read_event(message(sent, datetime.now(UTC)))
        if isinstance(event, UserQuotaUpdated):
            standing.change_limits(event)
        else:
            standing.apply(event)


def state(database: Database, user: User) -> dict[str, Any]:
    """Tell all that events decide of a user, without her name."""
    (row,) = database.rows(
        "SELECT u.blocked, u.blocked_reason, (u.known_limits).devices AS known, q.limits, s.suspended_at, s.deleted_at,"
        " s.activated_at, s.overdue_at, s.paid_at, s.quota_told_at, array(SELECT f.failed_at FROM payment_failures f"
        " WHERE f.user_id = %(user)s ORDER BY 1) AS failures, u.devices FROM quota_usage u"
        " LEFT JOIN user_standing s ON s.user_id = u.user_id LEFT JOIN quotas q ON q.user_id = u.user_id"
        " WHERE u.user_id = %(user)s",
        {"user": user.user_id},
    )
    held = row.pop("devices")
    if row["blocked"]:
        assert held == 0
    elif row["known"] is not None:
        assert held <= row["known"]
    return row


def test_the_order_of_events_does_not_matter(database: Database) -> None:
    add_devices(database, 2 * HELD)

    @settings(max_examples=150)
    @given(told_often)
    def same_in_any_order(case: Any) -> None:
        events, repeated, shuffling = case
        in_order = sorted(enumerate(events), key=lambda numbered: numbered[1][1])
        late_and_often = in_order + [in_order[index] for index in repeated]
        shuffling.shuffle(late_and_often)
        give_all_back(database)

        assert left_by(database, in_order) == left_by(database, late_and_often)

    same_in_any_order()
    assert_ledger_agrees(database)


def left_by(database: Database, events: Sequence[tuple[int, Told]]) -> dict[str, Any]:
    """Tell what events leave of a new user who holds devices."""
    user = User("acme", f"user-{next(users)}")
    for _ in range(HELD):
        allocator_on(database).allocate(request(user.user_id))
    deliver(database, user, events)
    return state(database, user)


def give_all_back(database: Database) -> None:
    database.rows(
        "SELECT * FROM end_allocations(ARRAY("
        "SELECT id FROM device_allocations WHERE status = 'allocated'), 'released')",
        {},
    )
