"""Webhooks over HTTP: register, look, remove, enable, ping; whose they are, and where they may lead."""

import base64
import socket
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from scheduler.adapters.http import target_guard
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.webhooks import PostgresWebhooks
from scheduler.domain.webhooks import MOST_WEBHOOKS, WebhookRequest
from tests.support.api import OPERATOR, OTHER_TENANT, SERVICE, USER, Answer, Api, Claims

WEBHOOKS = "/scheduler/webhooks"
PUBLIC = "93.184.216.34"
URL = "https://hooks.example.com/scheduler"

type Names = dict[str, list[str] | Exception]


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """What names resolve to; addresses resolve to themselves."""
    known: Names = {"hooks.example.com": [PUBLIC]}

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        found = known.get(host, [host])
        if isinstance(found, Exception):
            raise found
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(target_guard, "getaddrinfo", getaddrinfo)
    return known


@pytest.fixture
def own(database_url: str) -> Iterator[Callable[[], PostgresWebhooks]]:
    """Stores, each on a connection of its own."""
    opened: list[Database] = []

    def make() -> PostgresWebhooks:
        opened.append(Database(lambda: database_url))
        return PostgresWebhooks(opened[-1])

    yield make
    for database in opened:
        database.close()


def register(api: Api, claims: Claims = SERVICE, key: str | None = None, **body: Any) -> Answer:
    return api.post(WEBHOOKS, claims, {"url": URL, "types": ["*"]} | body, key=key)


def test_a_webhook_comes_with_its_secret(api: Api) -> None:
    answer = register(api, types=["device.allocated", "device.released"], description="the shop")

    assert answer.status == 201
    seen = answer.data
    assert (seen["url"], seen["types"], seen["tenantId"]) == (URL, ["device.allocated", "device.released"], "acme")
    assert (seen["status"], seen["failuresInRow"], seen["lastDeliveredAt"]) == ("enabled", 0, None)
    assert seen["description"] == "the shop"
    assert len(base64.b64decode(seen["secret"].removeprefix("whsec_"), validate=True)) == 32


def test_no_two_secrets_are_alike(api: Api) -> None:
    assert len({register(api).data["secret"] for _ in range(3)}) == 3


def test_the_secret_is_shown_once(api: Api) -> None:
    hook = register(api).data

    shown = [api.get(WEBHOOKS, SERVICE).text, api.get(f"{WEBHOOKS}/{hook['id']}", SERVICE).text]
    shown += [api.post(f"{WEBHOOKS}/{hook['id']}/{what}", SERVICE).text for what in ("enable", "ping")]

    assert not any("secret" in text or hook["secret"] in text for text in shown)


def test_the_same_key_registers_once_and_shows_the_same_secret(api: Api) -> None:
    first, again = register(api, key="k"), register(api, key="k")

    assert (again.status, again.data) == (201, first.data)
    assert len(api.get(WEBHOOKS, SERVICE).data) == 1
    assert register(api, key="k", types=["device.released"]).code == "idempotency_key_reused"


def test_a_repeated_request_is_answered_also_when_the_host_has_moved(api: Api, names: Names) -> None:
    first = register(api, key="k")
    names["hooks.example.com"] = ["10.0.0.1"]

    assert register(api, key="k").data == first.data


