"""Calls the HTTP functions as API Gateway does: payload version 2.0, verified claims."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

from tools.handlers import load_function
from tools.region import template

Claims = Mapping[str, str]

TENANT = "acme"
USER: Claims = {"sub": "alice", "tenant_id": TENANT}
OTHER_USER: Claims = {"sub": "bob", "tenant_id": TENANT}
SERVICE: Claims = {"sub": "shop", "tenant_id": TENANT, "scope": "scheduler.service"}
OTHER_TENANT: Claims = {"sub": "rival", "tenant_id": "globex", "scope": "scheduler.service"}
OPERATOR: Claims = {"sub": "night-shift", "scope": "scheduler.operator"}


@dataclass(frozen=True)
class Answer:
    """What the caller sees."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)

    @property
    def data(self) -> Any:
        """What a success carries."""
        return self.json["data"]

    @property
    def code(self) -> str:
        """Why a refusal refuses."""
        return str(self.json["code"])


class Context:
    """The Lambda context, as far as the functions look at it."""

    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:000000000000:function:function"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        """Tell how long the function may still run."""
        return 10_000


class Api:
    """Every route, in one process."""

    def call(
        self,
        method: str,
        path: str,
        claims: Claims | None,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request to the function that serves it; a body that is no string is sent as JSON."""
        event = http_event(method, path, claims, body, query=query, headers=headers)
        answer = load_function(function_of(method, path)).handler(event, Context())
        return Answer(answer["statusCode"], answer.get("headers", {}), answer["body"])

    def get(self, path: str, claims: Claims | None, **query: Any) -> Answer:
        """GET with query parameters."""
        return self.call("GET", path, claims, query=query)

    def post(self, path: str, claims: Claims | None, body: Any = None, *, key: str | None = None) -> Answer:
        """POST with an optional Idempotency-Key."""
        return self.call("POST", path, claims, body, headers={"idempotency-key": key} if key else None)

    def allocate(self, claims: Claims = SERVICE, *, key: str | None = None, **body: Any) -> Answer:
        """Allocate for alice, unless the body says otherwise."""
        return self.post("/scheduler/devices/allocate", claims, {"userId": "alice"} | body, key=key)

    def release(self, device_id: str, claims: Claims = SERVICE, *, key: str | None = None, **body: Any) -> Answer:
        """Release a device."""
        return self.post("/scheduler/devices/release", claims, {"deviceId": device_id} | body, key=key)

    def renew(
        self, allocation_id: str, minutes: object, claims: Claims = SERVICE, *, key: str | None = None, **body: Any
    ) -> Answer:
        """Renew an allocation."""
        asked = {"additionalMinutes": minutes} | body
        return self.post(f"/scheduler/allocations/{allocation_id}/renew", claims, asked, key=key)

    def add_devices(self, count: int = 1, **fields: Any) -> list[str]:
        """Register devices of one kind; give their ids."""
        ids: list[str] = []
        for start in range(0, count, 50):
            devices = [device_body(number, **fields) for number in range(start, min(start + 50, count))]
            ids += self.post("/scheduler/devices", OPERATOR, {"devices": devices}).data["ids"]
        return ids


def device_body(number: int, **fields: Any) -> dict[str, Any]:
    """Give the body of a device as the wire has it."""
    return {
        "name": f"phone-{number}",
        "deviceType": "android-14",
        "cpuCores": 4,
        "memoryMB": 4096,
        "storageMB": 65536,
        "adbHost": "10.0.0.7",
        "adbPort": 5555 + number,
    } | fields


def function_of(method: str, path: str) -> str:
    """Name the function that serves a route of the template; what is no route goes to the look-ups, which say so."""
    for pattern, name in _routes():
        if pattern.fullmatch(f"{method} {path}"):
            return name
    return "query"


@cache
def _routes() -> list[tuple[re.Pattern[str], str]]:
    """Patterns of all routes, those without a variable part first, with their functions."""
    routes = sorted(template.routes(template.load()), key=lambda route: "{" in route.path)
    return [
        (
            re.compile(re.sub(r"{\w+}", "[^/]+", f"{route.method} {route.path}")),
            route.function.removesuffix("Function").lower(),
        )
        for route in routes
    ]


def http_event(
    method: str,
    path: str,
    claims: Claims | None,
    body: Any = None,
    *,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Give the event of an HTTP API."""
    given = {name: str(value) for name, value in (query or {}).items()}
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": urlencode(given),
        "headers": {"content-type": "application/json", **(headers or {})},
        "queryStringParameters": given,
        "requestContext": {
            "http": {"method": method, "path": path},
            "stage": "$default",
            "requestId": "request-1",
            "authorizer": {"jwt": {"claims": dict(claims)}} if claims else {},
        },
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }
