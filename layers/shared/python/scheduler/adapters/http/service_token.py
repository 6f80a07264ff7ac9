"""The token by which other services know the scheduler."""

import time
from collections.abc import Callable

from scheduler.domain.errors import Unavailable

ISSUER = "scheduler"
VALID_SECONDS = 3600
RENEW_SECONDS_BEFORE = 300
"""Early, so that a clock that runs ahead on the other side does not see it expired."""
MOST_SKEW_SECONDS = 3600.0
"""A service that says it lives at another time than this is not believed."""


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
        self._skew = 0.0
        self._renew_at = 0.0

    def value(self) -> str:
        """Return a token that is valid for five more minutes at least.

        Raises:
            Unavailable: The secret cannot be read, or is none.
        """
        now = self._now()
        if now >= self._renew_at:
            import jwt

            issued_at = int(now + self._skew)
            claims = {"iss": ISSUER, "sub": ISSUER, "iat": issued_at, "exp": issued_at + VALID_SECONDS}
            try:
                self._token = jwt.encode(claims, self._secret(), algorithm="HS256")
            except jwt.PyJWTError:
                raise Unavailable("The secret cannot sign a token.") from None
            self._renew_at = now + VALID_SECONDS - RENEW_SECONDS_BEFORE
        return self._token

    def forget(self, their_time: float | None = None) -> None:
        """Sign a new one next time, with a secret read anew: it may have been rotated.

        And by the other side's clock, where it told its time (seconds since 1970): ours may be wrong, and a token from
        the future is refused.
        """
        skew = 0.0 if their_time is None else their_time - self._now()
        self._skew = skew if abs(skew) <= MOST_SKEW_SECONDS else 0.0
        self._renew_at = 0.0
        self._forget_secret()
