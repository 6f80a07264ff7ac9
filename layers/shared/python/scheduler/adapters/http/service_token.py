"""The token by which other services know the scheduler."""

import time
from collections.abc import Callable

from scheduler.domain.errors import Unavailable

ISSUER = "scheduler"
VALID_SECONDS = 3600
RENEW_SECONDS_BEFORE = 300
"""Early, so that a clock that runs ahead on the other side does not see it expired."""


class ServiceToken:
    """An HS256 JWT, signed when it is first needed and used until shortly before it expires."""

    def __init__(
        self,
        secret: Callable[[], str],
        now: Callable[[], float] = time.time,
        *,
        forget_secret: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the secret late (reading it may cost a call to Secrets Manager), and what makes it read anew."""
        self._secret = secret
        self._forget_secret = forget_secret
        self._now = now
        self._token = ""
        self._renew_at = 0.0

    def value(self) -> str:
        """Return a token that is valid for five more minutes at least.

        Raises:
            Unavailable: The secret cannot be read, or is none.
        """
        now = self._now()
        if now >= self._renew_at:
            import jwt

            issued_at = int(now)
            claims = {"iss": ISSUER, "sub": ISSUER, "iat": issued_at, "exp": issued_at + VALID_SECONDS}
            try:
                self._token = jwt.encode(claims, self._secret(), algorithm="HS256")
            except jwt.PyJWTError:
                raise Unavailable("The secret cannot sign a token.") from None
            self._renew_at = now + VALID_SECONDS - RENEW_SECONDS_BEFORE
        return self._token

    def forget(self) -> None:
        """Sign a new one next time, with a secret read anew: it may have been rotated."""
        self._renew_at = 0.0
        self._forget_secret()
