"""The cached list of available devices: fast for ten seconds, and never wrong for longer than a change takes."""

from collections.abc import Callable, Iterator

import pytest
import redis

from scheduler import runtime
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.devices import PostgresDevices
from scheduler.adapters.redis.cache import GENERATION_KEY, KEY, MAX_PAGES
from scheduler.domain.model import AvailableFilter, AvailablePage
from scheduler.service.catalog import Catalog
from tests.support.api import OPERATOR, OTHER_TENANT, SERVICE, Api, Claims, Context
from tests.support.clock import Clock
from tools.handlers import load_function

BROKEN_PAGES = [
    pytest.param("not JSON", id="no JSON"),
    pytest.param("", id="empty"),
    pytest.param("null", id="null"),
    pytest.param("[]", id="too few members"),
    pytest.param('{"devices": []}', id="an object"),
    pytest.param('[[["a", "b"]], 1, false]', id="a device with too few members"),
    pytest.param('[[[1, 2, 3, "x", "y", "z"]], 1, false]', id="a device of wrong types"),
    pytest.param('[[], "many", false]', id="a total of a wrong type"),
    pytest.param("[[], 1, true]", id="more to come after nothing"),
    pytest.param("[" * 100_000, id="bottomless nesting"),
    pytest.param(b"\xff\xfe", id="no text"),
]


@pytest.fixture
def cache(redis_url: str) -> Iterator[redis.Redis]:
    """The Redis that keeps the list."""
    with redis.from_url(redis_url) as client:
        yield client


def test_the_list_is_kept_under_its_key_for_ten_seconds(api: Api, cache: redis.Redis) -> None:
    api.add_devices(1)

    _listed(api)

    assert KEY == "scheduler:available-devices"
    assert cache.hlen(KEY) == 1
    assert 0 < cache.pttl(KEY) <= 10_000


def test_a_second_page_does_not_prolong_the_first(api: Api, cache: redis.Redis) -> None:
    api.add_devices(3)
    _listed(api)
    cache.pexpire(KEY, 5_000)

    api.get("/scheduler/devices/available", SERVICE, limit=2)

    assert cache.hlen(KEY) == 2
    assert cache.pttl(KEY) <= 5_000


def test_a_kept_page_is_served_without_asking_postgres(api: Api) -> None:
    ids = api.add_devices(2)
    assert _listed(api) == sorted(ids)
    before = runtime.database().round_trips

    assert _listed(api) == sorted(ids)
    assert runtime.database().round_trips == before


def test_pages_of_other_filters_are_other_pages(api: Api) -> None:
    small, big = sorted(api.add_devices(1, id="a-small") + api.add_devices(1, id="b-big", cpuCores=16))

    def listed(**query: object) -> list[str]:
        return [device["id"] for device in api.get("/scheduler/devices/available", SERVICE, **query).data]

    for _ in range(2):  # the second time from the cache
        assert listed() == [small, big]
        assert listed(minCpu=8) == [big]
        assert listed(limit=1) == [small]


def test_another_tenants_page_is_not_served(api: Api) -> None:
    api.add_devices(1, id="shared")
    api.add_devices(1, id="theirs", tenantId="globex")

    for _ in range(2):
        assert _listed(api, OTHER_TENANT) == ["shared", "theirs"]
        assert _listed(api, SERVICE) == ["shared"]
        assert _listed(api, OPERATOR) == ["shared", "theirs"]


def test_a_grant_evicts_the_list(api: Api) -> None:
    _assert_seen_at_once(api, api.allocate)


def test_a_release_evicts_the_list(api: Api) -> None:
    api.add_devices(1)
    device_id = api.allocate().data["deviceId"]

    _assert_seen_at_once(api, lambda: api.release(device_id))


def test_an_expiry_evicts_the_list(api: Api, clock: Clock) -> None:
    api.add_devices(1)
    api.allocate(durationMinutes=5)
    clock.advance(minutes=6)

    _assert_seen_at_once(api, lambda: load_function("expire").handler({"source": "aws.events"}, Context()))


