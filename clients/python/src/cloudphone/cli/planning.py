"""What comes later, and what was: reserve, reservations, queue, usage."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from enum import Enum
from itertools import islice
from typing import Annotated

import msgspec
import typer

from cloudphone.cli import screen
from cloudphone.cli.phones import Limit
from cloudphone.cli.session import session
from cloudphone.cli.wanted import DeviceType, MinCpu, MinMemory
from cloudphone.fleet_models import Usage
from cloudphone.models import Reservation, Waiter
from cloudphone.routes import Window

RESERVATIONS: screen.Columns[Reservation] = (
    ("DEVICE", lambda one: one.device_id),
    ("USER", lambda one: one.user_id),
    ("STATUS", lambda one: one.status),
    ("FROM", lambda one: screen.until(one.start_time)),
    ("MINUTES", lambda one: one.duration_minutes),
    ("RESERVATION", lambda one: one.reservation_id),
)
WAITS: screen.Columns[Waiter] = (
    ("PLACE", lambda one: one.position),
    ("USER", lambda one: one.user_id),
    ("TIER", lambda one: one.tier),
    ("STATUS", lambda one: one.status),
    ("PROBABLY", lambda one: one.estimated_wait_seconds and screen.span(one.estimated_wait_seconds.p50)),
    ("WITHIN", lambda one: one.estimated_wait_seconds and screen.span(one.estimated_wait_seconds.p90)),
    ("GIVES UP", lambda one: screen.until(one.expires_at)),
    ("WAIT", lambda one: one.id),
)


class Every(str, Enum):
    """How often a reservation comes again."""

    DAILY = "daily"
    WEEKLY = "weekly"


class By(str, Enum):
    """What a line of the bill is about."""

    USER = "user"
    DEVICE = "device"
    DAY = "day"


def moment(text: str) -> datetime:
    """Read 2026-03-02T09:00Z, a time without zone as of here, or +90: minutes from now."""
    if text.startswith("+") and text[1:].isdigit():
        return datetime.now(timezone.utc) + timedelta(minutes=int(text[1:]))
    try:
        return msgspec.convert(_with_seconds(text), datetime).astimezone()
    except msgspec.ValidationError:
        raise typer.BadParameter(f"{text} is no time: 2026-03-02T09:00, with Z or +01:00, or +90 (minutes)") from None


Moment = Annotated[datetime, typer.Argument(parser=moment, help="2026-03-02T09:00Z, or +90: in so many minutes.")]
MaybeMoment = Annotated[datetime | None, typer.Option(parser=moment)]


def reserve(
    context: typer.Context,
    start: Moment,
    minutes: Annotated[int, typer.Option("--minutes", "-m", min=15, max=1440, help="For how long.")] = 60,
    every: Annotated[Every | None, typer.Option(help="Again and again, all or none.")] = None,
    count: Annotated[int, typer.Option(min=1, max=52, help="How often, with --every.")] = 5,
    zone: Annotated[str | None, typer.Option(help="Whose wall time it keeps, as Europe/Berlin; without, UTC.")] = None,
    min_cpu: MinCpu = None,
    min_memory: MinMemory = None,
    device_type: DeviceType = None,
    json: screen.AsJson = False,
) -> None:
    """Have a phone lent to you at a later time, or again and again with --every."""
    wants: Window = {"min_cpu": min_cpu, "min_memory_mb": min_memory, "device_type": device_type}
    with session(context) as client:
        wants["user_id"] = client.user_id
        if every:
            series = client.reserve_series(start, minutes, every.value, count=count, time_zone=zone, **wants)
            screen.show(series.reservations, RESERVATIONS, json=json)
            return
        one = client.reserve(start, minutes, **wants)
    text = f"{one.device_id} is reserved from {screen.until(one.start_time)} for {one.duration_minutes} minutes"
    screen.show_facts(one, text, json=json)


def reservations(
    context: typer.Context,
    cancel: Annotated[str | None, typer.Option(help="Cancel this one.")] = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Not only the pending ones.")] = False,
    limit: Limit = 100,
    json: screen.AsJson = False,
) -> None:
    """List reservations, or cancel one."""
    with session(context) as client:
        if cancel:
            screen.show_facts(client.cancel_reservation(cancel), "Cancelled.", json=json)
            return
        status = None if everything else "pending"
        found = list(islice(client.reservations(user_id=client.user_id, status=status), limit))
    screen.show(found, RESERVATIONS, json=json, nothing="Nothing is reserved.")


def queue(
    context: typer.Context,
    leave: Annotated[str | None, typer.Option(help="Give up this wait.")] = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Those that have ended, too.")] = False,
    limit: Limit = 100,
    json: screen.AsJson = False,
) -> None:
    """List who waits, or leave the queue."""
    with session(context) as client:
        if leave:
            screen.show_facts(client.leave_queue(leave), "You wait no more.", json=json)
            return
        status = None if everything else "waiting"
        found = list(islice(client.waiters(user_id=client.user_id, status=status), limit))
    screen.show(sorted(found, key=lambda one: one.position or 0), WAITS, json=json, nothing="Nobody waits.")


def usage(
    context: typer.Context,
    by: Annotated[By, typer.Option(help="What a line is about.")] = By.USER,
    start: Annotated[datetime | None, typer.Option("--from", parser=moment, help="30 days before the end.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", parser=moment, help="Now.")] = None,
    limit: Limit = 1000,
    json: screen.AsJson = False,
) -> None:
    """List what was billed (services and operators)."""
    with session(context) as client:
        found = list(islice(client.usage(by.value, start=start, end=end), limit))
    columns: screen.Columns[Usage] = (
        ("TENANT", lambda one: one.tenant_id),
        (by.value.upper(), lambda one: one.user_id or one.device_id or one.day),
        ("ALLOCATIONS", lambda one: one.allocations),
        ("BILLED", lambda one: screen.span(one.billed_seconds)),
        ("CREDITED", lambda one: screen.span(one.credited_seconds)),
        ("CORE HOURS", lambda one: f"{one.cpu_core_seconds / 3600:.2f}"),
    )
    screen.show(found, columns, json=json, nothing="Nothing was billed.")


def _with_seconds(text: str) -> str:
    """Let the seconds be left out, as RFC 3339 does not."""
    day, _, clock = text.replace(" ", "T").partition("T")
    return f"{day}T{clock[:5]}:00{clock[5:]}" if clock[5:6] != ":" else f"{day}T{clock}"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (reserve, reservations, queue, usage):
        app.command()(command)
