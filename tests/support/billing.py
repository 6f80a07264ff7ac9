"""What is billed, as tests see it: segments made by failovers, and the reconciliation that holds them against ends."""

from collections.abc import Mapping, Sequence
from typing import Any

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.reconciliations import PostgresReconciliations
from scheduler.service.reconciler import Reconciler
from tests.support.api import OPERATOR, Api
from tests.support.fake_meter import FakeMeter


def fail_over(api: Api, allocation_id: str, reason: str = "the screen went black") -> Mapping[str, Any]:
    """Have an operator move an allocation to another device; its present part is billed."""
    answer = api.post(f"/scheduler/allocations/{allocation_id}/failover", OPERATOR, {"reason": reason})
    assert answer.status == 200, answer.text
    return dict(answer.data)


def records(database: Database) -> Sequence[Mapping[str, Any]]:
    """List all records in their order."""
    return database.rows(
        "SELECT allocation_id::text, segment, kind, seconds, device_id, delivered_at IS NOT NULL AS told"
        " FROM usage_records ORDER BY ended_at, allocation_id, segment, kind DESC",
        {},
    )


def reconciled(database: Database, *, tells: bool = False) -> Mapping[str, Any]:
    """Reconcile everything at once."""
    return Reconciler(PostgresReconciliations(database), FakeMeter(), tells=tells).run(lambda: 300.0)
