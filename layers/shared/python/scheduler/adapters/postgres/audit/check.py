"""What a check is, and how it is asked of one slice of rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scheduler.domain.audit import MAX_ROWS, Border, Invariant, Slice


def deleted_until(kind: str) -> str:
    """Tell in SQL up to when cleanups have deleted rows of this kind: older ones prove nothing by being absent."""
    marked = f"SELECT deleted_until FROM retention_marks WHERE kind = '{kind}'"
    return f"coalesce(({marked}), '-infinity'::timestamptz)"


def allocation_in(document: str) -> str:
    """Read the allocation's id out of an event's data or a kept answer, in SQL; NULL where none can be read."""
    return uuid_in(f"{document} ->> 'allocationId'")


def first_device_of(allocation: str) -> str:
    """Tell in SQL on which device an allocation began: failovers leave their devices in the usage records.

    Behind the wall a coalesce is no index condition: this has it within a scalar query.
    """
    began = (
        f"SELECT coalesce(max(u.device_id), {allocation}.device_id) FROM usage_records u"
        f" WHERE u.allocation_id = {allocation}.id AND u.segment = 1 AND u.kind = 'usage'"
    )
    return f"CASE {allocation}.segment WHEN 1 THEN {allocation}.device_id ELSE ({began}) END"


def uuid_in(text: str) -> str:
    """Read a text as an id, in SQL; NULL where it is none."""
    return f"CASE WHEN {text} ~ '^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$' THEN ({text})::uuid END"


@dataclass(frozen=True, slots=True)
class Check:
    """One statement that gives a row for each offence, with its ids as jsonb `offender`.

    One statement is one snapshot: what changes in one transaction is seen whole, however busy the database is.
    `{slice}` stands where the rows of the walk are chosen; a check without a walk looks at all there is. What belongs
    to a row is looked up beneath an OFFSET 0, which keeps it one probe of an index a row: no plan reads a whole table
    for a slice, however old the statistics are.
    """

    name: str
    invariant: Invariant
    statement: str

    def counted(self, condition: str) -> str:
        """Give the statement that counts the offences among the rows of a condition, and names the first of them."""
        chosen = self.statement.replace("{slice}", condition)
        return (
            "SELECT count(*)::int AS count,"
            f" coalesce(jsonb_agg(offender) FILTER (WHERE place <= {MAX_ROWS}), '[]') AS rows"
            f" FROM (SELECT offender, row_number() OVER () AS place FROM ({chosen}) found) numbered"
        )


@dataclass(frozen=True, slots=True)
class Order:
    """An order in which an index can walk rows, from the last to the first, and the checks on its way.

    `lowest` gives `key` and `at` of the lowest of the `rows` rows below a border (`{below}`).
    """

    name: str
    key: tuple[tuple[str, str], ...]
    lowest: str
    checks: tuple[Check, ...]

    def lowest_below(self) -> str:
        """Give the statement that finds where a slice begins: its key as text, its time, and whether that is old."""
        key = ", ".join(f"{column}::text" for column, _ in self.key)
        return (
            f"SELECT ARRAY[{key}] AS border, at, at < scheduler_now() - make_interval(hours => %(hours)s) AS old"
            f" FROM ({self.lowest}) lowest"
        )

    def condition(self, part: Slice) -> str:
        """Choose the rows of a slice."""
        bounds = [
            self._compare(">=", "low") if part.low else "",
            self._compare("<", "high") if part.high else "",
        ]
        return " AND ".join(filter(None, bounds)) or "true"

    def below(self, high: Border | None) -> str:
        """Choose the rows below a border."""
        return self._compare("<", "high") if high else "true"

    def parameters(self, low: Border | None, high: Border | None) -> Mapping[str, Any]:
        """Give the borders as parameters; None where there is none."""
        names = range(len(self.key))
        lows = {f"low_{number}": low[number] if low else None for number in names}
        return lows | {f"high_{number}": high[number] if high else None for number in names}

    def _compare(self, operator: str, border: str) -> str:
        columns = ", ".join(column for column, _ in self.key)
        values = ", ".join(f"%({border}_{number})s::{kind}" for number, (_, kind) in enumerate(self.key))
        return f"({columns}) {operator} ({values})"
