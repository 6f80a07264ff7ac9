"""What the services next door have in common: a server with moods, control routes and a check of the service token.

PUT /control/mode {"mode": "down"}   be unwell (moods.py), ok again, or slow for {"seconds": n}
GET /health
"""

import argparse
import json
import os
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import jwt

from tools.neighbours.moods import MOODS, Stage

ISSUER = "scheduler"


@dataclass(frozen=True)
class Seen:
    """One request to the API, its path as it was sent."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Asked:
    """One request as a service reads it: the parts of its path after the prefix, its headers, its body."""

    method: str
    parts: list[str]
    headers: Any
    body: bytes

    @property
    def route(self) -> tuple[str, list[str]]:
        """Method and path, to be matched."""
        return self.method, self.parts

    @property
    def document(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)

    @property
    def tenant_id(self) -> str:
        """The tenant that the scheduler names."""
        return str(self.headers["X-Tenant-Id"])

    @property
    def key(self) -> str:
        """The Idempotency-Key.

        Raises:
            ValueError: There is none.
        """
        key = self.headers["Idempotency-Key"]
        if not key:
            raise ValueError("an Idempotency-Key is missing")
        return str(key)


class Service(ThreadingHTTPServer):
    """The server and its mood; answers on 127.0.0.1 as soon as it is made and served.

    Each service adds what it knows and its routes.
    """

    daemon_threads = True

    def __init__(self, port: int, secret: str) -> None:
        """Listen on a port of 127.0.0.1 (0: any that is free) and trust tokens signed with the secret."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.secret = secret
        self.seen: list[Seen] = []
        self.stage = Stage()
        self.mood = "ok"
        self.seconds = 0.0

    def answer(self, asked: Asked) -> Any:
        """Return the document for a request of the scheduler to a path below /api/internal, None for no such route."""
        raise NotImplementedError

    def control(self, asked: Asked) -> Any:
        """Return the document for a request of whoever watches to a path below /control, None for no such route."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self.server_port}"

    def be(self, mood: str, seconds: float = 0.0) -> None:
        """Behave so from now on: ok, slow, or one of MOODS; `seconds` pass before each answer.

        Raises:
            KeyError: There is no such mood.
        """
        if mood not in {"ok", "slow"}:
            MOODS[mood]
        self.mood, self.seconds = mood, seconds

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about callers who hung up: that is what many of them are made to do."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        """Let go of those who are kept waiting, and stop listening."""
        self.stage.closing.set()
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True  # head and body go out in two writes
    server: Service

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        try:
            match self.command, parts:
                case "GET", ["health"]:
                    self._answer({"status": "ok"})
                case "PUT", ["control", "mode"]:
                    wanted = json.loads(body)
                    self.server.be(wanted["mode"], float(wanted.get("seconds", 0)))
                    self._answer(wanted)
                case method, ["control", *rest]:
                    self._answer(self.server.control(Asked(method, rest, self.headers, body)))
                case method, ["api", "internal", *rest]:
                    self._answer_api(Asked(method, rest, self.headers, body))
                case _:
                    self._answer(None)
        except (ValueError, KeyError, TypeError) as error:
            self._send(400, {"message": f"{type(error).__name__}: {error}"})

    def _answer_api(self, asked: Asked) -> None:
        self.server.seen.append(Seen(asked.method, self.path, dict(self.headers.items())))
        mood = self.server.mood
        if self.server.seconds and self.server.stage.closing.wait(self.server.seconds):
            return
        if mood in MOODS:
            MOODS[mood](self, self.server.stage)
        elif not self._is_the_scheduler():
            self._send(401, {"message": "unauthorized"})
        else:
            self._answer(self.server.answer(asked))

    def _is_the_scheduler(self) -> bool:
        try:
            jwt.decode(
                self.headers.get("X-Service-Token", ""),
                self.server.secret,
                algorithms=["HS256"],
                issuer=ISSUER,
                options={"require": ["exp", "iat", "iss", "sub"]},
            )
        except jwt.InvalidTokenError:
            return False
        return True

    def _answer(self, document: Any) -> None:
        if document is None:
            self._send(404, {"message": "no such route"})
        else:
            self._send(200, document)

    def _send(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served[T: Service](make: Callable[[int, str], T], port: int, secret: str | None) -> Iterator[T]:
    """Run a service in this process for the time of the `with` block."""
    server = make(port, secret or secrets.token_hex(32))
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    try:
        yield server
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def run(title: str, make: Callable[[int, str], Service]) -> None:
    """Serve as the command line says until stopped."""
    parser = argparse.ArgumentParser(description=f"A small {title} on 127.0.0.1.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", help="that tokens are signed with; else SERVICE_TOKEN_SECRET")
    options = parser.parse_args()
    secret = options.secret or os.environ.get("SERVICE_TOKEN_SECRET")
    if not secret:
        parser.error("give --secret or set SERVICE_TOKEN_SECRET")
    with suppress(KeyboardInterrupt), make(options.port, secret) as server:
        print(f"{title} on {server.url}", flush=True)
        server.serve_forever()
