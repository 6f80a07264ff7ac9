"""While a deployment lasts, the release before works on the schema of this one: its own code, taken from git."""

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.migrate import migrate
from tests.support.api import OPERATOR, SERVICE, Api, Context
from tests.support.clock import Clock
from tests.support.ledger import assert_ledger_agrees
from tests.support.release_before import NoHistory, python_of, release_before, run_tests, unpack
from tests.support.release_before.routes import OldApi, old_api
from tools.embedded import PostgresServer, ValkeyServer
from tools.embedded.scratch import scratch_folder
from tools.handlers import load_function

pytestmark = pytest.mark.xdist_group("release-before")

UPGRADED = "upgraded"
SECONDS = 500
MOST_TRIES = 1000
FILES = [
    f"tests/integration/test_{name}.py"
    for name in (
        *("allocate_route", "release_route", "renew_route", "batch_allocate", "batch_release", "batch_renew"),
        *("reservation_routes", "reservation_keeping", "queue_routes", "query_routes", "device_life", "failover"),
        *("sweeps", "relay", "consume_function", "bill_function"),
    )
]
# What the edge refuses before it asks the database, and what only measures.
LEFT_OUT = (
    *("input", "content_type", "cursor", "page", "refus", "round_trip", "bad", "wrong", "verified", "usable"),
    *("slow", "killed", "races", "down", "hangs", "unwell", "filter", "schema", "not_found", "lists"),
)


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the release before, in a folder of its own."""
    try:
        release = release_before()
    except NoHistory as reason:
        pytest.skip(f"the release before is not to be had: {reason}")
    return unpack(release, tmp_path_factory.mktemp("release-before"))


@pytest.fixture(scope="module")
def upgraded(postgres_server: PostgresServer, old_code: Path) -> str:
    """A database that the older code made and this one brought to its schema, as a deployment does."""
    url = postgres_server.create_database(UPGRADED)
    done = subprocess.run(
        [sys.executable, "-m", "tools.migrate"],
        cwd=old_code,
        env=python_of(old_code) | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    migrate(url)
    return UPGRADED


@pytest.fixture
def database_url(postgres_server: PostgresServer, upgraded: str) -> Iterator[str]:
    """A copy of it."""
    name = f"test_{uuid.uuid4().hex}"
    url = postgres_server.create_database(name, upgraded)
    migrate(url)
    yield url
    postgres_server.drop_database(name)


@pytest.fixture
def new(environment: pytest.MonkeyPatch, valkey_server: ValkeyServer, redis_url: str) -> Api:
    """The code of this release."""
    environment.setenv("REDIS_HOST", "127.0.0.1")
    environment.setenv("REDIS_PORT", str(valkey_server.port))
    return Api()


@pytest.fixture
def old(new: Api, database_url: str, valkey_server: ValkeyServer, old_code: Path, tmp_path: Path) -> Iterator[OldApi]:
    """The code of the release before, on the database and Valkey of `new`."""
    shared = {"DATABASE_URL": database_url, "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(valkey_server.port)}
    with old_api(old_code, shared, tmp_path / "old.log") as older:
        yield older


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder in memory for the servers of the older tests, which would make theirs on the disk."""
    folder = scratch_folder("older")
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def both(new: Api, old: OldApi) -> tuple[tuple[Api, Api], ...]:
    """Who begins and who goes on: the release before and this one, and the other way round."""
    return ((old, new), (new, old))


def test_the_tests_of_the_release_before_pass_on_this_schema(
    old_code: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(place))

    ran = run_tests(old_code, *FILES, "-k", f"not ({' or '.join(LEFT_OUT)})", "--maxfail=5", seconds=SECONDS)

    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]


def test_what_one_lends_the_other_renews_and_takes_back(new: Api, both: tuple[tuple[Api, Api], ...]) -> None:
    new.add_devices(1)
    tokens = []
    for begins, goes_on in both:
        lent = begins.allocate().data
        assert goes_on.get(f"/scheduler/allocations/{lent['allocationId']}", SERVICE).data["status"] == "allocated"
        assert goes_on.renew(lent["allocationId"], 10).status == 200
        assert goes_on.release(lent["deviceId"], fencingToken=lent["fencingToken"]).status == 200
        assert begins.release(lent["deviceId"], allocationId=lent["allocationId"]).code == "allocation_not_active"
        tokens.append(lent["fencingToken"])
    assert tokens == sorted(set(tokens))


