"""What has the shape of a secret or an address is taken out of texts; the rest stays as it was."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from scheduler import discretion
from scheduler.discretion import discreet, request_id
from scheduler.edge.lines import line
from scheduler.edge.telemetry import correlation_id

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.VO4JUTRm-x_Y"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("off 10.0.3.7:5555 now", "off (address) now", id="an address with its port"),
        pytest.param("10.0.3.7", "(address)", id="an address"),
        pytest.param("[fd00::1]:5555", "(address)", id="an address of six"),
        pytest.param("adb-7.fleet.example:5555 is gone", "(address) is gone", id="a name with its port"),
        pytest.param("adb-7.fleet.internal is gone", "(address) is gone", id="a name inside"),
        pytest.param(f"with {JWT} in it", "with (token) in it", id="a token"),
        pytest.param("Authorization: Bearer abcdef123", "Authorization: Bearer (token)", id="a bearer's token"),
        pytest.param("https://ana:pw@wiki.example/x", "https://(secret)@wiki.example/x", id="a password in a URL"),
        pytest.param("key whsec_MfKQ9r8G", "key (secret)", id="a webhook's secret"),
        pytest.param("?access_token=abcd1234&a=b", "?access_token=(secret)&a=b", id="a token in a query"),
        pytest.param('{"password": "hunter2"}', '{"password": "(secret)"}', id="a password in JSON"),
        pytest.param('{\\"apiKey\\": \\"hunter2\\"}', '{\\"apiKey\\": \\"(secret)\\"}', id="in JSON within JSON"),
    ],
)
def test_a_secret_or_an_address_is_taken_out(text: str, told: str) -> None:
    assert discreet(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "Device quota exceeded. Max: 10, Current: 10",
        "2026-11-27T03:24:11.395123Z",
        "2026-11-27 03:24:11,395+0000",
        '{"fencingToken":7,"deviceId":"phone-small-01","location":"granted:13","reason":"The rack is being moved"}',
        "android 14.0.1, 3.5 GB",
        '{"secretless": true}',
        '{"fencingToken":123456,"token":null,"secret":[1234],"password":{"a":1},"apiKey":-12345.5}',
    ],
)
def test_anything_else_stays_as_it_was(text: str) -> None:
    assert discreet(text) == text


NAMES = [
    "password",
    "PassWd",
    "pa\u017f\u017fword",
    "\u017fecret",
    "mySecret",
    "tOKen",
    "API_key",
    "apikey",
    "signature",
]
NAMED = st.tuples(st.sampled_from(NAMES), st.sampled_from(["=", ": ", '": "']), st.just("hunter2")).map("".join)
ALONE = st.sampled_from([
    *(JWT, "Bearer abcdef1", "BASIC abcdef1", "whsec_MfKQ9r8G", "AKIA" + "B" * 16, "ASIA" + "C" * 16),
    *("https://ana:pw@wiki", "10.0.3.7", "[fd00::1]:5555", "adb-7.fleet:5555", "adb.INTERNAL", "a.amazonaws.com"),
])  # fmt: skip
NOISE = st.sampled_from(["", " ", "a", "7", ".", ":", "=", "@", '"', "[", "eyJ", "é", "api", "token", "\n"])


@examples(max_examples=300)
@given(st.lists(NAMED | ALONE | NOISE, max_size=3).map("".join))
def test_what_is_not_looked_at_had_nothing_to_take_out(text: str) -> None:
    """Most texts hold no mark of a secret or an address; then the shapes are not tried."""
    told = text
    for shape, instead in discretion._SECRETS:
        told = shape.sub(instead, told)

    assert discreet(text) == discretion._ADDRESS.sub("(address)", told)


@pytest.mark.parametrize("given", ["req-1", "Root=1-67891233-abcdef012345678912345678", "a/b:c_d.e"])
def test_an_id_of_a_request_is_kept(given: str) -> None:
    assert request_id(given) == given


@pytest.mark.parametrize("given", ["", " ", "Bearer abcdef123", JWT, "a b", "x" * 101, "password=abcdef", "é", "a\nb"])
def test_what_is_no_id_of_a_request_is_not_taken_for_one(given: str) -> None:
    event = {"headers": {"x-correlation-id": given}, "requestContext": {"requestId": "own"}}

    assert request_id(given) is None
    assert correlation_id(event) == "own"


def test_a_line_of_the_log_is_json_without_secrets_even_in_tracebacks() -> None:
    entry = {"message": "failed", "exception": f'Trace\n  "adbHost": "adb.internal:5555"\nValueError: {JWT}', "n": 1}

    written = line(entry)

    assert json.loads(written)["n"] == 1
    assert "adb.internal" not in written
    assert JWT not in written


def test_every_logger_of_the_scheduler_writes_such_lines(capsys: pytest.CaptureFixture[str]) -> None:
    from scheduler.edge.telemetry import logger

    record = logging.LogRecord("scheduler.service.x", logging.INFO, "x.py", 1, f"told {JWT}", None, None)
    written = logger.registered_formatter.format(record)

    assert JWT not in written
    assert json.loads(written)["message"] == "told (token)"
