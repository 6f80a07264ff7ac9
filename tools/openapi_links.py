"""What can follow an answer: the links of the OpenAPI document, from an id in the answer to the routes that take it."""

from typing import Any

type Place = tuple[str, str, str]
"""Method, path and status of the answer that holds the id."""

_ALLOCATION = "/scheduler/allocations/{allocationId}"
_DEVICE = "/scheduler/devices/{deviceId}"
_ENTRY = "/scheduler/queue/{entryId}"
_RESERVATION = "/scheduler/reservations/{reservationId}"
_WEBHOOK = "/scheduler/webhooks/{webhookId}"

_ROUTES = {
    "allocationId": (
        ("get", _ALLOCATION),
        ("post", f"{_ALLOCATION}/renew"),
        ("get", f"{_ALLOCATION}/renewal"),
        ("post", f"{_ALLOCATION}/revoke"),
        ("post", f"{_ALLOCATION}/failover"),
    ),
    "deviceId": (
        ("get", _DEVICE),
        ("patch", _DEVICE),
        ("delete", _DEVICE),
        ("post", f"{_DEVICE}/drain"),
        ("post", f"{_DEVICE}/quarantine"),
        ("post", f"{_DEVICE}/restore"),
        ("post", f"{_DEVICE}/recycled"),
    ),
    "entryId": (("get", _ENTRY), ("post", f"{_ENTRY}/cancel")),
    "reservationId": (("get", _RESERVATION), ("patch", _RESERVATION), ("post", f"{_RESERVATION}/cancel")),
    "webhookId": (
        ("get", _WEBHOOK),
        ("delete", _WEBHOOK),
        ("post", f"{_WEBHOOK}/enable"),
        ("post", f"{_WEBHOOK}/ping"),
    ),
}
_SOURCES: dict[Place, tuple[str, str]] = {
    ("post", "/scheduler/devices/allocate", "201"): ("allocationId", "/data/allocationId"),
    ("post", "/scheduler/devices/allocate", "202"): ("entryId", "/data/id"),
    ("post", "/scheduler/devices", "201"): ("deviceId", "/data/ids/0"),
    ("post", "/scheduler/queue", "201"): ("entryId", "/data/id"),
    ("post", "/scheduler/reservations", "201"): ("reservationId", "/data/reservationId"),
    ("post", "/scheduler/webhooks", "201"): ("webhookId", "/data/id"),
}


def add_links(paths: dict[str, Any]) -> None:
    """Add the links to the answers that they begin at; each names its target by operationId."""
    for (method, path, status), (name, pointer) in _SOURCES.items():
        links = paths[path][method]["responses"][status].setdefault("links", {})
        for target_method, target in _ROUTES[name]:
            links[_name(target_method, target)] = {
                "operationId": paths[target][target_method]["operationId"],
                "parameters": {f"path.{name}": f"$response.body#{pointer}"},
            }
    lent = paths["/scheduler/devices/allocate"]["post"]["responses"]["201"]["links"]
    release = paths["/scheduler/devices/release"]["post"]
    names = ("deviceId", "userId", "allocationId", "fencingToken")
    lent["release"] = {
        "operationId": release["operationId"],
        "requestBody": {name: f"$response.body#/data/{name}" for name in names},
    }


def _name(method: str, path: str) -> str:
    last = path.rsplit("/", 1)[1]
    return {"get": "read", "patch": "change", "delete": "delete"}.get(method, last) if "{" in last else last
