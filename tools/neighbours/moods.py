"""Ways in which a service can be unwell. Each takes the open answer of a request and ends it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

_ENDLESS_BYTES = 256 * 1024 * 1024
_DRIPS = 100_000
_DRIP_SECONDS = 0.05


@dataclass
class Stage:
    """When the server closes, and how much of endless answers was taken."""

    closing: threading.Event = field(default_factory=threading.Event)
    sent_bytes: int = 0


type Mood = Callable[[BaseHTTPRequestHandler, Stage], None]


def down(answer: BaseHTTPRequestHandler, _: Stage) -> None:
    """Say so."""
    _send(answer, 503, b'{"message": "down"}')


def busy(answer: BaseHTTPRequestHandler, _: Stage) -> None:
    """Ask for patience."""
    _send(answer, 429, b'{"message": "too many requests"}')


def reset(answer: BaseHTTPRequestHandler, _: Stage) -> None:
    """Hang up without a word."""
    answer.close_connection = True


def nonsense(answer: BaseHTTPRequestHandler, _: Stage) -> None:
    """Answer with a page instead of a document."""
    _send(answer, 200, b"<html>Welcome!</html>")


def unauthorized(answer: BaseHTTPRequestHandler, _: Stage) -> None:
    """Refuse every token."""
    _send(answer, 401, b'{"message": "unauthorized"}')


def missing(answer: BaseHTTPRequestHandler, _: Stage) -> None:
    """Know nobody."""
    _send(answer, 404, b'{"message": "no such user"}')


def refusing(answer: BaseHTTPRequestHandler, _: Stage) -> None:
    """Find fault with what is asked."""
    _send(answer, 422, b'{"message": "unacceptable"}')


def redirect(answer: BaseHTTPRequestHandler, _: Stage) -> None:
    """Send the caller, token and all, to another user's quota."""
    answer.send_response(307)
    answer.send_header("Location", "/api/internal/quotas/user/elsewhere")
    answer.send_header("Content-Length", "0")
    answer.end_headers()


def huge(answer: BaseHTTPRequestHandler, stage: Stage) -> None:
    """Send a string that does not end, until the caller hangs up."""
    _begin(answer, b'{"planName": "')
    for _ in range(_ENDLESS_BYTES // 65536):
        if stage.closing.is_set():
            return
        answer.wfile.write(b"x" * 65536)
        stage.sent_bytes += 65536


def drip(answer: BaseHTTPRequestHandler, stage: Stage) -> None:
    """Send a body byte by byte."""
    _begin(answer, b"{")
    _drip(answer, stage)


def drip_headers(answer: BaseHTTPRequestHandler, stage: Stage) -> None:
    """Send a header byte by byte."""
    answer.close_connection = True
    answer.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(answer, stage)


MOODS: dict[str, Mood] = {
    "down": down,
    "busy": busy,
    "reset": reset,
    "nonsense": nonsense,
    "unauthorized": unauthorized,
    "missing": missing,
    "refusing": refusing,
    "redirect": redirect,
    "huge": huge,
    "drip": drip,
    "drip_headers": drip_headers,
}
"""By the name that PUT /control/mode takes; `ok` and `slow` are the service's own."""


def _send(answer: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    answer.send_response(status)
    answer.send_header("Content-Type", "application/json")
    answer.send_header("Content-Length", str(len(body)))
    answer.end_headers()
    answer.wfile.write(body)


def _begin(answer: BaseHTTPRequestHandler, body: bytes) -> None:
    answer.close_connection = True
    answer.send_response(200)
    answer.send_header("Content-Type", "application/json")
    answer.end_headers()
    answer.wfile.write(body)


def _drip(answer: BaseHTTPRequestHandler, stage: Stage) -> None:
    for _ in range(_DRIPS):
        if stage.closing.wait(_DRIP_SECONDS):
            return
        answer.wfile.write(b"x")
        answer.wfile.flush()
