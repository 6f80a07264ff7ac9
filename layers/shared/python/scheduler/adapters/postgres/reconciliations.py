"""reconciliations: holds records against allocations, slice by slice, and keeps how far that is."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from psycopg2 import errors
from psycopg2.extras import Json

from scheduler.adapters.postgres.audit.check import deleted_until
from scheduler.adapters.postgres.connection import Database, Row
from scheduler.domain.errors import Unavailable
from scheduler.domain.reconciliation import MOST_NAMED, Mismatch, Part, Reconciliation, Untold, Walk
from scheduler.ports import SliceTooLarge

MOST_COUNTED = 10_000

# What retention has left begins where a scalar query says: behind the wall a coalesce alone is no index condition.

# Each end from the oldest on that has records: those outlive their allocation. Rows with fencing token 0 are history of
# others.
_ENDS = f"""
    SELECT a.id, a.released_at AS at,
           CASE WHEN a.fencing_token > 0 THEN billing_fault(a) END AS fault
      FROM device_allocations a
     WHERE a.status <> 'allocated' AND a.released_at <= %(started)s
       AND a.released_at > (SELECT {deleted_until("usage_records")})
       AND (a.released_at, a.id) > (%(at)s::timestamptz, %(id)s::uuid)
     ORDER BY a.released_at, a.id LIMIT %(rows)s"""

# Each record whose allocation retention cannot have deleted yet: that ended when the record did, or later.
_RECORDS = f"""
    SELECT r.allocation_id AS id, r.ended_at AS at,
           CASE WHEN a.id IS NULL THEN 'record without its allocation'
                WHEN a.status = 'allocated' AND r.segment >= a.segment THEN 'recorded before its end' END AS fault
      FROM (SELECT allocation_id, segment, ended_at FROM usage_records
             WHERE ended_at <= %(started)s AND ended_at > (SELECT {deleted_until("allocations")})
               AND (ended_at, allocation_id) > (%(at)s::timestamptz, %(id)s::uuid)
             ORDER BY ended_at, allocation_id LIMIT %(rows)s) r
      LEFT JOIN LATERAL (SELECT id, status, segment FROM device_allocations
                          WHERE id = r.allocation_id OFFSET 0) a ON true
     ORDER BY r.ended_at, r.allocation_id"""

_WALKS = {Walk.ENDS: _ENDS, Walk.RECORDS: _RECORDS}
_FIRST = ("-infinity", "00000000-0000-0000-0000-000000000000")
_RUN = "id, version, started_at, walk, reached_at, reached_id::text, examined, mismatches, named"


class PostgresReconciliations:
    """One statement a slice, which is one snapshot: an end and its record, which commit together, are seen together."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def resume(self) -> Reconciliation:
        """Give the walk that has not ended, or begin one; one that began a week ago is left."""
        begun = self._database.rows(
            f"SELECT {_RUN} FROM reconciliations WHERE ended_at IS NULL"
            " AND started_at > scheduler_now() - interval '7 days' ORDER BY id DESC LIMIT 1",
            {},
        )
        return _run(begun[0] if begun else self._begin())

    def examine(self, run: Reconciliation, rows: int) -> Part:
        """Examine the next rows of a walk, and name the first that mismatch.

        Raises:
            SliceTooLarge: It took too long.
        """
        assert run.walk is not None  # noqa: S101
        at, row_id = run.border or _FIRST
        found = self._row(
            f"WITH part AS MATERIALIZED ({_WALKS[run.walk]}),"
            " faulty AS (SELECT id, min(fault) AS fault, min(at) AS at FROM part WHERE fault IS NOT NULL GROUP BY id)"
            " SELECT (SELECT count(*) FROM part)::int AS examined, (SELECT count(*) FROM faulty)::int AS count,"
            " (SELECT coalesce(jsonb_agg(jsonb_build_array(named.id, named.fault)), '[]')"
            f" FROM (SELECT id, fault FROM faulty ORDER BY at, id LIMIT {MOST_NAMED}) named) AS named, last.at,"
            " last.id::text FROM (SELECT 1) one"
            " LEFT JOIN (SELECT at, id FROM part ORDER BY at DESC, id DESC LIMIT 1) last ON true",
            {"started": run.started_at, "at": at, "id": row_id, "rows": rows},
        )
        border = (found["at"], found["id"]) if found["examined"] else None
        named = tuple(Mismatch(*each) for each in found["named"])
        return Part(border, found["examined"], found["count"], named, last=found["examined"] < rows)

    def save(self, run: Reconciliation) -> Reconciliation | None:
        """Keep how far a walk is; it has ended when all is walked. None: another one saved it meanwhile."""
        at, row_id = run.border or (None, None)
        version: int | None = self._database.call(
            "UPDATE reconciliations SET version = version + 1, walk = %(walk)s, reached_at = %(at)s,"
            " reached_id = %(row)s::uuid, examined = %(examined)s, mismatches = %(count)s, named = %(named)s,"
            " ended_at = CASE WHEN %(complete)s THEN scheduler_clock() END"
            " WHERE id = %(id)s AND version = %(version)s AND ended_at IS NULL RETURNING version",
            {
                "id": run.id,
                "version": run.version,
                "walk": run.walk or Walk.RECORDS,
                "at": at,
                "row": row_id,
                "examined": run.examined,
                "count": run.count,
                "named": Json([asdict(mismatch) for mismatch in run.mismatches]),
                "complete": run.complete,
            },
        )
        return None if version is None else replace(run, version=version)

    def last_count(self) -> int:
        """Tell how many mismatches the last walk that ended has found."""
        ended = self._database.rows(
            "SELECT mismatches FROM reconciliations WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT 1", {}
        )
        return ended[0]["mismatches"] if ended else 0

    def untold(self, hours: int) -> Untold:
        """Count records that have waited longer to be told, up to ten thousand, and name the oldest."""
        found = self._row(
            "SELECT count(*)::int AS count, coalesce(array_agg(DISTINCT id::text) FILTER (WHERE place <= %(named)s),"
            " '{}') AS ids FROM (SELECT allocation_id AS id, row_number() OVER (ORDER BY recorded_at) AS place"
            " FROM (SELECT allocation_id, recorded_at FROM usage_records WHERE delivered_at IS NULL"
            " AND recorded_at < scheduler_now() - make_interval(hours => %(hours)s)"
            " ORDER BY recorded_at LIMIT %(most)s) oldest) numbered",
            {"hours": hours, "most": MOST_COUNTED, "named": MOST_NAMED},
        )
        return Untold(found["count"], tuple(found["ids"]))

    def _begin(self) -> Row:
        self._database.call("DELETE FROM reconciliations WHERE started_at < scheduler_now() - interval '400 days'", {})
        return self._row(f"INSERT INTO reconciliations (started_at) VALUES (scheduler_clock()) RETURNING {_RUN}", {})

    def _row(self, statement: str, parameters: Mapping[str, Any]) -> Row:
        try:
            (row,) = self._database.rows(statement, parameters)
        except Unavailable as error:
            if isinstance(error.__cause__, errors.QueryCanceled):
                raise SliceTooLarge from error
            raise
        return row


def _run(row: Row) -> Reconciliation:
    return Reconciliation(
        id=row["id"],
        version=row["version"],
        started_at=row["started_at"],
        walk=Walk(row["walk"]),
        border=(row["reached_at"], row["reached_id"]) if row["reached_at"] else None,
        examined=row["examined"],
        count=row["mismatches"],
        mismatches=tuple(Mismatch(**named) for named in row["named"]),
    )
