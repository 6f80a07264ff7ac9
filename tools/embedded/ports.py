"""Free TCP ports on the loopback address."""

import socket

_given_out: set[int] = set()


def free_port() -> int:
    """Return a port on 127.0.0.1 that is free now and that this process has not handed out before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in _given_out:
            _given_out.add(port)
            return port


def is_taken(port: int) -> bool:
    """Tell whether something listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
