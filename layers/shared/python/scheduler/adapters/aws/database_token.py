"""A password for Postgres from IAM: a signed request for `rds-db:connect`, good for connecting within 15 minutes.

Signature Version 4 by the standard library, since importing botocore for it would double a cold start; a test compares
it with botocore's. Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"
_EXPIRES_SECONDS = 900
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()


class NoAwsCredentials(Exception):
    """The environment holds no credentials or no region, as Lambda's always does."""


def database_token(host: str, port: int, user: str, environment: Mapping[str, str]) -> str:
    """Sign a login of `user` at `host:port` with the credentials in the environment, for now.

    Raises:
        NoAwsCredentials: There are none.
    """
    try:
        key_id, key = environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
        region = environment.get("AWS_REGION") or environment["AWS_DEFAULT_REGION"]
    except KeyError as missing:
        raise NoAwsCredentials(f"{missing.args[0]} is not set") from None
    at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{at[:8]}/{region}/rds-db/aws4_request"
    asked = {
        "Action": "connect",
        "DBUser": user,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{key_id}/{scope}",
        "X-Amz-Date": at,
        "X-Amz-Expires": str(_EXPIRES_SECONDS),
        "X-Amz-SignedHeaders": "host",
    }
    if session := environment.get("AWS_SESSION_TOKEN"):
        asked["X-Amz-Security-Token"] = session
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(asked[name], safe='-_.~')}" for name in sorted(asked))
    request = f"GET\n/\n{query}\nhost:{host}:{port}\n\nhost\n{_EMPTY_HASH}"
    to_sign = f"{_ALGORITHM}\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    return f"{host}:{port}/?{query}&X-Amz-Signature={_signature(key, scope, to_sign)}"


def _signature(key: str, scope: str, to_sign: str) -> str:
    """Derive the key of the scope, part by part, and sign with it."""
    derived = f"AWS4{key}".encode()
    for part in scope.split("/"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    return hmac.digest(derived, to_sign.encode(), "sha256").hex()
