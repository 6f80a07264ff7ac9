"""For operators: dlq, audit, audit-log."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from cloudphone.cli import screen
from cloudphone.cli.codes import Code
from cloudphone.cli.phones import Limit
from cloudphone.cli.session import session
from cloudphone.fleet_models import AuditEntry, DeadLetters, Invariant

dlq = typer.Typer(help="Messages that could not be worked on (operators).", no_args_is_help=True)
_MOST_ROUNDS = 1000
DEAD: screen.Columns[DeadLetters] = (("QUEUE", lambda one: one.name), ("PARKED", lambda one: one.waiting))
INVARIANTS: screen.Columns[Invariant] = (
    ("", lambda one: "holds" if one.holds else "BROKEN"),
    ("INVARIANT", lambda one: one.id),
    ("ROWS", lambda one: one.count),
    ("SAYS", lambda one: one.statement),
)
LOG: screen.Columns[AuditEntry] = (
    ("AT", lambda one: f"{one.at.astimezone():%d.%m. %H:%M:%S}"),
    ("OPERATOR", lambda one: one.operator),
    ("ACT", lambda one: one.act),
    ("WHAT", lambda one: f"{one.entity} {one.entity_id}"),
    ("AFTER", lambda one: one.after),
)


@dlq.command("ls")
def dead_letters(context: typer.Context, json: screen.AsJson = False) -> None:
    """List how many messages each queue has parked."""
    with session(context) as client:
        screen.show(client.dead_letters(), DEAD, json=json)


@dlq.command()
def redrive(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="As `dlq ls` names it.")],
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many in one request.")] = 100,
    everything: Annotated[bool, typer.Option("--all", help="Go on until none is left.")] = False,
    json: screen.AsJson = False,
) -> None:
    """Send parked messages back to their queue."""
    moved = 0
    with session(context) as client, screen.aside().status(f"Sending back {name} …") as status:
        for _ in range(_MOST_ROUNDS if everything else 1):
            done = client.redrive(name, limit)
            moved += done.moved
            status.update(f"{moved} sent back, about {done.left} left")
            if done.left == 0 or done.moved == 0:
                break
    facts = {"name": done.name, "moved": moved, "left": done.left}
    screen.show_facts(facts, f"{moved} sent back, about {done.left} left", json=json)


def audit(context: typer.Context, json: screen.AsJson = False) -> None:
    """Prove each invariant on live rows; the exit code is 8 when one does not hold."""
    with session(context) as client:
        found = client.audit()
    if json:
        screen.as_json(found)
    else:
        screen.out().print(screen.table(found.invariants, INVARIANTS))
        for finding in (finding for one in found.invariants for finding in one.findings):
            screen.say(f"{finding.check}: {finding.count}, as {finding.rows[:3]}")
    if not found.holds:
        raise typer.Exit(Code.NOT_ALL_WELL)


def audit_log(
    context: typer.Context,
    operator: Annotated[str | None, typer.Option(help="Only what this one did.")] = None,
    entity: Annotated[str | None, typer.Option(help="Only this kind of thing, as device.")] = None,
    entity_id: Annotated[str | None, typer.Option("--id", help="Only this thing.")] = None,
    limit: Limit = 50,
    json: screen.AsJson = False,
) -> None:
    """List what operators changed, newest first."""
    with session(context) as client:
        entries = client.audit_log(operator=operator, entity=entity, entity_id=entity_id)
        screen.show(islice(entries, limit), LOG, json=json)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(audit)
    app.command("audit-log")(audit_log)
