"""Devices of the other system: from a CSV as the command line imports it, or from a table beside the allocations."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scheduler.edge.schemas.devices import DEVICE_COLUMNS, DeviceBody
from scheduler.edge.validation import valid

FIELDS = {DEVICE_COLUMNS.get(field, field): field for field in DeviceBody.__struct_fields__}
"""The API's field for each column."""
REQUIRED = ("id", "device_type", "cpu_cores", "memory_mb", "storage_mb", "adb_host", "adb_port")

type Read = tuple[str, Mapping[str, Any] | str]
"""A device's id, and its columns here or why it cannot come."""


def from_csv(path: Path) -> Iterator[Read]:
    """Read a CSV whose head names the API's fields."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        for cells in csv.DictReader(stream):
            if None in cells:
                yield cells.get("id") or "", "more cells than the head has"
                continue
            yield judged({field: text.strip() for field, text in cells.items() if text and text.strip()})


def from_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[Read]:
    """Read rows by column."""
    for row in rows:
        yield judged({FIELDS[column]: value for column, value in row.items() if value is not None})


def judged(given: dict[str, Any]) -> Read:
    """Give a device by column as the API would take it, or what the API would say; a name that is missing is the id."""
    device_id = str(given.get("id", ""))
    if not device_id:
        return "", "it has no id: its allocations could not find it"
    try:
        labels = {"labels": json.loads(given["labels"])} if isinstance(given.get("labels"), str) else {}
    except ValueError:
        return device_id, "labels is not JSON"
    body, faults = valid(DeviceBody, {"name": device_id, **given, **labels}, text=True)
    if faults:
        return device_id, "; ".join(f"{fault['field']}: {fault['detail']}" for fault in faults)
    return device_id, body.to_columns()
