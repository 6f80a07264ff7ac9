"""One attempt at a webhook over real sockets: signed as agreed, and led nowhere it may not go, whoever tries."""

import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Reference
from standardwebhooks.webhooks import WebhookVerificationError

from scheduler.adapters.http import checked
from scheduler.adapters.http.target_guard import Resolve, TargetGuard, addresses_of
from scheduler.adapters.http.webhook_courier import USER_AGENT, WebhookCourier
from scheduler.domain.webhooks import NO_ANSWER, Delivery, Reply
from tests.support.certificates import self_signed
from tests.support.receiver import Receiver, receiver
from tools.embedded import free_port

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PUBLIC, OTHER_PUBLIC = "93.184.216.34", "1.1.1.1"
REFUSED = Reply(NO_ANSWER, "target refused")
TOO_LATE = Reply(NO_ANSWER, "no complete answer in time")
HOST = "hooks.example.com"
MARGIN_SECONDS = 10
DOCUMENT = Path(__file__).parents[2] / "docs" / "webhooks.md"

type Dialled = list[tuple[str, int]]


@pytest.fixture
def target() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def inside() -> Iterator[Receiver]:
    """A service that webhooks must not reach."""
    with receiver() as running:
        yield running


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> Dialled:
    """Addresses that were connected to. Instead of connecting, each refuses: nothing leaves this machine."""
    seen: Dialled = []

    class Refusing(socket.socket):
        def connect(self, address: Any) -> None:
            seen.append(address)
            raise ConnectionRefusedError

    monkeypatch.setattr(checked.socket, "socket", Refusing)
    return seen


def event(url: str, body: str = '{"type":"device.released","data":{"userId":"Zoë"}}') -> Delivery:
    return Delivery("hook", "93d86cfd-405f-4ddb-8558-cb79957ebf9f", 1, datetime.now(UTC), url, SECRET, body)


def courier(*exempt: str, resolve: Resolve = addresses_of, **options: Any) -> WebhookCourier:
    return WebhookCourier(TargetGuard(exempt, resolve), **options)


# --- signed


def test_the_reference_library_accepts_what_arrives(target: Receiver) -> None:
    sent = event(target.url())

    assert courier(target.target).send(sent) == Reply(204)

    (request,) = target.received
    assert request.body == sent.body.encode()
    assert Reference(SECRET).verify(request.body, dict(request.headers)) == json.loads(sent.body)
    assert request.headers["webhook-id"] == sent.event_id
    assert (request.headers["content-type"], request.headers["user-agent"]) == ("application/json", USER_AGENT)


@pytest.mark.parametrize("changed", ["body", "webhook-id", "webhook-timestamp"])
def test_and_nothing_that_was_changed_on_the_way(target: Receiver, changed: str) -> None:
    courier(target.target).send(event(target.url()))

    (request,) = target.received
    headers, body = dict(request.headers), request.body
    if changed == "body":
        body = body.replace(b"released", b"allocated")
    else:
        headers[changed] = {"webhook-id": "other", "webhook-timestamp": str(int(time.time()) - 60)}[changed]
    with pytest.raises(WebhookVerificationError):
        Reference(SECRET).verify(body, headers)


def test_so_does_the_snippet_of_the_documentation(target: Receiver) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(snippet, names)
    courier(target.target).send(event(target.url()))

    (request,) = target.received
    assert names["verified"](SECRET, request.headers, request.body)
    assert not names["verified"](SECRET, request.headers, request.body + b" ")
    assert not names["verified"](SECRET, {**request.headers, "webhook-id": "other"}, request.body)
    long_ago = {**request.headers, "webhook-timestamp": str(int(time.time()) - 301)}
    assert not names["verified"](SECRET, long_ago, request.body)


# --- answered


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_is_delivered(target: Receiver, status: int) -> None:
    target.answers.status["/hook"] = status

    assert courier(target.target).send(event(target.url())) == Reply(status)


@pytest.mark.parametrize("status", [300, 304, 400, 404, 410, 429, 500, 503])
def test_any_other_status_is_a_failure(target: Receiver, status: int) -> None:
    target.answers.status["/hook"] = status

    assert courier(target.target).send(event(target.url())) == Reply(status, f"status {status}")


def test_a_long_answer_counts_by_its_status(target: Receiver) -> None:
    target.answers.status |= {"/well": 200, "/ill": 500}
    target.answers.bodies |= {"/well": b"x" * 1_000_000, "/ill": b"x" * 1_000_000}

    assert courier(target.target).send(event(target.url("/well"))) == Reply(200)
    assert courier(target.target).send(event(target.url("/ill"))) == Reply(500, "status 500")


def test_a_target_that_hangs_is_given_up(target: Receiver) -> None:
    target.answers.hanging.add("/hook")

    reply = courier(target.target, seconds=0.3).send(event(target.url()))

    assert reply.status == NO_ANSWER
    assert reply.reason in {
        "no complete answer in time",
        "ReadTimeout",
    }  # two clocks run, on the whole and on each read


def test_nobody_there_is_told_without_the_address() -> None:
    nobody = f"127.0.0.1:{free_port()}"

    reply = courier(nobody).send(event(f"http://{nobody}/hook"))

    assert reply.status == NO_ANSWER
    assert reply.reason
    assert "127" not in reply.reason


