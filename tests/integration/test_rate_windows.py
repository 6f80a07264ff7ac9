"""In no sixty seconds do more requests pass than the limit says, and who is refused is not kept out for it."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from scheduler.adapters.redis import limiter
from scheduler.adapters.redis.client import RedisLink, connect
from scheduler.adapters.redis.commands import Script
from scheduler.adapters.redis.gate import RedisGate
from scheduler.adapters.redis.limiter import RedisLimiter
from scheduler.domain.errors import RateLimited
from scheduler.domain.model import User
from scheduler.turns import Pace, RateLimits, Turn, begin_turn, one_turn
from tests.support.cluster import valkey_cluster
from tests.support.fake_meter import FakeMeter
from tools.embedded import ValkeyServer

NOON = 1_772_442_000
LIMITS = RateLimits(by_pace={Pace.WRITE: 5, Pace.QUERY: 7, Pace.BATCH: 2}, service=12, tiers={})

Limits = Callable[..., RedisLimiter]


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.from_url(redis_url, decode_responses=True) as connection:
        yield connection


@pytest.fixture
def limiter_of(valkey_server: ValkeyServer, client: redis.Redis) -> Limits:
    def make(limits: RateLimits = LIMITS, meter: FakeMeter | None = None) -> RedisLimiter:
        return RedisLimiter(link_to(valkey_server.port), meter or FakeMeter(), limits)

    return make


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch, client: redis.Redis) -> Callable[[float], object]:
    """Redis' clock, as far as windows read it."""
    slow = limiter._TAKE_ONE.text.replace("redis.call('TIME')[1]", "redis.call('GET', 'clock')")
    assert slow != limiter._TAKE_ONE.text
    monkeypatch.setattr(limiter, "_TAKE_ONE", Script(slow))

    def set_to(second: float) -> object:
        return client.set("clock", int(NOON + second))

    set_to(0)
    return set_to


def link_to(port: int, *, cluster: bool = False) -> RedisLink:
    def client() -> object:
        return connect("127.0.0.1", port, tls=False, cluster=cluster, password=None)

    return RedisLink(client, on_skip=lambda: None)


def turn(pace: Pace = Pace.WRITE, tenant: str = "acme", user: str = "alice", **more: object) -> Turn:
    return Turn(pace, tenant, user, **({"by_service": False} | more))  # type: ignore[arg-type]


def passes(windows: RedisLimiter, asked: Turn | None = None) -> bool:
    try:
        windows.take(asked or turn())
    except RateLimited:
        return False
    return True


def test_a_full_window_refuses_and_says_when_to_come_back(limiter_of: Limits, at: Callable[[float], object]) -> None:
    windows = limiter_of()
    for second in (0, 10, 10, 20, 30):
        at(second)
        windows.take(turn())
    at(40)
    asked = turn()

    with pytest.raises(RateLimited) as refused:
        windows.take(asked)

    assert refused.value.retry_after_seconds == 21
    (told,) = asked.verdicts
    assert (told.window, told.limit, told.left, told.seconds) == ("user-write", 5, 0, 21)
    at(60)
    assert not passes(windows)
    at(61)
    assert [passes(windows), passes(windows)] == [True, False]


def sums(client: redis.Redis, **lies: object) -> dict[str, object]:
    """What a window keeps beside its counts, with nothing counted."""
    now = client.time()[0]  # type: ignore[index]
    return {"at": now, "used": 0, "first": now} | lies


def test_a_window_of_an_earlier_version_goes_on(limiter_of: Limits, at: Callable[[float], object], client: redis.Redis):
    """It kept the counts alone, dropped what it did not know, and may count in turn with this one."""
    key, windows = "scheduler:rate:{acme|alice}:4:write", limiter_of()
    client.hset(key, str(NOON), 2)
    at(1)
    assert passes(windows)

    client.hincrby(key, str(NOON + 1), 1)
    client.hdel(key, "at", "used", "first")

    assert [passes(windows), passes(windows)] == [True, False]


def test_a_wrong_sum_lasts_no_longer_than_its_second(
    limiter_of: Limits, at: Callable[[float], object], client: redis.Redis
) -> None:
    key, windows = "scheduler:rate:{acme|alice}:4:write", limiter_of()
    assert [passes(windows) for _ in range(6)] == [True] * 5 + [False]
    client.hset(key, "used", 0)
    assert passes(windows)
    at(1)

    assert not passes(windows)


