"""The two requests of a cycle, as API Gateway (HTTP API, payload 2.0) hands them to the functions."""

from collections.abc import Mapping
from typing import Any

import msgspec

TENANT = "bench"
CLAIMS = {"sub": "service-bench", "tenant_id": TENANT, "scope": "scheduler.service"}
ALLOCATE = "/scheduler/devices/allocate"
RELEASE = "/scheduler/devices/release"


class Context:
    """What Lambda passes beside the event."""

    function_name = "bench"
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:bench"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """Never short of time."""
        return 30_000


def allocate_body(user_id: str) -> dict[str, Any]:
    """Ask for an hour on a device of at least the smallest size."""
    return {"userId": user_id, "durationMinutes": 60, "preferredSpecs": {"minCpu": 2, "minMemory": 4096}}


def release_body(user_id: str, device_id: str) -> dict[str, Any]:
    """Give the device back for the user."""
    return {"userId": user_id, "deviceId": device_id}


def post(path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Give the event of a POST by a service of the tenant."""
    return {
        "version": "2.0",
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "application/json",
            "authorization": "Bearer checked-by-the-authorizer",
            "content-type": "application/json",
            "host": "api.example.com",
            "user-agent": "bench",
            "x-forwarded-for": "203.0.113.24",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "authorizer": {"jwt": {"claims": CLAIMS, "scopes": None}},
            "domainName": "api.example.com",
            "domainPrefix": "api",
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.24",
                "userAgent": "bench",
            },
            "requestId": "Kx3bRj05FiAEMVg=",
            "routeKey": f"POST {path}",
            "stage": "$default",
            "time": "02/Mar/2026:09:15:00 +0000",
            "timeEpoch": 1772442900000,
        },
        "body": msgspec.json.encode(body).decode(),
        "isBase64Encoded": False,
    }
