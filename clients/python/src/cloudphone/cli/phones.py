"""Phones: allocate, release, renew, ls, who, devices."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import Annotated, Any

import typer

from cloudphone import holding
from cloudphone.cli import screen
from cloudphone.cli.session import mine, named, session
from cloudphone.cli.wanted import DeviceType, MaxWait, MinCpu, MinMemory, Minutes, Wait, allocated, wants_of
from cloudphone.client import Client
from cloudphone.fleet_models import Device, FreeDevice
from cloudphone.models import AllocationSummary

Name = Annotated[str | None, typer.Argument(help="Device or allocation; without, the only one you have.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")]
LS: screen.Columns[AllocationSummary] = (
    ("DEVICE", lambda one: one.device_id),
    ("USER", lambda one: one.user_id),
    ("STATUS", lambda one: one.status),
    ("UNTIL", lambda one: screen.until(one.expires_at if one.status == "allocated" else one.released_at)),
    ("RENEWED", lambda one: one.renewal_count),
    ("ALLOCATION", lambda one: one.allocation_id),
)
FREE: screen.Columns[FreeDevice] = (
    ("DEVICE", lambda one: one.id),
    ("NAME", lambda one: one.name),
    ("CPU", lambda one: one.cpu_cores),
    ("MEMORY", lambda one: f"{one.memory_mb} MB"),
    ("STORAGE", lambda one: f"{one.storage_mb} MB"),
)
ALL: screen.Columns[Device] = (
    ("DEVICE", lambda one: one.id),
    ("TYPE", lambda one: one.device_type),
    ("STATUS", lambda one: one.status),
    ("LIFE", lambda one: one.life),
    ("HEALTH", lambda one: one.health_score),
    ("CPU", lambda one: one.cpu_cores),
    ("MEMORY", lambda one: f"{one.memory_mb} MB"),
    ("BUSY UNTIL", lambda one: screen.until(one.busy_until)),
    ("ADB", lambda one: f"{one.adb_host}:{one.adb_port}"),
)


def allocate(
    context: typer.Context,
    minutes: Minutes = 60,
    wait: Wait = False,
    max_wait: MaxWait = 30,
    min_cpu: MinCpu = None,
    min_memory: MinMemory = None,
    device_type: DeviceType = None,
    json: screen.AsJson = False,
) -> None:
    """Lend a phone. It stays yours until its end, or `release`."""
    wants = wants_of(minutes, min_cpu, min_memory, device_type)
    with session(context) as client:
        phone = allocated(client, wants, wait=wait, max_wait=max_wait)
    text = f"{phone.device_id} is yours until {screen.until(phone.expires_at)}: adb connect {phone.adb}"
    screen.show_facts(facts_of(phone), text, json=json)


def release(
    context: typer.Context,
    name: Name = None,
    everything: Annotated[bool, typer.Option("--all", help="All that you have.")] = False,
    json: screen.AsJson = False,
) -> None:
    """Give a phone back."""
    with session(context) as client:
        given = mine(client) if everything else [named(client, name)]
        released = [client.release(one.device_id, one.allocation_id, one.user_id) for one in given]
    if json:
        screen.as_json(released)
        return
    for one in released:
        screen.out().print(screen.harmless(f"{one.device_id} is given back after {screen.span(one.duration_seconds)}"))
    if not released:
        screen.out().print("You have none.")


def renew(
    context: typer.Context,
    name: Name = None,
    minutes: Annotated[int | None, typer.Option(min=1, help="By how much; without, as much as is allowed.")] = None,
    json: screen.AsJson = False,
) -> None:
    """Keep a phone for longer."""
    with session(context) as client:
        one = named(client, name)
        renewal = client.renew(one.allocation_id, minutes or _most(client, one.allocation_id))
    left = "" if renewal.remaining_renewals < 0 else f"; {renewal.remaining_renewals} more renewals"
    text = f"{one.device_id} is yours until {screen.until(renewal.new_expires_at)}{left}"
    screen.show_facts(renewal, text, json=json)


def ls(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Those that have ended, too.")] = False,
    limit: Limit = 100,
    json: screen.AsJson = False,
) -> None:
    """List allocations: yours; for a service its tenant's."""
    with session(context) as client:
        status = None if everything else "allocated"
        found = list(islice(client.allocations(status=status, user_id=client.user_id), limit))
    screen.show(found, LS, json=json, nothing="No phone is lent to you.")


def who(context: typer.Context, json: screen.AsJson = False) -> None:
    """Say who has which phones now, as far as you may see."""
    with session(context) as client:
        held: dict[tuple[str, str], list[AllocationSummary]] = defaultdict(list)
        for one in client.allocations(status="allocated"):
            held[one.tenant_id, one.user_id].append(one)
    rows = [
        {"tenantId": tenant, "userId": user, "devices": [one.device_id for one in held[tenant, user]]}
        for tenant, user in sorted(held)
    ]
    columns: screen.Columns[dict[str, Any]] = (
        ("TENANT", lambda row: row["tenantId"]),
        ("USER", lambda row: row["userId"]),
        ("PHONES", lambda row: len(row["devices"])),
        ("WHICH", lambda row: ", ".join(row["devices"])),
    )
    screen.show(rows, columns, json=json, nothing="Nobody has any.")


def devices(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Not only the free ones (operators).")] = False,
    min_cpu: MinCpu = None,
    min_memory: MinMemory = None,
    device_type: DeviceType = None,
    limit: Limit = 1000,
    json: screen.AsJson = False,
) -> None:
    """List the devices that are free."""
    with session(context) as client:
        if everything:
            screen.show(islice(client.devices(device_type=device_type), limit), ALL, json=json)
            return
        free = client.available(min_cpu=min_cpu, min_memory_mb=min_memory, device_type=device_type)
        screen.show(islice(free, limit), FREE, json=json, nothing="None that fits is free.")


def facts_of(phone: holding.Holding) -> dict[str, Any]:
    """Give what a program wants to know of an allocation, with the names of the API."""
    return {
        "allocationId": phone.allocation_id,
        "deviceId": phone.device_id,
        "userId": phone.user_id,
        "tenantId": phone.tenant_id,
        "expiresAt": phone.expires_at,
        "adbHost": phone.adb_host,
        "adbPort": phone.adb_port,
        "fencingToken": phone.fencing_token,
    }


def _most(client: Client, allocation_id: str) -> int:
    return max(1, client.renewal(allocation_id).max_additional_minutes)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (allocate, release, renew, ls, who, devices):
        app.command()(command)
