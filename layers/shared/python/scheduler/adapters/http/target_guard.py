"""Looks up where webhooks lead, and lets none lead elsewhere than to public addresses."""

from collections.abc import Callable, Collection, Sequence
from socket import SOCK_STREAM, getaddrinfo

from scheduler.adapters.http.background import in_background
from scheduler.domain.targets import Target, must_be_public, target_of

LOOK_UP_SECONDS = 5.0

type Resolve = Callable[[str, int], Sequence[str]]


def addresses_of(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver; an address is its own answer.

    Raises:
        OSError: There is no such name, or nobody who could tell.
    """
    found = getaddrinfo(host, port, type=SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class TargetGuard:
    """Reads and resolves targets; what it gives was checked."""

    def __init__(self, exempt: Collection[str], resolve: Resolve = addresses_of) -> None:
        """Take the `host:port` for which any address will do."""
        self._exempt = frozenset(exempt)
        self._resolve = resolve

    def check(self, url: str) -> None:
        """See whether a webhook may lead there now, within 5 s.

        Raises:
            TargetRefused: It may not. A host that does not exist is told as one that is not public.
        """
        target = self.target(url)
        try:
            in_background(lambda: self.addresses(target)).result(LOOK_UP_SECONDS)
        except OSError:  # TimeoutError is one
            must_be_public([])

    def target(self, url: str) -> Target:
        """Read where a URL leads.

        Raises:
            TargetRefused: It leads nowhere that is allowed.
        """
        return target_of(url, self._exempt)

    def addresses(self, target: Target) -> Sequence[str]:
        """Resolve a target's host once; whoever connects uses what comes of that and nothing else.

        Raises:
            TargetRefused: An address is not public.
            OSError: The host was not found.
        """
        found = self._resolve(target.host, target.port)
        if not target.is_exempt:
            must_be_public(found)
        return found
