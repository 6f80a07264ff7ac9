"""Functions that Lambda stops in the middle of what they do, because their time is over."""

import random
from collections.abc import Callable
from contextlib import closing

import psycopg2

from tests.fault.clients import Client, Habits
from tests.fault.faults.schedules import at_once
from tests.fault.history import Kind
from tests.fault.run import NotKept
from tests.fault.stage import Scene, Setting

STEP_SECONDS = 0.1
STEPS = 28
AT_ONCE = 7
LOCK_SECONDS = 5.0


class Timeouts:
    """Invocations stopped after 0.1 s, 0.2 s, 0.3 s … while others hold the rows that they need."""

    name = "stopped by its timeout at each 100 ms"
    promise = "no transaction, row lock or Redis lock outlives a stopped function by more than 10 s"
    short, long = 14, 200
    setting = Setting(habits=Habits(minutes=(10, 30)), minutes_a_second=1.0, delivers=True)

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Hold every user's row for a while, let requests run into it, and stop each after its time."""
        for start in range(0, times, AT_ONCE):
            limits = [STEP_SECONDS * (1 + n % STEPS) for n in range(start, min(start + AT_ONCE, times))]
            with closing(psycopg2.connect(scene.database_url, application_name="in the way")) as blocker:
                blocker.cursor().execute("SELECT FROM quota_usage FOR UPDATE")
                at_once([_stopped(scene, number, seconds) for number, seconds in enumerate(limits, start)])
            _look_at_locks(scene)
            progress(start + len(limits))
        return times


def _stopped(scene: Scene, number: int, seconds: float) -> Callable[[], object]:
    client = Client(1000 + number, scene.setting.habits, number, scene.crew, scene.log)
    body = {"userId": client.user, "durationMinutes": 10}
    return lambda: client.ask(Kind.ALLOCATE, body, f"stopped-{number}", seconds)


def _look_at_locks(scene: Scene) -> None:
    with scene.redis() as redis:
        for key in redis.scan_iter("allocation:*"):
            if not -2 <= redis.pttl(key) / 1000 <= LOCK_SECONDS or redis.pttl(key) == -1:
                raise NotKept(f"lock {key!r} has no end within {LOCK_SECONDS} s")
