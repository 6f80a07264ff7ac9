"""What can go wrong with renewals, reservations and the queue: deaths, races, dispatch that comes too often or late."""

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from scheduler.adapters.postgres.connection import Row
from tests.fault import jobs
from tests.fault.clients import RESERVED_MINUTES, Client, Habits
from tests.fault.faults.kills import Kills
from tests.fault.faults.schedules import at_once
from tests.fault.history import Kind
from tests.fault.run import NotKept
from tests.fault.stage import Scene, Setting

BUSY = Habits(clients=32, users=16, minutes=(10, 30), promises=True)
"""Of users who renew, reserve and wait, too."""
PATIENCE_SECONDS = 120.0


class PromiseKills(Kills):
    """SIGKILL at each named step of what keeps promises."""

    name = "killed at any step of renew or dispatch"
    promise = "a renewal, a reservation's start or a service of the queue that is killed is done whole or not at all"
    short, long = 25, 500
    setting = Setting(habits=BUSY, devices=24, minutes_a_second=2.0, dispatches=3)
    functions = ("renew", "dispatch")


class RenewalRaces:
    """An expiry, a release and two renewals meet at one allocation."""

    name = "expire vs release vs renew on one row"
    promise = "an allocation ends once, no two renewals merge, and none renews what has ended"
    short, long = 100, 5000
    setting = Setting(
        habits=Habits(clients=32, users=32, minutes=(1,)),
        devices=32,
        environment={"REDIS_HOST": ""},  # whose locks would put them in line
    )
    _AT_ONCE = 12
    _HELD = (
        "SELECT id::text, device_id, tenant_id, user_id FROM device_allocations"
        " WHERE status = 'allocated' ORDER BY random() LIMIT %(most)s"
    )

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Renew twice and release; when the first of them is answered the time comes, and sweeps go on meanwhile."""
        races = 0
        while races < times:
            held = scene.database.rows(self._HELD, {"most": self._AT_ONCE})
            asked = [ask for number, row in enumerate(held) for ask in _renew_and_release(scene, number, row)]
            rng.shuffle(asked)
            at_once([*asked[1:], *[lambda: jobs.sweep(scene)] * 3, partial(_and_time_comes, scene, asked[:1])])
            races += len(held)
            progress(races)
        return races


class BookingRaces:
    """Bookings and claims meet at the last devices."""

    name = "reservation vs allocation on one device"
    promise = "a device is promised for a window or lent into it, never both"
    short, long = 200, 5000
    setting = Setting(habits=Habits(clients=8, users=8, minutes=(5,)), devices=12, minutes_a_second=4.0, dispatches=1)
    AHEAD_MINUTES = (5, 60)
    _AT_ONCE = 8

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Have users reserve a few minutes ahead while others ask for longer than that."""
        races = 0
        while races < times:
            at_once([_reserve_or_allocate(scene, 1000 + races + number, rng) for number in range(self._AT_ONCE)])
            races += self._AT_ONCE
            progress(races)
        return races


class Dispatches:
    """Two and five dispatchers at once; then none for ten minutes."""

    name = "dispatch fires 2x, 5x, or late"
    promise = (
        "each waiter is served once and each reservation begins once, on time or late, however often dispatch runs"
    )
    short, long = 10, 200
    setting = Setting(habits=BUSY, devices=16, minutes_a_second=0.5)

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Fire several at once; every third time let ten minutes pass first."""
        for count in range(1, times + 1):
            if count % 3 == 0:
                scene.clock.advance(minutes=10)
            at_once([lambda: jobs.dispatch(scene)] * rng.choice((2, 5)))
            progress(count)
        if not scene.wait_for(lambda: jobs.dispatch(scene) and not _left_over(scene), 30):
            raise NotKept("waiters or reservations are left behind though dispatch ran")
        return times


class Mixture:
    """No fault: as many calls of every kind as are wanted, by 32 clients."""

    name = "calls of every kind, mixed"
    promise = "random calls to allocate, renew, reserve, queue, cancel and release by 32 clients leave no overlap"
    short, long = 1000, 5000
    setting = Setting(
        habits=BUSY,
        devices=24,
        minutes_a_second=4.0,
        dispatches=2,
    )

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Let them ask, without leisure."""
        scene.log.wanted = max(scene.log.wanted, times)

        def enough() -> bool:
            progress(len(scene.log.operations))
            return len(scene.log.operations) >= times

        if not scene.wait_for(enough, PATIENCE_SECONDS):
            raise NotKept(f"only {len(scene.log.operations)} calls in {PATIENCE_SECONDS:.0f} s")
        return len(scene.log.operations)


def _and_time_comes(scene: Scene, first: Sequence[Callable[[], object]]) -> None:
    for ask in first:
        ask()
    scene.clock.advance(seconds=61)


def _renew_and_release(scene: Scene, number: int, row: Row) -> Iterator[Callable[[], object]]:
    client = _client(scene, 1000 + number, row["tenant_id"], row["user_id"])
    renewal = {"allocationId": row["id"], "additionalMinutes": 1}
    release = {"deviceId": row["device_id"], "userId": row["user_id"], "allocationId": row["id"]}
    for kind, body in ((Kind.RENEW, renewal), (Kind.RENEW, renewal), (Kind.RELEASE, release)):
        yield lambda kind=kind, body=body: client.ask(kind, body, None)  # type: ignore[misc]


def _reserve_or_allocate(scene: Scene, number: int, rng: random.Random) -> Callable[[], object]:
    client = _client(scene, number, "acme", f"racer-{number}")
    if number % 2:
        return lambda: client.ask(Kind.ALLOCATE, {"userId": client.user, "durationMinutes": rng.randint(5, 60)}, None)
    return lambda: client.reserve(RESERVED_MINUTES, BookingRaces.AHEAD_MINUTES)


def _client(scene: Scene, number: int, tenant: str, user: str) -> Client:
    client = Client(number, scene.setting.habits, number, scene.crew, scene.log)
    client.tenant, client.user, client.now = tenant, user, scene.now
    return client


def _left_over(scene: Scene) -> int:
    """Count what dispatch should have done: what is due, and what is over."""
    query = (
        "SELECT (SELECT count(*) FROM reservations WHERE status = 'pending' AND starts_at <= scheduler_now() - shift)"
        " + (SELECT count(*) FROM queue_entries WHERE status = 'waiting' AND expires_at <= scheduler_now() - shift)"
        " FROM (SELECT interval '30 s' AS shift) late"
    )
    left: int = scene.database.call(query, {})
    return left
