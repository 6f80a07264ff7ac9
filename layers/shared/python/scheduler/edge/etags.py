"""Answers that the caller has already: told so by their tag, in place of their text (RFC 9110, 13.1.2)."""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

_DIGEST_BYTES = 12


def unless_known(event: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Tag the answer to a GET request by its text; a caller that names the tag in If-None-Match gets no text."""
    if event["requestContext"]["http"]["method"].upper() != "GET" or answer["statusCode"] != HTTPStatus.OK:
        return answer
    tag = f'"{hashlib.blake2b(answer["body"].encode(), digest_size=_DIGEST_BYTES).hexdigest()}"'
    headers = answer["headers"] | {"ETag": tag}
    if tag in _tags_known(event):
        return answer | {"statusCode": int(HTTPStatus.NOT_MODIFIED), "headers": headers, "body": ""}
    return answer | {"headers": headers}


def _tags_known(event: Mapping[str, Any]) -> set[str]:
    """Read the tags of If-None-Match; that one of them is called weak does not matter here."""
    headers = event.get("headers") or {}
    given = next((value for name, value in headers.items() if name.lower() == "if-none-match"), "")
    return {tag.strip().removeprefix("W/") for tag in given.split(",")}
