"""`cloudphone login`."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer

from cloudphone.cli import screen, settings
from cloudphone.cli.session import given
from cloudphone.client import Client
from cloudphone.connection import identity_of


def login(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Option(
            "--token-file", help="Read the token from this file, - from standard input; without, it is asked for."
        ),
    ] = None,
    env_file: Annotated[
        Path | None, typer.Option(help="Take API_URL and the token from here: .local/env of `make up`.", exists=True)
    ] = None,
    which: Annotated[str, typer.Option("--as", help="Whose token of --env-file, as OPERATOR.")] = "USER",
    json: screen.AsJson = False,
) -> None:
    """Try a token, and keep it with the URL in a file that only you may read."""
    before = given(context)
    url, token = before.url, ""
    if env_file:
        known = settings.read_env_file(env_file)
        name = f"{which.upper().replace('-', '_').removesuffix('_TOKEN')}_TOKEN"
        if name not in known or "API_URL" not in known:
            raise typer.BadParameter(f"{env_file} has no API_URL and {name}")
        url, token = known["API_URL"], known[name]
    elif source:
        token = (sys.stdin.read() if source == "-" else Path(source).read_text()).strip()
    url = url or typer.prompt("URL of the scheduler")
    token = token or typer.prompt("Token", hide_input=True)
    with Client(url, token) as client:
        next(client.allocations(limit=1), None)  # raises Unauthorized
    path = settings.save(before.profile, settings.Settings(url, token, before.user_id))
    _welcome(url, token, path, json=json)


def _welcome(url: str, token: str, path: Path, *, json: bool) -> None:
    try:
        who = identity_of(token)
    except ValueError:
        screen.show_facts({"url": url}, f"Signed in at {url}; kept in {path}", json=json)
        return
    ends = datetime.fromtimestamp(who.expires_at, timezone.utc) if who.expires_at else None
    facts = {"url": url, "userId": who.user_id, "tenantId": who.tenant_id, "scope": who.scope, "expiresAt": ends}
    name = f"{who.user_id} of {who.tenant_id}" if who.tenant_id else who.user_id
    lasts = f", until {ends.astimezone():%d.%m.%Y %H:%M}" if ends else ""
    screen.show_facts(facts, f"Signed in at {url} as {name}{lasts}; kept in {path}", json=json)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(login)
