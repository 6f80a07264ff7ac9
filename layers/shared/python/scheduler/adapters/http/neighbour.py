"""A neighbour's internal API, asked as the scheduler: token, tries, and what counts as an answer."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from scheduler.adapters.http.patience import Patience
from scheduler.adapters.http.service_token import ServiceToken
from scheduler.adapters.http.session import Answer, BoundedSession, Request, ServiceFailed
from scheduler.domain.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked: a path below the service's base URL, percent-encoded already, with a JSON document or without."""

    method: str
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    document: Mapping[str, Any] | None = None


class Neighbour:
    """One service, asked over kept connections."""

    def __init__(
        self,
        url: str,
        secret: Callable[[], str],
        forget_secret: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take the base URL, late the secret that service tokens are signed with, and what makes that read anew."""
        self._url = url.rstrip("/")
        self._token = ServiceToken(secret, now, forget_secret=forget_secret)
        self._session = BoundedSession()

    def ask(self, tenant_id: str, call: Call, patience: Patience) -> Answer:
        """Ask for a tenant, and again while that may help; once with a new token where ours was not accepted.

        Raises:
            ServiceFailed: No usable answer came in time. A refusal of this one call is an answer.
        """
        ends_at = time.monotonic() + patience.seconds
        answer = self._ask(tenant_id, call, patience)
        if answer.status == 401:
            self._token.forget(answer.told_at)
            answer = self._ask(tenant_id, call, patience.within(ends_at - time.monotonic()))
        if answer.status in {401, 403}:
            self._token.forget()
            raise ServiceFailed("our token was refused")
        if answer.status // 100 == 3:
            raise ServiceFailed("a redirect")  # following it would hand our token to whoever it names
        return answer

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def _ask(self, tenant_id: str, call: Call, patience: Patience) -> Answer:
        return patience.ask(lambda left: self._session.send(self._request(tenant_id, call), left))

    def _request(self, tenant_id: str, call: Call) -> Request:
        try:
            token = self._token.value()
        except Unavailable:
            raise ServiceFailed("no secret to sign a token with") from None
        headers = {"X-Service-Token": token, "X-Tenant-Id": quote(tenant_id, safe=_HEADER_SAFE), **call.headers}
        return Request(call.method, f"{self._url}{call.path}", headers, call.document)


_HEADER_SAFE = "!#$&'()*+,/:;=?@[]^`{|}~"


def path_segment(text: str) -> str:
    """Encode a text as one segment of a path, so that no id can name another path."""
    encoded = quote(text, safe="")
    return encoded.replace(".", "%2E") if encoded in {".", ".."} else encoded


def acknowledged(answer: Answer) -> bool:
    """Tell whether a success is the service's own word: nothing, or JSON. The page of a proxy in between is neither."""
    if answer.status // 100 != 2:
        return False
    try:
        json.loads(answer.body.strip() or b"{}")
    except (ValueError, RecursionError):
        return False
    return True


def json_object(body: bytes) -> Mapping[str, Any]:
    """Read an answer's body.

    Raises:
        ValueError: It is no JSON object.
    """
    try:
        document = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document
