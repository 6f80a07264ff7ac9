"""The user service over real HTTP: well, unwell and hostile; with its circuit breaker in a real Valkey."""

import json
import logging
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import jwt
import pytest
import redis
from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig, CircuitState

from scheduler.adapters.http.background import THREAD_NAME
from scheduler.adapters.http.circuit import OPEN_SECONDS
from scheduler.adapters.http.neighbour import Call
from scheduler.adapters.http.session import BoundedSession, NoAnswer, Request, ServiceFailed
from scheduler.adapters.http.user_service import (
    READ_PATIENCE,
    REPORT_PATIENCE,
    UserService,
    UserServiceQuotas,
    UserServiceUsage,
)
from scheduler.adapters.redis.breaker_store import RedisBreakerStore
from scheduler.adapters.redis.client import RedisLink, connect
from scheduler.domain.errors import QuotaServiceUnavailable, Unavailable
from scheduler.domain.model import User
from scheduler.domain.quota import NO_DOCUMENT, QuotaDocument, QuotaLimits
from tools.embedded import ValkeyServer, free_port, valkey
from tools.neighbours.user_service import UserService as Neighbour
from tools.neighbours.user_service import user_service

ANA = User("acme", "ana")
PRO = QuotaDocument("active", None, "pro", QuotaLimits(devices=10))
USAGE = {"deviceId": "phone-1", "cpuCores": 4, "memoryGB": 6.0, "storageGB": 64.0, "operation": "increment"}
BRIEF = replace(READ_PATIENCE, seconds=1.0, seconds_a_try=0.4, first_pause_seconds=0.01)
MARGIN_SECONDS = 2
FAILURES_THAT_OPEN = 3

AT_ONCE = {"down": 3, "busy": 3, "reset": 3, "huge": 1, "nonsense": 1, "redirect": 1, "unauthorized": 2}
"""How often it is asked while it fails at once, by its mood."""
SLOWLY = ["slow", "drip", "drip_headers"]
UNWELL = [*AT_ONCE, *SLOWLY]


