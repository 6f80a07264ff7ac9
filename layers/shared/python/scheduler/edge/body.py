"""Bodies of requests and answers: bounded, strict JSON."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, NoReturn

from scheduler.domain.errors import InvalidJson, PayloadTooLarge, UnsupportedContentType, ValidationFailed

JSON = "application/json"
MAX_BODY_BYTES = 16 * 1024


def body_text(event: Mapping[str, Any]) -> str:
    """Give the body of a request, decoded; empty: there is none.

    Raises:
        UnsupportedContentType: It is not sent as JSON.
        PayloadTooLarge: It is longer than 16 KB.
        InvalidJson: It is no text.
    """
    body = event.get("body")
    if not body or not isinstance(body, str):
        return ""
    _must_be_json(event)
    try:
        raw = body.encode()
        if len(raw) > 2 * MAX_BODY_BYTES:  # base64 takes a third more: do not decode what is too large anyway
            raise PayloadTooLarge
        if event.get("isBase64Encoded"):
            raw = base64.b64decode(raw, validate=True)
        if len(raw) > MAX_BODY_BYTES:
            raise PayloadTooLarge
        return raw.decode()
    except (binascii.Error, UnicodeError) as error:
        raise InvalidJson from error


def parse_json(text: str) -> dict[str, Any]:
    """Read a body strictly: one object, no NaN, no bottomless nesting, no numbers without end.

    Raises:
        InvalidJson: It is no JSON.
        ValidationFailed: It is no object.
    """
    try:
        value = _strictly.decode(text)
    except (ValueError, RecursionError, TypeError) as error:
        raise InvalidJson from error
    if not isinstance(value, dict):
        raise ValidationFailed(members={"errors": [{"field": "body", "detail": "Input should be an object"}]})
    return value


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_strictly = json.JSONDecoder(parse_constant=_refuse_constant)


def canonical(body: Mapping[str, Any] | None) -> str:
    """Write a body so that the order of members and white space make no difference."""
    return json.dumps(body or {}, sort_keys=True)


def write_json(value: Any) -> str:
    """Write an answer, compact."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _must_be_json(event: Mapping[str, Any]) -> None:
    content_type = (event.get("headers") or {}).get("content-type", JSON)
    if content_type != JSON and content_type.partition(";")[0].strip().lower() != JSON:
        raise UnsupportedContentType
