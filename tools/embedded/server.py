"""One server process: start, stop, crash, freeze. What the two embedded servers have in common."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from tools.embedded.ports import is_taken

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class ServerError(RuntimeError):
    """A server did not start or stop in time; the text ends with the tail of its log."""


class EmbeddedServer:
    """A child process that answers on one port of 127.0.0.1.

    Subclasses say how to start it (`command`) and how to tell that it is ready (`answers`).
    """

    name = "server"
    stop_signal = signal.SIGTERM

    def __init__(self, port: int, log: Path, *, os_user: str | None = None, dies_with_parent: bool = True) -> None:
        """Prepare the server; nothing runs before `start`.

        `dies_with_parent` makes Linux stop it when the thread that started it ends, however that happens.
        """
        self.port = port
        self.log = log
        self._os_user = os_user
        self._dies_with_parent = dies_with_parent
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Return the program and its arguments."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Tell whether the server accepts work now; must not raise."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        if self._process is None:
            raise ServerError(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is alive (frozen counts as alive)."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process and return when it answers; raise ServerError if it does not within 30 s."""
        if self.running:
            return
        if is_taken(self.port):
            raise ServerError(f"{self.name} did not start: port {self.port} is in use")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=clean_environment(),
                user=self._os_user,
                group=self._os_user,
                extra_groups=[] if self._os_user else None,
                start_new_session=True,
                preexec_fn=_follow_parent(self.stop_signal) if self._dies_with_parent else None,  # noqa: PLW1509
            )
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Stop in good order, by force after 10 s; harmless when it is not running."""
        if self._process is None:
            return
        self.resume()
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """Crash it: SIGKILL to the process and all its children."""
        if self._process is None:
            return
        self._signal_family(signal.SIGKILL)
        self._process.wait(_STOP_SECONDS)
        self._process = None

    def pause(self) -> None:
        """Freeze it: connections stay open, nothing answers."""
        self._signal_family(signal.SIGSTOP)

    def resume(self) -> None:
        """Thaw it."""
        self._signal_family(signal.SIGCONT)

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of the server's log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _signal_family(self, number: signal.Signals) -> None:
        # Postgres gives every backend its own session, so a signal to the process group would miss them.
        if self._process is None or self._process.poll() is not None:
            return
        parent = psutil.Process(self._process.pid)
        for process in [parent, *parent.children(recursive=True)]:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if not self.running:
                break
            if self.answers():
                return
            time.sleep(_POLL_SECONDS)
        self.kill()
        raise ServerError(f"{self.name} did not start; its log {self.log} ends with:\n{self.log_tail()}")


def clean_environment() -> Mapping[str, str]:
    """Return the few variables that a server needs; the embedded ones want a UTF-8 locale."""
    return {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"}


def _follow_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Return what a Linux child must call to be signalled when its parent is gone; elsewhere nothing does that."""
    if _LIBC is None:
        return None
    prctl = _LIBC.prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, int(number))
