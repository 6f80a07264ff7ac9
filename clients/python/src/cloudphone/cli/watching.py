"""`cloudphone watch`: what is lent and who waits, live."""

from __future__ import annotations

import itertools
import time
from contextlib import nullcontext
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from cloudphone.cli import screen
from cloudphone.cli.phones import LS
from cloudphone.cli.planning import WAITS
from cloudphone.cli.session import session
from cloudphone.client import Client
from cloudphone.errors import CloudPhoneError
from cloudphone.models import AllocationSummary, Waiter

_SHOWN = 200

Seen = tuple[list[AllocationSummary], list[Waiter]]
EMPTY: Seen = ([], [])


def watch(
    context: typer.Context,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two looks.")] = 2,
    times: Annotated[int, typer.Option(min=0, help="Look so often, 0: until Ctrl-C.")] = 0,
    json: screen.AsJson = False,
) -> None:
    """Show what is lent and who waits, again and again; with --json a line each time."""
    looks = range(times) if times else itertools.count()
    console, seen = screen.out(), EMPTY
    live = Live(console=console, auto_refresh=False) if console.is_terminal and not json else None
    with session(context) as client, live or nullcontext():
        for look in looks:
            if look:
                time.sleep(every)
            trouble = ""
            try:
                seen = _seen(client)
            except CloudPhoneError as problem:
                if not problem.transient:
                    raise
                trouble = str(problem)
            if json:
                screen.as_line({"allocations": seen[0], "waiting": seen[1], "trouble": trouble})
            elif live:
                live.update(_shown(seen, trouble), refresh=True)
            else:
                console.print(_shown(seen, trouble))


def _seen(client: Client) -> Seen:
    lent = itertools.islice(client.allocations(status="allocated", user_id=client.user_id), _SHOWN)
    waiting = itertools.islice(client.waiters(status="waiting", user_id=client.user_id), _SHOWN)
    return list(lent), sorted(waiting, key=lambda one: one.position or 0)


def _shown(seen: Seen, trouble: str) -> Group:
    lent, waiting = seen
    parts = [screen.table(lent, LS, f"{len(lent)} lent")]
    if waiting:
        parts.append(screen.table(waiting, WAITS, f"\n{len(waiting)} waiting"))
    foot = Text(
        f"\n{screen.harmless(trouble)}" if trouble else f"\n{datetime.now().astimezone():%H:%M:%S}",
        "red" if trouble else "dim",
    )
    return Group(*parts, foot)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)
