"""Cursors are signed with keys of the database, which rotate without breaking what is out."""

import pytest

from scheduler.adapters.postgres import cursor_keys
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.cursor_keys import PostgresCursorKeys
from tests.support.api import OPERATOR, OTHER_TENANT, SERVICE, USER, Api
from tests.support.wiring import forget_wiring
from tools import rotate_cursor_key

LIST = "/scheduler/allocations"


@pytest.fixture
def full(api: Api) -> Api:
    """Two allocations of alice, one of bob."""
    api.add_devices(3)
    for user in ("alice", "alice", "bob"):
        assert api.allocate(userId=user).status == 201
    return api


def next_cursor(api: Api, **query: object) -> str:
    return str(api.get(LIST, SERVICE, limit=1, **query).json["meta"]["nextCursor"])


def test_a_cursor_leads_on_in_its_own_list_and_nowhere_else(full: Api) -> None:
    cursor = next_cursor(full, userId="alice")

    assert full.get(LIST, SERVICE, userId="alice", cursor=cursor).status == 200
    others = [
        full.get(LIST, SERVICE, cursor=cursor),
        full.get(LIST, SERVICE, userId="bob", cursor=cursor),
        full.get(LIST, OTHER_TENANT, userId="alice", cursor=cursor),
        full.get(LIST, OPERATOR, userId="alice", cursor=cursor),
        full.get(LIST, USER, userId="alice", cursor=cursor),
        full.get("/scheduler/reservations", SERVICE, userId="alice", cursor=cursor),
        full.get(LIST, SERVICE, userId="alice", cursor=cursor[:-1]),
        full.get(LIST, SERVICE, userId="alice", cursor="9" + cursor),
    ]
    assert [(answer.status, answer.code) for answer in others] == [(422, "validation_failed")] * len(others)
    assert others[0].json["errors"] == [{"field": "cursor", "detail": "not a cursor of this list"}]


def test_after_a_rotation_old_cursors_lead_on_until_their_key_is_retired(
    full: Api, database_url: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = next_cursor(full)

    assert rotate_cursor_key.main([]) == 0
    assert "signs from now on" in capsys.readouterr().out
    forget_wiring()
    new = next_cursor(full)
    assert new != old
    assert [full.get(LIST, SERVICE, cursor=cursor).status for cursor in (old, new)] == [200, 200]

    assert rotate_cursor_key.main(["--retire"]) == 0
    forget_wiring()
    assert [full.get(LIST, SERVICE, cursor=cursor).status for cursor in (old, new)] == [422, 200]


def test_a_second_rotation_retires_the_key_before(database: Database) -> None:
    keys = PostgresCursorKeys(database)
    first, _ = keys.current()

    second, third = keys.rotate(), keys.rotate()

    known = PostgresCursorKeys(database)
    assert [known.find(number) is not None for number in (first, second, third)] == [False, True, True]
    assert known.current()[0] == third


def test_keys_are_looked_at_once_in_minutes_and_once_more_for_one_that_is_not_known(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = PostgresCursorKeys(database)
    number, secret = keys.current()
    made = PostgresCursorKeys(Database(lambda: database_url)).rotate()
    asked: list[str] = []
    rows = database.rows
    monkeypatch.setattr(database, "rows", lambda statement, values: asked.append(statement) or rows(statement, values))

    assert keys.find(number) == secret
    assert asked == []
    assert keys.find(made) is not None
    assert keys.find(made) is not None
    assert len(asked) == 1
    assert keys.find(10**8) is None
    assert len(asked) == 2
    monkeypatch.setattr(cursor_keys.time, "monotonic", lambda: 10.0**9)
    keys.current()
    assert len(asked) == 3


def test_keys_are_random_and_of_no_two_databases_the_same(database: Database) -> None:
    keys = PostgresCursorKeys(database)
    _, first = keys.current()
    second = keys.find(keys.rotate())

    assert second is not None
    assert len({first, second}) == 2
    assert len(first) == len(second) == 32
