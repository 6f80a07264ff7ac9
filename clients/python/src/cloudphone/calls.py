"""Requests as values: what is sent, and how its answer is read. Nothing is sent here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from cloudphone.errors import UnreadableAnswer

T = TypeVar("T")
PAGE = 200
"""Entries asked for at a time: the most that the lists give."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """A part of a list; `next_cursor` None: the last one."""

    items: list[T]
    next_cursor: str | None


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request. Each POST has its idempotency key, so that it may be sent again without a second effect."""

    method: str
    path: str
    read: Callable[[int, bytes], T]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    key: str | None = None


class _Meta(msgspec.Struct, rename="camel"):
    next_cursor: str | None


def get(path: str, read: Callable[[int, bytes], T]) -> Call[T]:
    """Describe a GET."""
    return Call("GET", f"/scheduler{path}", read)


def post(path: str, read: Callable[[int, bytes], T], body: Any = None) -> Call[T]:
    """Describe a POST, with a key of its own."""
    return Call("POST", f"/scheduler{path}", read, body={} if body is None else body, key=uuid.uuid4().hex)


def delete(path: str) -> Call[None]:
    """Describe a DELETE, whose answer says nothing."""
    return Call("DELETE", f"/scheduler{path}", lambda _status, _content: None)


def listed(path: str, kind: type[T], **query: Any) -> Call[Page[T]]:
    """Describe a request for the first page of a list; a query's None is left out."""

    def read(_status: int, content: bytes) -> Page[T]:
        answer = _decoded(content)
        items = _converted(answer.get("data"), list[kind])  # type: ignore[valid-type]
        return Page(items, _converted(answer.get("meta"), _Meta).next_cursor)

    return Call("GET", f"/scheduler{path}", read, query={name: str(v) for name, v in query.items() if v is not None})


def data(kind: type[T]) -> Callable[[int, bytes], T]:
    """Give what reads an answer's `data`."""
    return lambda _status, content: _converted(_decoded(content).get("data"), kind)


def _decoded(content: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
        raise UnreadableAnswer(str(problem)) from problem


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as problem:
        raise UnreadableAnswer(str(problem)) from problem


def given(**members: Any) -> dict[str, Any]:
    """Leave out what is None."""
    return {name: value for name, value in members.items() if value is not None}


def part(text: str) -> str:
    """Write a text as one part of a path."""
    return quote(text, safe="")


def instant(moment: datetime) -> str:
    """Write an aware datetime; raise ValueError for one without its zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without its zone says nothing: give an aware datetime")
    return moment.isoformat()
