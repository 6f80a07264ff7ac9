"""One line for each request: when, what, how it ended, how long, who. Never a token or a body."""

import base64
import json
import time
from typing import Any, TextIO

_SHOWN = 40


class RequestLog:
    """Writes the lines to a stream."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`, which should flush at each line."""
        self._stream = stream

    def write(self, scope: dict[str, Any], answer: tuple[int, list[tuple[bytes, bytes]], bytes], ms: float) -> None:
        """Write the line of one request; `ms` is how long the answer took in milliseconds."""
        status, headers, body = answer
        when = time.strftime("%H:%M:%S")
        line = f"{when}  {scope['method']:<6} {printable(scope['path']):<44} {status} {ms:7.0f} ms"
        notes = [printable(caller(scope["headers"])), problem_code(headers, body)]
        self._stream.write("  ".join([line, *filter(None, notes)]) + "\n")


def caller(headers: list[tuple[bytes, bytes]]) -> str:
    """Return whom the bearer token names (unverified: for the log only), or nothing."""
    for name, value in headers:
        if name == b"authorization":
            try:
                payload = value.decode().split(".")[1]
                claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
                return f"{claims.get('sub', '?')}@{claims.get('tenant_id', 'default')}"
            except (ValueError, IndexError, AttributeError):
                return "unreadable token"
    return ""


def problem_code(headers: list[tuple[bytes, bytes]], body: bytes) -> str:
    """Return the code of a problem answer, or nothing."""
    if dict(headers).get(b"content-type", b"").startswith(b"application/problem+json"):
        try:
            return str(json.loads(body).get("code", ""))
        except (ValueError, AttributeError):
            return ""
    return ""


def printable(text: str) -> str:
    """Return text that cannot break the line or the terminal."""
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return clean if len(clean) <= _SHOWN + 4 else clean[:_SHOWN] + "…"
