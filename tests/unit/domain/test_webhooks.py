"""How events for webhooks are signed, and how often they are tried."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook as Reference

from scheduler.domain.webhooks import RETRY_SECONDS, Delivery, Reply, retry_seconds, signature, write_secret

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECRET = write_secret(bytes(range(32)))


def test_a_signature_is_that_of_the_published_example():
    # The example of the specification and of its reference libraries.
    signed = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}'
    )

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("body", ["{}", '{"name":"Zoë 手机"}', '{"text":"a.b\\u0000"}'])
def test_the_reference_library_signs_alike(body):
    assert signature(SECRET, "id-1", int(NOW.timestamp()), body) == Reference(SECRET).sign("id-1", NOW, body)


def test_a_secret_is_base64_behind_its_mark():
    secret = write_secret(bytes(range(32)))

    assert secret.startswith("whsec_")
    assert base64.b64decode(secret.removeprefix("whsec_"), validate=True) == bytes(range(32))


@pytest.mark.parametrize(("attempt", "seconds"), list(enumerate(RETRY_SECONDS, start=1)))
def test_pauses_grow_by_a_table_and_are_up_to_a_fifth_longer(attempt, seconds):
    assert retry_seconds(attempt, 0) == seconds
    assert retry_seconds(attempt, 0.5) == pytest.approx(seconds * 1.1)
    assert retry_seconds(attempt, 1) == pytest.approx(seconds * 1.2)


def test_the_ninth_attempt_is_the_last():
    assert retry_seconds(9, 0) is None
    assert retry_seconds(10, 0) is None


@pytest.mark.parametrize(("status", "is_success"), [(200, True), (204, True), (299, True), (199, False), (300, False)])
def test_only_2xx_is_a_success(status, is_success):
    assert Reply(status).is_success == is_success


def test_a_delivery_does_not_show_where_it_goes_and_how_it_is_signed():
    shown = repr(Delivery("hook", "event", 1, NOW, "https://h.example/path", SECRET, '{"userId":"ana"}'))

    assert not any(hidden in shown for hidden in ("h.example", SECRET, "ana"))
