"""Every command, request, statement and program of the documents runs as it stands there, and prints what they show.

Each page is one shell, in its order, with a user of its own in the place of Alice.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from tests.e2e.conftest import Api
from tests.support.another_system import THEIRS
from tests.support.blocks import Block, Held, blocks
from tests.support.printed import matches
from tests.support.reading import PLACEHOLDERS, checkout, named, read
from tests.support.receiver import receiver
from tests.support.user_pool import user_pool
from tools.embedded import PostgresServer
from tools.region.cloud import client
from tools.region.issuer import Issuer
from tools.region.layout import STACK, Layout

PAGES = sorted({block.page for block in blocks(Held.RUN)})
SHOWN = {block.follows: block for block in blocks(Held.PRINTED)}
NEXT_DOOR = re.compile(r"\$\w+_SERVICE_URL")
"""Pages that name a service next door are read in a region that has some."""


@pytest.fixture(scope="module")
def databases(postgres_server: PostgresServer) -> Iterator[dict[str, str]]:
    """A database of another system, and one of ours."""
    names = {"THEIRS_URL": f"theirs_{uuid.uuid4().hex}", "SCRATCH_URL": f"scratch_{uuid.uuid4().hex}"}
    urls = {
        "THEIRS_URL": postgres_server.create_database(names["THEIRS_URL"]),
        "SCRATCH_URL": postgres_server.create_database(names["SCRATCH_URL"], "migrated"),
    }
    _change(
        urls["THEIRS_URL"],
        THEIRS + "ALTER TABLE phones RENAME disk_mb TO storage_mb; ALTER TABLE phones RENAME TO devices;"
        " INSERT INTO device_allocations (device_id, user_id, status, allocated_at, expires_at) VALUES"
        " ('sold', 'user-9', 'allocated', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC' + interval '1 hour')",
    )
    yield urls
    for name in names.values():
        postgres_server.drop_database(name)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_true(page: str, request: pytest.FixtureRequest, databases: dict[str, str], tmp_path: Path) -> None:
    codes = [block for block in blocks(Held.RUN) if block.page == page]
    next_door = any(NEXT_DOOR.search(block.code) for block in codes)
    region: dict[str, str] = request.getfixturevalue("neighbourhood" if next_door else "region")
    user = "alice-" + re.sub(r"\W+", "-", page.lower())
    issuer = Issuer.with_key(region["ISSUER_URL"], Layout(Path(region["REGION_HOME"])).signing_key)
    values = region | {"USER_ID": user, "USER_TOKEN": issuer.token(user, region["TENANT_ID"])}
    with ExitStack() as around:
        target = around.enter_context(receiver(port=int(region["WEBHOOK_PORT"])))
        given = (
            databases
            | around.enter_context(user_pool(_cloud("cognito-idp", region), region))
            | _prepared(page, region, target.url())
        )
        environment = checkout(tmp_path, values) | given | _exported(codes, values)
        around.callback(_leave, region, user)

        reading = read([(block, _is_refused(block)) for block in codes], tmp_path, environment, user)

    assert reading.code == 0, f"{page}:{list(reading.printed)[-1]}\n{reading.told[-3000:]}"
    for block in (block for block in codes if block in SHOWN):
        shown, printed = SHOWN[block], reading.printed[block.line]
        assert matches(shown.language, named(shown.code, user), printed), f"{shown.name}: it prints\n{printed}"


def test_every_placeholder_stands_in_a_page() -> None:
    every = "".join(block.code for block in blocks(Held.RUN))

    assert [placeholder for placeholder in PLACEHOLDERS if placeholder not in every] == []


def _exported(codes: list[Block], values: Mapping[str, str]) -> Mapping[str, str]:
    """What a shell has from the start: all, unless the page has its reader look into .local/env."""
    looks = any(". .local/env" in block.code for block in codes)
    return {name: value for name, value in values.items() if name.startswith("AWS_") or not looks}


def _is_refused(block: Block) -> bool:
    """A page that shows a refusal, or rows that were left out, expects so."""
    return block in SHOWN and re.search(r'"success": false|^\d+ x ', SHOWN[block].code, re.MULTILINE) is not None


def _prepared(page: str, region: Mapping[str, str], target: str) -> dict[str, str]:
    """Make what pages name, and break what the runbook repairs."""
    secret, api = f"service-token-{uuid.uuid4()}", Api(region["API_URL"])
    _cloud("secretsmanager", region).create_secret(Name=secret, SecretString="old")
    stack = _cloud("cloudformation", region)
    migrate = stack.describe_stack_resource(StackName=STACK, LogicalResourceId="MigrateFunction")
    wish = {"url": target, "types": ["device.allocated"]}
    hook = api.call("POST", "/scheduler/webhooks", region["SERVICE_TOKEN"], wish).body["data"]["id"]
    _use_a_phone(api, region["SERVICE_TOKEN"])
    if page == "docs/runbook.md":
        _break(region)
    return {
        "STACK": STACK,
        "SERVICE_TOKEN_SECRET_ID": secret,
        "HOOK": hook,
        "TARGET": target,
        "MIGRATE_FUNCTION": migrate["StackResourceDetail"]["PhysicalResourceId"],
    }


def _use_a_phone(api: Api, token: str) -> None:
    """Have something to bill, whichever page is read first."""
    lent = api.call("POST", "/scheduler/devices/allocate", token, {"userId": "ana"}).body["data"]
    api.call("POST", "/scheduler/devices/release", token, {"deviceId": lent["deviceId"]})


def _break(region: Mapping[str, str]) -> None:
    """Park a message, count a user's devices wrongly, and take a device out of service."""
    path = f"/scheduler/devices/{PLACEHOLDERS['<id>']}/quarantine"
    Api(region["API_URL"]).call("POST", path, region["OPERATOR_TOKEN"], {"reason": "to be restored"})
    queues = _cloud("sqs", region)
    (parked,) = queues.list_queues(QueueNamePrefix=f"{STACK}-EventsInDeadLetters")["QueueUrls"]
    event = {"type": "device.heartbeat", "data": {"deviceId": "nobody", "observedAt": "2026-01-01T00:00:00Z"}}
    ids = {"MessageGroupId": "nobody", "MessageDeduplicationId": str(uuid.uuid4())}
    queues.send_message(QueueUrl=parked, MessageBody=json.dumps(event), **ids)
    _change(
        region["DATABASE_URL"], "INSERT INTO quota_usage (tenant_id, user_id, devices) VALUES ('acme', 'miscounted', 3)"
    )


