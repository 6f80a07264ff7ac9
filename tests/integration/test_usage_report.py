"""GET /scheduler/usage: who sees what, sums that are exact, pages that miss nothing, and CSV that is safe to open."""

import csv
import io
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from psycopg2 import errors

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.errors import Unavailable
from tests.support.api import OPERATOR, OTHER_TENANT, SERVICE, USER, Answer, Api
from tests.support.billing import fail_over
from tests.support.clock import Clock

PATH = "/scheduler/usage"
RECORD = (
    "INSERT INTO usage_records (allocation_id, segment, kind, tenant_id, user_id, device_id, device_name, cpu_cores,"
    " memory_mb, storage_mb, started_at, ended_at, seconds, recorded_at) SELECT %(allocation)s::uuid, %(segment)s,"
    " %(kind)s, %(tenant)s, %(user)s, %(device)s, %(name)s, 4, 4096, 65536, at - interval '1 hour', at, %(seconds)s, at"
    " FROM (SELECT scheduler_clock() - %(ago)s::interval AS at) past"
)


def record(database: Database, number: int, **members: Any) -> None:
    """Write a record as the end of a segment does."""
    plain = {
        "allocation": f"00000000-0000-4000-8000-{number:012}",
        "segment": 1,
        "kind": "usage",
        "tenant": "acme",
        "user": "alice",
        "device": "phone-1",
        "name": "Phone 1",
        "seconds": 60,
        "ago": timedelta(hours=1),
    }
    database.call(RECORD, plain | members)