class Counts:
    """A meter that keeps its counters."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def count(self, name: str, value: float = 1) -> None:
        self.names += [name] * int(value)

    def observe(self, name: str, value: float, unit: str) -> None:
        """Nothing is measured here."""


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    with user_service() as running:
        yield running


@pytest.fixture(scope="module")
def cache() -> Iterator[ValkeyServer]:
    with valkey() as server:
        yield server


@pytest.fixture
def meter() -> Counts:
    return Counts()


@pytest.fixture
def circuit() -> str:
    """Powertools counts failures for each name in the process."""
    return f"test-{uuid.uuid4()}"


def link_to(server: ValkeyServer) -> RedisLink:
    return RedisLink(
        lambda: connect("127.0.0.1", server.port, tls=False, cluster=False, password=None), on_skip=lambda: None
    )


@pytest.fixture
def quotas(neighbour, meter, circuit):
    opened: list[UserService] = []

    def make(**changes: Any) -> UserServiceQuotas:
        service = UserService(neighbour.url, lambda: neighbour.secret)
        opened.append(service)
        options = {"unknown_user": PRO, "circuit": circuit, "patience": BRIEF, **changes}
        return UserServiceQuotas(service, options.pop("breaker", RedisBreakerStore(None)), meter, **options)

    yield make
    for service in opened:
        service.close()


@pytest.fixture
def usage(neighbour, meter, circuit):
    service = UserService(neighbour.url, lambda: neighbour.secret)

    def make(**changes: Any) -> UserServiceUsage:
        options = {"circuit": circuit, "patience": replace(REPORT_PATIENCE, pause=lambda _: None), **changes}
        return UserServiceUsage(service, RedisBreakerStore(None), meter, **options)

    yield make
    service.close()


def fail(source: UserServiceQuotas, times: int) -> None:
    for _ in range(times):
        with pytest.raises(QuotaServiceUnavailable):
            source.document(ANA)


# --- reading


def test_a_quota_document_is_read_with_its_limits(neighbour, quotas):
    neighbour.books.set_quota("ana", {"planName": "basic", "limits": {"maxDevices": 5, "totalMemoryGB": 2}})

    read = quotas().document(ANA)

    assert read == QuotaDocument("active", None, "basic", QuotaLimits(devices=5, memory_mb=2048))


def test_the_scheduler_names_itself_and_the_tenant(neighbour, quotas):
    quotas().document(ANA)

    (seen,) = neighbour.seen
    claims = jwt.decode(seen.headers["X-Service-Token"], neighbour.secret, algorithms=["HS256"])
    assert (claims["iss"], claims["sub"]) == ("scheduler", "scheduler")
    assert claims["exp"] - claims["iat"] == 3600
    assert seen.headers["X-Tenant-Id"] == "acme"
    assert "Authorization" not in seen.headers


@pytest.mark.parametrize("minutes", [-59, -10, 10, 59])
def test_a_function_whose_clock_is_wrong_signs_by_the_services_clock(neighbour, minutes):
    service = UserService(neighbour.url, lambda: neighbour.secret, now=lambda: time.time() + 60 * minutes)

    answers = [service.ask(ANA, Call("GET"), READ_PATIENCE).status for _ in range(3)]
    service.close()

    assert answers == [200, 200, 200]
    assert len(neighbour.seen) <= 4, "only the first request may have been refused"


def test_a_service_that_lives_at_another_time_is_not_believed(neighbour):
    service = UserService(neighbour.url, lambda: neighbour.secret, now=lambda: time.time() + 7200)

    with pytest.raises(ServiceFailed):
        service.ask(ANA, Call("GET"), READ_PATIENCE)
    service.close()


def test_one_token_serves_many_requests(neighbour, quotas):
    source = quotas()

    for _ in range(3):
        source.document(ANA)

    assert len({seen.headers["X-Service-Token"] for seen in neighbour.seen}) == 1


@pytest.mark.parametrize(
    "user_id", ["a/b", "..", ".", "../../control", "a?b=c#d", "a b", "%2e%2e", "ä/ñ", "日本", "a;b", "a\\b", "a\r\nb"]
)
def test_any_user_id_is_one_segment_of_the_path(neighbour, quotas, user_id):
    neighbour.books.set_quota(user_id, {"planName": "hers alone"})

    assert quotas().document(User("acme", user_id)).plan_name == "hers alone"
    path, _, segment = neighbour.seen[0].path.rpartition("/")
    assert path == "/api/internal/quotas/user"
    assert segment not in {".", ".."}


@pytest.mark.parametrize("tenant_id", ["日本", "a\r\nX-Evil: 1", " a "])
def test_any_tenant_id_is_one_header(neighbour, quotas, tenant_id):
    assert quotas().document(User(tenant_id, "ana")).plan_name == "pro"
    assert "X-Evil" not in neighbour.seen[0].headers


def test_an_unknown_user_has_the_default_plan_and_that_is_no_failure(neighbour, quotas):
    neighbour.be("missing")
    source = quotas()

    for _ in range(FAILURES_THAT_OPEN + 1):
        assert source.document(ANA) is PRO

    assert len(neighbour.seen) == FAILURES_THAT_OPEN + 1


# --- trouble


@pytest.mark.parametrize(("mood", "asked"), AT_ONCE.items())
def test_a_failure_is_told_and_asked_again_only_where_that_may_help(neighbour, quotas, mood, asked):
    neighbour.be(mood)

    with pytest.raises(QuotaServiceUnavailable) as refusal:
        quotas(patience=replace(BRIEF, seconds=20, seconds_a_try=5)).document(ANA)

    assert refusal.value.retry_after_seconds
    assert [seen.path for seen in neighbour.seen] == ["/api/internal/quotas/user/ana"] * asked


@pytest.mark.parametrize("mood", SLOWLY)
def test_a_read_ends_in_time_however_slowly_it_is_answered(neighbour, quotas, mood):
    neighbour.be(mood, seconds=60 if mood == "slow" else 0)
    started = time.monotonic()

    fail(quotas(), 1)

    assert time.monotonic() - started < BRIEF.seconds + MARGIN_SECONDS
    assert len(neighbour.seen) >= 2


@pytest.mark.parametrize("mood", [*SLOWLY, "huge"])
def test_a_read_that_was_given_up_leaves_nothing_running(neighbour, quotas, mood):
    neighbour.be(mood, seconds=60 if mood == "slow" else 0)

    fail(quotas(), 1)

    left = [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]
    for thread in left:
        thread.join(MARGIN_SECONDS)
    assert not any(thread.is_alive() for thread in left)


def test_of_an_endless_answer_little_is_taken(neighbour, quotas):
    neighbour.be("huge")

    fail(quotas(), 1)

    assert neighbour.stage.sent_bytes < 32 * 1024 * 1024  # what lies in the buffers between


def test_the_synchronous_read_takes_five_seconds_at_most_and_its_first_try_two():
    assert (READ_PATIENCE.seconds, READ_PATIENCE.seconds_a_try) == (5.0, 2.0)


def test_nobody_listening_is_a_failure_whose_address_is_not_logged(meter, circuit, caplog):
    gone = UserService(f"http://127.0.0.1:{free_port()}", lambda: "0" * 64)

    fail(UserServiceQuotas(gone, RedisBreakerStore(None), meter, unknown_user=PRO, circuit=circuit), 1)

    assert "ConnectionError" in _logged(caplog)
    assert "127.0.0.1" not in _logged(caplog)


def test_a_second_try_may_succeed(neighbour, quotas):
    neighbour.be("down")
    heals = replace(BRIEF, pause=lambda _: neighbour.be("ok"))

    assert quotas(patience=heals).document(ANA).plan_name == "pro"
    assert len(neighbour.seen) == 2


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"limits": None}, id="no limits"),
        pytest.param({"status": "sleepy"}, id="an unknown status"),
        pytest.param({"status": ["active"]}, id="a list of statuses"),
        pytest.param({"validUntil": "soon"}, id="an unreadable time"),
        pytest.param({"limits": {"maxDevices": "ten"}}, id="a limit that is a text"),
    ],
)
def test_a_document_of_the_wrong_shape_grants_nothing(neighbour, quotas, document):
    neighbour.books.set_quota("ana", document)

    fail(quotas(), 1)


@pytest.mark.parametrize("mood", UNWELL)
def test_failures_allow_where_the_operator_wants_that_and_it_is_told(neighbour, quotas, meter, caplog, mood):
    neighbour.be(mood, seconds=60 if mood == "slow" else 0)

    assert quotas(allow_on_error=True).document(ANA) is NO_DOCUMENT
    assert "QuotaDegraded" in meter.names
    assert any(record.getMessage() == "degraded" and record.userId == "ana" for record in caplog.records)


def test_a_refusal_of_one_user_neither_allows_her_nor_stops_others(neighbour, quotas):
    neighbour.be("refusing")
    source = quotas(allow_on_error=True)
    fail(source, FAILURES_THAT_OPEN + 1)
    neighbour.be("ok")

    assert source.document(ANA).plan_name == "pro"


@pytest.mark.parametrize("mood", UNWELL)
def test_no_log_line_tells_the_token_or_the_address(neighbour, quotas, caplog, mood):
    caplog.set_level(logging.DEBUG, logger="scheduler")
    neighbour.be(mood, seconds=60 if mood == "slow" else 0)

    fail(quotas(), 1)

    logged = _logged(caplog)
    assert "quota not read" in logged
    for seen in neighbour.seen:
        assert seen.headers["X-Service-Token"] not in logged
    assert neighbour.url.removeprefix("http://") not in logged


def _logged(caplog: pytest.LogCaptureFixture) -> str:
    ours = [record for record in caplog.records if record.name.startswith(("scheduler", "aws_lambda_powertools"))]
    return "".join(f"{record.getMessage()} {vars(record)} {record.exc_text}" for record in ours)


def test_a_changed_secret_is_used_at_once(neighbour, quotas):
    source = quotas()
    source.document(ANA)
    neighbour.secret = "f" * 64

    assert source.document(ANA).plan_name == "pro"


def _unreadable() -> str:
    raise Unavailable("A secret could not be read.")


@pytest.mark.parametrize("secret", [_unreadable, lambda: ""], ids=["unreadable", "empty"])
def test_without_the_secret_nothing_is_sent(neighbour, meter, circuit, secret):
    service = UserService(neighbour.url, secret)

    fail(UserServiceQuotas(service, RedisBreakerStore(None), meter, unknown_user=PRO, circuit=circuit), 1)

    assert neighbour.seen == []


def test_a_peer_that_never_ends_its_tls_handshake_is_left_in_time():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()

        with pytest.raises(NoAnswer):
            BoundedSession().send(Request("GET", f"https://127.0.0.1:{mute.getsockname()[1]}/", {}), 0.5)

    assert time.monotonic() - started < 0.5 + MARGIN_SECONDS


# --- the circuit


@pytest.fixture
def sad_neighbour(neighbour) -> Neighbour:
    neighbour.be("nonsense")  # asked once for each read
    return neighbour


def configured(store: RedisBreakerStore, circuit: str) -> RedisBreakerStore:
    """Give a store that remembers nothing of what it can ask for."""
    store.configure(CircuitBreakerConfig(local_cache_max_age=0), circuit)
    return store


def age(server: ValkeyServer, circuit: str, seconds: int) -> dict[str, Any]:
    """Let time pass for an open circuit."""
    with redis.Redis(port=server.port, decode_responses=True) as client:
        key = f"scheduler:breaker:{{{circuit}}}"
        kept: dict[str, Any] = json.loads(str(client.get(key)))
        client.set(key, json.dumps(kept | {"opened_at": kept["opened_at"] - seconds}), keepttl=True)
        assert 0 < int(str(client.ttl(key))) < 2 * 3600
        return kept


def test_after_failures_in_a_row_nobody_is_asked(sad_neighbour, quotas, meter):
    source = quotas()

    fail(source, FAILURES_THAT_OPEN + 5)

    assert len(sad_neighbour.seen) == FAILURES_THAT_OPEN
    assert meter.names == ["Circuit.OPEN"]


def test_a_success_in_between_starts_the_count_again(sad_neighbour, quotas):
    source = quotas()
    fail(source, FAILURES_THAT_OPEN - 1)
    sad_neighbour.be("ok")
    source.document(ANA)
    sad_neighbour.be("nonsense")

    fail(source, FAILURES_THAT_OPEN - 1)
    sad_neighbour.be("ok")

    assert source.document(ANA).plan_name == "pro"


def test_a_circuit_that_one_environment_opens_is_open_for_all(sad_neighbour, quotas, cache):
    fail(quotas(breaker=RedisBreakerStore(link_to(cache))), FAILURES_THAT_OPEN)

    fail(quotas(breaker=RedisBreakerStore(link_to(cache))), 1)

    assert len(sad_neighbour.seen) == FAILURES_THAT_OPEN


def test_an_open_circuit_is_tried_again_and_closes(sad_neighbour, quotas, cache, circuit, meter):
    fail(quotas(breaker=RedisBreakerStore(link_to(cache))), FAILURES_THAT_OPEN)
    sad_neighbour.be("ok")
    age(cache, circuit, OPEN_SECONDS + 1)

    assert quotas(breaker=RedisBreakerStore(link_to(cache))).document(ANA).plan_name == "pro"

    assert meter.names == ["Circuit.OPEN", "Circuit.HALF_OPEN", "Circuit.CLOSED"]
    assert quotas(breaker=RedisBreakerStore(link_to(cache))).document(ANA).plan_name == "pro"


def test_a_probe_that_fails_opens_the_circuit_again(sad_neighbour, quotas, cache, circuit, meter):
    fail(quotas(breaker=RedisBreakerStore(link_to(cache))), FAILURES_THAT_OPEN)
    age(cache, circuit, OPEN_SECONDS + 1)

    fail(quotas(breaker=RedisBreakerStore(link_to(cache))), 3)

    assert len(sad_neighbour.seen) == FAILURES_THAT_OPEN + 1
    assert meter.names == ["Circuit.OPEN", "Circuit.HALF_OPEN", "Circuit.OPEN"]


def test_one_environment_wins_the_probe(cache, circuit):
    stores = [configured(RedisBreakerStore(link_to(cache)), circuit) for _ in range(8)]
    stores[0].save_open(circuit, failure_count=3, opened_at=1000)

    with ThreadPoolExecutor(len(stores)) as pool:
        won = list(pool.map(lambda store: store.try_acquire_half_open(circuit, "somebody", 1000), stores))

    assert won.count(True) == 1


def test_a_probe_is_for_the_outage_that_was_seen(cache, circuit):
    store = configured(RedisBreakerStore(link_to(cache)), circuit)
    store.save_open(circuit, failure_count=3, opened_at=2000)

    assert not store.try_acquire_half_open(circuit, "late", 1000)


def test_a_probe_that_never_ended_is_taken_over(cache, circuit):
    gone, store = (configured(RedisBreakerStore(link_to(cache)), circuit) for _ in range(2))
    gone.save_open(circuit, failure_count=3, opened_at=1000)
    gone.try_acquire_half_open(circuit, "gone", 1000)
    assert not store.try_acquire_half_open(circuit, "heir", 1000)

    with redis.Redis(port=cache.port, decode_responses=True) as client:
        key = f"scheduler:breaker:{{{circuit}}}"
        client.set(key, json.dumps(json.loads(str(client.get(key))) | {"probe_lease_expiry": 1}))

    assert store.try_acquire_half_open(circuit, "heir", 1000)


@pytest.mark.parametrize(
    "lie", ["", "no json", "[]", '{"state": "AJAR"}', '{"name": "x", "state": "OPEN", "colour": 1}']
)
def test_a_state_that_redis_made_up_counts_as_closed(neighbour, quotas, cache, circuit, lie):
    with redis.Redis(port=cache.port) as client:
        client.set(f"scheduler:breaker:{{{circuit}}}", lie)

    assert quotas(breaker=RedisBreakerStore(link_to(cache))).document(ANA).plan_name == "pro"


@pytest.mark.parametrize("trouble", ["pause", "stop"])
def test_without_redis_quotas_are_read_and_the_circuit_works_here(neighbour, quotas, trouble):
    with valkey() as server:
        source = quotas(breaker=RedisBreakerStore(link_to(server)))
        getattr(server, trouble)()
        started = time.monotonic()

        assert source.document(ANA).plan_name == "pro"

        neighbour.be("nonsense")
        fail(source, FAILURES_THAT_OPEN + 5)
        assert len(neighbour.seen) == 1 + FAILURES_THAT_OPEN
        assert time.monotonic() - started < MARGIN_SECONDS


@pytest.mark.parametrize("away", ["no redis", "redis stopped"])
def test_without_redis_an_environment_remembers_its_own_circuit(circuit, away):
    with valkey() as server:
        store = configured(RedisBreakerStore(None if away == "no redis" else link_to(server)), circuit)
    opened_at = int(time.time())
    store.save_open(circuit, failure_count=3, opened_at=opened_at)
    assert store.get_state(circuit).state == CircuitState.OPEN

    assert store.try_acquire_half_open(circuit, "me", opened_at)
    store.save_closed(circuit)
    assert store.get_state(circuit).state == CircuitState.CLOSED


# --- telling usage


def test_usage_is_told_with_its_key(neighbour, usage):
    usage().report(ANA, USAGE, "event-1")

    assert neighbour.books.usage()["applied"] == [{"key": "event-1", "tenantId": "acme", "userId": "ana", **USAGE}]


def test_usage_told_twice_counts_once(neighbour, usage):
    told = usage()

    told.report(ANA, USAGE, "event-1")
    told.report(ANA, USAGE, "event-1")

    known = neighbour.books.usage()
    assert known["used"]["ana"] == {"devices": 1, "cpuCores": 4, "memoryGB": 6.0, "storageGB": 64.0}
    assert known["repeated"] == 1


def test_a_report_is_tried_four_times_with_growing_pauses_of_random_length(neighbour, usage):
    neighbour.be("down")
    pauses: list[float] = []

    with pytest.raises(Unavailable):
        usage(patience=replace(REPORT_PATIENCE, pause=pauses.append)).report(ANA, USAGE, "event-1")

    assert len(neighbour.seen) == 4
    assert [0.25 <= pauses[0] <= 0.5, 0.5 <= pauses[1] <= 1, 1 <= pauses[2] <= 2] == [True] * 3
    assert {seen.headers["Idempotency-Key"] for seen in neighbour.seen} == {"event-1"}


def test_a_report_gets_five_seconds_a_try():
    assert (REPORT_PATIENCE.tries, REPORT_PATIENCE.seconds_a_try) == (4, 5.0)


def test_a_report_ends_when_the_function_must(neighbour, usage):
    neighbour.be("drip_headers")
    started = time.monotonic()

    with pytest.raises(Unavailable):
        usage(seconds_left=lambda: 1.0).report(ANA, USAGE, "event-1")

    assert time.monotonic() - started < 1 + MARGIN_SECONDS


def test_without_time_nothing_is_sent_and_the_service_is_not_blamed(neighbour, usage, meter):
    late = usage(seconds_left=lambda: 0.0)

    for _ in range(FAILURES_THAT_OPEN + 1):
        with pytest.raises(Unavailable):
            late.report(ANA, USAGE, "event-1")

    assert (neighbour.seen, meter.names) == ([], [])


def test_a_refused_report_is_not_repeated_at_once_and_opens_no_circuit(neighbour, usage):
    neighbour.be("refusing")
    told = usage()

    for number in range(FAILURES_THAT_OPEN + 1):
        with pytest.raises(Unavailable):
            told.report(ANA, USAGE, f"event-{number}")

    assert len(neighbour.seen) == FAILURES_THAT_OPEN + 1


@pytest.mark.parametrize("mood", ["nonsense", "redirect", "huge"])
def test_a_report_that_the_service_did_not_acknowledge_is_told_again(neighbour, usage, mood):
    neighbour.be(mood)
    told = usage()
    with pytest.raises(Unavailable):
        told.report(ANA, USAGE, "event-1")
    neighbour.be("ok")

    told.report(ANA, USAGE, "event-1")

    assert [applied["key"] for applied in neighbour.books.usage()["applied"]] == ["event-1"]


def test_reports_that_fail_do_not_stop_reading(neighbour, quotas, usage, circuit):
    neighbour.be("unauthorized")
    told = usage(circuit=f"{circuit}-usage")
    for number in range(FAILURES_THAT_OPEN + 1):
        with pytest.raises(Unavailable):
            told.report(ANA, USAGE, f"event-{number}")
    assert len(neighbour.seen) == FAILURES_THAT_OPEN * 2  # each once more with a new token
    neighbour.be("ok")

    assert quotas().document(ANA).plan_name == "pro"