@contextmanager
def dripping_tls() -> Iterator[int]:
    """A server that begins a TLS handshake and then sends a byte now and then, for ever."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        over = threading.Event()

        def drip() -> None:
            link, _ = server.accept()
            with closing(link):
                link.recv(4096)
                link.sendall(b"\x16\x03\x03\x40\x00")
                while not over.wait(0.05):
                    link.sendall(b"\x02")

        def serve() -> None:
            try:
                drip()
            except OSError:
                """The caller hung up, as it should."""

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join()


def test_a_handshake_without_end_holds_no_thread() -> None:
    before = set(threading.enumerate())
    with dripping_tls() as port:
        own = f"127.0.0.1:{port}"

        assert courier(own, seconds=0.3).send(event(f"https://{own}/hook")).status == NO_ANSWER

        for thread in set(threading.enumerate()) - before:
            if thread.name == "exchange":
                thread.join(MARGIN_SECONDS)
                assert not thread.is_alive()


# --- led astray


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.0.0.7", "169.254.169.254", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"],
)
def test_an_address_that_is_not_public_is_not_called(dialled: Dialled, host: str) -> None:
    assert courier().send(event(f"https://{host}/hook")) == REFUSED
    assert dialled == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "127.0.0.1."])
def test_nor_is_one_that_is_spelt_oddly(dialled: Dialled, host: str) -> None:
    assert courier().send(event(f"https://{host}/hook")) == REFUSED
    assert dialled == []


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["10.0.0.7"], id="a private one"),
        pytest.param([PUBLIC, "10.0.0.7"], id="a private one behind a public one"),
        pytest.param(["fd00::7", PUBLIC], id="a private one before a public one"),
        pytest.param([], id="none"),
    ],
)
def test_a_name_is_called_only_when_all_its_addresses_are_public(dialled: Dialled, addresses: list[str]) -> None:
    assert courier(resolve=lambda *_: addresses).send(event(f"https://{HOST}/hook")) == REFUSED
    assert dialled == []


def test_a_name_that_changes_between_check_and_connection_is_called_where_it_was_checked(dialled: Dialled) -> None:
    answers = [[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]
    asked: list[str] = []

    def rebinding(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    assert courier(resolve=rebinding).send(event(f"https://{HOST}/hook")).reason == "ConnectionError"

    assert asked == [HOST]
    assert dialled == [(PUBLIC, 443)]


def test_each_attempt_looks_the_name_up_anew(dialled: Dialled) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    own = courier(resolve=lambda *_: next(answers))

    assert own.send(event(f"https://{HOST}/hook")).reason == "ConnectionError"
    assert own.send(event(f"https://{HOST}/hook")) == REFUSED
    assert dialled == [(PUBLIC, 443)]


def test_a_host_has_three_addresses_tried_and_no_more(dialled: Dialled) -> None:
    addresses = [PUBLIC, OTHER_PUBLIC, "8.8.8.8", "9.9.9.9"]

    courier(resolve=lambda *_: addresses).send(event(f"https://{HOST}:8443/hook"))

    assert dialled == [(address, 8443) for address in addresses[:3]]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(target: Receiver, inside: Receiver, status: int) -> None:
    target.answers.status["/hook"] = status
    target.answers.headers["/hook"] = {"Location": inside.url("/secrets")}

    assert courier(target.target).send(event(target.url())) == Reply(status, f"status {status}")

    assert inside.received == []


def test_proxies_and_passwords_of_the_environment_are_not_for_webhooks(
    target: Receiver, inside: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login scheduler password hunter2")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{inside.target}")

    assert courier(target.target).send(event(target.url())) == Reply(204)

    assert inside.received == []
    assert "authorization" not in target.received[0].headers


# --- by TLS


@pytest.fixture
def certificate(tmp_path: Path) -> str:
    return self_signed(tmp_path, HOST)


@pytest.mark.parametrize(
    ("host", "is_trusted", "reply"),
    [
        pytest.param(HOST, True, Reply(204), id="of this name, by an authority that is trusted"),
        pytest.param(HOST, False, Reply(NO_ANSWER, "SSLError"), id="by one that is not"),
        pytest.param("other.example.com", True, Reply(NO_ANSWER, "SSLError"), id="of another name"),
    ],
)
def test_a_certificate_must_be(certificate: str, host: str, is_trusted: bool, reply: Reply) -> None:
    with receiver(certificate) as server:
        own = courier(
            f"{host}:{server.server_port}",
            resolve=lambda *_: ["127.0.0.1"],
            authorities=certificate if is_trusted else None,
        )

        assert own.send(event(f"https://{host}:{server.server_port}/hook")) == reply

        assert len(server.received) == (1 if reply.is_success else 0)


# --- logged


def test_no_url_and_no_secret_is_logged(target: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with closing(socket.create_server(("127.0.0.1", 0))) as odd:
        own = f"127.0.0.1:{odd.getsockname()[1]}"

        def answer_oddly() -> None:
            link, _ = odd.accept()
            with closing(link):
                link.recv(65536)
                link.sendall(b"HTTP/1.1 200 OK\r\nno header at all\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer_oddly)
        thread.start()
        courier(own).send(event(f"http://{own}/path-with-a-token"))
        thread.join()
    courier(target.target).send(event(target.url("/path-with-a-token")))

    assert "token" not in caplog.text
    assert SECRET not in caplog.text
