"""The services next door: each keeps what it is told once, believes the scheduler alone, and can be unwell."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from tools.embedded import free_port
from tools.neighbours.billing_service import BillingService, billing_service
from tools.neighbours.moods import MOODS
from tools.neighbours.notification_service import NotificationService, notification_service
from tools.neighbours.service import Service
from tools.neighbours.user_service import user_service
from tools.region.layout import ROOT

METER = "/api/internal/metering/device-usage"
SEND = "/api/internal/notifications/send"
RECORD = {
    **{"allocationId": "a-1", "deviceId": "phone-1", "deviceName": "Phone 1", "userId": "ana", "tenantId": "acme"},
    "deviceConfig": {"cpuCores": 2, "memoryMB": 4096, "storageMB": 65536},
    **{"duration": 90, "startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T00:01:30Z"},
}
NOTICE = {
    **{"userId": "ana", "type": "allocation_expired", "title": "Over", "message": "Your phone is back."},
    **{"data": {}, "channels": ["in_app"], "priority": "normal"},
}


@dataclass(frozen=True)
class Example:
    """One service, and one request that changes something in it."""

    serve: Callable[[], AbstractContextManager[Any]]
    path: str
    body: dict[str, Any]
    shown: str


EXAMPLES = {
    "user_service": Example(
        user_service,
        "/api/internal/quotas/user/ana/usage",
        {"deviceId": "phone-1", "cpuCores": 2, "memoryGB": 4, "storageGB": 64, "operation": "increment"},
        "/control/usage",
    ),
    "billing_service": Example(billing_service, METER, RECORD, "/control/usage"),
    "notification_service": Example(notification_service, SEND, NOTICE, "/control/sent"),
}


@pytest.fixture(params=EXAMPLES)
def example(request: pytest.FixtureRequest) -> Example:
    return EXAMPLES[request.param]


@pytest.fixture
def service(example: Example) -> Iterator[Service]:
    with example.serve() as running:
        yield running


@pytest.fixture
def billing() -> Iterator[BillingService]:
    with billing_service() as running:
        yield running


@pytest.fixture
def notifications() -> Iterator[NotificationService]:
    with notification_service() as running:
        yield running


def token(secret: str, issuer: str = "scheduler", seconds: int = 3600) -> str:
    now = int(time.time())
    claims = {"iss": issuer, "sub": "scheduler", "iat": now - 10, "exp": now + seconds}
    return jwt.encode(claims, secret, algorithm="HS256")


def ask(url: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any]:
    """Return status and document of the answer."""
    data = None if body is None else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, sent, method=method), timeout=10) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def tell(service: Service, path: str, body: Any, key: str = "key-1") -> tuple[int, Any]:
    """Send as the scheduler does."""
    headers = {"X_Service_Token": token(service.secret), "X_Tenant_Id": "acme"}
    return ask(service.url + path, "POST", body, **headers, **({"Idempotency_Key": key} if key else {}))


def test_what_is_told_twice_with_one_key_counts_once(service: Service, example: Example) -> None:
    answers = [tell(service, example.path, example.body) for _ in range(2)]

    assert answers == [(200, {"applied": True}), (200, {"applied": False})]
    _, shown = ask(service.url + example.shown)
    assert [applied["key"] for applied in shown["applied"]] == ["key-1"]
    assert shown["repeated"] == 1


def test_another_key_is_another_fact(service: Service, example: Example) -> None:
    for key in ("key-1", "key-2"):
        tell(service, example.path, example.body, key)

    assert len(ask(service.url + example.shown)[1]["applied"]) == 2


def test_without_a_key_nothing_is_taken(service: Service, example: Example) -> None:
    assert tell(service, example.path, example.body, key="")[0] == 400
    assert ask(service.url + example.shown)[1]["applied"] == []


def test_without_what_it_must_say_nothing_is_taken(service: Service, example: Example) -> None:
    assert tell(service, example.path, {"userId": "ana"})[0] == 400
    assert ask(service.url + example.shown)[1]["applied"] == []


@pytest.mark.parametrize("lie", ["", "other secret", "other issuer", "expired"])
def test_only_the_scheduler_is_believed(service: Service, example: Example, lie: str) -> None:
    tokens = {
        "": "",
        "other secret": token("x" * 64),
        "other issuer": token(service.secret, issuer="somebody"),
        "expired": token(service.secret, seconds=-5),
    }

    status, _ = ask(
        service.url + example.path, "POST", example.body, X_Service_Token=tokens[lie], Idempotency_Key="key-1"
    )

    assert status == 401
    assert ask(service.url + example.shown)[1]["applied"] == []


def test_it_is_as_unwell_as_it_is_told_and_well_again(service: Service, example: Example) -> None:
    for mood, status in {"down": 503, "busy": 429, "refusing": 422, "unauthorized": 401}.items():
        assert ask(f"{service.url}/control/mode", "PUT", {"mode": mood})[0] == 200
        assert tell(service, example.path, example.body)[0] == status
    assert ask(f"{service.url}/control/mode", "PUT", {"mode": "ok"})[0] == 200

    assert tell(service, example.path, example.body) == (200, {"applied": True})


def test_a_slow_one_takes_its_time(service: Service, example: Example) -> None:
    ask(f"{service.url}/control/mode", "PUT", {"mode": "slow", "seconds": 0.3})
    started = time.monotonic()

    assert tell(service, example.path, example.body)[0] == 200

    assert time.monotonic() - started >= 0.3


def test_an_unknown_mood_changes_nothing(service: Service) -> None:
    assert ask(f"{service.url}/control/mode", "PUT", {"mode": "jolly"})[0] == 400
    assert service.mood == "ok"
    assert "jolly" not in MOODS


@pytest.mark.parametrize("path", ["/", "/control/nothing", "/api/internal/nothing", "/api/other"])
def test_it_knows_its_routes_only(service: Service, path: str) -> None:
    assert ask(service.url + path, X_Service_Token=token(service.secret))[0] == 404


def test_it_watches_who_asks(service: Service, example: Example) -> None:
    tell(service, example.path, example.body)

    (seen,) = service.seen
    assert (seen.method, seen.path, seen.headers["X-Tenant-Id"]) == ("POST", example.path, "acme")


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_runs_by_itself(name: str) -> None:
    port = free_port()
    command = [sys.executable, "-m", f"tools.neighbours.{name}", "--port", str(port)]
    environment = {**os.environ, "SERVICE_TOKEN_SECRET": "s" * 64}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said == f"{name.replace('_', ' ')} on http://127.0.0.1:{port}\n"
            assert ask(f"http://127.0.0.1:{port}/health") == (200, {"status": "ok"})
        finally:
            process.kill()


# --- billing


def test_everybody_has_money_until_told_otherwise(billing: BillingService) -> None:
    url, proof = f"{billing.url}/api/internal/accounts/user/ana/balance", {"X_Service_Token": token(billing.secret)}
    assert ask(url, **proof) == (200, {"sufficient": True, "balance": 100.0, "currency": "EUR"})

    ask(f"{billing.url}/control/balances/ana", "PUT", {"sufficient": False, "balance": 0})

    assert ask(url, **proof) == (200, {"sufficient": False, "balance": 0, "currency": "EUR"})
    assert ask(url.replace("ana", "ben"), **proof)[1]["sufficient"]


def test_a_credit_takes_seconds_off(billing: BillingService) -> None:
    tell(billing, METER, RECORD, "a-1:1:usage")
    tell(billing, METER, RECORD | {"kind": "credit", "duration": -30}, "a-1:1:credit")

    assert ask(f"{billing.url}/control/usage")[1]["seconds"] == {"ana": 60}


def test_seconds_are_whole(billing: BillingService) -> None:
    assert tell(billing, METER, RECORD | {"duration": 1.5})[0] == 400


# --- notifications


def test_a_notice_is_kept_with_its_tenant(notifications: NotificationService) -> None:
    tell(notifications, SEND, NOTICE, "notice-1")

    shown = ask(f"{notifications.url}/control/sent")[1]
    assert shown == {"applied": [{"key": "notice-1", "tenantId": "acme", **NOTICE}], "repeated": 0}
