"""The named steps of each function: where a worker can be made to die or freeze. Only ever used in a worker process."""

import functools
import os
import re
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scheduler.adapters.aws.publisher import SnsPublisher
from scheduler.adapters.http.user_service import UserServiceUsage
from scheduler.adapters.postgres import connection
from scheduler.adapters.redis import gate
from scheduler.adapters.redis.cache import RedisAvailableCache

STATEMENTS = {
    "the claim": r"SELECT claim_device\(",
    "the release": r"SELECT release_device\(",
    "the sweep": r"expire_due\(",
    "the renewal": r"SELECT renew_allocation\(",
    "the execution": r"SELECT execute_reservation\(",
    "the serving": r"SELECT serve_next\(",
    "the refresh": r"SELECT refresh_terms\(",
    "the end of waits": r"expire_waits\(",
    "the quota read": r"FROM read_quotas\(",
    "the lease": r"SELECT acquire_lease\(",
    "the reading": r"FROM outbox WHERE published_at IS NULL",
    "the mark": r"UPDATE outbox SET published_at",
    "the inbox look": r"EXISTS \(SELECT FROM inbox",
    "the inbox mark": r"INSERT INTO inbox",
}
"""What statements are called in steps: "before the claim", "the claim sent", "after the claim"."""

LOCK_STEPS = ("before the lock", "holding the lock", "before the unlock", "after the unlock")
LAST_STEP = "before the answer"
QUOTA_STEPS = ("before the quota read", "after the quota read")

STEPS: dict[str, tuple[str, ...]] = {
    "allocate": (
        *LOCK_STEPS,
        *QUOTA_STEPS,
        *("before the claim", "the claim sent", "after the claim", LAST_STEP),
    ),
    "release": (*LOCK_STEPS, "before the release", "the release sent", "after the release", LAST_STEP),
    "renew": (*LOCK_STEPS, *QUOTA_STEPS, "before the renewal", "the renewal sent", "after the renewal", LAST_STEP),
    "expire": ("before the sweep", "the sweep sent", "after the sweep", "before the eviction", LAST_STEP),
    "relay": (
        *("before the lease", "the lease sent", "after the lease", "after the reading"),
        *("before the publishing", "after the publishing", "the mark sent", "after the mark", LAST_STEP),
    ),
    "deliver": (
        *("before the inbox look", "after the inbox look", "before the report", "after the report"),
        *("the inbox mark sent", "after the inbox mark", LAST_STEP),
    ),
    "dispatch": (
        *("before the execution", "the execution sent", "after the execution"),
        *("the end of waits sent", "after the end of waits", "after the refresh"),
        *("before the serving", "the serving sent", "after the serving", LAST_STEP),
    ),
}
"""By function, roughly in the order in which they are reached."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What a worker does to itself when it reaches a step: die (SIGKILL) or freeze (SIGSTOP) for some seconds."""

    function: str
    step: str
    freeze_seconds: float = 0.0


class Tripwire:
    """Strikes once, at the step that it is armed for."""

    def __init__(self) -> None:
        """Start unarmed."""
        self.arm: Arm | None = None
        self._reaching = threading.Lock()

    def reach(self, step: str) -> None:
        """Die or freeze here if armed for this step; several threads may publish at once."""
        with self._reaching:
            if self.arm is None or self.arm.step != step:
                return
            freeze, self.arm = self.arm.freeze_seconds, None
        os.kill(os.getpid(), signal.SIGSTOP if freeze else signal.SIGKILL)


def instrument(wire: Tripwire) -> None:
    """Make every step of the adapters tell the tripwire. The code under test stays as it is."""
    _around(gate.RedisGate, "wait_for", wire, "before the lock", "holding the lock")
    _around(gate, "_leave", wire, "before the unlock", "after the unlock")
    _around(RedisAvailableCache, "evict", wire, "before the eviction", "after the eviction")
    _around(SnsPublisher, "publish", wire, "before the publishing", "after the publishing")
    _around(UserServiceUsage, "report", wire, "before the report", "after the report")
    _name_statements(wire)


def _around(owner: Any, name: str, wire: Tripwire, before: str, after: str) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def stepping(*args: Any, **kwargs: Any) -> Any:
        wire.reach(before)
        result = original(*args, **kwargs)
        wire.reach(after)
        return result

    setattr(owner, name, stepping)


def _name_statements(wire: Tripwire) -> None:
    running: list[str | None] = [None]
    wait = connection._wait

    def waiting(*args: Any) -> None:
        if running[0]:
            wire.reach(f"{running[0]} sent")
        wait(*args)

    def named(run: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(run)
        def stepping(link: Any, statement: str, *rest: Any) -> Any:
            name = _name_of(statement)
            if name is None:
                return run(link, statement, *rest)
            wire.reach(f"before {name}")
            running[0] = name
            try:
                result = run(link, statement, *rest)
            finally:
                running[0] = None
            wire.reach(f"after {name}")
            return result

        return stepping

    connection._wait = waiting
    connection._values = named(connection._values)
    connection._mappings = named(connection._mappings)


@functools.cache
def _name_of(statement: str) -> str | None:
    return next((name for name, pattern in STATEMENTS.items() if re.search(pattern, statement)), None)