def test_a_key_has_one_effect_whoever_is_asked(new: Api, both: tuple[tuple[Api, Api], ...]) -> None:
    new.add_devices(4)
    for number, (asked, asked_again) in enumerate(both):
        first = asked.allocate(key=f"key-{number}", metadata={"of": "both"})
        again = asked_again.allocate(key=f"key-{number}", metadata={"of": "both"})
        assert (first.status, again.json) == (201, first.json)


def test_what_one_books_the_other_keeps(new: Api, both: tuple[tuple[Api, Api], ...], clock: Clock) -> None:
    new.add_devices(1)
    for begins, goes_on in both:
        start = (clock.read() + timedelta(minutes=60)).isoformat()
        wish = {"userId": "alice", "startTime": start, "durationMinutes": 60}
        booked = begins.post("/scheduler/reservations", SERVICE, wish)
        assert booked.status == 201
        assert goes_on.post("/scheduler/reservations", SERVICE, wish | {"userId": "bob"}).status == 409
        assert goes_on.allocate(userId="bob", durationMinutes=120).code == "no_available_devices"
        cancelled = goes_on.post(f"/scheduler/reservations/{booked.data['reservationId']}/cancel", SERVICE)
        assert cancelled.status == 200


def test_who_waits_with_one_is_served_by_the_other(new: Api, both: tuple[tuple[Api, Api], ...]) -> None:
    (device_id,) = new.add_devices(1)
    for begins, goes_on in both:
        begins.allocate(userId="zoe")
        entry = begins.allocate(userId="alice", wait=True)
        assert entry.status == 202
        assert goes_on.release(device_id).status == 200
        assert goes_on.post("/scheduler/queue/process", OPERATOR).data == {"served": 1}
        served = begins.get(f"/scheduler/queue/{entry.data['id']}", SERVICE).data
        assert (served["status"], served["deviceId"]) == ("fulfilled", device_id)
        begins.release(device_id)


def test_a_batch_of_one_is_ended_by_the_other(new: Api, both: tuple[tuple[Api, Api], ...]) -> None:
    new.add_devices(3)
    for begins, goes_on in both:
        asked = {"items": [{"userId": user} for user in ("alice", "bob", "carol")], "atomic": True}
        lent = begins.post("/scheduler/allocations/batch", SERVICE, asked).json["data"]
        ids = [success["allocationId"] for success in lent["successes"]]
        ended = goes_on.post("/scheduler/allocations/batch/release", SERVICE, {"allocationIds": ids}).json["data"]
        assert (lent["successCount"], ended["successCount"]) == (3, 3)


def test_what_is_overdue_is_ended_once_by_either(new: Api, old: OldApi, database: Database, clock: Clock) -> None:
    new.add_devices(2)
    old.allocate(userId="alice", durationMinutes=1)
    new.allocate(userId="bob", durationMinutes=1)
    clock.advance(minutes=2)

    assert old.run("expire")["expired"] == 2
    assert load_function("expire").handler({}, Context())["expired"] == 0
    assert_ledger_agrees(database)


def test_users_who_race_for_one_device_through_both_have_it_in_turns(new: Api, old: OldApi, database: Database) -> None:
    new.add_devices(1)

    def turns(one: Api, user: str) -> list[int]:
        """Lend and give back ten times; tell the fencing tokens."""
        tokens: list[int] = []
        for _ in range(MOST_TRIES):
            lent = one.allocate(userId=user)
            if lent.status == 201:
                tokens.append(lent.data["fencingToken"])
                assert one.release(lent.data["deviceId"], fencingToken=tokens[-1]).status == 200
            if len(tokens) == 10:
                break
        return tokens

    with ThreadPoolExecutor(2) as pool:
        by_old, by_new = pool.map(turns, (old, new), ("alice", "bob"))

    assert (len(by_old), len(by_new)) == (10, 10)
    assert by_old + by_new != sorted(by_old + by_new), "they did not race"
    assert len(set(by_old + by_new)) == 20
    assert_ledger_agrees(database)
