"""Delete the lock when done, whoever holds it by then."""

import time
from dataclasses import replace
from typing import Any

from scheduler.adapters.redis import gate
from tests.fault.planted.bug import QUIET, Bug
from tests.fault.planted.drama import Drama

TTL, CLOSED, WAITING = "planted:ttl", "planted:closed", "planted:waiting"
_MOST_LOOKS = 2000


def delete_the_lock() -> None:
    """Make workers do so."""
    gate._UNLOCK = "return redis.call('DEL', KEYS[1])"


def stop_before_the_unlock() -> None:
    """Have workers wait before they unlock while the scenario says so, and take their lock's time to live from it."""
    wait_for, leave = gate.RedisGate.wait_for, gate._leave

    def waiting(self: Any, line: Any, token: str) -> Any:
        asked = self._link.attempt(lambda client: client.run([("GET", TTL)])[0], default=None)
        gate.LOCK_TTL_MS = int(asked or gate.LOCK_TTL_MS)
        return wait_for(self, line, token)

    def leaving(client: Any, key: str, token: str, **options: Any) -> None:
        if client.run([("GET", CLOSED)])[0]:
            client.run([("SET", WAITING, 1)])
        for _ in range(_MOST_LOOKS):
            if not client.run([("GET", CLOSED)])[0]:
                break
            time.sleep(0.01)
        leave(client, key, token, **options)

    gate.RedisGate.wait_for = waiting  # type: ignore[method-assign]
    gate._leave = leaving


def a_lock_outlives_its_time(drama: Drama) -> None:
    """The first unlocks late, when the second has the lock; does a third get it beside the second?"""
    ana = drama.ana
    lock = f"allocation:user:{{{ana.tenant}|{ana.user}}}"
    with drama.scene.redis() as redis:
        redis.mset({TTL: 300, CLOSED: 1})
        first = drama.later(lambda: drama.allocate(ana))
        drama.wait_for(lambda: redis.get(WAITING))
        drama.wait_for(lambda: not redis.exists(lock))
        redis.set(TTL, 60_000)
        with drama.holding("SELECT FROM quota_usage FOR UPDATE"):
            second = drama.later(lambda: drama.allocate(ana))
            drama.wait_for(lambda: drama.blocked() == 1)
            redis.delete(CLOSED)
            first.result()
            third = drama.later(lambda: drama.allocate(ana))
            drama.wait_for(lambda: third.done() or drama.blocked() == 2)
        second.result()
        third.result()


BUG = Bug(
    "lock released without token",
    "locks",
    a_lock_outlives_its_time,
    setting=replace(QUIET, environment={"LOCK_WAIT_SECONDS": "0"}),
    in_workers=delete_the_lock,
    always=(stop_before_the_unlock,),
)
