"""What a user was told: listed page by page, marked as read, in the language that she chose; nobody else's."""

import uuid

import pytest

from scheduler.adapters.postgres.connection import Database
from tests.support.api import OPERATOR, OTHER_TENANT, OTHER_USER, SERVICE, USER, Api
from tests.support.notices import QUARTER_PAST, notifier_on, refused

LIST = "/scheduler/notifications"
PREFERENCES = f"{LIST}/preferences"


def tell(database: Database, *users: str, times: int = 1) -> None:
    for user in users * times:
        notifier_on(database).notify(refused(user))


def ids(api: Api, claims=USER, **query) -> list[str]:
    return [notice["id"] for notice in api.get(LIST, claims, **query).data]


@pytest.fixture
def notice(api: Api, database: Database) -> str:
    """The one thing that alice was told."""
    notifier_on(database).notify(refused(at=QUARTER_PAST))
    tell(database, "bob")
    (found,) = ids(api)
    return found


# --- the list


def test_a_user_sees_her_own_notices_newest_first(api: Api, database: Database) -> None:
    tell(database, "alice", "bob", times=3)

    answer = api.get(LIST, USER)

    assert answer.status == 200
    assert [(found["userId"], found["title"]) for found in answer.data] == [("alice", "No device available")] * 3
    times = [found["createdAt"] for found in answer.data]
    assert times == sorted(times, reverse=True)
    assert (answer.json["unread"], answer.json["meta"]["nextCursor"]) == (3, None)


def test_a_notice_is_shown_whole(api: Api, notice: str) -> None:
    (found,) = api.get(LIST, USER).data

    assert found == {
        "id": notice,
        "type": "allocation_failed",
        "userId": "alice",
        "tenantId": "acme",
        "language": "en",
        "title": "No device available",
        "message": "No device that fits your request is free right now. Try again later, or join the queue.",
        "data": {"reason": "no_available_devices", "timestamp": "2026-03-02T09:15:00.000000Z"},
        "channels": ["in_app"],
        "priority": "normal",
        "createdAt": found["createdAt"],
        "readAt": None,
    }


def test_pages_follow_each_other_without_gap_or_repetition(api: Api, database: Database) -> None:
    tell(database, "alice", times=7)
    seen, cursor = [], None
    for _ in range(4):
        page = api.get(LIST, USER, limit=2, **({"cursor": cursor} if cursor else {})).json
        seen += [found["id"] for found in page["data"]]
        assert page["unread"] == 7
        cursor = page["meta"]["nextCursor"]

    assert cursor is None
    assert seen == ids(api)
    assert len(set(seen)) == 7


def test_only_the_unread_ones_can_be_asked_for(api: Api, database: Database) -> None:
    tell(database, "alice", times=3)
    newest, middle, oldest = ids(api)
    api.post(f"{LIST}/{middle}/read", USER)

    assert ids(api, unread="true") == [newest, oldest]
    assert ids(api, unread="false") == [newest, middle, oldest]
    assert api.get(LIST, USER, unread="true", limit=1).json["unread"] == 2


def test_counting_stops_at_a_hundred(api: Api, database: Database) -> None:
    tell(database, "alice", times=101)

    assert api.get(LIST, USER, limit=1).json["unread"] == 100


@pytest.mark.parametrize(
    ("claims", "query", "status"),
    [
        pytest.param(USER, {"userId": "alice"}, 200, id="a user names herself"),
        pytest.param(USER, {"userId": "bob"}, 403, id="a user names another"),
        pytest.param(USER, {"tenantId": "globex"}, 403, id="a user names another tenant"),
        pytest.param(SERVICE, {"userId": "alice"}, 200, id="a service names a user of its tenant"),
        pytest.param(SERVICE, {}, 422, id="a service names nobody"),
        pytest.param(SERVICE, {"userId": "alice", "tenantId": "globex"}, 403, id="a service names another tenant"),
        pytest.param(OPERATOR, {"userId": "alice", "tenantId": "acme"}, 200, id="an operator names both"),
        pytest.param(None, {}, 401, id="nobody"),
        pytest.param(USER, {"limit": 201}, 422, id="a page too long"),
        pytest.param(USER, {"cursor": "x"}, 422, id="a cursor that is none"),
        pytest.param(USER, {"unread": "maybe"}, 422, id="neither true nor false"),
    ],
)
def test_who_may_list_whose(api: Api, notice: str, claims, query, status) -> None:
    answer = api.get(LIST, claims, **query)

    assert answer.status == status
    if status == 200:
        assert [found["id"] for found in answer.data] == [notice]


def test_a_service_of_another_tenant_sees_nothing_of_a_user_of_the_same_name(api: Api, notice: str) -> None:
    answer = api.get(LIST, OTHER_TENANT, userId="alice")

    assert (answer.data, answer.json["unread"]) == ([], 0)