def test_what_is_refused_does_not_count(limiter_of: Limits, at: Callable[[float], object]) -> None:
    windows = limiter_of()
    assert [passes(windows) for _ in range(5)] == [True] * 5
    for second in range(1, 61):
        at(second)
        assert not passes(windows)
    at(61)

    assert [passes(windows) for _ in range(6)] == [True] * 5 + [False]


@examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)), min_size=1, max_size=25))
def test_no_sixty_seconds_hold_more_than_the_limit(
    limiter_of: Limits, at: Callable[[float], object], client: redis.Redis, steps: list[tuple[int, int]]
) -> None:
    client.flushall()
    windows, now, passed, refused = limiter_of(), 0, [], []
    for pause, requests in steps:
        now += pause
        at(now)
        for _ in range(requests):
            (passed if passes(windows) else refused).append(now)

    def held(first: int, last: int) -> int:
        return sum(first <= second <= last for second in passed)

    assert all(held(second, second + 60) <= 5 for second in passed)
    assert all(held(second - 60, second) >= 5 for second in refused), "a place was free"


def test_each_kind_user_and_tenant_has_a_window_of_its_own(limiter_of: Limits) -> None:
    windows = limiter_of()
    assert [passes(windows) for _ in range(6)][-1] is False

    others = [turn(Pace.QUERY), turn(Pace.BATCH), turn(user="bob"), turn(tenant="globex")]

    assert [passes(windows, other) for other in others] == [True] * 4


def test_a_bar_in_a_name_does_not_make_two_users_one(limiter_of: Limits) -> None:
    windows = limiter_of()
    assert [passes(windows, turn(tenant="acme", user="b|c")) for _ in range(6)][-1] is False

    assert passes(windows, turn(tenant="acme|b", user="c"))


@pytest.mark.parametrize("clustered", [False, True])
def test_threads_at_once_never_pass_more_than_the_limit(
    valkey_server: ValkeyServer, client: redis.Redis, clustered: bool
) -> None:
    def race(port: int) -> Counter[bool]:
        link = link_to(port, cluster=clustered)
        assert link.answers()
        windows = RedisLimiter(link, FakeMeter(), LIMITS)
        with ThreadPoolExecutor(max_workers=16) as pool:  # more than a cluster's client has connections fail open
            return Counter(pool.map(lambda _: passes(windows, turn(by_service=True)), range(64)))

    if clustered:
        with valkey_cluster() as node:
            raced = race(node.port)
    else:
        raced = race(valkey_server.port)

    assert raced[True] == 5


def test_services_of_a_tenant_share_a_total_in_which_batches_count_by_item(limiter_of: Limits) -> None:
    windows = limiter_of()
    asked = turn(Pace.BATCH, user="shop", by_service=True, weight=10)
    windows.take(asked)

    assert [(told.window, told.left) for told in asked.verdicts] == [("service", 2), ("user-batch", 1)]
    assert passes(windows, turn(user="carol", by_service=True))
    assert passes(windows, turn(user="carol", by_service=True))
    assert not passes(windows, turn(user="dave", by_service=True))
    assert passes(windows, turn(user="dave")), "a user itself is no service"
    assert passes(windows, turn(user="dave", tenant="globex", by_service=True))


def test_whom_one_window_refuses_another_gives_the_place_back(limiter_of: Limits) -> None:
    windows = limiter_of()
    for _ in range(2):
        windows.take(turn(Pace.BATCH, by_service=True))
    assert not any(passes(windows, turn(Pace.BATCH, by_service=True)) for _ in range(20))

    left = turn(user="bob", by_service=True)
    windows.take(left)

    assert left.verdicts[0].left == 12 - 3


def test_a_batch_larger_than_the_total_passes_when_nothing_else_does(limiter_of: Limits) -> None:
    windows = limiter_of()

    assert passes(windows, turn(Pace.BATCH, by_service=True, weight=100))
    assert not passes(windows, turn(by_service=True))


