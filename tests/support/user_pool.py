"""A user pool of the local cloud with a client for machines, and an address that gives tokens as Cognito does."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs


class _Tokens(ThreadingHTTPServer):
    """Gives the region's own tokens to whoever knows a client's secret."""

    daemon_threads = True

    def __init__(self, secrets: Mapping[str, str], tokens: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secrets, self.tokens = secrets, tokens


class _Handler(BaseHTTPRequestHandler):
    server: _Tokens

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        kind, _, told = self.headers.get("Authorization", "").partition(" ")
        client, _, secret = base64.b64decode(told).decode().partition(":")
        known = kind == "Basic" and self.server.secrets.get(client) == secret
        token = self.server.tokens.get(*form.get("scope", [""])) if known else None
        granted = token and form.get("grant_type") == ["client_credentials"]
        body = json.dumps({"access_token": token} if granted else {"error": "invalid_client"}).encode()
        self.send_response(200 if granted else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def user_pool(cognito: Any, region: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Make one for the time of the block; yield what the stack's outputs name.

    `cognito`: client of the region's cloud.
    """
    pool = cognito.create_user_pool(PoolName="people-and-machines")["UserPool"]["Id"]
    cognito.create_group(UserPoolId=pool, GroupName="operators")
    made = {
        name: cognito.create_user_pool_client(UserPoolId=pool, ClientName=name, GenerateSecret=True)["UserPoolClient"]
        for name in ("OPERATOR_CLIENT_ID", "MACHINE_CLIENT_ID")
    }
    secrets = {client["ClientId"]: client["ClientSecret"] for client in made.values()}
    tokens = {"scheduler/operator": region["OPERATOR_TOKEN"], "scheduler/service": region["SERVICE_TOKEN"]}
    server = _Tokens(secrets, tokens)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/oauth2/token"
        clients = {name: client["ClientId"] for name, client in made.items()}
        yield clients | {"USER_POOL_ID": pool, "TOKEN_URL": address}
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
