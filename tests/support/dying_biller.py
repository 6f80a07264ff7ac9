"""Tells records and kills itself at a step: `python -m tests.support.dying_biller STEP DB URL SECRET ALLOCATION`."""

import os
import signal
import sys
from collections.abc import Sequence

from scheduler.adapters.http.billing_service import BillingMetering
from scheduler.adapters.http.neighbour import Neighbour
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.usage_records import PostgresUsageRecords
from scheduler.adapters.redis.breaker_store import RedisBreakerStore
from scheduler.domain.billing import UsageRecord
from scheduler.service.biller import Biller
from tests.support.fake_meter import FakeMeter

STEPS = ("before it is read", "before it is told", "before it is marked", "after it is marked")


class Dying:
    """Wraps the parts of a biller, and dies at the named step."""

    def __init__(self, step: str, records: PostgresUsageRecords, metering: BillingMetering) -> None:
        """Wrap real parts."""
        self._step = step
        self._records = records
        self._metering = metering

    def reach(self, step: str) -> None:
        """Die if this is the step."""
        if step == self._step:
            os.kill(os.getpid(), signal.SIGKILL)

    def untold(self, allocation_id: str) -> Sequence[UsageRecord]:
        """Read for real."""
        self.reach("before it is read")
        return self._records.untold(allocation_id)

    def tell(self, record: UsageRecord) -> None:
        """Tell for real."""
        self.reach("before it is told")
        self._metering.tell(record)

    def mark_told(self, record: UsageRecord) -> None:
        """Mark for real."""
        self.reach("before it is marked")
        self._records.mark_told(record)
        self.reach("after it is marked")


if __name__ == "__main__":
    step, database_url, url, secret, allocation_id = sys.argv[1:]
    metering = BillingMetering(Neighbour(url, lambda: secret), RedisBreakerStore(None), FakeMeter())
    parts = Dying(step, PostgresUsageRecords(Database(lambda: database_url)), metering)
    Biller(parts, parts).deliver({"id": "event", "data": {"allocationId": allocation_id}})