def test_a_new_device_evicts_the_list(api: Api) -> None:
    _assert_seen_at_once(api, lambda: api.add_devices(1, id="new"))


def test_a_changed_device_evicts_the_list(api: Api) -> None:
    api.add_devices(1, id="phone-a")

    _assert_seen_at_once(
        api, lambda: api.call("PATCH", "/scheduler/devices/phone-a", OPERATOR, {"status": "maintenance"})
    )


def test_a_refusal_that_ended_overdue_ones_evicts_the_list(api: Api, clock: Clock) -> None:
    api.add_devices(1, id="big", cpuCores=8)
    api.allocate(durationMinutes=5)
    clock.advance(minutes=6)

    # Alice's own overdue device is reaped for her, though it is too small for what she asks.
    _assert_seen_at_once(api, lambda: api.allocate(preferredSpecs={"minCpu": 64}))


def test_a_refused_request_leaves_the_list_alone(api: Api, cache: redis.Redis) -> None:
    api.add_devices(1)
    _listed(api)

    api.allocate(preferredSpecs={"minCpu": 64})

    assert cache.hlen(KEY) == 1


def test_a_page_that_was_read_before_a_change_is_not_kept_after_it(api: Api, database: Database) -> None:
    (device_id,) = api.add_devices(1)
    catalog = Catalog(
        PostgresAllocations(database),
        _ReadThenOvertaken(PostgresDevices(database), api.allocate),
        runtime._available_cache(),
        runtime.meter(),
    )

    overtaken = catalog.available(AvailableFilter("acme"))

    assert [device.id for device in overtaken.devices] == [device_id]
    assert _listed(api) == []


@pytest.mark.parametrize("broken", BROKEN_PAGES)
def test_a_broken_page_is_ignored(api: Api, cache: redis.Redis, broken: str | bytes) -> None:
    ids = api.add_devices(1)
    _listed(api)
    (field,) = cache.hkeys(KEY)
    cache.hset(KEY, field, broken)

    assert _listed(api) == ids


@pytest.mark.parametrize("broken", [b"many", b"", b"\xff\xfe", b"-5", b"1e3"])
def test_a_broken_generation_is_ignored(api: Api, cache: redis.Redis, broken: bytes) -> None:
    ids = api.add_devices(1)
    cache.set(GENERATION_KEY, broken)

    assert _listed(api) == ids


def test_a_key_of_another_type_is_ignored(api: Api, cache: redis.Redis) -> None:
    ids = api.add_devices(1)
    cache.set(KEY, "not a hash")

    assert _listed(api) == ids


def test_a_flushed_cache_is_filled_again(api: Api, cache: redis.Redis) -> None:
    ids = api.add_devices(1)
    _listed(api)
    cache.flushall()

    assert _listed(api) == ids
    assert cache.hlen(KEY) == 1


def test_the_pages_that_are_kept_are_bounded(api: Api, cache: redis.Redis) -> None:
    cache.hset(KEY, mapping={f"page-{number}": "[[], 0, false]" for number in range(MAX_PAGES)})

    _listed(api)

    assert cache.hlen(KEY) == MAX_PAGES


class _ReadThenOvertaken:
    """Devices that are changed by somebody else between being read and being cached."""

    def __init__(self, devices: PostgresDevices, change: Callable[[], object]) -> None:
        self._devices = devices
        self._change = change

    def available(self, wanted: AvailableFilter) -> AvailablePage:
        page = self._devices.available(wanted)
        self._change()
        return page


def _listed(api: Api, claims: Claims = SERVICE) -> list[str]:
    return [device["id"] for device in api.get("/scheduler/devices/available", claims).data]


def _assert_seen_at_once(api: Api, change: Callable[[], object]) -> None:
    """The list differs before and after, though it was just cached: with a device more that the change may take."""
    api.add_devices(1, id="spare")
    before = _listed(api)

    change()

    assert _listed(api) != before