def test_a_plan_multiplies_the_limit_for_as_long_as_the_window_lasts(limiter_of: Limits, client: redis.Redis) -> None:
    windows = limiter_of(RateLimits(LIMITS.by_pace, 0, {"enterprise": 2, "free": 0.5}))
    client.set("scheduler:quota:{acme|alice}", '{"plan_name": "enterprise"}')
    client.set("scheduler:quota:{acme|bob}", '{"plan_name": "free"}')
    client.set("scheduler:quota:{acme|carol}", "[" * 100_000)
    assert passes(windows)
    client.delete("scheduler:quota:{acme|alice}")

    passed = {user: sum(passes(windows, turn(user=user)) for _ in range(20)) for user in ("alice", "bob", "carol")}

    assert passed == {"alice": 9, "bob": 2, "carol": 5}


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lambda client, key: client.set(key, "x"), id="a text"),
        pytest.param(lambda client, key: client.rpush(key, "x"), id="a list"),
        pytest.param(lambda client, key: client.hset(key, "soon", "many"), id="no numbers"),
        pytest.param(lambda client, key: client.hset(key, mapping=dict.fromkeys(range(5000), "7")), id="too much"),
        pytest.param(lambda client, key: client.hset(key, "9999999999", "7"), id="the future"),
        pytest.param(lambda client, key: client.hset(key, "1", "-7"), id="less than nothing"),
        pytest.param(lambda client, key: client.hset(key, mapping=sums(client, used=99)), id="too large a sum"),
        pytest.param(lambda client, key: client.hset(key, mapping=sums(client, used=-99)), id="a sum below nothing"),
        pytest.param(lambda client, key: client.hset(key, mapping=sums(client, first="soon")), id="no first second"),
    ],
)
def test_a_window_that_holds_nonsense_begins_anew(
    limiter_of: Limits, client: redis.Redis, lie: Callable[[redis.Redis, str], object]
) -> None:
    key = "scheduler:rate:{acme|alice}:4:write"
    lie(client, key)
    meter = FakeMeter()
    windows = limiter_of(meter=meter)

    assert [passes(windows) for _ in range(6)] == [True] * 5 + [False]
    assert client.hlen(key) <= 2 + 3  # the sum, since when and until when
    assert meter.counted == {"RateLimited": 1}


@pytest.mark.parametrize("reply", [None, "OK", [], [1, 2], [1, 5, 4, 60, "now"], [1, 5, -4, 60, 3], {"ok": 1}])
def test_an_answer_that_makes_no_sense_lets_pass_and_is_counted(limiter_of: Limits, reply: object) -> None:
    meter = FakeMeter()
    windows = limiter_of(meter=meter)
    asked = turn()

    windows.settle(asked, windows.windows(asked), [reply])

    assert (asked.taken, list(asked.verdicts), meter.counted["RateLimitSkipped"]) == (True, [], 1)


def test_windows_end_by_themselves(limiter_of: Limits, client: redis.Redis) -> None:
    limiter_of().take(turn(by_service=True))

    keys = client.keys("scheduler:rate:*")

    assert sorted(keys) == ["scheduler:rate:{acme|alice}:4:write", "scheduler:rate:{acme}:service"]
    assert all(0 < int(client.ttl(key)) <= 62 for key in keys)  # type: ignore[arg-type]


def test_the_line_counts_whom_it_admits_and_keeps_no_lock_for_whom_it_refuses(
    valkey_server: ValkeyServer, client: redis.Redis
) -> None:
    link = link_to(valkey_server.port)
    plenty, none = RateLimits({Pace.WRITE: 100}, 5, {}), RateLimits({Pace.WRITE: 0}, 5, {})
    for limits in (LIMITS, plenty, none):
        client.flushall()
        gate = RedisGate(link, FakeMeter(), 0, RedisLimiter(link, FakeMeter(), limits))
        for number in range(6):
            with one_turn():
                asked = turn(user="shop", by_service=True)
                begin_turn(asked)
                try:
                    with gate.admit_user(User("acme", "alice")):
                        assert client.exists("allocation:user:{acme|alice}")
                except RateLimited:
                    assert number == 5
            link.answers()  # the unlock was sent without waiting for it
            assert not client.exists("allocation:user:{acme|alice}")
        assert min(told.left for told in asked.verdicts) == 0
