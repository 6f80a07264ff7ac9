"""Series, batches, webhooks: what is sent is what the scheduler's document wants, and both clients have it all."""

import asyncio
import inspect
import json
import re
from typing import Any

import httpx
import pytest
from test_document import DOCUMENT, SCHEMAS

from cloudphone import AsyncClient, Client, routes, service_routes
from cloudphone.calls import Call
from cloudphone.errors import NoAvailableDevices
from faked_scheduler import START, Scheduler, data, iso, jwt, page, problem

SERVICE = jwt("shop", tenant_id="acme", scope="scheduler.service")
IDS = ["5f0a4f8e-64f5-4a57-8a51-3f3f6f1f2b22"]
CALLS: dict[str, Call[Any]] = {
    "allocate": routes.allocate("a", {"minutes": 5, "min_cpu": 2, "metadata": {}}, wait=True, max_wait_minutes=5),
    "reserve": routes.reserve(START, 30, user_id="a", min_memory_mb=1, device_type="x", remind_before_minutes=5),
    "series": routes.reserve_series(START, 30, "weekly", count=3, until=START, by_day=["MO"], time_zone="Asia/Tokyo"),
    "batch": service_routes.allocate_batch([{"user_id": "a", "minutes": 5, "min_storage_mb": 1}], atomic=True),
    "release": service_routes.release_batch(IDS, continue_on_error=False),
    "renew": service_routes.renew_batch(IDS, 30, "late", atomic=True),
    "query": service_routes.query_batch(["a"]),
    "add_webhook": service_routes.add_webhook("https://x", ["*"], description="d", tenant_id="acme"),
    "enable": service_routes.enable_webhook("w"),
    "ping": service_routes.ping_webhook("w"),
}


def strangers(body: Any, schema: dict[str, Any]) -> list[str]:
    """Name members that a body has and its schema has not, or lacks and should have; below them, too."""
    if "anyOf" in schema:
        return min((strangers(body, one) for one in schema["anyOf"] if one != {"type": "null"}), key=len)
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rsplit("/", 1)[1]]
    if isinstance(body, list) and "items" in schema:
        return [name for one in body for name in strangers(one, schema["items"])]
    if not isinstance(body, dict) or "properties" not in schema:
        return []
    told = schema["properties"]
    found = sorted(body.keys() - told.keys() | set(schema.get("required", [])) - body.keys())
    return found + [name for member in body.keys() & told.keys() for name in strangers(body[member], told[member])]


def schema_of(call: Call[Any]) -> dict[str, Any]:
    """Find the body of a route in the document."""
    shapes = {path: re.sub(r"{\w+}", "[^/]+", path) for path in DOCUMENT["paths"]}
    fits = [path for path, shape in shapes.items() if re.fullmatch(shape, call.path)]
    path = min(fits, key=lambda path: path.count("{"))
    schema: dict[str, Any] = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return schema


@pytest.mark.parametrize("name", CALLS)
def test_what_is_sent_is_what_the_document_wants(name: str) -> None:
    assert strangers(CALLS[name].body, schema_of(CALLS[name])) == []


def test_a_wrong_body_is_found() -> None:
    body = {"items": [{"userID": "a"}], "atomic": True}

    assert strangers(body, schema_of(CALLS["batch"])) == ["userID", "userId"]


def test_every_route_is_a_method_of_both_clients() -> None:
    def calls(module: Any) -> set[str]:
        own = {name: one for name, one in vars(module).items() if inspect.isfunction(one)}
        return {name for name, one in own.items() if one.__module__ == module.__name__ and not name.startswith("_")}

    offered = calls(routes) | calls(service_routes)
    assert offered - {"wanted"} <= {name for name in dir(Client) if name in dir(AsyncClient)}
    assert {name for name in vars(Client) if name[0] != "_"} - {"phone"} == {
        n for n in vars(AsyncClient) if n[0] != "_"
    }


def granted(index: int) -> dict[str, Any]:
    device = {"id": "phone-1", "name": "Phone 1", "status": "running"}
    told = {"allocationId": "a-1", "deviceId": "phone-1", "device": device, "userId": "bob", "tenantId": "acme"}
    times = {"allocatedAt": iso(START), "expiresAt": iso(START)}
    return {**told, **times, "adbHost": "10.0.0.7", "adbPort": 5555, "fencingToken": 1, "index": index}


def half_done(_body: Any) -> httpx.Response:
    failure = {"index": 1, "code": "no_available_devices", "detail": "None is free.", "retryable": True}
    counts = {"successCount": 1, "failedCount": 1, "notTried": 0}
    return data({**counts, "successes": [granted(0)], "failures": [failure]})


