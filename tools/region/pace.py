"""How fast function processes may multiply.

Lambda starts a new environment for every request that finds none free. On one machine a burst of 32 requests would
start 32 Python processes at once and answer in 20 s what 4 warm ones answer in half a second. So a request waits a
moment for a warm one first; if all stay busy, one more is started, and so on: nothing waits for ever behind a slow one.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

AT_ONCE = 4
"""So many processes of a function may start without anyone waiting."""
_PATIENCE_SECONDS = 0.25


class Pace:
    """Turns of the requests to each function."""

    def __init__(self, routes: Iterable[tuple[str, str, str]], patience_seconds: float = _PATIENCE_SECONDS) -> None:
        """Take the routes as (method, path, function)."""
        # Fixed paths before those with a variable, as API Gateway chooses.
        ordered = sorted(routes, key=lambda route: route[1].count("{"))
        self._routes = [(method, _pattern(path), function) for method, path, function in ordered]
        self._free = {function: asyncio.Semaphore(AT_ONCE) for _, _, function in ordered}
        self._patience = patience_seconds
        self._line = {function: asyncio.Lock() for function in self._free}

    def function_of(self, method: str, path: str) -> str | None:
        """Return the function that API Gateway would choose, None for no route."""
        return next((f for m, pattern, f in self._routes if m == method and pattern.fullmatch(path)), None)

    @asynccontextmanager
    async def turn(self, method: str, path: str) -> AsyncIterator[None]:
        """Hold one process of the route's function for the time of the block."""
        function = self.function_of(method, path)
        if function is None:
            yield
            return
        free = self._free[function]
        async with self._line[function]:
            with suppress(TimeoutError):  # else one more process starts, and joins the free ones below
                await asyncio.wait_for(free.acquire(), self._patience)
        try:
            yield
        finally:
            free.release()


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path)))
