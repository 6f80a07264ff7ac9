"""Connections that another thread can cut: the only way to bound how long urllib3 waits for a whole answer."""

import threading
from contextlib import suppress
from socket import SHUT_RDWR, socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Exchange:
    """One request and its answer, and the connection that it uses."""

    def __init__(self) -> None:
        """Begin without a connection."""
        self._link: socket | None = None
        self._over = False

    def begin(self) -> None:
        """Take over this thread's connections."""
        _running.exchange = self

    def use(self, link: socket | None) -> None:
        """Remember the socket: the connection forgets it as soon as the head of a last answer was read.

        Raises:
            TimeoutError: The exchange was cut meanwhile, when there was nothing yet to cut.
        """
        self._link = link
        if self._over:
            raise TimeoutError

    def cut(self) -> None:
        """Wake the thread that waits on the socket, which closing it would not do."""
        self._over = True
        if self._link:
            with suppress(OSError):
                socket.shutdown(self._link, SHUT_RDWR)  # the method of a TLS socket is not made for two threads


_running = threading.local()


class CuttableConnection(HTTPConnection):
    """Gives its socket to this thread's exchange."""

    def connect(self) -> None:
        """Connect, and have the socket at hand."""
        super().connect()
        _running.exchange.use(self.sock)

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Have the socket at hand before the first byte goes out."""
        _running.exchange.use(self.sock)  # a kept connection; a new one has none yet, and comes to `connect`
        super().request(*args, **kwargs)


class CuttableTlsConnection(CuttableConnection, HTTPSConnection):
    """The same with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = CuttableConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = CuttableTlsConnection


class CuttableAdapter(HTTPAdapter):
    """Lets requests use such connections."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Replace the kinds of connection pools."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
