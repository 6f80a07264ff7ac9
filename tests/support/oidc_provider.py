"""A small OIDC provider on 127.0.0.1: code with PKCE for one public client, believing nothing that it can check."""

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt

from tools.region.issuer import Issuer

CLIENT = "operations-console"
SUBJECT = "olivia"
_PAGE = '<!DOCTYPE html><html lang="en"><title>Provider</title><link rel="icon" href="data:,">{}</html>'
_SECONDS = 3600


class Refused(Exception):
    """What was asked for is not given; the text is the error of RFC 6749."""


class Provider(ThreadingHTTPServer):
    """The provider; `issuer` signs what it gives, `callback` is where it sends people back to: set both before use."""

    daemon_threads = True
    issuer: Issuer
    callback: str

    def __init__(self) -> None:
        """Listen on a port of its own; nothing is answered before it is served."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.be_well()

    def be_well(self) -> None:
        """Give tokens of operators from now on, and forget what was."""
        self.scope = "scheduler.operator"
        self.nonce: str | None = None
        self.is_dead = False
        self.forms: list[dict[str, str]] = []
        self._asked: dict[str, Mapping[str, str]] = {}

    @property
    def authorize_url(self) -> str:
        """Where people say yes or no."""
        return f"http://127.0.0.1:{self.server_port}/authorize"

    @property
    def token_url(self) -> str:
        """Where codes become tokens."""
        return f"http://127.0.0.1:{self.server_port}/token"

    def answers(self, asked: Mapping[str, str]) -> dict[str, str]:
        """Give the URLs that Allow and Deny lead to.

        Raises:
            Refused: The request is not exactly one of our client, by code and S256, with a state.
        """
        expected = {"response_type": "code", "client_id": CLIENT, "redirect_uri": self.callback}
        expected |= {"code_challenge_method": "S256"}
        if any(asked.get(name) != value for name, value in expected.items()):
            raise Refused("invalid_request")
        if len(asked.get("code_challenge", "")) != 43 or not asked.get("state") or not asked.get("scope"):
            raise Refused("invalid_request")
        code = secrets.token_urlsafe()
        self._asked[code] = asked
        said = {"Allow": {"code": code}, "Deny": {"error": "access_denied"}}
        return {
            word: f"{self.callback}?{urlencode({**answer, 'state': asked['state']})}" for word, answer in said.items()
        }

    def tokens(self, form: Mapping[str, str]) -> dict[str, object]:
        """Give tokens for a code, which is good once.

        Raises:
            Refused: The code is unknown or used, or of another client or callback, or the verifier is not its own.
        """
        self.forms.append(dict(form))
        asked = self._asked.pop(form.get("code", ""), None)
        if form.get("grant_type") != "authorization_code":
            raise Refused("unsupported_grant_type")
        if asked is None or any(form.get(name) != asked[name] for name in ("client_id", "redirect_uri")):
            raise Refused("invalid_grant")
        if challenge_of(form.get("code_verifier", "")) != asked["code_challenge"]:
            raise Refused("invalid_grant")
        return {
            "access_token": self.issuer.token(SUBJECT, None, self.scope, _SECONDS),
            "id_token": self._id_token(self.nonce or asked.get("nonce", "")),
            "token_type": "Bearer",
            "expires_in": _SECONDS,
        }

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer.url, "aud": CLIENT, "sub": SUBJECT, "nonce": nonce, "iat": now, "exp": now + 60}
        return jwt.encode(claims, self.issuer.key, algorithm="RS256")


def challenge_of(verifier: str) -> str:
    """Give the S256 challenge (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        try:
            if url.path != "/authorize":
                raise Refused("not_found")
            links = self.server.answers(dict(parse_qsl(url.query)))
        except Refused as refusal:
            self._send(400, "text/html", _PAGE.format(f"<p>{refusal}</p>"))
            return
        body = "".join(f'<p><a href="{html.escape(link)}">{word}</a></p>' for word, link in links.items())
        self._send(200, "text/html", _PAGE.format(body))

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()))
        if self.server.is_dead:
            return  # hangs up without a word
        try:
            if self.path != "/token":
                raise Refused("not_found")
            self._send(200, "application/json", json.dumps(self.server.tokens(form)))
        except Refused as refusal:
            self._send(400, "application/json", json.dumps({"error": str(refusal)}))

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def _send(self, status: int, kind: str, text: str) -> None:
        origin = urlsplit(self.server.callback)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Access-Control-Allow-Origin", f"{origin.scheme}://{origin.netloc}")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


@contextmanager
def provider_up() -> Iterator[Provider]:
    """Serve during the block."""
    server = Provider()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
