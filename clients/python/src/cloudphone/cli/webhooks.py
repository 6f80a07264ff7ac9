"""For services and operators: webhooks ls, add, rm, enable, ping."""

from __future__ import annotations

from typing import Annotated

import typer

from cloudphone.cli import screen
from cloudphone.cli.session import session
from cloudphone.service_models import Webhook

app = typer.Typer(help="Where events are sent (services and operators).", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="As `webhooks ls` shows it.")]
WEBHOOKS: screen.Columns[Webhook] = (
    ("STATUS", lambda one: one.status),
    ("URL", lambda one: one.url),
    ("TYPES", lambda one: " ".join(one.types)),
    ("FAILURES", lambda one: one.failures_in_row),
    ("LAST SENT", lambda one: screen.until(one.last_delivered_at)),
    ("WEBHOOK", lambda one: one.id),
)


@app.command("ls")
def ls(context: typer.Context, json: screen.AsJson = False) -> None:
    """List webhooks and their health."""
    with session(context) as client:
        screen.show(client.webhooks(), WEBHOOKS, json=json, nothing="Events are sent nowhere.")


@app.command()
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Where to, by https.")],
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only events of this type; may be repeated.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    json: screen.AsJson = False,
) -> None:
    """Have events sent to a URL. The secret that signs them is shown now, and never again."""
    with session(context) as client:
        made = client.add_webhook(url, types or ["*"], description=description)
    screen.show_facts(made, f"{made.id} sends to {made.url}. Its secret, shown only now: {made.secret}", json=json)


@app.command("rm")
def remove(context: typer.Context, webhook: Id, json: screen.AsJson = False) -> None:
    """Send nothing there any more."""
    with session(context) as client:
        client.remove_webhook(webhook)
    screen.show_facts({"id": webhook}, "Removed.", json=json)


@app.command()
def enable(context: typer.Context, webhook: Id, json: screen.AsJson = False) -> None:
    """Send again to one that was disabled."""
    with session(context) as client:
        screen.show_facts(client.enable_webhook(webhook), "Enabled.", json=json)


@app.command()
def ping(context: typer.Context, webhook: Id, json: screen.AsJson = False) -> None:
    """Send a greeting, to see that it arrives."""
    with session(context) as client:
        sent = client.ping_webhook(webhook)
    screen.show_facts(sent, f"On its way, with webhook-id {sent.event_id}", json=json)
