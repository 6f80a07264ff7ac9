"""Free TCP ports on the loopback address."""

import secrets
import socket

_FIRST, _LAST = 10_240, 32_767
"""Below the ports that Linux gives to outgoing connections: none of those takes a port before its server does."""
_MOST_TRIES = 1000

_given_out: set[int] = set()


def free_port() -> int:
    """Return a port on 127.0.0.1 that is free now and that this process has not handed out before.

    Raises:
        OSError: None was found.
    """
    for _ in range(_MOST_TRIES):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST + 1)  # not `random`: two seeded processes would agree
        if port not in _given_out and _can_bind(port):
            _given_out.add(port)
            return port
    raise OSError(f"no free port between {_FIRST} and {_LAST}")


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_taken(port: int) -> bool:
    """Tell whether something listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
