"""Nobody hoards: a tenant, and a user of it, has so many allocations, reservations and waits at a time, and no more."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from scheduler import runtime
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.domain.caps import Cap, Caps
from scheduler.domain.model import AllocationRequest, DeviceWants, User
from scheduler.domain.quota import NO_LIMITS
from tests.support.api import OTHER_TENANT, SERVICE, Answer, Api

BATCH = "/scheduler/allocations/batch"


@pytest.fixture
def capped(environment: pytest.MonkeyPatch, api: Api) -> Api:
    """The API with caps of two, and three reservations for a tenant."""
    environment.setenv("CAP_TENANT_ALLOCATIONS", "2")
    environment.setenv("CAP_TENANT_RESERVATIONS", "3")
    environment.setenv("CAP_USER_RESERVATIONS", "2")
    environment.setenv("CAP_TENANT_WAITS", "2")
    api.add_devices(6)
    return api


def assert_capped(answer: Answer, detail: str) -> None:
    assert (answer.status, answer.code, answer.json["retryable"]) == (403, "cap_exceeded", False)
    assert answer.json["detail"] == detail


def granted(api: Api, user: str, **more: Any) -> Any:
    answer = api.allocate(userId=user, **more)
    assert answer.status == 201, answer.text
    return answer.data


class TestAllocations:
    """Of one tenant; a user's are her quota's affair."""

    def test_at_the_cap_nothing_more_is_lent_to_the_tenant(self, capped: Api) -> None:
        granted(capped, "alice")
        granted(capped, "bob")

        assert_capped(capped.allocate(userId="carol"), "The tenant may have 2 allocations at a time")
        assert capped.allocate(OTHER_TENANT, userId="carol").status == 201

    def test_what_came_back_makes_room(self, capped: Api) -> None:
        first = granted(capped, "alice")
        granted(capped, "bob")
        capped.release(first["deviceId"])

        granted(capped, "carol")

    def test_who_may_have_nothing_more_does_not_wait_either(self, capped: Api, database: Database) -> None:
        granted(capped, "alice")
        granted(capped, "bob")

        assert capped.allocate(userId="carol", wait=True).code == "cap_exceeded"
        assert database.call("SELECT count(*) FROM queue_entries", {}) == 0

    def test_a_grant_is_told_again_under_its_key(self, capped: Api) -> None:
        answer = capped.allocate(userId="alice", key="once")
        granted(capped, "bob")

        assert capped.allocate(userId="alice", key="once").data == answer.data

    def test_a_refusal_leaves_no_trace(self, capped: Api, database: Database) -> None:
        granted(capped, "alice")
        freed = granted(capped, "bob")
        assert capped.allocate(userId="carol", key="later").code == "cap_exceeded"
        capped.release(freed["deviceId"])

        assert capped.allocate(userId="carol", key="later").status == 201
        assert database.call("SELECT count(*) FROM outbox WHERE type LIKE 'scheduler.allocation.%%'", {}) == 0

    def test_a_batch_fits_as_a_whole_or_not_at_all(self, capped: Api) -> None:
        wishes = [{"userId": name} for name in ("alice", "bob", "carol")]

        assert_capped(capped.post(BATCH, SERVICE, {"items": wishes}), "The tenant may have 2 allocations at a time")
        assert capped.post(BATCH, SERVICE, {"items": wishes[:2]}).data["successCount"] == 2

    def test_a_grant_under_a_cap_is_one_round_trip(self, capped: Api) -> None:
        granted(capped, "alice")
        before = runtime.database().round_trips
        granted(capped, "bob")

        assert runtime.database().round_trips - before == 2  # her plan, and the claim

    def test_requests_at_the_same_moment_pass_it_by_no_more_than_themselves(
        self, capped: Api, database_url: str, database: Database
    ) -> None:
        def claim(number: int) -> str:
            with closing(Database(lambda: database_url)) as own:
                store = PostgresAllocations(own, Caps(allocations=Cap(tenant=2)))
                request = AllocationRequest(User("acme", f"user-{number}"), 30, DeviceWants())
                return str(store.claim(request, NO_LIMITS, last_attempt=True)["outcome"])

        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(claim, range(4)))

        assert 2 <= outcomes.count("granted") <= 4
        assert set(outcomes) <= {"granted", "cap_reached"}
        assert claim(5) == "cap_reached"


class TestReservations:
    """Of one user, and of her tenant."""

    def book(self, api: Api, user: str, day: int, **more: Any) -> Answer:
        body = {"userId": user, "startTime": self.in_days(day), "durationMinutes": 30} | more
        return api.post("/scheduler/reservations", SERVICE, body)

    def in_days(self, days: int) -> str:
        when = runtime.database().call("SELECT clock_timestamp() + make_interval(days => %(days)s)", {"days": days})
        return str(when.isoformat())

    def test_of_a_user(self, capped: Api) -> None:
        assert [self.book(capped, "alice", day).status for day in (1, 2)] == [201, 201]

        assert_capped(self.book(capped, "alice", 3), "The user may have 2 reservations at a time")

    def test_of_a_tenant(self, capped: Api) -> None:
        users = ["alice", "alice", "bob"]
        assert [self.book(capped, user, day).status for day, user in enumerate(users, 1)] == [201, 201, 201]

        assert_capped(self.book(capped, "bob", 5), "The tenant may have 3 reservations at a time")

    def test_a_cancelled_one_makes_room(self, capped: Api) -> None:
        reservation = self.book(capped, "alice", 1).data["reservationId"]
        self.book(capped, "alice", 2)
        assert capped.post(f"/scheduler/reservations/{reservation}/cancel", SERVICE).status == 200

        assert self.book(capped, "alice", 3).status == 201

    def test_a_series_counts_as_all_its_windows(self, capped: Api) -> None:
        answer = self.book(capped, "alice", 1, recurrence={"freq": "daily", "count": 3})

        assert_capped(answer, "The user may have 2 reservations at a time")


class TestWaits:
    """Of one tenant; a user has one."""

    def join(self, api: Api, user: str, claims: Any = SERVICE) -> Answer:
        return api.post("/scheduler/queue", claims, {"userId": user, "durationMinutes": 30})

    def test_of_a_tenant(self, capped: Api, environment: pytest.MonkeyPatch) -> None:
        for number in range(6):
            assert capped.allocate(OTHER_TENANT | {"tenant_id": f"t-{number}"}, userId="x").status == 201
        assert [self.join(capped, user).status for user in ("alice", "bob")] == [201, 201]

        assert_capped(self.join(capped, "carol"), "The tenant may have 2 waits at a time")
        assert self.join(capped, "carol", OTHER_TENANT).status == 201