# --- read


def test_a_notice_that_was_read_stays_so_with_the_time_of_the_first_reading(api: Api, clock, notice: str) -> None:
    first = api.post(f"{LIST}/{notice}/read", USER)
    clock.advance(minutes=5)
    second = api.post(f"{LIST}/{notice}/read", USER)

    assert (first.status, second.status) == (200, 200)
    assert first.data["readAt"] == second.data["readAt"] is not None
    assert api.get(LIST, USER).json["unread"] == 0


def test_the_same_key_reads_once_and_answers_the_same(api: Api, notice: str) -> None:
    answers = [api.post(f"{LIST}/{notice}/read", USER, key="k-1").text for _ in range(2)]

    assert answers[0] == answers[1]
    assert api.post(f"{LIST}/{uuid.uuid4()}/read", USER, key="k-1").code == "idempotency_key_reused"


@pytest.mark.parametrize("claims", [SERVICE, OPERATOR])
def test_a_service_reads_for_its_users_and_an_operator_for_all(api: Api, notice: str, claims) -> None:
    assert api.post(f"{LIST}/{notice}/read", claims).data["readAt"] is not None


@pytest.mark.parametrize("claims", [OTHER_USER, OTHER_TENANT])
def test_a_foreign_notice_is_not_found_and_stays_unread(api: Api, notice: str, claims) -> None:
    answer = api.post(f"{LIST}/{notice}/read", claims)

    assert (answer.status, answer.code) == (404, "notification_not_found")
    assert api.get(LIST, USER).json["unread"] == 1


@pytest.mark.parametrize("notification_id", ["no-id", "00000000-0000-4000-8000-000000000000"])
def test_what_is_no_notice_is_not_found(api: Api, notification_id: str) -> None:
    answer = api.post(f"{LIST}/{notification_id}/read", USER)

    assert (answer.status, answer.code) == (404, "notification_not_found")


# --- preferences


def test_who_has_said_nothing_is_told_as_the_parameters_say(api: Api, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NOTIFICATION_LANGUAGE", "zh")

    assert api.get(PREFERENCES, USER).data == {
        "userId": "alice",
        "tenantId": "acme",
        "language": "zh",
        "channels": None,
    }


def test_what_a_user_chooses_holds_from_then_on(api: Api, database: Database) -> None:
    tell(database, "alice")
    chosen = api.call("PUT", PREFERENCES, USER, {"language": "zh", "channels": ["push", "push"]})
    tell(database, "alice", "bob")

    assert chosen.data == api.get(PREFERENCES, USER).data
    assert (chosen.data["language"], chosen.data["channels"]) == ("zh", ["push"])
    assert [found["language"] for found in api.get(LIST, USER).data] == ["zh", "en"]
    assert [found["language"] for found in api.get(LIST, OTHER_USER).data] == ["en"]


def test_a_choice_takes_the_place_of_the_one_before(api: Api) -> None:
    api.call("PUT", PREFERENCES, USER, {"language": "zh", "channels": []})

    api.call("PUT", PREFERENCES, USER, {"language": "en"})

    assert api.get(PREFERENCES, USER).data | {"userId": ""} == {
        "userId": "",
        "tenantId": "acme",
        "language": "en",
        "channels": None,
    }


def test_a_service_chooses_for_a_user_of_its_tenant(api: Api) -> None:
    api.call("PUT", PREFERENCES, SERVICE, {"userId": "alice", "language": "zh"})

    assert api.get(PREFERENCES, USER).data["language"] == "zh"
    assert api.get(PREFERENCES, SERVICE, userId="alice").data["language"] == "zh"
    assert api.get(PREFERENCES, OTHER_TENANT, userId="alice").data["language"] == "en"


@pytest.mark.parametrize(
    ("claims", "body", "status"),
    [
        pytest.param(USER, {}, 422, id="no language"),
        pytest.param(USER, {"language": "fr"}, 422, id="a language that we do not speak"),
        pytest.param(USER, {"language": "en", "channels": ["pigeon"]}, 422, id="a channel that there is not"),
        pytest.param(USER, {"language": "en", "channels": ["push"] * 4}, 422, id="more channels than there are"),
        pytest.param(USER, {"language": "en", "tone": "kind"}, 422, id="an unknown field"),
        pytest.param(USER, {"language": "en", "userId": "bob"}, 403, id="for another"),
        pytest.param(SERVICE, {"language": "en"}, 422, id="for nobody"),
        pytest.param(SERVICE, {"language": "en", "userId": "a", "tenantId": "globex"}, 403, id="for another tenant"),
    ],
)
def test_what_cannot_be_chosen_is_refused(api: Api, claims, body, status) -> None:
    assert api.call("PUT", PREFERENCES, claims, body).status == status
