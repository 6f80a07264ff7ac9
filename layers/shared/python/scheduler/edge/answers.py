"""Answers of the routes: the envelope, pages, and how they go out."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec

from scheduler.edge.body import JSON
from scheduler.edge.fields import View


class Envelope[Data](View, kw_only=True):
    """A success."""

    success: bool = True
    data: Data
    message: str = ""


class PageMeta(View):
    """Where a list goes on: give `nextCursor` as `cursor` to get the next page; null: that was the last."""

    limit: int
    nextCursor: str | None  # noqa: N815  wire name


class Page[Data](View, kw_only=True):
    """One page of a list."""

    success: bool = True
    data: list[Data]
    meta: PageMeta
    message: str = ""


class CountedPage[Data](Page[Data], kw_only=True):
    """One page of a list whose length is known."""

    total: int


@dataclass(frozen=True, slots=True)
class Response[Body: View | str | bytes]:
    """What a handler answers. The type checker holds the body to the type that the handler declares."""

    status: int
    body: Body
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def ok[Body: View](body: Body) -> Response[Body]:
    """Answer 200."""
    return Response(HTTPStatus.OK, body)


def created[Body: View](body: Body) -> Response[Body]:
    """Answer 201."""
    return Response(HTTPStatus.CREATED, body)


def accepted[Body: View](body: Body) -> Response[Body]:
    """Answer 202."""
    return Response(HTTPStatus.ACCEPTED, body)


def proxy_answer(response: Response[Any]) -> dict[str, Any]:
    """Write an answer as API Gateway takes it."""
    body = response.body
    encoded = isinstance(body, bytes)
    if isinstance(body, View):
        body = msgspec.json.encode(body).decode()
    elif encoded:
        body = base64.b64encode(body).decode()
    return {
        "statusCode": int(response.status),
        "headers": {"Content-Type": response.content_type, **response.headers},
        "body": body,
        "isBase64Encoded": encoded,
    }