def test_a_batch_tells_what_became_of_each_item(scheduler: Scheduler) -> None:
    scheduler.more["POST /allocations/batch"] = half_done
    transport = httpx.MockTransport(scheduler)
    items: list[routes.Wants] = [{"user_id": "bob", "minutes": 5}, {"user_id": "eve", "min_cpu": 64}]

    async def twin() -> Any:
        async with AsyncClient("http://scheduler", SERVICE, transport=transport) as client:
            return await client.allocate_batch(items)

    with Client("http://scheduler", SERVICE, transport=transport) as client:
        done = client.allocate_batch(items)

    assert asyncio.run(twin()) == done
    assert [(one.index, one.user_id, one.adb_port) for one in done.successes] == [(0, "bob", 5555)]
    assert [(one.index, one.code, one.retryable) for one in done.failures] == [(1, "no_available_devices", True)]
    first, second = scheduler.requests
    assert first.content == second.content
    assert json.loads(first.content) == {
        "items": [{"userId": "bob", "durationMinutes": 5}, {"userId": "eve", "preferredSpecs": {"minCpu": 64}}]
    }
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]


def test_an_atomic_batch_that_fails_raises_what_its_item_would(scheduler: Scheduler) -> None:
    scheduler.faults = [problem("no_available_devices", 409, index=1, earliestForAll=iso(START))]
    client = Client("http://scheduler", SERVICE, transport=httpx.MockTransport(scheduler))
    with client, pytest.raises(NoAvailableDevices) as refused:
        client.allocate_batch([{"user_id": "bob"}] * 2, atomic=True)

    assert (refused.value.problem.index, refused.value.problem.earliest_for_all) == (1, START)


WEBHOOK = {
    **{"id": "w-1", "tenantId": "acme", "url": "https://x", "types": ["*"], "description": None, "status": "enabled"},
    **{
        "failuresInRow": 0,
        "lastDeliveredAt": None,
        "createdAt": iso(START),
        "disabledAt": None,
        "disabledReason": None,
    },
}


def test_a_webhook_is_added_seen_tried_and_removed(cli: Any, scheduler: Scheduler) -> None:
    scheduler.more |= {
        "POST /webhooks": lambda _: data({**WEBHOOK, "secret": "whsec_x"}, 201),
        "GET /webhooks": lambda _: page([WEBHOOK]),
        "POST /webhooks/w-1/ping": lambda _: data({"eventId": "e-1"}, 202),
        "POST /webhooks/w-1/enable": lambda _: data(WEBHOOK),
        "DELETE /webhooks/w-1": lambda _: data(None),
    }

    added = cli("webhooks", "add", "https://x", "--type", "device.allocated", "--type", "device.released")
    assert added.out == "w-1 sends to https://x. Its secret, shown only now: whsec_x\n"
    assert json.loads(scheduler.requests[-1].content)["types"] == ["device.allocated", "device.released"]
    assert json.loads(cli("webhooks", "ls", "--json").out)[0]["id"] == "w-1"
    assert "e-1" in cli("webhooks", "ping", "w-1").out
    assert json.loads(cli("webhooks", "enable", "w-1", "--json").out)["status"] == "enabled"
    assert cli("webhooks", "rm", "w-1").out == "Removed.\n"
    assert scheduler.sent("DELETE", "/webhooks/w-1")


def test_a_secret_is_in_no_text(scheduler: Scheduler) -> None:
    scheduler.more["POST /webhooks"] = lambda _: data({**WEBHOOK, "secret": "whsec_x"}, 201)
    with Client("http://scheduler", SERVICE, transport=httpx.MockTransport(scheduler)) as client:
        made = client.add_webhook("https://x")

    assert made.secret
    assert made.secret not in f"{made} {made!r}"


def test_a_phone_is_reserved_again_and_again(cli: Any, scheduler: Scheduler) -> None:
    one = {
        **{"reservationId": "r-1", "userId": "alice", "tenantId": "acme", "deviceId": "phone-1", "status": "pending"},
        **{"startTime": iso(START), "endTime": iso(START), "durationMinutes": 30, "deviceType": None},
        **{"preferredSpecs": {}, "remindBeforeMinutes": 15, "timeZone": "Asia/Tokyo", "seriesId": "s-1"},
        **{"allocationId": None, "executedAt": None, "reason": None, "metadata": {}, "createdAt": iso(START)},
    }
    scheduler.more["POST /reservations"] = lambda body: data(
        {"seriesId": "s-1", "reservations": [one] * body["recurrence"]["count"]}, 201
    )

    done = cli("reserve", "2027-03-02T09:00Z", "--every", "daily", "--count", "3", "--zone", "Asia/Tokyo", "--json")

    assert [line["seriesId"] for line in json.loads(done.out)] == ["s-1"] * 3
    assert json.loads(scheduler.requests[-1].content)["recurrence"] == {"freq": "daily", "count": 3}
