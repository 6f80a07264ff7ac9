"""Every route refuses whoever has no right to it: the matrix, through the region's real authorizer."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from tests.e2e.conftest import Api
from tests.support.access_matrix import Case, Who, World, cases, complaint, request_of
from tools import openapi
from tools.region.issuer import Issuer

CASES = cases(json.loads(openapi.DOCUMENT.read_text()))
OWNER, TENANT, OTHER_TENANT = "matrix-owner", "matrix-acme", "matrix-globex"
KIND = "matrix-phone"
PATIENCE_SECONDS = 240  # for a notice on its way through topic and queue, on a slow machine
POLL_SECONDS = 1

Token = Callable[[Who], str | None]


@pytest.fixture(scope="module")
def issuer(region: dict[str, str]) -> Issuer:
    return Issuer.with_key(region["ISSUER_URL"], Path(region["REGION_HOME"]) / "issuer-key.pem")


@pytest.fixture(scope="module")
def token(issuer: Issuer) -> Token:
    """Tokens of each caller. Strangers are new each time, so that no limit on requests is met."""
    numbers = count()

    def give(who: Who) -> str | None:
        stranger = f"{who.name.lower()}-{next(numbers)}"
        match who:
            case Who.OWNER:
                return issuer.token(OWNER, TENANT)
            case Who.OTHER_USER:
                return issuer.token(stranger, TENANT)
            case Who.SERVICE:
                return issuer.token(stranger, TENANT, "scheduler.service")
            case Who.OTHER_TENANTS_USER:
                return issuer.token(OWNER, OTHER_TENANT)  # of the same name
            case Who.OTHER_TENANTS_SERVICE:
                return issuer.token(stranger, OTHER_TENANT, "scheduler.service")
        return not_valid(who, issuer)

    return give


def not_valid(who: Who, issuer: Issuer) -> str | None:
    """An operator's token with one thing wrong, or nothing wrong."""
    good = issuer.token("operator", None, "scheduler.operator")
    claims, head = (
        jwt.decode(good, options={"verify_signature": False}),
        {"kid": jwt.get_unverified_header(good)["kid"]},
    )
    first, payload, signature = good.split(".")
    changed = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "mallory"}).encode()).decode().rstrip("=")
    other = "B" if signature[20] == "A" else "A"
    made: dict[Who, str | None] = {
        Who.NOBODY: None,
        Who.EXPIRED: issuer.token("operator", None, "scheduler.operator", seconds=-60),
        Who.WRONG_AUDIENCE: jwt.encode(claims | {"aud": "another-api"}, issuer.key, "RS256", head),
        Who.WRONG_ISSUER: jwt.encode(claims | {"iss": "http://127.0.0.1:1"}, issuer.key, "RS256", head),
        Who.UNSIGNED: jwt.encode(claims, None, "none", head),
        Who.CHANGED_SIGNATURE: f"{first}.{payload}.{signature[:20]}{other}{signature[21:]}",
        Who.CHANGED_CLAIMS: f"{first}.{changed}.{signature}",
        Who.OPERATOR: good,
    }
    return made[who]


@pytest.fixture(scope="module")
def world(api: Api, region: dict[str, str], token: Token) -> Iterator[World]:
    """One of everything that the owner has, on devices of a kind and pool of its own."""
    owner, service, operator = token(Who.OWNER), token(Who.SERVICE), region["OPERATOR_TOKEN"]
    body = {"deviceType": KIND, "cpuCores": 4, "memoryMB": 4096, "storageMB": 65536, "adbHost": "10.9.9.9"}
    device = done(api, "POST", "/devices", operator, body | {"name": "matrix", "adbPort": 5555, "tenantId": TENANT})[
        "ids"
    ][0]
    lent = done(api, "POST", "/devices/allocate", owner, {"userId": OWNER, "deviceType": KIND})
    wait = done(api, "POST", "/queue", owner, {"userId": OWNER, "deviceType": KIND, "durationMinutes": 30})
    later = datetime.now(UTC) + timedelta(days=2)
    starts, ends = later.isoformat(), (later + timedelta(hours=1)).isoformat()
    booked = done(api, "POST", "/reservations", owner, {"startTime": starts, "durationMinutes": 30, "deviceType": KIND})
    hook = f"http://127.0.0.1:{region['WEBHOOK_PORT']}/"
    webhook = done(api, "POST", "/webhooks", service, {"url": hook, "types": ["device.released"]})
    objects = {
        "allocationId": lent["allocationId"],
        "deviceId": device,
        "entryId": wait["id"],
        "notificationId": a_notice(api, owner),
        "reservationId": booked["reservationId"],
        "webhookId": webhook["id"],
    }
    yield World(OWNER, TENANT, OTHER_TENANT, objects, {"startTime": starts, "endTime": ends, "url": hook})
    done(api, "POST", f"/queue/{wait['id']}/cancel", owner)
    done(api, "POST", f"/reservations/{booked['reservationId']}/cancel", owner)
    done(api, "DELETE", f"/webhooks/{webhook['id']}", service)
    done(api, "POST", "/devices/release", owner, {"deviceId": device})
    done(api, "DELETE", f"/devices/{device}", operator)


def done(api: Api, method: str, path: str, token: str | None, body: Any = None) -> Any:
    """Call a route that must succeed, and give its data."""
    answer = api.call(method, f"/scheduler{path}", token, body)
    assert answer.status in (200, 201), (method, path, answer)
    return answer.body["data"]


def a_notice(api: Api, token: str | None) -> str:
    """The first thing that the owner is told."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if told := done(api, "GET", "/notifications", token):
            return str(told[0]["id"])
        time.sleep(POLL_SECONDS)
    raise TimeoutError("the owner was told nothing")


@pytest.fixture(scope="module")
def pool() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_has_no_right_is_refused(
    case: Case, region: dict[str, str], pool: requests.Session, token: Token, world: World
) -> None:
    sent = request_of(case, world)
    mine = token(case.who)

    answer = pool.request(
        sent.method,
        region["API_URL"] + sent.path,
        params=dict(sent.query),
        json=sent.body,
        headers={"Authorization": f"Bearer {mine}"} if mine else {},
        timeout=35,
    )

    assert complaint(case, world, answer.status_code, answer.text) is None
