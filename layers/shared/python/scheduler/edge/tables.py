"""Lists as CSV (RFC 4180), for those who ask for it."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scheduler.edge.request import Request

CSV = "text/csv"
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def prefers_csv(accept: str | None) -> bool:
    """Tell whether an Accept header names CSV, and weighs it no less than JSON."""
    weights = dict(map(_weighed, (accept or "").split(",")))
    wanted = weights.get(CSV, 0.0)
    return wanted > 0 and wanted >= weights.get("application/json", 0.0)


def wants_csv(request: Request) -> bool:
    """Tell whether a request asks for its list as CSV."""
    return prefers_csv(request.headers.get("accept"))


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Write a table with its header; what a spreadsheet would take for a formula is quoted with an apostrophe."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return table.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS_A_FORMULA) else value


def _weighed(kind: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in kind.split(";"))
    weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0.0
