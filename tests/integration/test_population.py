"""A population is what the product itself could have made: the audit finds nothing, and claims go on from it."""

import pytest

from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.audit.store import PostgresAudit
from scheduler.adapters.postgres.connection import Database
from scheduler.domain.model import AllocationRequest, ReleaseRequest, User
from scheduler.domain.quota import NO_LIMITS
from tests.support.auditing import everything_found
from tools.population import Size, occupy, populate

SIZE = Size(devices=700, ended=9_000, reservations=1_500, occupied=0.5)
# A list in a condition is written in another way when it was read back, and means the same.
SHAPE = r"""
SELECT concat_ws(' ', conrelid::regclass, conname, regexp_replace(pg_get_constraintdef(oid), ' A(NY|LL) \(.*', ''),
                 convalidated) AS thing FROM pg_constraint WHERE conrelid > 0
UNION ALL SELECT regexp_replace(indexdef, ' A(NY|LL) \(.*', '') FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT concat(tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
 ORDER BY 1"""
COUNTS = (
    "SELECT (SELECT count(*) FROM devices) AS devices, (SELECT count(*) FROM devices WHERE is_free) AS free,"
    " (SELECT count(*) FROM device_allocations WHERE status <> 'allocated') AS ended,"
    " (SELECT count(*) FROM device_allocations WHERE status = 'allocated') AS active,"
    " (SELECT count(*) FROM reservations) AS reservations,"
    " (SELECT count(*) FROM usage_records) AS bills"
)


def found(database: Database) -> dict[str, int]:
    """What the audit finds, by its checks."""
    return {check: finding.count for check, finding in everything_found(PostgresAudit(database, 1)).items()}


def test_a_population_breaks_no_invariant_and_leaves_the_schema_as_it_was(
    database: Database, database_url: str
) -> None:
    before = database.rows(SHAPE, {})
    steps: list[str] = []

    populate(database_url, SIZE, steps.append)

    (counts,) = database.rows(COUNTS, {})
    assert counts == {
        "devices": 700,
        "free": 350,
        "ended": 9_000,
        "active": 350,
        "reservations": 1_500,
        "bills": 9_000,
    }
    assert database.rows(SHAPE, {}) == before
    assert found(database) == {}
    assert {"700 devices", "vacuum"} <= set(steps)


def test_a_population_lends_more_and_is_lent_from(database: Database, database_url: str) -> None:
    populate(database_url, SIZE)
    allocations = PostgresAllocations(database)
    facts = allocations.claim(AllocationRequest(User("bench", "user-1"), 60), NO_LIMITS, last_attempt=True)
    assert facts["outcome"] == "granted"

    occupy(database_url, Size(700, occupied=0.99))

    (counts,) = database.rows(COUNTS, {})
    assert (counts["free"], counts["active"]) == (7, 693)
    assert allocations.release(ReleaseRequest("bench", None, facts["deviceId"]))["outcome"] == "released"
    assert found(database) == {}


def test_a_row_that_is_not_right_is_found(database: Database, database_url: str) -> None:
    populate(database_url, SIZE)
    database.call("UPDATE devices SET fence = fence - 1 WHERE id = 'device-0000007'", {})

    assert set(found(database)) == {"fence is behind"}


@pytest.mark.parametrize(
    "size", [{"devices": 0}, {"devices": 5, "occupied": 1.1}, {"devices": 5, "ended": 5_000}], ids=str
)
def test_a_population_that_cannot_be_right_is_refused(size: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"population|too much"):
        Size(**size)  # type: ignore[arg-type]
