"""A user service: quotas to read, usage to tell, tokens to verify. `python -m tools.neighbours.user_service --port N`.

GET  /api/internal/quotas/user/{userId}         the quota document; unknown users have plan pro
POST /api/internal/quotas/user/{userId}/usage   applied once for each Idempotency-Key
PUT  /control/quotas/{userId}                   set members of a document
GET  /control/usage                             what was applied, and what each user uses
PUT  /control/mode {"mode": "down"}             be unwell (moods.py), ok again, or slow for {"seconds": n}
GET  /health
"""

import argparse
import json
import os
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import jwt

from tools.neighbours.books import Books
from tools.neighbours.moods import MOODS, Stage

ISSUER = "scheduler"


@dataclass(frozen=True)
class Seen:
    """One request to the API, its path as it was sent."""

    method: str
    path: str
    headers: dict[str, str]


class UserService(ThreadingHTTPServer):
    """The server and its state; answers on 127.0.0.1 as soon as it is made and served."""

    daemon_threads = True

    def __init__(self, port: int, secret: str) -> None:
        """Listen on a port of 127.0.0.1 (0: any that is free) and trust tokens signed with the secret."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.secret = secret
        self.books = Books()
        self.seen: list[Seen] = []
        self.stage = Stage()
        self.mood = "ok"
        self.seconds = 0.0

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
    server: UserService

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
                    self._answer(200, {"status": "ok"})
                case "GET", ["control", "usage"]:
                    self._answer(200, self.server.books.usage())
                case "PUT", ["control", "quotas", user_id]:
                    self.server.books.set_quota(user_id, json.loads(body))
                    self._answer(200, self.server.books.quota(user_id))
                case "PUT", ["control", "mode"]:
                    wanted = json.loads(body)
                    self.server.be(wanted["mode"], float(wanted.get("seconds", 0)))
                    self._answer(200, wanted)
                case method, ["api", "internal", "quotas", "user", *rest]:
                    self._answer_api(method, rest, body)
                case _:
                    self._answer(404, {"message": "no such route"})
        except (ValueError, KeyError, TypeError) as error:
            self._answer(400, {"message": f"{type(error).__name__}: {error}"})

    def _answer_api(self, method: str, rest: list[str], body: bytes) -> None:
        self.server.seen.append(Seen(method, self.path, dict(self.headers.items())))
        mood = self.server.mood
        if self.server.seconds and self.server.stage.closing.wait(self.server.seconds):
            return
        if mood in MOODS:
            MOODS[mood](self, self.server.stage)
        elif not self._is_the_scheduler():
            self._answer(401, {"message": "unauthorized"})
        else:
            self._answer_scheduler(method, rest, body)

    def _answer_scheduler(self, method: str, rest: list[str], body: bytes) -> None:
        match method, rest:
            case "GET", [user_id]:
                self._answer(200, self.server.books.quota(user_id))
            case "POST", [user_id, "usage"]:
                key, tenant_id = self.headers["Idempotency-Key"], self.headers["X-Tenant-Id"]
                if not key:
                    raise ValueError("an Idempotency-Key is missing")
                applied = self.server.books.tell_usage(key, tenant_id, user_id, json.loads(body))
                self._answer(200, {"applied": applied})
            case _:
                self._answer(404, {"message": "no such route"})

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

    def _answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def user_service(port: int = 0, secret: str | None = None) -> Iterator[UserService]:
    """Run a user service in this process for the time of the `with` block."""
    server = UserService(port, secret or secrets.token_hex(32))
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    try:
        yield server
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="A small user service on 127.0.0.1.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", help="that tokens are signed with; else SERVICE_TOKEN_SECRET")
    options = parser.parse_args()
    secret = options.secret or os.environ.get("SERVICE_TOKEN_SECRET")
    if not secret:
        parser.error("give --secret or set SERVICE_TOKEN_SECRET")
    with suppress(KeyboardInterrupt), UserService(options.port, secret) as server:
        print(f"user service on {server.url}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
