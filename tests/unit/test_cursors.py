"""A cursor says where a list goes on; what we did not write is refused, whatever it is."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.errors import ValidationFailed
from scheduler.edge.cursors import MAX_CURSOR_LENGTH, read_id_cursor, read_time_cursor, write_cursor

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
ROW = "526a25bf-860d-4d89-8df4-1131ca8403c9"
STORABLE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


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
    assert set(write_cursor("ÿ?>~/+" * 9)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


NOT_OURS = [
    pytest.param("", id="nothing"),
    pytest.param("?", id="no base64"),
    pytest.param("é", id="no ASCII"),
    pytest.param("AAAA", id="no JSON"),
    pytest.param("[" * 900, id="no base64 of brackets"),
    pytest.param(base64.urlsafe_b64encode(b"[" * 100_000).decode(), id="bottomless nesting"),
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
