"""`cloudphone fleet import`: devices from a table, row by row accounted for."""

from __future__ import annotations

import csv
import json as jsons
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import Progress

from cloudphone.cli import screen
from cloudphone.cli.codes import Code
from cloudphone.cli.session import session
from cloudphone.client import Client
from cloudphone.errors import DeviceExists, Refusal
from cloudphone.fleet_models import NewDevice
from cloudphone.flows import Retries

app = typer.Typer(help="The fleet (operators).", no_args_is_help=True)
AT_ONCE, BYTES_AT_ONCE = 50, 15_000
"""What one request carries: 50 rows as long as they stay under the 16 KB that the scheduler takes."""
PATIENT = Retries(attempts=12, longest_seconds=15, total_seconds=180)
"""A limit of requests by the minute may have to be waited for."""


@dataclass(frozen=True)
class Row:
    """What became of a line of the file: added, present, wrong, or (dry run) new."""

    line: int
    id: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True)
class _Good:
    line: int
    device: NewDevice


ROWS: screen.Columns[Row] = (
    ("LINE", lambda row: row.line),
    ("DEVICE", lambda row: row.id),
    ("", lambda row: row.outcome),
    ("WHY", lambda row: row.detail),
)


@app.callback()
def fleet() -> None:
    """Have sub-commands, though there is one."""


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV; its head names the API's fields.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Check all rows, add none.")] = False,
    json: screen.AsJson = False,
) -> None:
    """Register the devices of a CSV file.

    Devices that are there are left as they are, so that an import that broke off is just run again. Whatever is wrong
    with a row keeps only that row out. The exit code is 8 when there was one.
    """
    good, rows = read(file)
    with session(context, PATIENT) as client:
        present = {device.id for device in client.devices()}
        fresh = [one for one in good if one.device.id not in present]
        rows += [_row(one, "present", "is there already") for one in good if one.device.id in present]
        rows += [_row(one, "new") for one in fresh] if dry_run else _added(client, fresh, quiet=json)
    rows.sort(key=lambda row: row.line)
    if json:
        screen.as_json(rows)
    else:
        _report(rows)
    if any(row.outcome == "wrong" for row in rows):
        raise typer.Exit(Code.NOT_ALL_WELL)


def read(file: Path) -> tuple[list[_Good], list[Row]]:
    """Read the file: rows that can be devices, and those that cannot, with the reason."""
    good, wrong, seen = [], [], set()
    with file.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        for cells in reader:
            device_id = (cells.get("id") or "").strip()
            try:
                device = _device(cells)
                if device_id in seen:
                    raise ValueError("the id is in the file twice")
            except (ValueError, msgspec.ValidationError) as problem:
                wrong.append(Row(reader.line_num, device_id, "wrong", str(problem)))
                continue
            seen.add(device_id)
            good.append(_Good(reader.line_num, device))
    return good, wrong


def _device(cells: dict[str, Any]) -> NewDevice:
    if None in cells:
        raise ValueError("more cells than the head has")
    given: dict[str, Any] = {name: text.strip() for name, text in cells.items() if text and text.strip()}
    if "id" not in given:
        raise ValueError("no id: a second import would add it twice")
    if "labels" in given:
        given["labels"] = jsons.loads(given["labels"])
    return msgspec.convert(given, NewDevice, strict=False)


def _added(client: Client, fresh: Sequence[_Good], *, quiet: bool) -> list[Row]:
    rows: list[Row] = []
    with Progress(console=screen.aside(), disable=quiet, transient=True) as progress:
        for chunk in progress.track(list(chunks(fresh)), description="Adding devices"):
            rows += _add(client, chunk)
    return rows


def _add(client: Client, chunk: Sequence[_Good]) -> list[Row]:
    """Add rows together; when they are refused, one by one, so that each has its own answer."""
    try:
        client.add_devices([one.device for one in chunk])
    except Refusal as refused:
        if refused.transient or refused.problem.status in (401, 403):
            raise
        if len(chunk) == 1:
            outcome = "present" if isinstance(refused, DeviceExists) else "wrong"
            return [_row(chunk[0], outcome, _why(refused))]
        return [row for one in chunk for row in _add(client, [one])]
    return [_row(one, "added") for one in chunk]


def chunks(rows: Sequence[_Good]) -> Iterator[list[_Good]]:
    """Divide rows into requests."""
    chunk: list[_Good] = []
    size = 0
    for row in rows:
        length = len(msgspec.json.encode(row.device)) + 1
        if chunk and (len(chunk) == AT_ONCE or size + length > BYTES_AT_ONCE):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += length
    if chunk:
        yield chunk


def _row(one: _Good, outcome: str, detail: str = "") -> Row:
    return Row(one.line, one.device.id or "", outcome, detail)


def _why(refused: Refusal) -> str:
    told = "; ".join(" ".join(error.values()) for error in refused.problem.errors or [])
    return told or refused.problem.detail


def _report(rows: Sequence[Row]) -> None:
    wrong = [row for row in rows if row.outcome == "wrong"]
    if wrong:
        screen.out().print(screen.table(wrong, ROWS))
    counts = Counter(row.outcome for row in rows)
    screen.out().print(", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items())) or "No rows.")
