"""Allocates for alice and kills itself at a step: `python -m tests.support.dying_allocate STEP DB_URL REDIS_PORT`."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.quotas import BuiltInQuotas
from scheduler.domain.model import AllocationRequest, RequestKey, User
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaDocument, QuotaTerms
from scheduler.ports import Admission, Gate
from scheduler.service.allocator import Allocator
from tests.support.contenders import redis_gate
from tests.support.fake_meter import FakeMeter

STEPS = (
    "before the lock",
    "holding the lock",
    "after the quota was read",
    "before the claim",
    "after the claim",
    "before the unlock",
    "after the unlock",
)
ALICE = User("acme", "alice")


def wish(key: str = "k-1") -> AllocationRequest:
    """Alice's wish under an idempotency key."""
    return AllocationRequest(ALICE, 30, key=RequestKey("acme", "user:alice", "POST /allocate", key, "hash"))


class Dying:
    """Wraps the parts of an allocator, and dies at the named step."""

    def __init__(self, step: str, database: Database, gate: Gate) -> None:
        """Wrap real parts."""
        self._step = step
        self._store = PostgresAllocations(database)
        self._quotas = BuiltInQuotas(database, "pro")
        self._gate = gate

    def reach(self, step: str) -> None:
        """Die if this is the step."""
        if step == self._step:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def admit_user(self, user: User) -> Iterator[Admission]:
        """Admit by the real gate."""
        self.reach("before the lock")
        with self._gate.admit_user(user) as admission:
            self.reach("holding the lock")
            yield admission
            self.reach("before the unlock")
        self.reach("after the unlock")

    def remember_quota(self, user: User, document: QuotaDocument) -> None:
        """Keep it by the real gate."""
        self._gate.remember_quota(user, document)

    def document(self, user: User) -> QuotaDocument:
        """Read the real plan."""
        found = self._quotas.document(user)
        self.reach("after the quota was read")
        return found

    def claim(self, request: AllocationRequest, terms: QuotaTerms, *, last_attempt: bool) -> Facts:
        """Claim for real."""
        self.reach("before the claim")
        facts = self._store.claim(request, terms, last_attempt=last_attempt)
        self.reach("after the claim")
        return facts

    def allocator(self) -> Allocator:
        """Give the production use case over the wrapped parts."""
        return Allocator(self, self, self, FakeMeter())  # type: ignore[arg-type]  claim is all that is asked here


if __name__ == "__main__":
    step, url, port = sys.argv[1:]
    Dying(step, Database(lambda: url), redis_gate(int(port))).allocator().allocate(wish())
