"""What `allocate`, `run` and `reserve` ask for, and how a phone is waited for on a screen."""

from __future__ import annotations

from typing import Annotated

import typer

from cloudphone.cli import screen
from cloudphone.client import Client, Phone
from cloudphone.keeping import Keeping
from cloudphone.models import Waiter
from cloudphone.routes import Wants

Minutes = Annotated[int, typer.Option("--minutes", "-m", min=1, max=1440, help="For how long.")]
Wait = Annotated[bool, typer.Option("--wait", "-w", help="Wait in the queue when none is free.")]
MaxWait = Annotated[int, typer.Option(min=1, max=120, help="Minutes to wait at most.")]
MinCpu = Annotated[int | None, typer.Option(min=0, help="Cores at least.")]
MinMemory = Annotated[int | None, typer.Option(min=0, help="MB of memory at least.")]
DeviceType = Annotated[str | None, typer.Option("--type", help="As android-14.")]


def wants_of(minutes: int, min_cpu: int | None, min_memory: int | None, device_type: str | None) -> Wants:
    """Give the options as the client takes them."""
    wants: Wants = {"minutes": minutes}
    if min_cpu is not None:
        wants["min_cpu"] = min_cpu
    if min_memory is not None:
        wants["min_memory_mb"] = min_memory
    if device_type is not None:
        wants["device_type"] = device_type
    return wants


def allocated(client: Client, wants: Wants, *, wait: bool, max_wait: int, keeping: Keeping | None = None) -> Phone:
    """Allocate; while it is waited for, show the place and the estimate."""
    console, told = screen.aside(), [0]
    with console.status("Asking for a phone …") as status:

        def tell(waiter: Waiter) -> None:
            status.update(screen.place(waiter))
            if not console.is_terminal and waiter.position != told[-1]:  # a log: a line for each step forward
                told.append(waiter.position or 0)
                screen.say(screen.place(waiter))

        return client.allocate(wait=wait, max_wait_minutes=max_wait, on_wait=tell, keeping=keeping, **wants)