def test_the_key_of_a_webhook_that_was_removed_registers_no_other(api: Api) -> None:
    hook = register(api, key="k").data
    api.call("DELETE", f"{WEBHOOKS}/{hook['id']}", SERVICE)

    assert register(api, key="k").code == "webhook_not_found"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"types": []}, id="no type"),
        pytest.param({"types": ["device.melted"]}, id="an unknown type"),
        pytest.param({"types": ["*", "device.released"]}, id="all and one"),
        pytest.param({"types": ["device.released", "device.released"]}, id="one twice"),
        pytest.param({"types": "*"}, id="no list"),
        pytest.param({"secret": "whsec_AAAA"}, id="a secret of one's own"),
        pytest.param({"description": "x" * 501}, id="a long description"),
        pytest.param({"url": 5}, id="no text"),
    ],
)
def test_what_is_wrong_with_a_body_is_told(api: Api, body: dict[str, Any]) -> None:
    assert register(api, **body).code == "validation_failed"


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        pytest.param("http://hooks.example.com/", None, id="http"),
        pytest.param("https://u:p@hooks.example.com/", None, id="a user"),
        pytest.param("https://127.0.0.1/", None, id="this machine"),
        pytest.param("https://169.254.169.254/latest/meta-data/", None, id="metadata"),
        pytest.param("https://[::ffff:10.0.0.1]/", None, id="a private address, mapped"),
        pytest.param("https://2130706433/", None, id="this machine as a number"),
        pytest.param("https://hooks.example.com/", ["10.0.0.1"], id="a name of a private address"),
        pytest.param("https://hooks.example.com/", [PUBLIC, "10.0.0.1"], id="a name of two kinds of addresses"),
        pytest.param("https://hooks.example.com/", ["fd00::1", PUBLIC], id="a name of two kinds of long addresses"),
        pytest.param("https://hooks.example.com/", [], id="a name of nothing"),
        pytest.param("https://hooks.example.com/", socket.gaierror(-2, "unknown"), id="no name"),
        pytest.param("https://hooks.example.com/", TimeoutError(), id="a name that nobody tells"),
    ],
)
def test_a_target_that_is_not_public_is_refused(
    api: Api, names: Names, url: str, resolved: list[str] | Exception | None
) -> None:
    if resolved is not None:
        names["hooks.example.com"] = resolved

    answer = register(api, url=url)

    assert (answer.status, answer.code) == (422, "validation_failed")
    assert [error["field"] for error in answer.json["errors"]] == ["url"]
    assert "10.0.0.1" not in answer.text
    assert api.get(WEBHOOKS, SERVICE).data == []


def test_a_name_that_does_not_exist_is_told_like_one_that_is_private(api: Api, names: Names) -> None:
    texts = set()
    for resolved in (["10.0.0.1"], [], socket.gaierror(-2, "unknown")):
        names["hooks.example.com"] = resolved
        texts.add(register(api).text)

    assert len(texts) == 1


def test_targets_that_the_operator_of_the_stack_names_are_exempt(environment: pytest.MonkeyPatch, api: Api) -> None:
    environment.setenv("WEBHOOK_ALLOWED_TARGETS", "127.0.0.1:8080, localhost:80")

    assert register(api, url="http://127.0.0.1:8080/x").status == 201
    assert register(api, url="http://localhost/x").status == 201
    assert register(api, url="http://127.0.0.1:8081/x").status == 422


def test_users_have_no_webhooks(api: Api) -> None:
    hook = f"{WEBHOOKS}/{register(api).data['id']}"

    answers = [
        register(api, USER),
        api.get(WEBHOOKS, USER),
        api.get(hook, USER),
        api.call("DELETE", hook, USER),
        api.post(f"{hook}/enable", USER),
        api.post(f"{hook}/ping", USER),
    ]

    assert [(answer.status, answer.code) for answer in answers] == [(403, "forbidden")] * 6


@pytest.mark.parametrize("hook_id", ["theirs", str(uuid.UUID(int=7)), "no-uuid"])
def test_another_tenants_webhook_is_not_there(api: Api, hook_id: str) -> None:
    known = register(api).data["id"]
    hook = f"{WEBHOOKS}/{known if hook_id == 'theirs' else hook_id}"

    answers = [
        api.get(hook, OTHER_TENANT),
        api.call("DELETE", hook, OTHER_TENANT),
        api.post(f"{hook}/enable", OTHER_TENANT),
        api.post(f"{hook}/ping", OTHER_TENANT),
    ]

    assert [(answer.status, answer.code) for answer in answers] == [(404, "webhook_not_found")] * 4
    assert api.get(WEBHOOKS, OTHER_TENANT).data == []
    assert api.get(f"{WEBHOOKS}/{known}", SERVICE).status == 200


def test_a_service_registers_for_its_own_tenant_only(api: Api) -> None:
    assert register(api, tenantId="globex").code == "forbidden"
    assert api.get(WEBHOOKS, SERVICE, tenantId="globex").code == "forbidden"


