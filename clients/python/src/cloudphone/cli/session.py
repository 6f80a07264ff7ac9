"""A client for one command, from what the command line, the environment and the configuration say."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from cloudphone.cli import settings
from cloudphone.cli.codes import NothingSuch
from cloudphone.client import Client
from cloudphone.errors import CloudPhoneError
from cloudphone.flows import Retries
from cloudphone.models import AllocationSummary


@dataclass(frozen=True)
class Given:
    """What was given before the command's name."""

    profile: str
    url: str | None
    user_id: str | None


def given(context: typer.Context) -> Given:
    """Give the options before the command's name."""
    found = context.find_object(Given)
    if found is None:
        raise TypeError("the command was called without its program")
    return found


def session(context: typer.Context, retries: Retries | None = None) -> Client:
    """Give a client for whoever asks; raise NotSignedIn when that is not known."""
    before = given(context)
    known = settings.resolve(before.profile, before.url, before.user_id)
    return Client(known.url, known.token, user_id=known.user_id, retries=retries)


def mine(client: Client) -> list[AllocationSummary]:
    """List the active allocations of whoever asks; with a user named, that one's."""
    return list(client.allocations(status="allocated", user_id=client.user_id))


def named(client: Client, name: str | None) -> AllocationSummary:
    """Find an active allocation by its id, the beginning of that, or its device; without a name the only one."""
    there = mine(client)
    fits = [one for one in there if name in (None, one.device_id, one.allocation_id)]
    fits = fits or [one for one in there if name and one.allocation_id.startswith(name)]
    if len(fits) == 1:
        return fits[0]
    what = f"called {name}" if name else "of yours"
    if not fits:
        raise NothingSuch(f"There is no active allocation {what}.")
    devices = ", ".join(one.device_id for one in fits)
    raise Ambiguous(f"There are {len(fits)} active allocations {what}: {devices}. Name the one that you mean.")


class Ambiguous(CloudPhoneError):
    """Several things are called so."""
