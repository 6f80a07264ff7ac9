"""Bodies of requests and answers: bounded, strict JSON."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, NoReturn

from scheduler.domain.errors import InvalidJson, PayloadTooLarge, UnsupportedContentType, ValidationFailed

JSON = "application/json"
MAX_BODY_BYTES = 16 * 1024


def plain_body(event: Mapping[str, Any]) -> dict[str, Any]:
    """Give the members of a proxy event that hold its body, decoded, and its type as the resolver spells it.

    Raises:
        UnsupportedContentType: It is not sent as JSON.
        PayloadTooLarge: It is longer than 16 KB.
        InvalidJson: It is no text.
    """
    _must_be_json(event)
    body = event.get("body") or ""
    raw: bytes = body.encode() if isinstance(body, str) else b""
    if len(raw) > 2 * MAX_BODY_BYTES:  # base64 takes a third more: do not decode what is too large anyway
        raise PayloadTooLarge
    if event.get("isBase64Encoded"):
        try:
            raw = base64.b64decode(raw, validate=True)
        except binascii.Error as error:
            raise InvalidJson from error
    if len(raw) > MAX_BODY_BYTES:
        raise PayloadTooLarge
    try:
        headers = {**(event.get("headers") or {}), "content-type": JSON}
        return {"body": raw.decode(), "isBase64Encoded": False, "headers": headers}
    except UnicodeDecodeError as error:
        raise InvalidJson from error


def parse_json(text: str) -> dict[str, Any]:
    """Read a body strictly: one object, no NaN, no bottomless nesting, no numbers without end.

    Raises:
        InvalidJson: It is no JSON.
        ValidationFailed: It is no object.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError, TypeError) as error:
        raise InvalidJson from error
    if not isinstance(value, dict):
        raise ValidationFailed(members={"errors": [{"field": "body", "detail": "Input should be an object"}]})
    return value


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def canonical(text: str | None) -> str:
    """Write a body so that the order of members and white space make no difference.

    Raises:
        InvalidJson, ValidationFailed: It is no JSON object.
    """
    return json.dumps(parse_json(text) if text else {}, sort_keys=True)


def write_json(value: Any) -> str:
    """Write an answer, compact."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _must_be_json(event: Mapping[str, Any]) -> None:
    content_type = (event.get("headers") or {}).get("content-type", JSON)
    if event.get("body") and content_type.partition(";")[0].strip().lower() != JSON:
        raise UnsupportedContentType
