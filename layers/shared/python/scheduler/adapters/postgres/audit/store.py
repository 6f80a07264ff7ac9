"""Asks the checks, and keeps how far a full run is."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg2 import errors
from psycopg2.extras import Json

from scheduler.adapters.postgres.audit.check import Check
from scheduler.adapters.postgres.audit.orders import NOW, ORDERS
from scheduler.adapters.postgres.connection import Database, Row, unavailable
from scheduler.domain.audit import Border, Finding, FullRun, Invariant, Progress, Slice, Walk
from scheduler.domain.errors import Unavailable
from scheduler.domain.model import AllocationStatus
from scheduler.ports import SliceTooLarge

SWEEP_SECONDS = 30
"""What a sweep may take beyond its period."""
DISPATCH_SECONDS = 60
"""The period of dispatch."""

_RUN = "id, version, started_at, ended_at, walks, findings"


class PostgresAudit:
    """Checks the invariants with single statements: no session state, so any proxy can stand between."""

    def __init__(self, database: Database, expire_rate_minutes: int) -> None:
        """Work on one connection; the sweep of expiry comes every `expire_rate_minutes`."""
        self._database = database
        self._always = {
            "statuses": [status.value for status in AllocationStatus],
            "overdue_seconds": expire_rate_minutes * 60 + SWEEP_SECONDS,
            "served_seconds": DISPATCH_SECONDS + SWEEP_SECONDS,
        }

    def walks(self) -> Mapping[str, Collection[Invariant]]:
        """Name the orders in which rows can be walked, and the invariants that each tells about."""
        return {name: {check.invariant for check in order.checks} for name, order in ORDERS.items()}

    def examine_now(self) -> Sequence[Finding]:
        """Run the checks that look at the present only.

        Raises:
            Unavailable: The database is away, or too slow for them: they have no smaller slice.
        """
        try:
            return [self._ask(check, "true", {}) for check in NOW]
        except SliceTooLarge as error:
            raise unavailable() from error

    def next_slice(self, walk: str, below: Border | None, rows: int, hours: int | None) -> Slice:
        """Find the next `rows` rows below a border; one that reaches back `hours` is the last.

        Raises:
            SliceTooLarge: It took too long.
        """
        order = ORDERS[walk]
        statement = order.lowest_below().replace("{below}", order.below(below))
        found = self._rows(statement, {"rows": rows, "hours": hours, **order.parameters(None, below)})
        if not found:
            return Slice(None, below, None, last=True)
        (lowest,) = found
        return Slice(tuple(lowest["border"]), below, lowest["at"], last=bool(lowest["old"]))

    def examine(self, walk: str, part: Slice) -> Iterator[Finding]:
        """Run the checks of a walk on one slice, each when its finding is asked for.

        Raises:
            SliceTooLarge: It took too long.
        """
        order = ORDERS[walk]
        borders = order.parameters(part.low, part.high)
        for check in order.checks:
            yield self._ask(check, order.condition(part), borders)

    def resume_run(self) -> FullRun:
        """Give the full run that has not ended, or begin one; one that began a day ago is left."""
        begun = self._database.rows(
            f"SELECT {_RUN} FROM audit_runs WHERE ended_at IS NULL AND started_at > scheduler_now() - interval '1 day'"
            " ORDER BY id DESC LIMIT 1",
            {},
        )
        return _run(begun[0] if begun else self._begin())

    def save_run(self, run: FullRun) -> bool:
        """Keep how far a run is; it has ended when all is walked. False: another one saved it meanwhile."""
        progress = run.progress
        version: int | None = self._database.call(
            "UPDATE audit_runs SET version = version + 1, walks = %(walks)s, findings = %(findings)s,"
            " ended_at = CASE WHEN %(complete)s THEN scheduler_clock() END"
            " WHERE id = %(id)s AND version = %(version)s AND ended_at IS NULL RETURNING version",
            {
                "id": run.id,
                "version": run.version,
                "complete": progress.complete and progress.walks.keys() >= ORDERS.keys(),
                "walks": Json({name: asdict(walk) for name, walk in progress.walks.items()}, dumps=_json),
                "findings": Json([asdict(finding) for finding in progress.findings.values()], dumps=_json),
            },
        )
        run.version = version or run.version
        return version is not None

    def last_full_run(self) -> FullRun | None:
        """Give the last full run that ended."""
        ended = self._database.rows(
            f"SELECT {_RUN} FROM audit_runs WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT 1", {}
        )
        return _run(ended[0]) if ended else None

    def _begin(self) -> Row:
        self._database.call("DELETE FROM audit_runs WHERE started_at < scheduler_now() - interval '30 days'", {})
        (row,) = self._database.rows(
            f"INSERT INTO audit_runs (started_at) VALUES (scheduler_clock()) RETURNING {_RUN}", {}
        )
        return row

    def _ask(self, check: Check, condition: str, borders: Mapping[str, Any]) -> Finding:
        (answer,) = self._rows(check.counted(condition), borders)
        return Finding(check.name, check.invariant, answer["count"], tuple(answer["rows"]))

    def _rows(self, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
        try:
            return self._database.rows(statement, {**self._always, **parameters})
        except Unavailable as error:
            if isinstance(error.__cause__, errors.QueryCanceled):
                raise SliceTooLarge from error
            raise


def _run(row: Row) -> FullRun:
    walks = {
        name: Walk(
            border=tuple(walk["border"]) if walk["border"] else None,
            reached=datetime.fromisoformat(walk["reached"]) if walk["reached"] else None,
            complete=walk["complete"],
        )
        for name, walk in row["walks"].items()
    }
    findings = [
        Finding(found["check"], Invariant(found["invariant"]), found["count"], tuple(found["rows"]))
        for found in row["findings"]
    ]
    progress = Progress(walks, {finding.check: finding for finding in findings})
    return FullRun(row["id"], row["version"], row["started_at"], row["ended_at"], progress)


def _json(value: object) -> str:
    return json.dumps(value, default=lambda time: time.isoformat())
