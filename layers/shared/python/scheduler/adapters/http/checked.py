"""Connections to addresses that somebody has checked: the name is resolved once, and not again to connect."""

import socket
from collections.abc import Callable, Sequence
from typing import Any

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from scheduler.adapters.http.cuttable import CuttableAdapter, CuttableConnection, CuttableTlsConnection

MOST_TRIED = 3
"""Addresses of one host that are tried; the first that answers is used."""

type Find = Callable[[str, int], Sequence[str]]


def connected(addresses: Sequence[str], port: int, seconds: float) -> socket.socket:
    """Connect to the first address that answers; each is given `seconds`.

    Raises:
        OSError: None does; tells what the last one met.
    """
    trouble = OSError("no address")
    for address in addresses[:MOST_TRIED]:
        link = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            link.settimeout(seconds)
            link.connect((address, port))
        except OSError as error:
            link.close()
            trouble = error
        else:
            return link
    raise trouble


class CheckedAdapter(CuttableAdapter):
    """Lets requests connect only where `find` says. TLS still verifies the name, of which that knows nothing."""

    def __init__(self, find: Find, seconds: float) -> None:
        """Take what gives the addresses of (host, port), or raises; and the time for each connection."""
        self._find, self._seconds = find, seconds
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Replace how connections are opened."""
        find, seconds = self._find, self._seconds

        class Plain(CuttableConnection):
            def _new_conn(self) -> socket.socket:
                return connected(find(self.host, self.port), self.port, seconds)

        class Tls(CuttableTlsConnection):
            def _new_conn(self) -> socket.socket:
                return connected(find(self.host, self.port), self.port, seconds)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class TlsPool(HTTPSConnectionPool):
            ConnectionCls = Tls

        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
