"""What a record is called and adds to a bill, and which periods are added up."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.domain.billing import Period, RecordKind, UsageRecord, period_of
from scheduler.domain.errors import ValidationFailed
from scheduler.domain.model import User

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def record(kind: RecordKind) -> UsageRecord:
    return UsageRecord("a-1", 2, kind, User("acme", "ana"), "phone-1", "Phone 1", 4, 4096, 65536, NOW, NOW + DAY, 86400)


@pytest.mark.parametrize(
    ("kind", "key", "billed"), [(RecordKind.USAGE, "a-1:2:usage", 86400), (RecordKind.CREDIT, "a-1:2:credit", -86400)]
)
def test_a_credit_has_a_name_of_its_own_and_takes_off_the_bill(kind: RecordKind, key: str, billed: int) -> None:
    assert (record(kind).key, record(kind).billed_seconds) == (key, billed)


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        pytest.param(None, None, Period(NOW - 30 * DAY, NOW), id="the last thirty days"),
        pytest.param(NOW - DAY, None, Period(NOW - DAY, NOW), id="since a time"),
        pytest.param(None, NOW - DAY, Period(NOW - 31 * DAY, NOW - DAY), id="thirty days until a time"),
        pytest.param(NOW - 366 * DAY, NOW, Period(NOW - 366 * DAY, NOW), id="the longest there is"),
    ],
)
def test_a_period_is_completed(since: datetime | None, until: datetime | None, expected: Period) -> None:
    assert period_of(since, until, NOW) == expected


@pytest.mark.parametrize(
    ("since", "until", "field", "detail"),
    [
        pytest.param(NOW, NOW, "from", "must be before `to`", id="of no length"),
        pytest.param(NOW + DAY, None, "from", "must be before `to`", id="that begins in the future"),
        pytest.param(
            NOW - 366 * DAY - timedelta(microseconds=1),
            NOW,
            "from",
            "at most 366 days before `to`",
            id="longer than a year",
        ),
        pytest.param(None, datetime(1, 1, 2, tzinfo=UTC), "to", "too early", id="that begins before time does"),
    ],
)
def test_a_period_that_cannot_be_added_up_is_refused_with_the_reason(
    since: datetime | None, until: datetime | None, field: str, detail: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        period_of(since, until, NOW)

    assert refused.value.members == {"errors": [{"field": field, "detail": detail}]}
