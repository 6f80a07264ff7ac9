"""Stages a handful of requests in a fixed order: who waits for whom is decided by locks, never by sleeping."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg2

from tests.fault import jobs
from tests.fault.clients import RESERVED_MINUTES, Client, Log
from tests.fault.history import Kind, Operation
from tests.fault.stage import Scene
from tests.fault.steps import Arm

PATIENCE_SECONDS = 20.0
MOST_SPARED = 3
SLOW_TENANT = "globex"
"""Its grants and ends can be held up just before they commit."""
HOLD_COMMITS = "SELECT pg_advisory_xact_lock(1)"


class Drama:
    """Three clients, their requests one by one or at once, and the jobs when the scenario calls for them."""

    def __init__(self, scene: Scene, log: Log) -> None:
        """Ana and cat are of one tenant, ben of the slow one."""
        self.scene = scene
        self.ana, self.ben, self.cat = (Client(n, scene.setting.habits, 0, scene.crew, log) for n in range(3))
        for who in (self.ana, self.ben, self.cat):
            who.now = scene.now
        self._parts = ExitStack()

    def __enter__(self) -> "Drama":
        """Begin."""
        self._pool = self._parts.enter_context(ThreadPoolExecutor(max_workers=4))
        if self.scene.setting.relays:
            self._parts.enter_context(self.scene.events.reading())
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._parts.close()

    def finish(self) -> None:
        """Let out what is in the outbox, where events go out."""
        if self.scene.setting.relays:
            self.relay()

    def allocate(self, who: Client, key: str | None = None) -> Operation:
        """Ask for a device."""
        return who.ask(Kind.ALLOCATE, {"userId": who.user, "durationMinutes": 30}, key)

    def release(self, who: Client, grant: Operation, **names: Any) -> Operation:
        """Give back the device of a grant."""
        return who.ask(Kind.RELEASE, {"deviceId": grant.data["deviceId"], "userId": who.user, **names}, None)

    def renew(self, who: Client, grant: Operation) -> Operation:
        """Ask for ten minutes more."""
        return who.ask(Kind.RENEW, {"allocationId": grant.data["allocationId"], "additionalMinutes": 10}, None)

    def reserve(self, who: Client, minutes_ahead: int) -> Operation:
        """Ask for a window that begins then."""
        return who.reserve(RESERVED_MINUTES, (minutes_ahead, minutes_ahead))

    def later[T](self, work: Callable[[], T]) -> Future[T]:
        """Do it meanwhile."""
        return self._pool.submit(work)

    def relay(self) -> None:
        """Run the relay once, and see its events arrive."""
        jobs.relay(self.scene)
        self.wait_for(lambda: self.scene.events.drained(with_usage=False))

    def deliver_now(self) -> None:
        """Deliver what waits in the usage queue."""
        with self.scene.events.mapping(lambda event: jobs.deliver(self.scene, event)):
            self.wait_for(self.scene.events.drained)

    def die_with_a_grant(self, who: Client) -> None:
        """Ask until the function dies when the grant has committed: a crew spares some of its invocations.

        Raises:
            AssertionError: It does not die.
        """
        self.scene.crew.arm(Arm("allocate", "after the claim"))
        assert any(self.allocate(who).unknown for _ in range(MOST_SPARED))

    @contextmanager
    def holding(self, statement: str) -> Iterator[None]:
        """Keep the locks of a statement during the `with` block."""
        with psycopg2.connect(self.scene.database_url) as connection:
            connection.cursor().execute(statement)
            yield
        connection.close()

    def blocked(self) -> int:
        """Count the sessions that wait for a lock."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(self.scene.database.call(waiting, {}))

    def wait_for(self, what: Callable[[], object]) -> None:
        """Wait until it holds.

        Raises:
            TimeoutError: It does not come to that.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not what():
            if time.monotonic() > deadline:
                raise TimeoutError("the scenario does not come to its end")
            time.sleep(0.01)