def pages(api: Api, claims: Mapping[str, str] = SERVICE, **query: Any) -> list[dict[str, Any]]:
    """Read all pages as JSON."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(20):
        answer = api.get(PATH, claims, **query, **cursor)
        assert answer.status == 200, answer.text
        found += answer.data
        if answer.json["meta"]["nextCursor"] is None:
            return found
        cursor = {"cursor": answer.json["meta"]["nextCursor"]}
    raise AssertionError("pages without end")


def test_what_was_lent_is_reported_to_the_second(api: Api, still_clock: Clock) -> None:
    api.add_devices(2)
    lent = api.allocate().data["allocationId"]
    still_clock.advance(seconds=60)
    moved = fail_over(api, lent)
    still_clock.advance(seconds=30)
    api.release(moved["deviceId"])
    still_clock.advance(seconds=1)

    (line,) = api.get(PATH, SERVICE).data

    assert line == {
        "tenantId": "acme",
        "userId": "alice",
        "allocations": 1,
        "seconds": 90,
        "creditedSeconds": 0,
        "billedSeconds": 90,
        "cpuCoreSeconds": 360,
        "memoryMBSeconds": 90 * 4096,
    }
    assert [(line["allocations"], line["seconds"]) for line in pages(api, groupBy="device")] in (
        [(1, 60), (1, 30)],
        [(1, 30), (1, 60)],
    )
    (day,) = pages(api, groupBy="day")
    assert day["seconds"] == 90


def test_a_credit_is_taken_off_what_is_billed(api: Api, database: Database) -> None:
    record(database, 1, seconds=60)
    record(database, 1, kind="credit", seconds=20)

    (line,) = pages(api)

    assert (line["allocations"], line["seconds"], line["creditedSeconds"], line["billedSeconds"]) == (1, 60, 20, 40)
    assert (line["cpuCoreSeconds"], line["memoryMBSeconds"]) == (160, 40 * 4096)


def test_a_user_may_not_ask_and_a_service_sees_its_tenant_only(api: Api, database: Database) -> None:
    record(database, 1)
    record(database, 2, tenant="globex", user="zoe")

    assert api.get(PATH, USER).status == 403
    assert [line["userId"] for line in pages(api)] == ["alice"]
    assert [line["userId"] for line in pages(api, OTHER_TENANT)] == ["zoe"]
    assert api.get(PATH, SERVICE, tenantId="globex").status == 403


def test_an_operator_sees_a_tenant_or_all(api: Api, database: Database) -> None:
    record(database, 1)
    record(database, 2, tenant="globex")

    everything = pages(api, OPERATOR, limit=1)

    assert [(line["tenantId"], line["userId"]) for line in everything] == [("acme", "alice"), ("globex", "alice")]
    assert [line["tenantId"] for line in pages(api, OPERATOR, tenantId="globex")] == ["globex"]


@pytest.mark.parametrize("group_by", ["user", "device", "day"])
@pytest.mark.parametrize("claims", [SERVICE, OPERATOR], ids=["service", "operator"])
def test_pages_give_every_line_once_in_order(
    api: Api, database: Database, group_by: str, claims: Mapping[str, str]
) -> None:
    for number in range(7):
        record(database, number, user=f"user-{number}", device=f"phone-{number}", ago=timedelta(days=number, hours=1))

    lines = pages(api, claims, groupBy=group_by, limit=2)

    name = {"user": "userId", "device": "deviceId", "day": "day"}[group_by]
    keys = [line[name] for line in lines]
    assert len(keys) == 7
    assert keys == sorted(keys)
    assert all(line["seconds"] == 60 for line in lines)


def test_the_longest_names_fit_into_a_cursor(api: Api, database: Database) -> None:
    for number, last in enumerate("ab"):
        record(database, number, tenant="\N{OPEN BOOK}" * 255, user="\N{MOBILE PHONE}" * 254 + last)

    assert len(pages(api, OPERATOR, limit=1)) == 2


def test_a_segment_counts_when_it_ended(api: Api, database: Database, clock: Clock) -> None:
    record(database, 1, user="early", ago=timedelta(days=3))
    record(database, 2, user="late", ago=timedelta(days=1))
    record(database, 3, user="old", ago=timedelta(days=31))
    now = clock.read()

    def users(**period: Any) -> list[str]:
        return [line["userId"] for line in pages(api, **{k.strip("_"): v.isoformat() for k, v in period.items()})]

    assert users() == ["early", "late"]
    assert users(from_=now - timedelta(days=2)) == ["late"]
    assert users(to=now - timedelta(days=2)) == ["early", "old"]
    assert users(from_=now - timedelta(days=366), to=now) == ["early", "late", "old"]


def test_later_pages_stay_with_the_period_of_the_first(api: Api, database: Database, clock: Clock) -> None:
    for number in range(3):
        record(database, number, user=f"user-{number}")
    first = api.get(PATH, SERVICE, limit=1).json
    clock.advance(days=40)
    record(database, 9, user="user-9")

    second = api.get(PATH, SERVICE, limit=5, cursor=first["meta"]["nextCursor"]).data

    assert [line["userId"] for line in second] == ["user-1", "user-2"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2026-01-01T00:00:00Z", "to": "2025-01-01T00:00:00Z"}, "from"),
        ({"from": "2025-01-01T00:00:00Z", "to": "2026-01-03T00:00:00Z"}, "from"),
        ({"from": "yesterday"}, "from"),
        ({"groupBy": "colour"}, "groupBy"),
        ({"limit": 201}, "limit"),
        ({"limit": 0}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "WyJhIl0"}, "cursor"),
    ],
)
def test_what_cannot_be_reported_is_refused_with_its_field(api: Api, query: dict[str, Any], field: str) -> None:
    answer = api.get(PATH, SERVICE, **query)

    assert (answer.status, answer.code) == (422, "validation_failed")
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_a_period_that_takes_too_long_to_add_up_is_refused_and_a_database_that_is_away_is_not_blamed_on_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def page(cause: Exception) -> Answer:
        def fails(*_: object) -> None:
            raise Unavailable from cause

        with monkeypatch.context() as patch:
            patch.setattr(Database, "rows", fails)
            return api.get(PATH, SERVICE, to="2026-03-01T00:00:00Z")

    slow, away = page(errors.QueryCanceled()), page(errors.AdminShutdown())

    assert (slow.status, slow.json["errors"][0]["field"]) == (422, "from")
    assert away.status == 503


def test_a_cursor_of_another_report_is_refused(api: Api, database: Database) -> None:
    record(database, 1)
    record(database, 2, user="bob")
    cursor = api.get(PATH, SERVICE, limit=1).json["meta"]["nextCursor"]

    assert api.get(PATH, SERVICE, groupBy="day", cursor=cursor).code == "validation_failed"


def test_a_cursor_of_another_tenant_is_none(api: Api, database: Database) -> None:
    record(database, 1)
    record(database, 2, user="bob")
    cursor = api.get(PATH, SERVICE, limit=1).json["meta"]["nextCursor"]

    assert api.get(PATH, OTHER_TENANT, cursor=cursor).code == "validation_failed"


def test_csv_has_a_header_and_leads_to_its_next_page(api: Api, database: Database) -> None:
    for number, user in enumerate(["alice", "=cmd()|x", 'bob, "the builder"']):
        record(database, number, user=user, name="-Phone")
    accept = {"accept": "text/csv"}
    query: dict[str, Any] = {"limit": 2}
    rows: list[dict[str, str]] = []
    for _ in range(2):
        answer = api.call("GET", PATH, SERVICE, query=query, headers=accept)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        rows += csv.DictReader(io.StringIO(answer.text, newline=""))
        link = answer.headers.get("Link")
        if link:
            target, _, relation = link.partition(">")
            assert relation == '; rel="next"'
            assert urlsplit(target[1:]).path == PATH
            query = dict(parse_qsl(urlsplit(target[1:]).query))
            assert query["cursor"] == answer.headers["X-Next-Cursor"]

    assert link is None
    assert [row["userId"] for row in rows] == ["'=cmd()|x", "alice", 'bob, "the builder"']
    assert list(rows[0]) == [
        *("tenantId", "userId", "allocations", "seconds", "creditedSeconds", "billedSeconds"),
        *("cpuCoreSeconds", "memoryMBSeconds"),
    ]
    assert rows[1]["billedSeconds"] == "60"


def test_device_names_in_csv_are_no_formulas(api: Api, database: Database) -> None:
    record(database, 1, name="-Phone")

    answer = api.call("GET", PATH, SERVICE, query={"groupBy": "device"}, headers={"accept": "text/csv"})

    assert answer.text.splitlines()[1].startswith("acme,phone-1,'-Phone,1,60,")
