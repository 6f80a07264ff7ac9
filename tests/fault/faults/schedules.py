"""Schedules that fire twice, five times, or not at all; clocks that are wrong; races of an expiry with a release."""

import random
import threading
import time
from collections.abc import Callable, Sequence

import time_machine

from scheduler.adapters.postgres.connection import Row
from tests.fault import jobs
from tests.fault.clients import Client, Habits
from tests.fault.history import Kind
from tests.fault.run import NotKept
from tests.fault.stage import Scene, Setting

WRONG_BY_SECONDS = 600.0


class Schedules:
    """Two and five runs of a job at once; then none for ten minutes."""

    name = "schedules fire 2x, 5x, or not at all"
    promise = "sweeps, cleanups and relays that run at once share the work; late ones catch up"
    short, long = 10, 200
    setting = Setting(habits=Habits(minutes=(1, 5)), delivers=True, minutes_a_second=0.5)
    _JOBS = (jobs.sweep, jobs.clean, jobs.relay)

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Fire several at once; every third time let ten minutes pass first."""
        for count in range(1, times + 1):
            if count % 3 == 0:
                scene.clock.advance(minutes=10)
            job, copies = self._JOBS[count % 3], rng.choice((2, 5))
            at_once([lambda job=job: job(scene)] * copies)  # type: ignore[misc]
            progress(count)
        if not scene.wait_for(lambda: not _overdue(scene), 30):
            raise NotKept("overdue allocations are left though sweeps ran")
        return times


class WrongClocks:
    """Functions whose clock is up to ten minutes off, each by another amount."""

    name = "function clock off by 10 min"
    promise = "only the database's clock decides: a function's own may be wrong by minutes"
    short, long = 5, 50

    def __init__(self) -> None:
        """Give each worker a wrong clock when it begins."""
        self.setting = Setting(
            habits=Habits(minutes=(10, 30)), delivers=True, minutes_a_second=1.0, changes=(mistake_the_time,)
        )

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Replace workers by others whose clocks are wrong in other ways."""
        for count in range(1, times + 1):
            scene.crew.kill_one(rng)
            scene.jobs.kill_one(rng)
            time.sleep(0.1)
            progress(count)
        return times


class OneRow:
    """An expiry and a release meet at one allocation."""

    name = "expire vs release on one row"
    promise = "an allocation that is released while it expires ends once, with one event"
    short, long = 200, 5000
    setting = Setting(habits=Habits(users=64, minutes=(1,)), devices=64)
    _AT_ONCE = 24
    _HELD = (
        "SELECT id::text, device_id, tenant_id, user_id FROM device_allocations"
        " WHERE status = 'allocated' ORDER BY random() LIMIT %(most)s"
    )

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Let allocations come due, and at that instant release them and sweep."""
        races = 0
        while races < times:
            held = scene.database.rows(self._HELD, {"most": self._AT_ONCE})
            releases = [_release(scene, number, row) for number, row in enumerate(held, 1000)]
            scene.clock.advance(seconds=61)
            at_once([*releases, *[lambda: jobs.sweep(scene)] * 3])
            races += len(held)
            progress(races)
        return races


def _release(scene: Scene, number: int, row: Row) -> Callable[[], object]:
    client = Client(number, scene.setting.habits, number, scene.crew, scene.log)
    client.tenant, client.user = row["tenant_id"], row["user_id"]
    body = {"deviceId": row["device_id"], "userId": row["user_id"], "allocationId": row["id"]}
    return lambda: client.ask(Kind.RELEASE, body, None)


def mistake_the_time() -> None:
    """Set this process's clock off by up to ten minutes, for as long as it lives."""
    off = random.uniform(-WRONG_BY_SECONDS, WRONG_BY_SECONDS)
    time_machine.travel(time.time() + off, tick=True).start()


def at_once(calls: Sequence[Callable[[], object]]) -> None:
    """Make all calls at the same instant, and wait for them."""
    start = threading.Barrier(len(calls))

    def call(what: Callable[[], object]) -> None:
        start.wait(10)
        what()

    threads = [threading.Thread(target=call, args=(what,), daemon=True) for what in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def _overdue(scene: Scene) -> int:
    query = (
        "SELECT count(*) FROM device_allocations"
        " WHERE status = 'allocated' AND expires_at <= scheduler_now() - interval '90 s'"
    )
    overdue: int = scene.database.call(query, {})
    return overdue