def test_an_operator_acts_for_any_tenant(api: Api) -> None:
    hook = register(api, OPERATOR, tenantId="globex").data
    register(api)

    assert hook["tenantId"] == "globex"
    assert [seen["id"] for seen in api.get(WEBHOOKS, OTHER_TENANT).data] == [hook["id"]]
    assert len(api.get(WEBHOOKS, OPERATOR).data) == 2
    assert [seen["id"] for seen in api.get(WEBHOOKS, OPERATOR, tenantId="globex").data] == [hook["id"]]
    assert api.call("DELETE", f"{WEBHOOKS}/{hook['id']}", OPERATOR).status == 200


def test_lists_come_in_pages_newest_first(api: Api) -> None:
    made = [register(api).data["id"] for _ in range(5)]

    seen, cursor = [], {}
    for _ in range(3):
        page = api.get(WEBHOOKS, SERVICE, limit=2, **cursor)
        seen += [hook["id"] for hook in page.data]
        cursor = {"cursor": page.json["meta"]["nextCursor"]}

    assert seen == made[::-1]
    assert cursor == {"cursor": None}


def test_what_was_removed_is_gone(api: Api) -> None:
    hook = f"{WEBHOOKS}/{register(api).data['id']}"

    assert api.call("DELETE", hook, SERVICE).status == 200

    assert api.get(hook, SERVICE).code == "webhook_not_found"
    assert api.call("DELETE", hook, SERVICE).code == "webhook_not_found"


def test_a_tenant_has_twenty_and_what_it_removes_makes_room(api: Api) -> None:
    made = [register(api).data["id"] for _ in range(MOST_WEBHOOKS)]

    assert (register(api).status, register(api).code) == (409, "too_many_webhooks")
    assert register(api, OTHER_TENANT).status == 201
    api.call("DELETE", f"{WEBHOOKS}/{made[7]}", SERVICE)
    assert register(api).status == 201


def test_a_tenant_has_twenty_however_many_are_registered_at_once(
    database: Database, own: Callable[[], PostgresWebhooks]
) -> None:
    def add(store: PostgresWebhooks) -> str:
        return str(store.add(WebhookRequest("acme", URL, ["*"]), "whsec_AAAA")["outcome"])

    with ThreadPoolExecutor(30) as pool:
        outcomes = list(pool.map(add, [own() for _ in range(30)]))

    assert outcomes.count("webhook_added") == MOST_WEBHOOKS
    assert outcomes.count("too_many_webhooks") == 30 - MOST_WEBHOOKS
    assert database.call("SELECT count(*) FROM webhooks", {}) == MOST_WEBHOOKS


def test_a_ping_is_kept_once_and_not_for_who_is_disabled(api: Api, database: Database) -> None:
    hook_id = register(api, types=["device.released"]).data["id"]

    first, again = (api.post(f"{WEBHOOKS}/{hook_id}/ping", SERVICE) for _ in range(2))

    assert (first.status, again.status) == (202, 202)
    assert first.data == again.data
    assert database.call("SELECT count(*) FROM webhook_deliveries", {}) == 1
    database.call("SELECT disable_webhook(%(id)s::uuid, 'failing', scheduler_clock())", {"id": hook_id})
    assert api.post(f"{WEBHOOKS}/{hook_id}/ping", SERVICE).code == "webhook_disabled"


def test_a_disabled_webhook_says_so_and_begins_anew_when_enabled(api: Api, database_url: str) -> None:
    hook = f"{WEBHOOKS}/{register(api).data['id']}"
    api.post(f"{hook}/ping", SERVICE)
    with closing(Database(lambda: database_url)) as own:
        own.call("UPDATE webhooks SET failures_in_row = 20, failing_since = created_at", {})
        own.call("SELECT disable_webhook(id, 'failing', scheduler_clock()) FROM webhooks", {})

        seen = api.get(hook, SERVICE).data
        assert (seen["status"], seen["disabledReason"], seen["failuresInRow"]) == ("disabled", "failing", 20)
        assert seen["disabledAt"]
        enabled = api.post(f"{hook}/enable", SERVICE, key="k")
        assert (enabled.status, enabled.data) == (200, api.post(f"{hook}/enable", SERVICE, key="k").data)
        assert enabled.data["status"] == "enabled"
        assert (enabled.data["failuresInRow"], enabled.data["disabledAt"], enabled.data["disabledReason"]) == (
            0,
            None,
            None,
        )
        assert own.call("SELECT waiting FROM webhooks WHERE next_attempt_at IS NULL", {}) == 0
