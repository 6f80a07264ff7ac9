"""Whatever is wrong with a request is told, all of it, each by its place."""

from typing import Annotated, Any

import pytest
from msgspec import UNSET, Meta, UnsetType

from scheduler.domain.errors import PayloadTooLarge
from scheduler.domain.model import DeviceStatus
from scheduler.edge.fields import Id, Metadata, Minutes, Reason, Time, WireModel
from scheduler.edge.validation import valid


class Specs(WireModel):
    """Nested."""

    cores: Annotated[int, Meta(ge=1)] | None = None


class Wish(WireModel):
    """With members of each kind."""

    user: Id
    minutes: Minutes = 60
    specs: Specs | None = None
    many: Annotated[list[Specs], Meta(max_length=2)] = []  # noqa: RUF012  msgspec copies it
    at: Time | UnsetType = UNSET
    status: DeviceStatus | None = None
    reason: Reason | None = None
    labels: Metadata | None = None


class Window(WireModel):
    """Refuses by itself."""

    first: int
    last: int

    def __post_init__(self) -> None:
        """Refuse what ends before it begins."""
        if self.last < self.first:
            raise ValueError("it ends before it begins")


class Windows(WireModel):
    """Refused within."""

    windows: list[Window]


def places(kind: Any, value: Any, *, text: bool = False) -> list[str]:
    return [fault["field"] for fault in valid(kind, value, text=text)[1]]


@pytest.mark.parametrize(
    ("value", "where"),
    [
        pytest.param({}, ["user"], id="missing"),
        pytest.param({"user": "a", "more": 1, "most": 2}, ["more", "most"], id="unknown"),
        pytest.param({"user": "", "minutes": 0}, ["user", "minutes"], id="two of them"),
        pytest.param({"user": "a", "minutes": "60"}, ["minutes"], id="a text that is a number"),
        pytest.param({"user": "a", "minutes": 60.0}, ["minutes"], id="a fraction"),
        pytest.param({"user": "a", "minutes": True}, ["minutes"], id="a truth"),
        pytest.param({"user": "a", "specs": {"cores": 0, "x": 1}}, ["specs.cores", "specs.x"], id="within"),
        pytest.param({"user": "a", "specs": []}, ["specs"], id="of another kind"),
        pytest.param({"user": "a", "many": [{}, {"cores": 0}]}, ["many.1.cores"], id="in a list"),
        pytest.param({"user": "a", "many": [{}, {}, {}]}, ["many"], id="a list that is too long"),
        pytest.param({"user": "a", "at": "tomorrow", "status": "lost"}, ["at", "status"], id="types of ours"),
        pytest.param({"user": "a", "at": None}, ["at"], id="null where it may only be left out"),
        pytest.param({"user": "a\0", "reason": "\ud800"}, ["user", "reason"], id="what cannot be stored"),
        pytest.param({"user": "a", "labels": {"half": "\ud800"}}, ["labels"], id="nor within metadata"),
        pytest.param([], ["body"], id="no object"),
    ],
)
def test_each_fault_is_told_by_its_place(value: Any, where: list[str]) -> None:
    assert places(Wish, value) == where


def test_what_is_right_is_read_as_its_type() -> None:
    wish, faults = valid(Wish, {"user": "a", "at": "2026-01-01T00:30:00+05:00", "reason": "at 10.0.0.1:5555"})

    assert faults == []
    assert wish.at.isoformat() == "2025-12-31T19:30:00+00:00"
    assert (wish.reason, wish.minutes, wish.labels) == ("at (address)", 60, None)


def test_a_type_that_refuses_by_itself_is_told_where_it_stands() -> None:
    assert valid(Window, {"first": 2, "last": 1})[1] == [{"field": "body", "detail": "it ends before it begins"}]
    assert places(Windows, {"windows": [{"first": 1, "last": 2}, {"first": 2, "last": 1}]}) == ["windows.1"]


def test_other_refusals_pass_through() -> None:
    with pytest.raises(PayloadTooLarge):
        valid(Wish, {"user": "a", "labels": {"long": "x" * 5000}})


def test_in_a_query_numbers_come_as_texts() -> None:
    assert valid(Window, {"first": "1", "last": "2"}, text=True) == (Window(1, 2), [])
    assert places(Window, {"first": "1.5", "last": "two"}, text=True) == ["first", "last"]


@pytest.mark.parametrize("time", ["2026-01-01", "2026-01-01T00:00:00", "1767225600", "0001-01-01T00:00:00+23:00"])
def test_what_is_no_instant_is_refused(time: str) -> None:
    assert places(Wish, {"user": "a", "at": time}) == ["at"]