def _leave(region: Mapping[str, str], user: str) -> None:
    """Give back what the page's user has, and undo what concerns everybody."""
    api, service, operator = Api(region["API_URL"]), region["SERVICE_TOKEN"], region["OPERATOR_TOKEN"]
    for name, url in region.items():
        if name in {"USER_SERVICE_URL", "BILLING_SERVICE_URL", "NOTIFICATION_SERVICE_URL"}:
            Api(url).call("PUT", "/control/mode", None, {"mode": "ok"})
    for hook in api.call("GET", "/scheduler/webhooks?limit=200", service).body["data"]:
        api.call("DELETE", f"/scheduler/webhooks/{hook['id']}", service)
    api.call("PUT", "/scheduler/strategy", operator, {"strategy": "resource_based"})
    for route, status, name in (("queue", "waiting", "id"), ("reservations", "pending", "reservationId")):
        for one in api.call("GET", f"/scheduler/{route}?userId={user}&status={status}", service).body["data"]:
            api.call("POST", f"/scheduler/{route}/{one[name]}/cancel", service)
    held = api.call("GET", f"/scheduler/allocations?userId={user}&status=allocated", service).body["data"]
    if held:
        ids = [one["allocationId"] for one in held]
        api.call("POST", "/scheduler/allocations/batch/release", service, {"allocationIds": ids})


def _cloud(service: str, region: Mapping[str, str]) -> Any:
    return client(service, urlsplit(region["AWS_ENDPOINT_URL"]).port or 0)


def _change(url: str, statements: str) -> None:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(statements)
    connection.close()
