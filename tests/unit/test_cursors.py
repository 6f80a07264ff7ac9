"""A cursor says where a list goes on; what we did not write is refused, whatever it is."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.errors import ValidationFailed
from scheduler.domain.model import Role
from scheduler.edge import cursors
from scheduler.edge.cursors import (
    MAX_CURSOR_LENGTH,
    bind_cursors,
    read_id_cursor,
    read_time_cursor,
    sign_with,
    write_cursor,
)
from scheduler.edge.identity import Caller

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
ROW = "526a25bf-860d-4d89-8df4-1131ca8403c9"
STORABLE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


ROUTE = "GET /scheduler/allocations"
SHOP = Caller("shop", "acme", Role.SERVICE)


class Ring:
    """Two keys; the second signs."""

    def __init__(self):
        self.keys = {1: b"1" * 32, 2: b"2" * 32}

    def current(self):
        return max(self.keys), self.keys[max(self.keys)]

    def find(self, number):
        return self.keys.get(number)


@pytest.fixture(autouse=True)
def ring(monkeypatch):
    kept = Ring()
    monkeypatch.setattr(cursors, "_ring", cursors._ring)
    sign_with(lambda: kept)
    bind_cursors(ROUTE, {"status": "allocated"}, SHOP)
    return kept


def encoded(value: object) -> str:
    """A cursor that is signed as ours are, whatever it holds."""
    place = base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
    return signed(place)


def signed(place: str) -> str:
    bind_cursors(ROUTE, {"status": "allocated"}, SHOP)
    return f"2.{cursors._signature(b'2' * 32, place)}.{place}"


@given(STORABLE)
def test_an_id_comes_back_as_it_was(row_id):
    assert read_id_cursor(write_cursor(row_id)) == row_id


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_time_comes_back_to_the_microsecond(at, row_id):
    assert read_time_cursor(write_cursor(at.isoformat(), str(row_id))) == (at, str(row_id))


def test_a_time_in_another_zone_is_the_same_instant():
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert read_time_cursor(write_cursor(elsewhere.isoformat(), ROW)) == (NOON, ROW)


@pytest.mark.parametrize("read", [read_id_cursor, read_time_cursor])
def test_no_cursor_is_the_first_page(read):
    assert read(None) is None


def test_the_cursor_of_the_longest_id_is_accepted_by_the_routes():
    assert len(write_cursor("x" * 255)) <= MAX_CURSOR_LENGTH


def test_a_cursor_needs_no_escaping_in_a_url():
    assert set(write_cursor("ÿ?>~/+" * 9)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


NOT_OURS = [
    pytest.param("", id="nothing"),
    pytest.param("?", id="no base64"),
    pytest.param("é", id="no ASCII"),
    pytest.param("AAAA", id="no signature"),
    pytest.param(signed("AAAA"), id="no JSON"),
    pytest.param("[" * 900, id="no base64 of brackets"),
    pytest.param(signed(base64.urlsafe_b64encode(b"[" * 100_000).decode()), id="bottomless nesting"),
    pytest.param(encoded({}), id="an object"),
    pytest.param(encoded("phone-1"), id="a text"),
    pytest.param(encoded([]), id="no key"),
    pytest.param(encoded(["a", "b", "c"]), id="a key too long"),
    pytest.param(encoded([1]), id="a number"),
    pytest.param(encoded([None]), id="a null"),
    pytest.param(encoded(["a\0b"]), id="a NUL"),
    pytest.param(encoded(["\ud800"]), id="a lone surrogate"),
]


@pytest.mark.parametrize("read", [read_id_cursor, read_time_cursor])
@pytest.mark.parametrize("cursor", NOT_OURS)
def test_what_is_no_cursor_of_ours_is_refused(read, cursor):
    with pytest.raises(ValidationFailed) as refusal:
        read(cursor)

    assert refusal.value.members["errors"][0]["field"] == "cursor"


@pytest.mark.parametrize(
    ("at", "row_id"),
    [
        pytest.param("yesterday", ROW, id="no time"),
        pytest.param("2026-03-02T12:00:00", ROW, id="a time without a zone"),
        pytest.param(NOON.isoformat(), "phone-1", id="no uuid"),
        pytest.param(NOON.isoformat(), "", id="an empty id"),
    ],
)
def test_a_time_cursor_holds_a_time_and_a_uuid(at, row_id):
    with pytest.raises(ValidationFailed):
        read_time_cursor(write_cursor(at, row_id))


@pytest.mark.parametrize(("read", "key"), [(read_id_cursor, (NOON.isoformat(), ROW)), (read_time_cursor, ("phone-1",))])
def test_a_cursor_of_one_list_does_not_fit_another(read, key):
    with pytest.raises(ValidationFailed):
        read(write_cursor(*key))


@given(st.text(max_size=100))
def test_any_text_is_read_or_refused(text):
    for read in (read_id_cursor, read_time_cursor):
        try:
            read(text)
        except ValidationFailed:
            continue


BOUND = [
    pytest.param("GET /scheduler/reservations", {"status": "allocated"}, SHOP, id="another route"),
    pytest.param(ROUTE, {"status": "expired"}, SHOP, id="another filter"),
    pytest.param(ROUTE, {}, SHOP, id="no filter"),
    pytest.param(ROUTE, {"status": "allocated", "userId": "bob"}, SHOP, id="one filter more"),
    pytest.param(ROUTE, {"status": "allocated"}, Caller("shop", "globex", Role.SERVICE), id="another tenant"),
    pytest.param(ROUTE, {"status": "allocated"}, Caller("shop", "acme", Role.OPERATOR), id="another role"),
    pytest.param(ROUTE, {"status": "allocated"}, Caller("shop", "acme", Role.USER), id="a user"),
]


@pytest.mark.parametrize(("route", "query", "who"), BOUND)
def test_a_cursor_is_good_for_its_own_list_only(route, query, who):
    cursor = write_cursor("phone-1")
    bind_cursors(route, query, who)

    with pytest.raises(ValidationFailed):
        read_id_cursor(cursor)


def test_users_of_one_tenant_do_not_share_cursors():
    bind_cursors(ROUTE, {}, Caller("alice", "acme", Role.USER))
    cursor = write_cursor("phone-1")
    bind_cursors(ROUTE, {}, Caller("bob", "acme", Role.USER))

    with pytest.raises(ValidationFailed):
        read_id_cursor(cursor)


def test_a_page_may_have_another_size_and_another_service_of_the_tenant_may_go_on():
    cursor = write_cursor("phone-1")
    bind_cursors(ROUTE, {"limit": "7", "cursor": cursor, "status": "allocated"}, Caller("desk", "acme", Role.SERVICE))

    assert read_id_cursor(cursor) == "phone-1"


def test_a_list_whose_cursors_carry_its_filters_needs_them_no_more():
    bind_cursors("GET /scheduler/usage", {"from": "2026-03-01T00:00:00Z", "groupBy": "user"}, SHOP)
    cursor = write_cursor("user")
    bind_cursors("GET /scheduler/usage", {}, SHOP)

    assert read_id_cursor(cursor) == "user"


@given(st.integers(0), st.sampled_from("ABCwxyz0189-_."))
def test_a_changed_cursor_is_refused(where, letter):
    cursor = write_cursor("phone-1")
    where %= len(cursor)
    changed = cursor[:where] + letter + cursor[where + 1 :]

    if changed != cursor:
        with pytest.raises(ValidationFailed):
            read_id_cursor(changed)


def test_the_key_before_is_believed_until_it_is_retired(ring):
    old = write_cursor("phone-1")
    ring.keys[3] = b"3" * 32

    assert write_cursor("phone-1").startswith("3.")
    assert read_id_cursor(old) == "phone-1"

    del ring.keys[2]
    with pytest.raises(ValidationFailed):
        read_id_cursor(old)
