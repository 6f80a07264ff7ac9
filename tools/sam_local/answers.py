"""Read what a function answered, and compare it with what was expected."""

import base64
import json
from collections.abc import Mapping
from typing import Any

MISSING = object()
"""Stands for a member that the answer does not have."""


def parse_answer(printed: str) -> dict[str, Any]:
    """Return a function's answer; an HTTP answer's `body` is decoded, and parsed when it is JSON.

    Args:
        printed: What `sam local invoke` printed: the answer as JSON on the last line that is not empty.

    Raises:
        ValueError: There is no such line, or it is not a JSON object.
    """
    # Not splitlines(): it also splits at separators that may stand unescaped in a JSON text.
    lines = [line for line in printed.split("\n") if line.strip()]
    answer = json.loads(lines[-1]) if lines else None
    if not isinstance(answer, dict):
        raise ValueError(f"no JSON object was answered, but: {printed.strip()[-300:]!r}")
    return answer | {"body": _body(answer)} if "statusCode" in answer else answer


def mismatches(answer: Mapping[str, Any], expected: Mapping[str, object]) -> list[str]:
    """Say in one line each what differs; empty when all is as expected.

    Args:
        answer: What `parse_answer` returned.
        expected: A member's path, like `body.data.0.id`, and its value, or its type where any value will do.
    """
    found = ((path, member(answer, path), wanted) for path, wanted in expected.items())
    return [
        f"{path} is {_shown(value)}, not {_shown(wanted)}" for path, value, wanted in found if not _fits(value, wanted)
    ]


def member(answer: object, path: str) -> object:
    """Return the member at a dotted path (numbers index lists), or MISSING."""
    for step in path.split("."):
        if isinstance(answer, Mapping) and step in answer:
            answer = answer[step]
        elif isinstance(answer, list) and step.isdecimal() and int(step) < len(answer):
            answer = answer[int(step)]
        else:
            return MISSING
    return answer


def _body(answer: Mapping[str, Any]) -> object:
    text = answer.get("body") or ""
    if answer.get("isBase64Encoded"):
        text = base64.b64decode(text).decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


def _fits(value: object, wanted: object) -> bool:
    return isinstance(value, wanted) if isinstance(wanted, type) else value == wanted


def _shown(value: object) -> str:
    if value is MISSING:
        return "missing"
    return f"a {value.__name__}" if isinstance(value, type) else json.dumps(value, default=str)
