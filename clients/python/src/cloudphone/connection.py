"""What both clients say on the wire, and how they hear it; who a token says one is."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import httpx
import msgspec

from cloudphone.calls import Call
from cloudphone.errors import NotReached
from cloudphone.flows import Answer

Token = str | Callable[[], str]
CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Identity:
    """What a token says of its bearer. Nobody verified it here: it is good for showing and for defaults."""

    user_id: str
    tenant_id: str | None = None
    scope: str = ""
    expires_at: float | None = None


def identity_of(token: Token) -> Identity:
    """Read the claims of a JWT; raise ValueError when it is none."""
    text = token if isinstance(token, str) else token()
    try:
        payload = text.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        tenant = claims.get("tenant_id") or claims.get("custom:tenant_id")
        return Identity(str(claims["sub"]), tenant, str(claims.get("scope", "")), claims.get("exp"))
    except (IndexError, ValueError, KeyError, TypeError, AttributeError):
        # without its cause: that holds the token's text
        raise ValueError("the token is no JWT with a subject: say the user's id beside it") from None


def options(url: str, timeout_seconds: float) -> dict[str, Any]:
    """Give what an httpx client is made with. Redirects are not followed: the token is for this host."""
    return {
        "base_url": url.rstrip("/"),
        "timeout": httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
        "headers": {"User-Agent": f"cloudphone-python/{_version()}", "Accept": "application/json"},
    }


def parts_of(call: Call[Any], token: Token) -> dict[str, Any]:
    """Give the arguments of `httpx.Client.request`."""
    headers = {"Authorization": f"Bearer {token if isinstance(token, str) else token()}"}
    if call.key:
        headers["Idempotency-Key"] = call.key
    content = None
    if call.body is not None:
        content = msgspec.json.encode(call.body)
        headers["Content-Type"] = "application/json"
    return {
        "method": call.method,
        "url": call.path,
        "params": dict(call.query) or None,
        "content": content,
        "headers": headers,
    }


def read(response: httpx.Response) -> Answer:
    """Give an answer as flows take it."""
    return Answer(response.status_code, response.headers, response.content)


def unreached(call: Call[Any], problem: httpx.TransportError) -> NotReached:
    """Say what was asked when no answer came."""
    return NotReached(f"{call.method} {call.path}: {problem or type(problem).__name__}")


def _version() -> str:
    try:
        return version("cloudphone")
    except PackageNotFoundError:  # run from its sources
        return "0"
