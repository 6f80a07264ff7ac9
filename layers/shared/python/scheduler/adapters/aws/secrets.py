"""Secrets Manager: values by id, kept for five minutes or until refused. Nothing tells a secret, in logs or errors."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from scheduler.domain.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEPT_SECONDS = 300.0
REREAD_SECONDS = 1.0
"""A secret that is refused again and again is read anew no oftener than that."""


@dataclass(slots=True)
class _Kept:
    """A value, until when it is not read again, and from when on it may be forgotten."""

    value: str
    until: float
    forget_from: float = 0.0


_kept: dict[str, _Kept] = {}


def secret_value(secret_id: str) -> str:
    """Read a secret's text.

    Raises:
        Unavailable: It cannot be read, and was not read before.
    """
    kept = _kept.get(secret_id)
    if kept is not None and time.monotonic() < kept.until:
        return kept.value
    try:
        value = str(_client().get_secret_value(SecretId=secret_id)["SecretString"])
    except Exception as error:
        if kept is None:
            raise Unavailable(f"A secret could not be read ({type(error).__name__}).") from None
        value = kept.value  # an old one is worth a try; a changed one is refused by whom it is shown to
    _kept[secret_id] = _Kept(value, time.monotonic() + KEPT_SECONDS, kept.forget_from if kept else 0.0)
    return value


def forget(secret_id: str) -> None:
    """Read a secret anew next time: whoever it was shown to refused it, so it may have been rotated."""
    kept, now = _kept.get(secret_id), time.monotonic()
    if kept is not None and now >= kept.forget_from:
        kept.until, kept.forget_from = 0.0, now + REREAD_SECONDS


def secret_fields(secret_id: str) -> Mapping[str, str]:
    """Read a secret that is a JSON object, as `{"username": …, "password": …}` of a database.

    Raises:
        Unavailable: It cannot be read, or is no JSON object.
    """
    try:
        fields = json.loads(secret_value(secret_id))
        return {str(name): str(value) for name, value in fields.items()}
    except (ValueError, AttributeError):
        raise Unavailable("A secret is not a JSON object.") from None  # the cause would quote the secret


@cache
def _client() -> "SecretsManagerClient":
    import boto3
    from botocore.config import Config

    limits = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client("secretsmanager", config=limits)
